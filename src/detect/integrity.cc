#include "detect/integrity.h"

#include <algorithm>

#include "base/text.h"

namespace careen {
namespace {

// nullopt when the file's own digest by that algorithm is not known.
std::optional<bool> fits(const Owner& o, const FileRecord& r) {
  auto same = [&](const auto& digest) { return std::equal(digest.begin(), digest.end(), o.digest.begin()); };
  if (o.algorithm == RecordedDigest::md5 && r.md5) return same(*r.md5);
  if (o.algorithm == RecordedDigest::sha1 && r.sha1) return same(*r.sha1);
  if (o.algorithm == RecordedDigest::sha256 && r.sha256) return same(*r.sha256);
  if (o.algorithm == RecordedDigest::sha256_cut && r.sha256) return std::equal(r.sha256->begin(), r.sha256->begin() + 20, o.digest.begin());
  return std::nullopt;
}

bool is_generated(std::string_view path) {
  return path.ends_with(".pyc") || path.ends_with(".pyo") || path.find("__pycache__/") != std::string_view::npos;
}

}  // namespace

void IntegrityCheck::look(size_t layer, uint32_t record, const FileRecord& r) {
  if (facts_.owners[layer].empty()) return;
  const Owner& o = facts_.owners[layer][record];
  if (o.package == UINT32_MAX || o.algorithm == RecordedDigest::none || o.config) return;
  if (fits(o, r).value_or(true) || is_generated(r.path)) return;
  auto [begin, end] = facts_.other_owners.equal_range({layer, record});
  for (auto it = begin; it != end; ++it)
    if (it->second.config || fits(it->second, r).value_or(true)) return;
  Changed& c = changed_[{o.package, layer}];
  c.paths.push_back(r.path);
  c.code |= r.kind != ContentKind::data || (r.mode & 0111) != 0;
}

std::vector<Finding> IntegrityCheck::findings() {
  std::vector<Finding> out;
  for (auto& [key, c] : changed_) {
    const Package& p = facts_.packages[key.first].package;
    std::sort(c.paths.begin(), c.paths.end());
    Finding f;
    f.kind = FindingKind::integrity;
    f.rule = "changed-file";
    f.severity = c.code ? Severity::medium : Severity::info;
    f.confidence = Confidence::confirmed;
    size_t n = c.paths.size();
    f.title = n == 1 ? "A file of package " + p.name + " was changed after its installation"
                     : std::to_string(n) + " files of package " + p.name + " were changed after its installation";
    f.where.path = "/" + c.paths[0];
    f.where.layer_index = key.second;
    f.where.package = PackageRef{p.name, p.version, p.source};
    for (size_t i = 0; i < std::min<size_t>(n, 5); ++i)
      f.evidence.push_back({EvidenceBy::integrity, "/" + c.paths[i] + " differs from the digest that " + p.name + " " + p.version + " recorded"});
    if (n > 5) f.evidence.push_back({EvidenceBy::integrity, "and " + std::to_string(n - 5) + " more"});
    f.reachability = {ReachState::unknown, {"a changed file is no threat by itself"}};
    f.remediation = "If the build changed it on purpose, nothing; else reinstall the package.";
    out.push_back(std::move(f));
  }
  return out;
}

}  // namespace careen
