// One inventory into another, of whatever kind: everything that is there already stays, times grow to both sides.
#include <set>

#include "store/inventory_impl.h"

namespace careen {
namespace {

// Where the two disagree about an image, what was judged by the one that saw it last counts.
bool takes_place(const StoredImage& theirs, const std::optional<StoredImage>& ours) {
  return !ours || theirs.last_seen > ours->last_seen;
}

}  // namespace

Result<void> Inventory::import_from(Inventory& from, const std::function<void(const Imported&)>& progress) {
  Impl &to = *impl_, &of = *from.impl_;
  Imported done;
  auto told = [&] { progress ? progress(done) : void(); };
  // Layers first: images lead to them.
  std::vector<std::pair<Digest, int64_t>> layers;
  for (Statement s = of.sql("SELECT diff_id, indexed FROM inv_layer ORDER BY id"); s.row();)
    if (auto d = Digest::parse(s.view(0))) layers.emplace_back(*d, s.number(1));
  std::set<Digest> lost;
  for (const auto& [diff_id, indexed] : layers) {
    if (!has_layer(diff_id)) {
      bool unused = false;
      auto facts = of.cache->facts(diff_id, {}, &unused);
      if (!facts && of.cache->holds(diff_id))
        return Error{Errc::corrupt, escape(of.shown) + ": the facts of layer " + diff_id.text() + " cannot be read: careen store check"};
      if (!facts) {  // it was never read whole, or by another careen: its images are not judged here until it is read again
        lost.insert(diff_id);
        continue;
      }
      if (!to.cache->copy_layer(*of.cache, diff_id)) return Error{Errc::io, escape(to.shown) + ": the facts of layer " + diff_id.text() + " cannot be kept"};
      CAREEN_TRY(add_layer(keys_of(*facts, of.cache->symbols(diff_id)), indexed));
      ++done.layers;
    }
    told();
  }
  for (Id id : from.all_images()) {
    auto theirs = from.image(id);
    if (!theirs) return Error{Errc::corrupt, escape(of.shown) + ": image " + std::to_string(id) + " cannot be read: careen store check"};
    theirs->terms = from.terms_of(theirs->digest);
    theirs->attestations = from.attestations_of(theirs->digest);
    for (const Digest& d : theirs->layers)
      if (theirs->gaps.empty() && lost.contains(d))
        theirs->gaps.push_back("content: layer " + d.text() + ": its facts were not whole in the inventory that it came from");
    auto mine = image_id(theirs->digest);
    auto ours = mine ? image(*mine) : std::nullopt;
    if (takes_place(*theirs, ours)) CAREEN_TRY(add_image(*theirs, theirs->last_seen));
    int64_t first = ours ? std::min(ours->first_seen, theirs->first_seen) : theirs->first_seen;
    CAREEN_TRY(to.transaction("an image cannot be kept",
                              [&] { return to.sql("UPDATE inv_image SET first_seen=? WHERE digest=?").with(first, theirs->digest).done(); }));
    ++done.images;
    told();
  }
  for (Statement s = of.sql("SELECT digest, whole FROM inv_index ORDER BY digest"); s.row();)
    CAREEN_TRY(add_index(s.text(0), from.members_of(s.text(0)), s.number(1) != 0));
  for (Statement s = of.sql("SELECT repository, tag, digest, first_seen, last_seen, vanished FROM inv_tag ORDER BY id"); s.row();) {
    // Vanished is what it was when last seen: who saw the tag later knows better.
    bool ok = to.db->transact([&] {
      Statement put = to.sql(
          s.is_null(5) ? "INSERT INTO inv_tag(repository, tag, digest, first_seen, last_seen) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(repository, tag, digest) DO "
                         "UPDATE SET vanished=CASE WHEN excluded.last_seen>=inv_tag.last_seen THEN NULL ELSE inv_tag.vanished END, "
                         "first_seen=-greatest(-inv_tag.first_seen, -excluded.first_seen), last_seen=greatest(inv_tag.last_seen, excluded.last_seen)"
                       : "INSERT INTO inv_tag(repository, tag, digest, first_seen, last_seen, vanished) VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(repository, tag, "
                         "digest) DO UPDATE SET vanished=CASE WHEN excluded.last_seen>inv_tag.last_seen THEN excluded.vanished ELSE inv_tag.vanished END, "
                         "first_seen=-greatest(-inv_tag.first_seen, -excluded.first_seen), last_seen=greatest(inv_tag.last_seen, excluded.last_seen)");
      if (s.is_null(5)) return put.with(s.view(0), s.view(1), s.view(2), s.number(3), s.number(4)).done();
      return put.with(s.view(0), s.view(1), s.view(2), s.number(3), s.number(4), s.number(5)).done();
    });
    if (!ok) return to.failed("a tag cannot be kept");
    ++done.tags;
  }
  for (const Crawl& c : from.crawls()) {
    auto all = crawls();
    bool newer = std::any_of(all.begin(), all.end(), [&](const Crawl& o) { return o.source == c.source && o.at > c.at; });
    if (!newer) CAREEN_TRY(note_crawl(c));
  }
  for (const IndexFailure& f : from.failures()) CAREEN_TRY(note_failure(f.reference, f.why, f.at));
  std::vector<std::string> sources;
  for (Statement s = of.sql("SELECT DISTINCT source FROM inv_use ORDER BY source"); s.row();) sources.push_back(s.text(0));
  for (const std::string& source : sources) {
    auto theirs = from.uses_told_by(source), ours = uses_told_by(source);
    if (ours.empty() || (!theirs.empty() && theirs[0].at > ours[0].at)) CAREEN_TRY(replace_uses(source, theirs));
  }
  CAREEN_TRY(note_pulls(from.all_pulls()));
  auto kept = kept_threats();
  for (const KeptRecord& r : from.kept_threats())
    if (std::none_of(kept.begin(), kept.end(), [&](const KeptRecord& k) { return k.id == r.id; })) CAREEN_TRY(keep_threat(r, done.at));
  if (auto t = from.trouble()) return Error{Errc::io, *t};
  if (auto t = trouble()) return Error{Errc::io, *t};
  told();
  return {};
}

}  // namespace careen
