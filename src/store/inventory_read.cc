#include <sys/stat.h>

#include <set>
#include <unordered_map>

#include "store/inventory_impl.h"
#include "store/squeeze.h"

namespace careen {
namespace {

// The longest piece of a glob that stands for itself.
std::string longest_literal(std::string_view glob) {
  std::string best, now;
  for (size_t i = 0; i <= glob.size(); ++i) {
    bool wild = i == glob.size() || glob[i] == '*' || glob[i] == '?' || glob[i] == '[' || glob[i] == '\\';
    if (!wild) {
      now += glob[i];
      continue;
    }
    if (now.size() > best.size()) best = now;
    now.clear();
    if (i < glob.size() && glob[i] == '[') return best;  // what a bracket's end is, is for glob_match to say
  }
  return best;
}

}  // namespace

uint64_t Inventory::size() {
  struct stat st {};
  if (!impl_->postgres()) return ::stat(impl_->path.c_str(), &st) == 0 ? static_cast<uint64_t>(st.st_size) : 0;
  Statement s =
      impl_->sql("SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relnamespace=to_regnamespace('careen') AND relkind='r'");
  return s.row() ? static_cast<uint64_t>(s.number(0)) : 0;
}

InventoryCounts Inventory::counts() {
  InventoryCounts c;
  auto one = [&](const char* text) {
    Statement s = impl_->sql(text);
    return s.row() ? s.number(0) : 0;
  };
  for (Statement s = impl_->sql("SELECT what, n FROM inv_count"); s.row();)
    for (auto [what, n] :
         {std::pair("images", &c.images), std::pair("layers", &c.layers), std::pair("tags", &c.tags), std::pair("repositories", &c.repositories)})
      if (s.view(0) == what) *n = static_cast<uint64_t>(s.number(1));
  c.unjudged = static_cast<uint64_t>(one("SELECT count(*) FROM inv_image WHERE gaps>0"));
  c.newest = one("SELECT coalesce(max(at),0) FROM inv_crawl");
  c.oldest = one("SELECT coalesce(min(at),0) FROM inv_crawl");
  return c;
}

std::vector<Crawl> Inventory::crawls() {
  std::vector<Crawl> out;
  Statement s = impl_->sql("SELECT source, at, indexed, failed FROM inv_crawl ORDER BY source");
  while (s.row()) out.push_back({s.text(0), s.number(1), static_cast<uint64_t>(s.number(2)), static_cast<uint64_t>(s.number(3))});
  return out;
}

std::vector<IndexFailure> Inventory::failures() {
  std::vector<IndexFailure> out;
  Statement s = impl_->sql("SELECT reference, why, at FROM inv_failure ORDER BY reference");
  while (s.row()) out.push_back({s.text(0), s.text(1), s.number(2)});
  return out;
}

std::map<Sha256, std::vector<Inventory::Id>> Inventory::layers_with_files(const std::vector<Sha256>& digests) {
  std::map<Sha256, std::vector<Id>> out;
  auto keys_by = [&](auto key_of) {
    std::multimap<uint64_t, Sha256> by_key;
    for (const Sha256& d : digests) by_key.emplace(key_of(d), d);
    return by_key;
  };
  auto keys_in = [](const std::multimap<uint64_t, Sha256>& by_key) {
    std::vector<uint64_t> keys;
    for (const auto& [key, unused] : by_key) keys.push_back(key);
    make_distinct(keys);
    return keys;
  };
  auto add = [&](const std::multimap<uint64_t, Sha256>& by_key, uint64_t key, const std::vector<int64_t>& layers) {
    for (auto [it, end] = by_key.equal_range(key); it != end; ++it) {
      auto& all = out[it->second];
      all.insert(all.end(), layers.begin(), layers.end());
      make_distinct(all);
    }
  };
  auto before = keys_by(file_key), now = keys_by(content_key);  // as inventories before schema 5 have them, and as they are
  impl_->find(ReverseIndex::Family::files, keys_in(before), [&](uint64_t key, const std::vector<int64_t>& layers) { add(before, key, layers); });
  impl_->find_by_pieces(keys_in(now), [&](uint64_t key, const std::vector<int64_t>& layers) { add(now, key, layers); });
  return out;
}

std::vector<Inventory::Id> Inventory::layers_with_file(const Sha256& digest) {
  auto found = layers_with_files({digest});
  return found.empty() ? std::vector<Id>{} : std::move(found.begin()->second);
}

// Hard links follow what they link to, and are the same content.
std::optional<Inventory::PathsOf> paths_of(const FileTable& files, const std::set<Sha256>& wanted) {
  Inventory::PathsOf out;
  std::unordered_map<std::string, Sha256> content_of;
  FileRecord r;
  FileCursor c(files);
  while (c.next(r)) {
    auto add = [&](const Sha256& d) { out[d].push_back(r.path), content_of.emplace(r.path, d); };
    if (r.sha256 && wanted.contains(*r.sha256) && !base_name(r.path).starts_with(".wh.")) add(*r.sha256);
    if (auto it = r.type == FileType::hardlink ? content_of.find(r.target) : content_of.end(); it != content_of.end()) add(Sha256(it->second));
  }
  if (c.damaged()) return std::nullopt;
  return out;
}

// A piece tells the paths of a content in every layer that has it, but in those with hard links: there the whole table is walked.
void Inventory::find_files(const std::set<Sha256>& digests, const std::function<void(Id, const std::optional<PathsOf>&)>& f) {
  Impl& m = *impl_;
  std::vector<uint64_t> keys, before;
  for (const Sha256& d : digests) keys.push_back(content_key(d)), before.push_back(file_key(d));
  make_distinct(keys), make_distinct(before);
  std::set<Id> walk;
  m.find(ReverseIndex::Family::files, before, [&](uint64_t, const std::vector<int64_t>& layers) { walk.insert(layers.begin(), layers.end()); });
  Impl::Pieces pieces = m.pieces_with(keys);
  std::set<Id> linked;
  if (!pieces.layers.empty()) m.find_by_pieces({hard_links_key()}, [&](uint64_t, const auto& l) { linked.insert(l.begin(), l.end()); });
  std::map<Id, std::optional<PathsOf>> found;
  for (const auto& [number, layers] : pieces.layers) {
    std::vector<Id> here;
    for (Id l : layers) linked.contains(l) ? void(walk.insert(l)) : here.push_back(l);
    std::optional<PathsOf> paths;
    if (!here.empty()) (void)m.cache->piece(static_cast<int64_t>(number), [&](const FileTable& t) { paths = paths_of(t, digests); });
    for (Id l : here) {
      auto [it, first] = found.try_emplace(l, paths);
      if (first || !it->second) continue;
      if (!paths) {
        it->second.reset();
        continue;
      }
      for (const auto& [d, list] : *paths) {
        auto& all = (*it->second)[d];
        all.insert(all.end(), list.begin(), list.end());
      }
    }
  }
  for (Id l : walk) {
    auto files = files_of(l);
    found[l] = files ? paths_of(*files, digests) : std::nullopt;
  }
  for (const auto& [layer, paths] : found) f(layer, paths);
}

std::vector<Inventory::Id> Inventory::layers_with_term(TermKind kind, const std::string& text) {
  return impl_->layers_of_name(name_key(static_cast<uint8_t>(kind), text));
}

std::vector<Inventory::Id> Inventory::images_with_term(TermKind kind, const std::string& text, bool glob) {
  std::set<Id> out;
  Statement terms = impl_->sql("SELECT id, text FROM inv_term WHERE kind=?"), exact = impl_->sql("SELECT id, text FROM inv_term WHERE kind=? AND text=?"),
            images = impl_->sql("SELECT image FROM inv_term_image WHERE term=?");
  Statement& found = glob ? terms.with(static_cast<int>(kind)) : exact.with(static_cast<int>(kind), text);
  while (found.row()) {
    if (glob && !glob_match(text, found.view(1))) continue;
    for (Id i : impl_->numbers(images.with(found.number(0)))) out.insert(i);
  }
  return {out.begin(), out.end()};
}

void Inventory::paths_like(const std::string& glob, const std::function<bool(const std::string&, const std::vector<Id>&)>& f) {
  std::vector<std::string> paths{glob};
  size_t wild = glob.find_first_of("*?[");
  if (wild != std::string::npos) {
    // What stands before the first wild card bounds the search: from it to the next prefix of its length.
    std::string from = glob.substr(0, wild), to = from;
    while (to.ends_with('\xff')) to.pop_back();
    if (!to.empty()) to.back() = static_cast<char>(static_cast<uint8_t>(to.back()) + 1);
    std::string part = longest_literal(glob);
    paths.clear();
    impl_->note_reading(impl_->index->scan_paths(from, to, part, [&](const std::string& path) {
      if (glob_match(glob, path)) paths.push_back(path);
      return true;
    }));
    make_distinct(paths);
  }
  std::vector<std::pair<uint64_t, size_t>> keys;
  for (size_t i = 0; i < paths.size(); ++i) keys.emplace_back(name_key(kPathKey, paths[i]), i);
  make_distinct(keys);
  std::vector<uint64_t> wanted;
  for (const auto& [key, unused] : keys) wanted.push_back(key);
  std::vector<std::vector<Id>> found(paths.size());
  auto add = [&](uint64_t key, const std::vector<int64_t>& layers) {
    for (auto it = std::lower_bound(keys.begin(), keys.end(), std::pair(key, size_t{0})); it != keys.end() && it->first == key; ++it) {
      found[it->second].insert(found[it->second].end(), layers.begin(), layers.end());
      make_distinct(found[it->second]);
    }
  };
  impl_->find(ReverseIndex::Family::names, wanted, add);  // as inventories before schema 5 have them
  impl_->find_by_pieces(wanted, add);
  for (size_t i = 0; i < paths.size(); ++i)
    if (!found[i].empty() && !f(paths[i], found[i])) return;
}

std::vector<Inventory::PackageRow> Inventory::packages_named(const std::string& name) {
  std::vector<PackageRow> out;
  Statement s =
      impl_->sql("SELECT id, type, name, version, architecture, source, source_version FROM inv_package WHERE name=?1 OR source=?1 ORDER BY name, version, id");
  s.with(name);
  while (s.row()) {
    PackageRow row;
    row.package.type = static_cast<PackageType>(s.number(1));
    row.package.name = s.text(2), row.package.version = s.text(3), row.package.architecture = s.text(4);
    row.package.source = s.text(5), row.package.source_version = s.text(6);
    row.layers = impl_->layers_of_package(std::to_string(s.number(0)));
    out.push_back(std::move(row));
  }
  return out;
}

std::optional<Inventory::Id> Inventory::layer_id(const std::string& digest) {
  for (const char* text : {"SELECT id FROM inv_layer WHERE diff_id=?", "SELECT layer FROM inv_blob WHERE digest=?"})
    if (Statement s = impl_->sql(text); s.with(digest).row()) return s.number(0);
  return std::nullopt;
}

std::optional<Digest> Inventory::layer_digest(Id layer) {
  Statement s = impl_->sql("SELECT diff_id FROM inv_layer WHERE id=?");
  if (!s.with(layer).row()) return std::nullopt;
  auto d = Digest::parse(s.view(0));
  return d ? std::optional(*d) : std::nullopt;
}

std::vector<Inventory::Id> Inventory::images_of_layer(Id layer) {
  Statement s = impl_->sql("SELECT DISTINCT image FROM inv_image_layer WHERE layer=? ORDER BY image");
  return impl_->numbers(s.with(layer));
}

std::optional<FileTable> Inventory::files_of(Id layer) {
  Statement s = impl_->sql("SELECT diff_id, entries FROM inv_layer WHERE id=?");
  if (!s.with(layer).row()) return std::nullopt;
  auto d = Digest::parse(s.view(0));
  auto files = d ? impl_->cache->files(*d) : std::nullopt;
  if (files && files->size() != static_cast<uint64_t>(s.number(1))) files.reset();
  return files;
}

std::optional<std::string> Inventory::trouble() const {
  if (!impl_->trouble.empty()) return impl_->trouble;
  if (!impl_->db->read_failure().empty()) return escape(impl_->shown) + ": " + impl_->db->read_failure();
  return std::nullopt;
}

std::vector<Inventory::Id> Inventory::all_images() {
  Statement s = impl_->sql("SELECT id FROM inv_image ORDER BY id");
  return impl_->numbers(s);
}

std::vector<Inventory::Id> Inventory::all_layers() {
  Statement s = impl_->sql("SELECT id FROM inv_layer ORDER BY id");
  return impl_->numbers(s);
}

std::vector<Inventory::Id> Inventory::images_with_gaps() {
  Statement s = impl_->sql("SELECT id FROM inv_image WHERE gaps>0");  // in no order: for one SQLite would walk the whole table
  std::vector<Id> out = impl_->numbers(s);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Inventory::Id> Inventory::images_judged_otherwise(const std::string& knowledge) {
  Statement s = impl_->sql("SELECT id FROM inv_image WHERE knowledge<>? ORDER BY id");
  return impl_->numbers(s.with(knowledge));
}

std::vector<Inventory::Id> Inventory::images_with_chain(const std::string& chain) {
  Statement s = impl_->sql("SELECT id FROM inv_image WHERE chain=? ORDER BY id");
  return chain.empty() ? std::vector<Id>{} : impl_->numbers(s.with(chain));
}

std::vector<std::pair<TermKind, std::string>> Inventory::terms_of(const std::string& image_digest) {
  std::vector<std::pair<TermKind, std::string>> out;
  Statement s = impl_->sql(
      "SELECT kind, text FROM inv_term_image JOIN inv_term ON term=inv_term.id WHERE image=(SELECT id FROM inv_image WHERE digest=?) ORDER BY kind, text");
  s.with(image_digest);
  while (s.row()) out.emplace_back(static_cast<TermKind>(s.number(0)), s.text(1));
  return out;
}

std::vector<std::string> Inventory::members_of(const std::string& index) {
  std::vector<std::string> out;
  Statement s = impl_->sql("SELECT child FROM inv_member WHERE parent=? ORDER BY child");
  s.with(index);
  while (s.row()) out.push_back(s.text(0));
  return out;
}

std::vector<Attestation> Inventory::attestations_of(const std::string& image_digest) {
  std::vector<Attestation> out;
  Statement s = impl_->sql("SELECT digest, predicate FROM inv_attestation WHERE subject=? ORDER BY digest, predicate");
  for (s.with(image_digest); s.row();) {
    if (out.empty() || out.back().digest != s.view(0)) out.push_back({s.text(0), {}});
    if (!s.view(1).empty()) out.back().predicates.push_back(s.text(1));
  }
  return out;
}

std::optional<Inventory::Id> Inventory::image_id(const std::string& digest) {
  Statement s = impl_->sql("SELECT id FROM inv_image WHERE digest=?");
  return s.with(digest).row() ? std::optional(s.number(0)) : std::nullopt;
}

std::optional<StoredImage> Inventory::image(Id id, const std::set<std::string>* packages) {
  Statement s = impl_->sql("SELECT digest, config, platform, verdict, knowledge, created, first_seen, last_seen, body FROM inv_image WHERE id=?");
  if (!s.with(id).row()) return std::nullopt;
  StoredImage i;
  i.digest = s.text(0), i.config_digest = s.text(1), i.platform = s.text(2), i.verdict = s.text(3), i.knowledge = s.text(4), i.created = s.text(5);
  i.first_seen = s.number(6), i.last_seen = s.number(7);
  ImageBody body{&i, {}, packages};
  auto bytes = inflate(s.view(8), kMaxImageBody);
  if (!bytes || !decode(as_bytes(*bytes), &body)) return std::nullopt;
  for (const std::string& l : body.layers) {
    auto d = Digest::parse(l);
    i.layers.push_back(d ? *d : Digest{});
  }
  return i;
}

namespace {
std::vector<Tag> read_tags(Statement& s) {
  std::vector<Tag> out;
  while (s.row()) {
    Tag t{s.text(0), s.text(1), s.text(2), s.number(3), s.number(4), std::nullopt};
    if (!s.is_null(5)) t.vanished = s.number(5);
    if (!s.is_null(6)) t.pushed = s.number(6);
    if (!s.is_null(7)) t.pulled = s.number(7);
    if (!s.is_null(8)) t.pulls = static_cast<uint64_t>(s.number(8));
    out.push_back(std::move(t));
  }
  return out;
}

constexpr const char* kTagColumns =
    "SELECT t.repository, t.tag, t.digest, t.first_seen, t.last_seen, t.vanished, p.pushed, p.pulled, p.pulls "
    "FROM inv_tag t LEFT JOIN inv_pull p ON p.repository=t.repository AND p.tag=t.tag ";
}  // namespace

std::vector<Tag> Inventory::tags_of(const std::string& image_digest) {
  static const std::string kSql = std::string(kTagColumns) +
                                  "WHERE t.digest=?1 OR t.digest IN (SELECT parent FROM inv_member WHERE child=?1) "
                                  "ORDER BY t.repository, t.tag, t.first_seen, t.digest";
  Statement s = impl_->sql(kSql.c_str());
  return read_tags(s.with(image_digest));
}

std::vector<Tag> Inventory::tags_named(const std::string& repository, const std::string& tag) {
  static const std::string kSql = std::string(kTagColumns) + "WHERE t.repository=?1 AND (?2='' OR t.tag=?2) ORDER BY t.tag, t.first_seen, t.digest";
  Statement s = impl_->sql(kSql.c_str());
  return read_tags(s.with(repository, tag));
}

Inventory::Steady::Steady(Inventory& inventory) : inventory_(nullptr) {
  sqlite3* db = inventory.impl_->db->sqlite();
  if (db != nullptr && sqlite3_get_autocommit(db) != 0 && inventory.impl_->exec("BEGIN")) inventory_ = &inventory;
}
Inventory::Steady::~Steady() {
  if (inventory_ != nullptr) inventory_->impl_->exec("COMMIT");
}

std::vector<std::string> Inventory::repositories() {
  std::vector<std::string> out;
  Statement s = impl_->sql("SELECT DISTINCT repository FROM inv_tag ORDER BY repository");
  while (s.row()) out.push_back(s.text(0));
  return out;
}

}  // namespace careen
