#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "store/inventory_impl.h"
#include "store/squeeze.h"

namespace careen {

std::string chain_id(const std::vector<Digest>& diff_ids, size_t count) {
  std::string chain;
  for (size_t i = 0; i < count && i < diff_ids.size(); ++i) {
    if (diff_ids[i].empty()) return "";
    chain = i == 0 ? diff_ids[0].text() : digest_of(as_bytes(chain + " " + diff_ids[i].text())).text();
  }
  return chain;
}

const std::string& Inventory::path() const {
  return impl_->path;
}
const std::string& Inventory::shown() const {
  return impl_->shown;
}
int64_t Inventory::clock() const {
  return (Impl::milliseconds() + impl_->clock_ahead) / 1000;
}
const std::shared_ptr<LayerCache>& Inventory::layers() const {
  return impl_->cache;
}

namespace {

// Of several that write at once, each takes the rows that they share in one order: so none waits for another that waits for it.
std::vector<std::pair<TermKind, std::string>> in_order(std::vector<std::pair<TermKind, std::string>> terms) {
  std::sort(terms.begin(), terms.end());
  return terms;
}
std::vector<std::reference_wrapper<const StoredPackage>> in_order(const std::vector<StoredPackage>& packages) {
  std::vector<std::reference_wrapper<const StoredPackage>> out(packages.begin(), packages.end());
  auto key = [](const StoredPackage& p) { return std::tie(p.name, p.type, p.version, p.architecture, p.source, p.source_version, p.layer); };
  std::sort(out.begin(), out.end(), [&](const StoredPackage& a, const StoredPackage& b) { return key(a) < key(b); });
  return out;
}

constexpr size_t kMaxNumbers = 100'000;  // of packages that are remembered
constexpr int kLooks = 4;                // for the row of a layer that others write

std::string columns_of(const StoredPackage& p) {
  Encoder e;
  e(static_cast<uint8_t>(p.type)), e(p.name), e(p.version), e(p.architecture), e(p.source), e(p.source_version);
  return e.take();
}

}  // namespace

bool Inventory::has_layer(const Digest& diff_id) {
  if (!impl_->sql("SELECT 1 FROM inv_layer WHERE diff_id=? AND collectors=?").with(diff_id.text(), uint64_t{kCollectors}).row()) return false;
  auto list = impl_->cache->pieces(diff_id);  // which may have been written anew since
  return !list || impl_->indexed(list->numbers);
}

namespace {

// What the files of a new piece lead from.
struct PieceKeys {
  std::vector<Posting> postings;
  std::vector<std::pair<std::string, Sha256>> paths;  // each with the digest of its name
};

void add_keys(const FileTable& files, int64_t piece, PieceKeys* out) {
  FileRecord r;
  for (FileCursor c(files); c.next(r);) {
    if (base_name(r.path).starts_with(".wh.")) continue;  // a whiteout is no file
    if (r.sha256) out->postings.push_back({content_key(*r.sha256), piece});
    if (r.type == FileType::hardlink) out->postings.push_back({hard_links_key(), piece});
    if (r.type == FileType::directory) continue;
    Sha256 digest = name_digest(kPathKey, r.path);
    out->postings.push_back({file_key(digest), piece});
    out->paths.emplace_back(std::move(r.path), digest);
  }
}

void add_names(const LayerFacts& f, const std::vector<ElfSymbols>& symbols, std::vector<Posting>* out) {
  auto term = [&](TermKind kind, std::string_view text) { out->push_back({name_key(static_cast<uint8_t>(kind), text), 0}); };
  for (const ElfFacts& e : f.elf) {
    if (!e.soname.empty()) term(TermKind::soname, e.soname);
    if (!e.build_id.empty()) term(TermKind::build_id, e.build_id);
    for (const std::string& n : e.needed) term(TermKind::needed, n);
  }
  auto each_name = [&](const std::string& list, TermKind kind) {
    for (std::string_view rest = list; !rest.empty();) {
      std::string_view one = rest.substr(0, rest.find('\0'));
      term(kind, one);
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
  };
  for (const ElfSymbols& s : symbols) each_name(s.imports, TermKind::symbol_import), each_name(s.exports, TermKind::symbol_export);
}

}  // namespace

Inventory::LayerKeys Inventory::keys_of(const LayerFacts& f, const std::vector<ElfSymbols>& symbols) {
  LayerKeys k;
  k.diff_id = f.diff_id, k.entries = f.files.size(), k.size = f.size;
  add_names(f, symbols, &k.names);
  make_distinct(k.names);
  return k;
}

Result<void> Inventory::add_layer(const LayerFacts& facts, int64_t now) {
  impl_->cache->put({}, 0, facts);
  return add_layer(keys_of(facts, facts.symbols), now);
}

Result<void> Inventory::add_layer(LayerKeys k, int64_t now) {
  Impl& m = *impl_;
  // Of a layer that was not read whole no facts are kept: its images have gaps, and it is indexed again once it was.
  auto list = m.cache->pieces(k.diff_id);
  if (auto why = m.cache->trouble(); !list && why)
    return Error{Errc::io, escape(m.shown) + ": the facts of layer " + k.diff_id.text() + " could not be kept: " + *why};
  std::vector<int64_t> numbers = list ? std::move(list->numbers) : std::vector<int64_t>{};
  make_distinct(numbers);
  PieceKeys keys;
  CAREEN_TRY(m.transaction("a layer cannot be kept", [&] {
    keys = {};
    auto layer = m.new_layer(k, now);
    if (!layer) return false;
    if (*layer == 0) return true;
    for (Posting& p : k.names) p.value = *layer;
    std::vector<Posting> of_layer;
    for (int64_t n : numbers) of_layer.push_back({piece_key(n), *layer});
    std::sort(of_layer.begin(), of_layer.end());
    auto fresh = m.new_pieces(numbers);
    if (!fresh) return false;
    for (int64_t n : *fresh)
      if (!m.cache->piece(n, [&](const FileTable& t) { add_keys(t, n, &keys); }))
        return last_sql_error() = "part of its file table is damaged; careen index reads the layer again", false;
    std::erase_if(keys.paths, [&](const auto& p) { return m.recent_paths.has(file_key(p.second), p.second); });
    make_distinct(keys.postings), make_distinct(keys.paths);
    std::vector<std::string> paths;
    for (const auto& [path, unused] : keys.paths) paths.push_back(path);
    using Family = ReverseIndex::Family;
    return m.index->add(Family::pieces, of_layer) && m.index->add(Family::contents, keys.postings) && m.index->add(Family::names, k.names) &&
           m.index->add(paths);
  }));
  for (int64_t n : numbers) m.recent_pieces.note(static_cast<uint64_t>(n), n);
  for (const auto& [unused, digest] : keys.paths) m.recent_paths.note(file_key(digest), digest);
  m.merge_runs();
  return {};
}

bool Inventory::has_image(const std::string& digest) {
  return impl_->sql("SELECT 1 FROM inv_image WHERE digest=?").with(digest).row();
}

Result<void> Inventory::add_image(const StoredImage& image, int64_t now) {
  Impl& m = *impl_;
  ImageBody body{const_cast<StoredImage*>(&image), {}, nullptr};  // Encoder only reads
  for (const Digest& d : image.layers) body.layers.push_back(d.text());
  std::string bytes = squeeze(encode(body)), chain = chain_id(image.layers, image.layers.size());
  std::vector<Posting> postings;
  std::vector<std::pair<std::string, int64_t>> numbers;
  CAREEN_TRY(m.transaction("an image cannot be kept", [&] {
    postings.clear(), numbers.clear();
    if (!m.sql("INSERT INTO inv_image(digest, config, platform, verdict, knowledge, gaps, created, chain, first_seen, last_seen, body) "
               "VALUES(?,?,?,?,?,?,?,?,?,?,?) "
               "ON CONFLICT(digest) DO UPDATE SET config=excluded.config, platform=excluded.platform, verdict=excluded.verdict, "
               "knowledge=excluded.knowledge, gaps=excluded.gaps, created=excluded.created, chain=excluded.chain, last_seen=greatest(inv_image.last_seen, "
               "excluded.last_seen), body=excluded.body")
             .with(image.digest, image.config_digest, image.platform, image.verdict, image.knowledge, uint64_t{image.gaps.size()}, image.created, chain, now,
                   now, SqlBlob{bytes})
             .done())
      return false;
    Statement find = m.sql("SELECT id FROM inv_image WHERE digest=?");
    if (!find.with(image.digest).row()) return false;
    int64_t id = find.number(0);
    Statement layer_of = m.sql(m.postgres() ? "SELECT id FROM inv_layer WHERE diff_id=? FOR SHARE" : "SELECT id FROM inv_layer WHERE diff_id=?"),
              at_layer = m.sql("INSERT INTO inv_image_layer VALUES(?,?,?) ON CONFLICT DO NOTHING"),
              blob = m.sql("INSERT INTO inv_blob VALUES(?,?) ON CONFLICT DO NOTHING");
    std::vector<int64_t> layers;
    for (size_t i = 0; i < image.layers.size(); ++i) {
      layers.push_back(0);
      if (image.layers[i].empty()) continue;
      // On a server a row that another process replaces while this waits for it is gone, and its successor is seen by the next look alone.
      std::string diff_id = image.layers[i].text();
      bool found = false;
      for (int look = m.postgres() ? kLooks : 1; look > 0 && !found; --look) found = layer_of.with(diff_id).row();
      if (!found) continue;
      layers.back() = layer_of.number(0);
      if (!at_layer.with(layers.back(), id, uint64_t{i}).done()) return false;
      if (i < image.blobs.size() && !image.blobs[i].empty() && !blob.with(image.blobs[i], layers.back()).done()) return false;
    }
    Statement find_package = m.sql("SELECT id FROM inv_package WHERE type=? AND name=? AND version=? AND architecture=? AND source=? AND source_version=?"),
              new_package = m.sql(
                  "INSERT INTO inv_package(type, name, version, architecture, source, source_version) VALUES(?,?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING id");
    for (const StoredPackage& p : in_order(image.packages)) {
      if (p.layer >= layers.size() || layers[p.layer] == 0) continue;
      std::string columns = columns_of(p);
      auto known = m.package_numbers.find(columns);
      auto package = known != m.package_numbers.end()
                         ? std::optional(known->second)
                         : m.number_of(find_package, new_package, static_cast<int>(p.type), p.name, p.version, p.architecture, p.source, p.source_version);
      if (!package) return false;
      if (known == m.package_numbers.end()) numbers.emplace_back(std::move(columns), *package);
      Posting at{name_key(kPackageKey, std::to_string(*package)), layers[p.layer]};
      if (!m.recent_packages.has(at.key ^ static_cast<uint64_t>(at.value), at)) postings.push_back(at);
    }
    make_distinct(postings);
    if (!m.index->add(ReverseIndex::Family::names, postings)) return false;
    if (!m.sql("DELETE FROM inv_term_image WHERE image=?").with(id).done()) return false;  // what it was judged to be before
    Statement find_term = m.sql("SELECT id FROM inv_term WHERE kind=? AND text=?"),
              new_term = m.sql("INSERT INTO inv_term(kind, text) VALUES(?,?) ON CONFLICT DO NOTHING RETURNING id"),
              at_term = m.sql("INSERT INTO inv_term_image VALUES(?,?) ON CONFLICT DO NOTHING");
    for (const auto& [kind, text] : in_order(image.terms)) {
      auto term = m.number_of(find_term, new_term, static_cast<int>(kind), text);
      if (!term || !at_term.with(*term, id).done()) return false;
    }
    Statement attested = m.sql("INSERT INTO inv_attestation VALUES(?,?,?,?) ON CONFLICT DO NOTHING");
    for (const Attestation& a : image.attestations)
      for (const std::string& p : a.predicates.empty() ? std::vector<std::string>{""} : a.predicates)
        if (!attested.with(image.digest, a.digest, p, now).done()) return false;
    return true;
  }));
  if (m.package_numbers.size() > kMaxNumbers) m.package_numbers.clear();
  for (auto& n : numbers) m.package_numbers.insert(std::move(n));
  for (const Posting& p : postings) m.recent_packages.note(p.key ^ static_cast<uint64_t>(p.value), p);
  m.merge_runs();
  return {};
}

bool Inventory::has_index(const std::string& digest) {
  return impl_->sql("SELECT 1 FROM inv_index WHERE digest=? AND whole=1").with(digest).row();
}

Result<void> Inventory::seen_again(const std::string& digest, int64_t now) {
  return impl_->transaction("an image cannot be kept", [&] {
    return impl_->sql("UPDATE inv_image SET last_seen=greatest(last_seen, ?1) WHERE digest=?2 OR digest IN (SELECT child FROM inv_member WHERE parent=?2)")
        .with(now, digest)
        .done();
  });
}

Result<void> Inventory::add_index(const std::string& index, const std::vector<std::string>& images, bool whole) {
  return impl_->transaction("an index cannot be kept", [&] {
    if (!impl_->sql("INSERT INTO inv_index VALUES(?,?) ON CONFLICT(digest) DO UPDATE SET whole=greatest(inv_index.whole, excluded.whole)")
             .with(index, whole ? 1 : 0)
             .done())
      return false;
    Statement s = impl_->sql("INSERT INTO inv_member VALUES(?,?) ON CONFLICT DO NOTHING");
    return std::all_of(images.begin(), images.end(), [&](const std::string& i) { return s.with(i, index).done(); });
  });
}

Result<void> Inventory::see(const std::string& repository, const std::string& tag, const std::string& digest, int64_t now) {
  if (repository.size() + tag.size() > kMaxName)  // more than an index of PostgreSQL takes
    return Error{Errc::limit, "the name is longer than 2000 bytes (kMaxName): " + escape(repository.substr(0, 100)) + "…"};
  return impl_->transaction("a tag cannot be kept", [&] {
    return impl_
        ->sql(
            "INSERT INTO inv_tag(repository, tag, digest, first_seen, last_seen) VALUES(?,?,?,?,?) "
            "ON CONFLICT(repository, tag, digest) DO UPDATE SET last_seen=greatest(inv_tag.last_seen, excluded.last_seen), vanished=NULL")
        .with(repository, tag, digest, now, now)
        .done();
  });
}

Result<void> Inventory::still_listed(const std::string& repository, const std::string& tag, int64_t now) {
  return impl_->transaction("a tag cannot be kept", [&] {
    return impl_
        ->sql(
            "UPDATE inv_tag SET last_seen=greatest(last_seen, ?1) WHERE repository=?2 AND tag=?3 AND vanished IS NULL "
            "AND last_seen=(SELECT max(last_seen) FROM inv_tag WHERE repository=?2 AND tag=?3 AND vanished IS NULL)")
        .with(now, repository, tag)
        .done();
  });
}

Result<uint64_t> Inventory::vanish(const std::string& repository, int64_t since, int64_t now, bool untagged) {
  uint64_t changed = 0;
  CAREEN_TRY(impl_->transaction("tags cannot be kept", [&] {
    bool ok = impl_->sql("UPDATE inv_tag SET vanished=?1 WHERE repository=?2 AND last_seen<?3 AND vanished IS NULL AND (?4=1 OR tag<>'')")
                  .with(now, repository, since, untagged ? 1 : 0)
                  .done();
    changed = static_cast<uint64_t>(impl_->db->changes());
    return ok;
  }));
  return changed;
}

Result<uint64_t> Inventory::vanish_tag(const std::string& repository, const std::string& tag, int64_t since, int64_t now) {
  uint64_t changed = 0;
  CAREEN_TRY(impl_->transaction("tags cannot be kept", [&] {
    bool ok =
        impl_->sql("UPDATE inv_tag SET vanished=? WHERE repository=? AND tag=? AND last_seen<? AND vanished IS NULL").with(now, repository, tag, since).done();
    changed = static_cast<uint64_t>(impl_->db->changes());
    return ok;
  }));
  return changed;
}

Result<void> Inventory::note_crawl(const Crawl& c) {
  return impl_->transaction("a crawl cannot be noted", [&] {
    return impl_
        ->sql(
            "INSERT INTO inv_crawl VALUES(?,?,?,?) ON CONFLICT(source) DO UPDATE SET at=greatest(inv_crawl.at, excluded.at), indexed=excluded.indexed, "
            "failed=excluded.failed")
        .with(c.source, c.at, c.indexed, c.failed)
        .done();
  });
}

Result<void> Inventory::note_failure(const std::string& name, const std::string& why, int64_t now) {
  std::string reference = name.size() <= kMaxName ? name : name.substr(0, 200) + "… (" + digest_of(as_bytes(name)).text() + ")";
  return impl_->transaction("a failure cannot be noted", [&] {
    return impl_->sql("INSERT INTO inv_failure VALUES(?,?,?) ON CONFLICT(reference) DO UPDATE SET why=excluded.why, at=excluded.at")
        .with(reference, why, now)
        .done();
  });
}

Result<void> Inventory::forget_failure(const std::string& reference) {
  if (!impl_->sql("SELECT 1 FROM inv_failure WHERE reference=?").with(reference).row()) return {};
  return impl_->transaction("a failure cannot be dropped", [&] { return impl_->sql("DELETE FROM inv_failure WHERE reference=?").with(reference).done(); });
}

Result<void> Inventory::backup(const std::string& file) {
  if (::access(file.c_str(), F_OK) == 0) return Error{Errc::usage, escape(file) + " is there already"};
  std::string partial = file + ".partial";  // a kill leaves it, and nobody takes it for a backup
  for (const char* end : {"", "-wal", "-shm"}) ::unlink((partial + end).c_str());
  if (impl_->postgres()) {
    CAREEN_ASSIGN(auto copy, open(partial, Mode::write));
    CAREEN_TRY(copy->import_from(*this, {}));
    if (!copy->impl_->exec("PRAGMA wal_checkpoint(TRUNCATE)")) return copy->impl_->failed("cannot be completed");
  } else {
    Statement s = impl_->sql("VACUUM INTO ?");
    if (!s.with(partial).done()) return impl_->failed("cannot be copied");
  }
  if (::rename(partial.c_str(), file.c_str()) != 0) return Error{Errc::io, escape(file) + ": " + std::strerror(errno)};
  return {};
}

Result<void> Inventory::compact() {
  CAREEN_TRY(impl_->transaction("reverse indexes cannot be merged", [&] { return impl_->index->merge_all(); }));
  if (!impl_->cache->drop_unused_pieces()) return impl_->failed("pieces of file tables cannot be dropped");
  CAREEN_TRY(impl_->transaction("conclusions cannot be dropped", [&] { return impl_->sql("DELETE FROM judged").done(); }));  // the images have them
  if (!impl_->postgres())
    CAREEN_TRY(impl_->transaction("pieces of file tables cannot be dropped",
                                  [&] { return impl_->sql("DELETE FROM inv_piece WHERE id NOT IN (SELECT id FROM piece)").done(); }));
  if (!impl_->exec(impl_->postgres() ? "VACUUM (ANALYZE)" : "VACUUM")) return impl_->failed("cannot be compacted");
  return {};
}

Result<std::vector<std::string>> Inventory::check() {
  std::vector<std::string> wrong;
  if (!impl_->postgres())
    for (Statement s = impl_->sql("PRAGMA integrity_check(20)"); s.row();)
      if (s.view(0) != "ok") wrong.push_back(s.text(0));
  Statement layers = impl_->sql("SELECT DISTINCT diff_id FROM layer WHERE part='core' AND collectors=?");
  layers.with(uint64_t{kCollectors});
  while (layers.row()) {
    auto d = Digest::parse(layers.view(0));
    bool unused = false;
    if (!d || !impl_->cache->facts(*d, {}, &unused)) wrong.push_back("the facts of layer " + layers.text(0) + " cannot be read");
  }
  Statement indexed = impl_->sql("SELECT diff_id FROM inv_layer WHERE collectors=?");
  for (indexed.with(uint64_t{kCollectors}); indexed.row();) {
    auto d = Digest::parse(indexed.view(0));
    auto list = d ? impl_->cache->pieces(*d) : std::nullopt;
    if (list && !impl_->indexed(list->numbers)) wrong.push_back("files of layer " + indexed.text(0) + " are not in the index");
  }
  Statement loose = impl_->sql("SELECT count(*) FROM inv_image_layer WHERE layer NOT IN (SELECT id FROM inv_layer) OR image NOT IN (SELECT id FROM inv_image)");
  if (loose.row() && loose.number(0) != 0) wrong.push_back(std::to_string(loose.number(0)) + " rows name a layer or an image that is not there");
  for (auto [what, counted] : {std::pair("images", "SELECT count(*) FROM inv_image"), std::pair("layers", "SELECT count(*) FROM inv_layer"),
                               std::pair("tags", "SELECT count(*) FROM inv_tag WHERE vanished IS NULL"),
                               std::pair("repositories", "SELECT count(DISTINCT repository) FROM inv_tag")}) {
    Statement kept = impl_->sql("SELECT what, n FROM inv_count"), there = impl_->sql(counted);
    int64_t n = -1;
    while (kept.row())
      if (kept.view(0) == what) n = kept.number(1);
    if (there.row() && there.number(0) != n)
      wrong.push_back("there are " + std::to_string(there.number(0)) + " " + what + ", and " + std::to_string(n) + " are counted");
  }
  for (std::string& p : impl_->index->problems()) wrong.push_back(std::move(p));
  for (Id id : all_images())
    if (!image(id)) wrong.push_back("image " + std::to_string(id) + " cannot be read");
  if (auto t = trouble(); t && wrong.empty()) wrong.push_back(*t);
  return wrong;
}

}  // namespace careen
