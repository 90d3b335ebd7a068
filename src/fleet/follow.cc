#include "fleet/follow.h"

#include <algorithm>

#include "base/text.h"
#include "oci/reference.h"

namespace careen {
namespace {

// A source of the forms HOST/, HOST/REPO, HOST/REPO:GLOB and harbor:HOST[/PROJECT]; nothing for any other.
struct Cover {
  std::string host, repository, tags;  // "": every one
  bool below = false;                  // `repository` is a project: what is below it counts
};

std::optional<Cover> cover_of(const std::string& source) {
  bool harbor = source.starts_with("harbor:");
  if (!harbor && (source.empty() || source[0] == '@' || source[0] == '-' || source[0] == '/' || source[0] == '.')) return std::nullopt;
  std::string text = harbor ? source.substr(7) : source.starts_with("registry:") ? source.substr(9) : source;
  size_t slash = text.find('/');
  if (slash == std::string::npos && !harbor) return std::nullopt;
  Cover c;
  c.host = text.substr(0, slash);
  std::string rest = slash == std::string::npos ? "" : text.substr(slash + 1);
  if (rest.find('@') != std::string::npos) return std::nullopt;  // a digest never changes
  if (harbor) return c.repository = rest, c.below = true, c;
  if (rest.empty()) return c;
  auto ref = Reference::parse(text.substr(0, slash + 1) + rest.substr(0, rest.find(':')));
  if (!ref) return std::nullopt;
  c.host = ref->host, c.repository = ref->repository;
  if (size_t colon = rest.find(':'); colon != std::string::npos) c.tags = rest.substr(colon + 1);
  return c;
}

bool covers(const Cover& c, const RegistryEvent& e) {
  bool here = c.repository.empty() || c.repository == e.repository || (c.below && e.repository.starts_with(c.repository + "/"));
  return here && (c.tags.empty() || e.removed || (!e.tag.empty() && glob_match(c.tags, e.tag)));
}

}  // namespace

std::string source_of_event(const RegistryEvent& e, const std::vector<std::string>& sources) {
  std::vector<Cover> fitting;
  for (const std::string& s : sources)
    if (auto c = cover_of(s); c && covers(*c, e)) fitting.push_back(*c);
  // A registry may know itself by another name than its readers do: where it is told by none of theirs, the only one that fits is meant.
  auto named = std::find_if(fitting.begin(), fitting.end(), [&](const Cover& c) { return c.host == e.host; });
  bool only = !fitting.empty() && std::all_of(fitting.begin(), fitting.end(), [&](const Cover& c) { return c.host == fitting[0].host; });
  if (named == fitting.end() && !only) return "";
  const Cover& c = named == fitting.end() ? fitting[0] : *named;
  std::string repository = c.host + "/" + e.repository;
  std::string text = e.removed && !c.tags.empty() ? repository + ":" + c.tags
                     : e.removed                  ? repository
                     : !e.tag.empty()             ? repository + ":" + e.tag
                                                  : repository + "@" + e.digest;
  auto ref = Reference::parse(e.removed ? repository : text);
  if (!ref || ref->host != c.host || ref->repository != e.repository) return "";  // a name that leads elsewhere, or is none
  if (!e.removed && e.tag.empty() && ref->digest.empty()) return "";
  return text;
}

size_t PendingEvents::add(const std::vector<RegistryEvent>& events) {
  size_t count = 0;
  for (const RegistryEvent& e : events) {
    std::string source = source_of_event(e, sources_);
    if (source.empty()) continue;
    ++count;
    std::lock_guard lock(mutex_);
    if (pending_.size() < kMaxPending)
      pending_.insert(std::move(source));
    else
      everything_ = true;
  }
  changed_.notify_all();
  return count;
}

std::vector<std::string> PendingEvents::take(std::chrono::steady_clock::time_point until, bool* everything) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return woken_ || !pending_.empty() || everything_; });
  std::vector<std::string> out(pending_.begin(), pending_.end());
  pending_.clear();
  *everything = everything_;
  everything_ = woken_ = false;
  return out;
}

void PendingEvents::wake() {
  std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

Result<void> follow(Inventory& inventory, PendingEvents& pending, const FollowOptions& o) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kLook = std::chrono::milliseconds(500);  // how soon `stop` is seen
  Clock::time_point due = Clock::now();
  auto run = [&](const std::string& what, const std::vector<std::string>& sources) -> Result<void> {
    IndexOptions index = o.options();
    index.note_crawls = what == "listed";
    index.stop = o.stop;
    auto s = index_images(inventory, sources, std::move(index));
    if (!s && s.error().code == Errc::interrupted) return {};
    CAREEN_TRY(s);
    if (o.on_run) o.on_run(what, *s);
    return {};
  };
  while (o.stop == nullptr || !*o.stop) {
    bool everything = false;
    std::vector<std::string> told = pending.take(std::min(due, Clock::now() + kLook), &everything);
    if (everything || Clock::now() >= due) {
      CAREEN_TRY(run("listed", o.sources));
      due = Clock::now() + o.every;
    } else if (!told.empty()) {
      CAREEN_TRY(run("told", told));
    }
  }
  return {};
}

}  // namespace careen
