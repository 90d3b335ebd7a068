// Keeps an inventory current: sources are listed again from time to time, and what registries tell of their own accord is indexed at once.
//
// What is told is a hint by a stranger: only names that the sources cover are looked at, at the addresses that the sources name, and what is indexed is
// what the registry then answers.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "fleet/indexer.h"
#include "formats/registry_events.h"

namespace careen {

inline constexpr size_t kMaxPending = 100'000;  // references; beyond that everything is listed again

// What an event asks for, as a source of an index run: HOST/REPO:TAG or HOST/REPO@DIGEST for a push, HOST/REPO for a deletion. "" when no source covers it.
std::string source_of_event(const RegistryEvent& event, const std::vector<std::string>& sources);

// References that were told and not yet indexed. Thread-safe.
class PendingEvents {
 public:
  explicit PendingEvents(std::vector<std::string> sources) : sources_(std::move(sources)) {}
  // Gives how many are covered.
  size_t add(const std::vector<RegistryEvent>& events);
  // Waits until there is one, `until`, or wake(). Empties the list. `*everything`: there were too many to keep.
  std::vector<std::string> take(std::chrono::steady_clock::time_point until, bool* everything);
  void wake();

 private:
  std::vector<std::string> sources_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> pending_;
  bool everything_ = false, woken_ = false;
};

struct FollowOptions {
  std::vector<std::string> sources;
  std::chrono::seconds every{900};
  std::function<IndexOptions()> options;  // of each run
  // Called after each run. `what`: "listed" or "told".
  std::function<void(const std::string& what, const IndexSummary&)> on_run;
  const std::atomic<bool>* stop = nullptr;
};

// Runs until `stop`; an Error is of the store itself. Each run is as one of index_images().
Result<void> follow(Inventory& inventory, PendingEvents& pending, const FollowOptions& options);

}  // namespace careen
