#include "store/inventory_impl.h"

namespace careen {
namespace {

constexpr const char* kColumns = "SELECT cluster, name, reference, digest, file, line, running, space, workload, container, command, at FROM inv_use ";

// What runs instead of what the image says: two lists, or one as older careens wrote it.
std::string command_of(const ImageUse& u) {
  return encode(std::vector<std::vector<std::string>>{u.command, u.arguments});
}

bool take_command(std::string_view stored, ImageUse* u) {
  std::vector<std::vector<std::string>> both;
  if (!decode(as_bytes(stored), &both) || both.size() != 2) return decode(as_bytes(stored), &u->command);
  u->command = std::move(both[0]), u->arguments = std::move(both[1]);
  return true;
}

std::vector<StoredUse> read_uses(Statement& s) {
  std::vector<StoredUse> out;
  while (s.row()) {
    StoredUse u;
    u.cluster = s.text(0), u.name = s.text(1);
    u.use.reference = s.text(2), u.use.digest = s.text(3), u.use.file = s.text(4), u.use.line = static_cast<int>(s.number(5)), u.use.running = s.number(6) != 0;
    u.use.space = s.text(7), u.use.workload = s.text(8), u.use.container = s.text(9);
    if (!take_command(s.view(10), &u.use)) u.use.command.clear(), u.use.arguments.clear();
    u.at = s.number(11);
    out.push_back(std::move(u));
  }
  return out;
}

}  // namespace

Result<void> Inventory::replace_uses(const std::string& source, const std::vector<StoredUse>& uses) {
  Impl& m = *impl_;
  return m.transaction("uses of images cannot be kept", [&] {
    if (!m.sql("DELETE FROM inv_use WHERE source=?").with(source).done()) return false;
    Statement add = m.sql(
        "INSERT INTO inv_use(source, cluster, name, reference, digest, file, line, running, space, workload, container, command, at) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
    return std::all_of(uses.begin(), uses.end(), [&](const StoredUse& u) {
      std::string command = command_of(u.use);
      return add
          .with(source, u.cluster, u.name, u.use.reference, u.use.digest, u.use.file, u.use.line, u.use.running ? 1 : 0, u.use.space, u.use.workload,
                u.use.container, SqlBlob{command}, u.at)
          .done();
    });
  });
}

std::vector<StoredUse> Inventory::uses_told_by(const std::string& source) {
  Statement s = impl_->sql((std::string(kColumns) + "WHERE source=? ORDER BY id").c_str());
  return read_uses(s.with(source));
}

std::vector<StoredUse> Inventory::uses_of(const std::string& image_digest) {
  // By a digest of the image, its configuration or an index it is in; else by a name whose newest digest is one of these.
  Statement s = impl_->sql(
      (std::string(kColumns) +
       "WHERE digest IN (SELECT ?1 UNION SELECT parent FROM inv_member WHERE child=?1 UNION SELECT config FROM inv_image WHERE digest=?1 AND config<>'') "
       "OR (digest='' AND name IN (SELECT t.repository || ':' || t.tag FROM inv_tag t WHERE (t.digest=?1 OR t.digest IN (SELECT parent FROM inv_member WHERE "
       "child=?1)) AND t.vanished IS NULL AND t.last_seen=(SELECT max(last_seen) FROM inv_tag u WHERE u.repository=t.repository AND u.tag=t.tag))) "
       "ORDER BY running DESC, cluster, space, workload, container, file, line")
          .c_str());
  return read_uses(s.with(image_digest));
}

bool Inventory::knows_uses() {
  return impl_->sql("SELECT 1 FROM inv_use LIMIT 1").row();
}

std::vector<StoredUse> Inventory::uses_not_indexed() {
  Statement s = impl_->sql((std::string(kColumns) +
                            "WHERE NOT (digest<>'' AND (digest IN (SELECT digest FROM inv_image) OR digest IN (SELECT parent FROM inv_member) OR digest IN "
                            "(SELECT config FROM inv_image))) AND NOT (digest='' AND name IN (SELECT repository || ':' || tag FROM inv_tag)) "
                            "ORDER BY running DESC, name, cluster, space, workload")
                               .c_str());
  return read_uses(s);
}

Result<void> Inventory::note_pulls(const std::vector<StoredPulls>& pulls) {
  Impl& m = *impl_;
  return m.transaction("what a registry tells of pulls cannot be kept", [&] {
    Statement put = m.sql(
        "INSERT INTO inv_pull VALUES(?,?,?,?,?,?) ON CONFLICT(repository, tag) DO UPDATE SET pushed=excluded.pushed, pulled=excluded.pulled, "
        "pulls=excluded.pulls, at=excluded.at WHERE excluded.at>=inv_pull.at");
    return std::all_of(pulls.begin(), pulls.end(),
                       [&](const StoredPulls& p) { return put.with(p.repository, p.tag, p.pushed, p.pulled, p.pulls, p.at).done(); });
  });
}

std::vector<StoredPulls> Inventory::all_pulls() {
  std::vector<StoredPulls> out;
  for (Statement s = impl_->sql("SELECT repository, tag, pushed, pulled, pulls, at FROM inv_pull ORDER BY repository, tag"); s.row();) {
    StoredPulls p{s.text(0), s.text(1), {}, {}, {}, s.number(5)};
    if (!s.is_null(2)) p.pushed = s.number(2);
    if (!s.is_null(3)) p.pulled = s.number(3);
    if (!s.is_null(4)) p.pulls = static_cast<uint64_t>(s.number(4));
    out.push_back(std::move(p));
  }
  return out;
}

Result<void> Inventory::keep_threat(const KeptRecord& record, int64_t now) {
  return impl_->transaction("a threat record cannot be kept", [&] {
    return impl_
        ->sql("INSERT INTO inv_threat VALUES(?,?,?,?) ON CONFLICT(id) DO UPDATE SET body=excluded.body, takes_place=excluded.takes_place, at=excluded.at")
        .with(record.id, record.text, record.replace ? 1 : 0, now)
        .done();
  });
}

Result<bool> Inventory::drop_threat(const std::string& id) {
  bool was = false;
  CAREEN_TRY(impl_->transaction("a threat record cannot be dropped", [&] {
    bool ok = impl_->sql("DELETE FROM inv_threat WHERE id=?").with(id).done();
    was = impl_->db->changes() != 0;
    return ok;
  }));
  return was;
}

std::vector<KeptRecord> Inventory::kept_threats() {
  std::vector<KeptRecord> out;
  for (Statement s = impl_->sql("SELECT id, body, takes_place FROM inv_threat ORDER BY id"); s.row();) out.push_back({s.text(0), s.text(1), s.number(2) != 0});
  return out;
}

}  // namespace careen
