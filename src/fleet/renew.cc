#include "fleet/renew.h"

#include <algorithm>
#include <set>

#include "base/codec.h"
#include "base/text.h"
#include "detect/structure.h"
#include "policy/verdict.h"
#include "scan/judged.h"

namespace careen {
namespace {

constexpr size_t kMaxHidden = 5'000'000;

std::vector<std::string> gaps_of(const std::vector<Coverage>& rows) {
  std::vector<std::string> out;
  for (const Coverage& c : rows) {
    bool counts = c.question == Question::content || c.question == Question::packages || c.question == Question::threats;
    if (counts && (c.state == CoverageState::partly || c.state == CoverageState::not_looked))
      out.push_back(std::string(to_text(c.question)) + ": " + (c.what.empty() ? "" : c.what + ": ") + c.why);
  }
  return out;
}

// Names that a container does not see, by name: a hard link may keep the content of one that is gone.
std::vector<HiddenFile> hidden_files(const ImageFacts& facts, std::vector<std::string>& gaps) {
  std::vector<HiddenFile> out;
  FileRecord r;
  // What a hard link still shows may have lost its own name. A file whose folder was a link that another layer replaced is seen where it lies.
  std::set<std::pair<size_t, uint32_t>> linked;
  for (const auto& [id, unused] : facts.tree.origins()) linked.insert({facts.tree.node(id).layer, facts.tree.node(id).record});
  for (size_t i = 0; i < facts.layers.size(); ++i) {
    if (!facts.layers[i]) continue;
    for (FileCursor c(facts.layers[i]->files); c.next(r);) {
      if (r.type == FileType::directory || base_name(r.path).starts_with(".wh.")) continue;
      if (r.type != FileType::hardlink && facts.tree.visible(i, c.index()) && !linked.contains({i, c.index()})) continue;
      NodeId id = facts.tree.find(r.path, ImageTree::Last::keep);
      bool seen = id != kNoNode && facts.tree.node(id).type != FileType::directory;
      if (seen && r.type == FileType::hardlink) seen = facts.tree.origins().contains(id);
      if (seen && r.type != FileType::hardlink) seen = facts.tree.node(id).layer == i && facts.tree.node(id).record == c.index();
      if (seen) continue;
      if (out.size() == kMaxHidden) {
        gaps.emplace_back("content: more than 5000000 hidden files (kMaxHidden): some are told as visible");
        return out;
      }
      out.push_back({i, r.path});
    }
  }
  return out;
}

// The threats that a result tells of, refuted ones apart; the rule where no record claims a finding.
std::set<std::string> threats_in(const ScanResult& result) {
  std::set<std::string> out;
  for (const Finding& f : result.findings)
    if (f.confidence != Confidence::refuted && (f.kind == FindingKind::backdoor || f.kind == FindingKind::malware)) out.insert(f.threat.value_or(f.rule));
  return out;
}

// Names that lead to the image itself, not to one of its layers.
std::vector<std::pair<TermKind, std::string>> terms_of(const Image& image, const ScanResult& result) {
  std::vector<std::pair<TermKind, std::string>> out;
  for (const auto& [key, value] : image.config.labels) out.emplace_back(TermKind::label, key + "=" + value);
  for (const std::string& e : image.config.environment) out.emplace_back(TermKind::environment, e);
  for (const auto* list : {&image.config.entrypoint, &image.config.command})
    for (const std::string& w : *list) out.emplace_back(TermKind::entrypoint, w);
  for (const std::string& t : threats_in(result)) out.emplace_back(TermKind::threat, t);
  if (!result.facts) return out;
  std::set<std::string> rules;
  for (const auto& layer : result.facts->layers)
    if (layer)
      for (const ElfFacts& e : layer->elf)
        for (const std::string& rule : judge_structure(e).rules) rules.insert(rule);
  for (const std::string& r : rules) out.emplace_back(TermKind::structure, r);
  return out;
}

std::string knowledge_of(const ScanResult& result) {
  Encoder e;
  for (const KnowledgeSource& k : result.knowledge) e(k.name), e(k.digest.text());
  return Digest(sha256_of(as_bytes(e.take()))).text();
}

// The image as the inventory remembers it: its layers can be had by their facts alone.
Result<Image> image_from(Inventory& inventory, const StoredImage& s, const ImageUse* as) {
  Image image;
  image.source = "inventory";
  image.reference = image.resolved = s.digest;
  CAREEN_ASSIGN(image.digest, Digest::parse(s.digest));
  if (!s.config_digest.empty()) {
    CAREEN_ASSIGN(image.config_digest, Digest::parse(s.config_digest));
    auto text = inventory.layers()->document(image.config_digest);
    if (text && digest_of(as_bytes(*text), image.config_digest.algorithm()) == image.config_digest) {
      CAREEN_ASSIGN(image.config, parse_config(*text));
    } else {
      image.gaps.push_back("the image's configuration is not in the inventory");
    }
  }
  if (as != nullptr) {
    if (!as->command.empty()) image.config.entrypoint = as->command, image.config.command.clear();
    if (!as->arguments.empty()) image.config.command = as->arguments;
    image.config_digest = {};  // what is concluded is of this workload, and never remembered as of the image
  }
  image.platform = image.config.platform;
  for (size_t i = 0; i < s.layers.size(); ++i) {
    Layer l;
    if (auto d = Digest::parse(i < s.blobs.size() ? s.blobs[i] : "")) l.descriptor.digest = *d;
    l.claimed_diff_id = s.layers[i];
    l.created_by = i < s.steps.size() ? s.steps[i] : "";
    l.open = []() -> Result<BlobInput> { return Error{Errc::not_found, "its facts are not in the inventory, and it is not read here"}; };
    image.layers.push_back(std::move(l));
  }
  return image;
}

// What was found where this judgement could not look stays found: facts that are lost take no conclusion with them.
void keep_what_was_not_looked_at(const StoredImage& before, ScanResult& now) {
  ScanResult old;
  if (!restore_judged(before.judged, old)) return;
  auto looked_at = [&](size_t layer) { return layer < now.layers.size() && now.layers[layer].diff_id.has_value(); };
  size_t was = now.findings.size();
  for (Finding& f : old.findings) {
    bool known = std::any_of(now.findings.begin(), now.findings.end(), [&](const Finding& n) { return n.id == f.id; });
    bool lies = f.rule == kDigestMismatchRule;  // seen when the bytes were read: facts do not tell it
    if (!known && (lies || (f.where.layer_index && !looked_at(*f.where.layer_index)))) now.findings.push_back(std::move(f));
  }
  if (now.findings.size() == was) return;
  sort_findings(now.findings);
  now.judgement = judge(now.findings, now.coverage, std::nullopt);
}

}  // namespace

StoredImage stored_image(const Image& image, const ScanResult& result) {
  StoredImage s;
  s.digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
  s.config_digest = image.config_digest.text();
  s.platform = result.platform;
  for (const ScannedLayer& l : result.layers) {
    s.layers.push_back(l.diff_id.value_or(Digest{}));
    s.blobs.push_back(l.digest ? l.digest->text() : "");
    s.steps.push_back(l.created_by);
  }
  for (const InstalledPackage& p : result.packages)
    s.packages.push_back(
        {p.package.type, p.package.name, p.package.version, p.package.architecture, p.package.source, p.package.source_version, p.layer, p.visible});
  s.terms = terms_of(image, result);
  s.labels = image.config.labels;
  // Labels come along from the base's own configuration; what the manifest says is of this image.
  for (const char* key :
       {"org.opencontainers.image.base.name", "org.opencontainers.image.base.digest", "org.opencontainers.image.source", "org.opencontainers.image.revision"})
    if (auto it = image.annotations.find(key); it != image.annotations.end()) s.labels[key] = it->second;
  s.judged = store_judged(result);
  s.knowledge = knowledge_of(result);
  s.verdict = to_text(result.judgement.verdict);
  s.gaps = gaps_of(result.coverage);
  if (result.facts) s.hidden = hidden_files(*result.facts, s.gaps);
  s.created = image.config.created;
  s.attestations = image.attestations;
  return s;
}

std::string knowledge_digest(const ThreatSet& threats) {
  Encoder e;
  for (const KnowledgeSource& k : threats.sources) e(k.name), e(k.digest.text());
  return Digest(sha256_of(as_bytes(e.take()))).text();
}

Result<ScanResult> rejudge(Inventory& inventory, const StoredImage& s, const ScanOptions& options, const ImageUse* as) {
  CAREEN_ASSIGN(Image image, image_from(inventory, s, as));
  ScanOptions o = options;
  o.cache = inventory.layers();
  ScanResult result = scan_image(image, o);
  if (as == nullptr) keep_what_was_not_looked_at(s, result);
  return result;
}

Result<void> renew_image(Inventory& inventory, const StoredImage& s, const ScanOptions& options) {
  CAREEN_ASSIGN(Image image, image_from(inventory, s, nullptr));
  if (!image.gaps.empty()) {  // without its configuration, what was known of that stays
    CAREEN_ASSIGN(ScanResult result, rejudge(inventory, s, options));
    return keep_judgement(inventory, s, result);
  }
  ScanOptions o = options;
  o.cache = inventory.layers();
  o.wants_facts = true;
  ScanResult result = scan_image(image, o);
  bool lost = false;
  for (size_t i = 0; i < s.layers.size(); ++i) lost |= !s.layers[i].empty() && !(i < result.layers.size() && result.layers[i].diff_id);
  keep_what_was_not_looked_at(s, result);
  if (lost) return keep_judgement(inventory, s, result);  // packages, names and hidden files of what is not there stay as they were told
  StoredImage anew = stored_image(image, result);
  anew.platform = s.platform;
  anew.labels = s.labels;  // the manifest's annotations among them
  anew.blobs = s.blobs;
  return inventory.add_image(anew, s.last_seen);
}

StoredImage with_judgement(Inventory& inventory, const StoredImage& image, const ScanResult& result) {
  StoredImage s = image;
  s.judged = store_judged(result);
  s.verdict = to_text(result.judgement.verdict);
  s.gaps = gaps_of(result.coverage);
  s.knowledge = knowledge_of(result);
  s.terms = inventory.terms_of(image.digest);
  std::erase_if(s.terms, [](const auto& t) { return t.first == TermKind::threat; });
  for (const std::string& t : threats_in(result)) s.terms.emplace_back(TermKind::threat, t);
  return s;
}

Result<void> keep_judgement(Inventory& inventory, const StoredImage& image, const ScanResult& result) {
  return inventory.add_image(with_judgement(inventory, image, result), image.last_seen);
}

}  // namespace careen
