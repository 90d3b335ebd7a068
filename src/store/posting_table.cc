#include "store/posting_table.h"

namespace careen {

// A path may be longer than an entry of a B-tree (2704 bytes): it is distinct by its digest, and in order by its beginning.
const char* const kPostingTableSql = R"(
CREATE TABLE inv_posting(family BIGINT NOT NULL, key BIGINT NOT NULL, layer BIGINT NOT NULL, PRIMARY KEY(family, key, layer));
CREATE TABLE inv_path(path BYTEA NOT NULL);
CREATE UNIQUE INDEX inv_path_digest ON inv_path(sha256(path));
CREATE INDEX inv_path_start ON inv_path(substring(path from 1 for 256));
)";

bool PostingTable::add(Family family, const std::vector<Posting>& postings) {
  if (postings.empty()) return true;
  std::vector<int64_t> keys, layers;
  for (const Posting& p : postings) keys.push_back(static_cast<int64_t>(p.key)), layers.push_back(p.value);
  return Statement(db_, "INSERT INTO inv_posting SELECT ?, k, l FROM unnest(?, ?) AS given(k, l) ON CONFLICT DO NOTHING")
      .with(static_cast<int>(family), keys, layers)
      .done();
}

bool PostingTable::add(const std::vector<std::string>& paths) {
  if (paths.empty()) return true;
  std::vector<std::string_view> views(paths.begin(), paths.end());
  // Those that are there already are told apart first: a conflict costs more than a look.
  return Statement(db_,
                   "INSERT INTO inv_path SELECT p FROM unnest(?1) AS given(p) WHERE NOT EXISTS "
                   "(SELECT 1 FROM inv_path WHERE sha256(path)=sha256(p)) ON CONFLICT DO NOTHING")
      .with(views)
      .done();
}

bool PostingTable::find(Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t, const std::vector<int64_t>&)>& f) {
  if (keys.empty()) return true;
  std::vector<int64_t> wanted(keys.begin(), keys.end());
  Statement s(db_, "SELECT key, layer FROM inv_posting WHERE family=? AND key=ANY(?) ORDER BY key, layer");
  s.with(static_cast<int>(family), wanted);
  std::vector<int64_t> layers;
  uint64_t key = 0;
  while (s.row()) {
    auto k = static_cast<uint64_t>(s.number(0));
    if (k != key && !layers.empty()) f(key, layers), layers.clear();
    key = k;
    layers.push_back(s.number(1));
  }
  if (!layers.empty()) f(key, layers);
  return db_.read_failure().empty();
}

bool PostingTable::scan_paths(const std::string& from, const std::string& to, const std::string& part, const std::function<bool(const std::string&)>& f) {
  Statement s(db_,
              "SELECT path FROM inv_path WHERE substring(path from 1 for 256)>=substring(?1 from 1 for 256) "
              "AND (length(?2)=0 OR (path<?2 AND substring(path from 1 for 256)<=substring(?2 from 1 for 256))) AND path>=?1 AND position(?3 in path)>0");
  s.with(from, to, part);
  while (s.row())
    if (!f(s.text(0))) return true;
  return db_.read_failure().empty();
}

std::vector<std::string> PostingTable::problems() {
  std::vector<std::string> out;
  Statement s(db_,
              "SELECT count(*) FROM (SELECT DISTINCT layer FROM inv_posting WHERE family<>4) p WHERE NOT EXISTS (SELECT 1 FROM inv_layer WHERE id=p.layer) "
              "AND NOT EXISTS (SELECT 1 FROM inv_former WHERE id=p.layer)");
  if (!s.row())
    out.push_back("the reverse index cannot be read: " + db_.read_failure());
  else if (s.number(0) != 0)
    out.push_back(std::to_string(s.number(0)) + " layers of the reverse index are not there");
  return out;
}

}  // namespace careen
