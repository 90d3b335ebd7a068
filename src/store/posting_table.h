// The reverse indexes of an inventory in PostgreSQL: one row a key and layer, one row a distinct path. Many writers at once add
// without waiting for each other, which sorted runs would not allow.
#pragma once
#include "store/database.h"
#include "store/reverse_index.h"

namespace careen {

extern const char* const kPostingTableSql;

class PostingTable final : public ReverseIndex {
 public:
  explicit PostingTable(Database& db) : db_(db) {}
  bool add(Family family, const std::vector<Posting>& postings) override;
  bool add(const std::vector<std::string>& paths) override;
  bool find(Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t, const std::vector<int64_t>&)>& f) override;
  bool scan_paths(const std::string& from, const std::string& to, const std::string& part, const std::function<bool(const std::string&)>& f) override;
  std::vector<std::string> problems() override;

 private:
  Database& db_;
};

}  // namespace careen
