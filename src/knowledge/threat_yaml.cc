#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/text.h"
#include "knowledge/threat.h"

namespace careen {
namespace {

constexpr size_t kMaxRecordBytes = 8 << 20;
constexpr std::array<std::string_view, 4> kStructureRules{"ifunc-slot-call", "ifunc-reach", "ifunc-store", "tls-import"};

// Thrown inside this file alone, and turned into an Error at its edge.
struct Mistake {
  int line;
  std::string what;
};

[[noreturn]] void fail(const YAML::Node& n, std::string what) {
  throw Mistake{std::max(n.Mark().line + 1, 1), std::move(what)};
}

// A mapping whose keys are all known.
class Mapping {
 public:
  Mapping(const YAML::Node& node, std::string where, std::set<std::string> known) : node_(node), where_(std::move(where)) {
    if (!node.IsMap()) fail(node, where_ + ": expected a mapping (key: value)");
    for (const auto& item : node) {
      auto key = item.first.as<std::string>("");
      if (!known.contains(key)) {
        std::string list;
        for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
        fail(item.first, "unknown key '" + escape(key) + "' in " + where_ + "; expected one of " + list);
      }
      if (!seen_.insert(key).second) fail(item.first, "key '" + key + "' stands twice in " + where_);
      if (item.second.IsNull()) fail(item.first, where_ + ": '" + key + "' is empty");  // the parser marks nothing at all by what follows
    }
  }

  bool has(const char* key) const { return static_cast<bool>(node_[key]); }
  YAML::Node at(const char* key) const { return node_[key]; }

  std::string text(const char* key, bool required) const {
    YAML::Node n = node_[key];
    if (!n) {
      if (required) fail(node_, where_ + ": '" + key + "' is missing");
      return {};
    }
    if (!n.IsScalar()) fail(n, where_ + ": '" + key + "': expected a text");
    std::string s = n.as<std::string>();
    if (required && trim(s).empty()) fail(n, where_ + ": '" + key + "' is empty");
    return std::string(trim(s));
  }
  std::vector<std::string> texts(const char* key) const {
    YAML::Node n = node_[key];
    std::vector<std::string> out;
    if (!n) return out;
    if (!n.IsSequence()) fail(n, where_ + ": '" + key + "': expected a list");
    for (const auto& item : n) {
      if (!item.IsScalar()) fail(item, where_ + ": '" + key + "': expected a list of texts");
      out.push_back(item.as<std::string>());
    }
    return out;
  }
  std::vector<YAML::Node> list(const char* key) const {
    YAML::Node n = node_[key];
    std::vector<YAML::Node> out;
    if (!n) return out;
    if (!n.IsSequence()) fail(n, where_ + ": '" + key + "': expected a list");
    for (const auto& item : n) out.push_back(item);
    return out;
  }
  bool flag(const char* key) const {
    if (!has(key)) return false;
    std::string s = text(key, false);
    if (s != "true" && s != "false") fail(node_[key], where_ + ": '" + key + "': expected true or false");
    return s == "true";
  }
  uint64_t number(const char* key, uint64_t otherwise, uint64_t most) const {
    if (!has(key)) return otherwise;
    auto v = to_number(text(key, true));
    if (!v || *v == 0 || *v > most) fail(node_[key], where_ + ": '" + key + "': expected a number from 1 to " + std::to_string(most));
    return *v;
  }

 private:
  YAML::Node node_;
  std::string where_;
  std::set<std::string> seen_;
};

Digest digest_at(const Mapping& m, const char* key) {
  std::string s = m.text(key, true);
  auto d = Digest::parse(s.find(':') == std::string::npos ? "sha256:" + s : s);
  if (!d) fail(m.at(key), "'" + escape(s) + "': expected sha256: and 64 hex digits");
  return *d;
}

std::string date_at(const Mapping& m, const char* key) {
  std::string s = m.text(key, true);
  bool good = s.size() == 10 && s[4] == '-' && s[7] == '-';
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) good = good && s[i] >= '0' && s[i] <= '9';
  if (!good) fail(m.at(key), std::string("'") + key + "': expected a date as 2024-03-29");
  return s;
}

Severity severity_at(const Mapping& m, const char* key) {
  std::string s = m.text(key, true);
  auto v = parse_severity(s);
  if (!v) fail(m.at(key), "'" + escape(s) + "': expected critical, high, medium, low or info");
  return *v;
}

std::vector<std::string> globs_at(const Mapping& m, const char* key) {
  auto out = m.texts(key);
  for (std::string& g : out) {
    while (g.starts_with('/')) g.erase(0, 1);
    if (g.empty()) fail(m.at(key), std::string("'") + key + "': expected a path or a glob");
  }
  return out;
}

DigestIndicator digest_indicator(const YAML::Node& n, const std::string& where) {
  Mapping m(n, where, {"digest", "note", "files", "severity"});
  DigestIndicator d;
  d.digest = digest_at(m, "digest");
  d.note = m.text("note", false);
  d.files = globs_at(m, "files");
  for (const std::string& f : d.files)
    if (f.find_first_of("*?[") != std::string::npos) fail(m.at("files"), where + ": '" + escape(f) + "': expected the path of one file of the layer");
  if (m.has("severity")) d.severity = severity_at(m, "severity");
  return d;
}

VersionIndicator version_indicator(const YAML::Node& n) {
  Mapping m(n, "versions", {"type", "packages", "distributions", "architectures", "from", "to", "before", "except", "content", "note"});
  VersionIndicator v;
  std::string type = m.text("type", true);
  bool known = false;
  for (PackageType t : kPackageTypes)
    if (type == to_text(t)) v.type = t, known = true;
  if (!known) fail(m.at("type"), "'" + escape(type) + "': expected deb, rpm, apk or alpm");
  v.packages = m.texts("packages");
  if (v.packages.empty()) fail(n, "versions: 'packages': expected a list of package names");
  v.distributions = m.texts("distributions");
  v.architectures = m.texts("architectures");
  v.from = m.text("from", false);
  v.to = m.text("to", false);
  v.before = m.text("before", false);
  if (v.from.empty() && v.to.empty() && v.before.empty()) fail(n, "versions: expected at least one of from, to, before");
  if (!v.to.empty() && !v.before.empty()) fail(n, "versions: 'to' and 'before' exclude each other");
  v.except = m.texts("except");
  v.content = globs_at(m, "content");
  v.note = m.text("note", false);
  return v;
}

// The id of a pattern, with the threat's in front.
std::string pattern_id(const Threat& t, const Mapping& m) {
  std::string id = m.text("id", true);
  if (id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos)
    fail(m.at("id"), "'" + escape(id) + "': expected an id of lower-case letters, digits, - and _");
  id = t.id + "/" + id;
  for (const PatternSpec& p : t.patterns)
    if (p.id == id) fail(m.at("id"), "id '" + escape(id) + "' stands twice");
  return id;
}

void set_applies(PatternSpec& p, const Mapping& m) {
  std::string a = m.text("in", false);
  if (!a.empty() && a != "elf" && a != "any") fail(m.at("in"), "'" + escape(a) + "': expected elf or any");
  p.any_file = a == "any";
}

void set_bytes(PatternSpec& p, const Mapping& m, const char* key) {
  auto ok = parse_pattern_text(m.text(key, true), &p);
  if (!ok) fail(m.at(key), ok.error().what);
}

void add_pattern(Threat& t, const YAML::Node& n) {
  Mapping m(n, "patterns", {"id", "bytes", "in", "note"});
  PatternSpec p;
  p.id = pattern_id(t, m);
  set_bytes(p, m, "bytes");
  set_applies(p, m);
  t.patterns.push_back(std::move(p));
}

void add_window(Threat& t, const YAML::Node& n) {
  Mapping m(n, "windows", {"id", "anchor", "alignment", "length", "sha256", "in", "note"});
  PatternSpec p;
  p.id = pattern_id(t, m);
  set_bytes(p, m, "anchor");
  if (std::find(p.wild.begin(), p.wild.end(), 1) != p.wild.end()) fail(m.at("anchor"), "an anchor has no wild bytes");
  set_applies(p, m);
  p.alignment = static_cast<uint32_t>(m.number("alignment", 1, 1 << 20));
  p.window = m.number("length", 0, 64 << 20);
  if (p.window < p.bytes.size()) fail(n, "windows: 'length' is missing or shorter than the anchor");
  Digest d = digest_at(m, "sha256");
  auto raw = from_hex(d.hex());
  if (d.algorithm() != Algorithm::sha256 || !raw) fail(m.at("sha256"), "expected 64 hex digits");
  std::copy(raw->begin(), raw->end(), p.window_sha256.begin());
  t.patterns.push_back(std::move(p));
}

void add_rule(Threat& t, const YAML::Node& n) {
  Mapping m(n, "rules", {"id", "all", "any", "note", "severity", "confidence"});
  PatternRule r{m.text("id", true), m.texts("all"), m.texts("any"), m.text("note", false), {}, false};
  if (m.has("severity")) r.severity = severity_at(m, "severity");
  if (std::string c = m.text("confidence", false); c == "suspected")
    r.suspected = true;
  else if (!c.empty() && c != "confirmed")
    fail(m.at("confidence"), "'" + escape(c) + "': expected confirmed or suspected");
  if (r.all.empty() == r.any.empty()) fail(n, "rules: expected one of 'all' and 'any'");
  for (auto* list : {&r.all, &r.any})
    for (std::string& id : *list) {
      id = t.id + "/" + id;
      if (std::none_of(t.patterns.begin(), t.patterns.end(), [&](const PatternSpec& p) { return p.id == id; }))
        fail(n, "rules: no pattern or window has the id '" + escape(id.substr(t.id.size() + 1)) + "'");
    }
  t.rules.push_back(std::move(r));
}

void read_indicators(Threat& t, const YAML::Node& n) {
  Mapping m(n, "indicators", {"manifests", "layers", "files", "versions", "patterns", "windows", "rules", "structure", "paths"});
  for (const auto& i : m.list("manifests")) t.manifests.push_back(digest_indicator(i, "manifests"));
  for (const auto& i : m.list("layers")) t.layers.push_back(digest_indicator(i, "layers"));
  for (const auto& i : m.list("files")) {
    t.files.push_back(digest_indicator(i, "files"));
    if (t.files.back().digest.algorithm() != Algorithm::sha256)
      fail(i, "files: expected sha256: and 64 hex digits; it is the digest that is known of every file");
  }
  for (const auto& i : m.list("versions")) t.versions.push_back(version_indicator(i));
  for (const auto& i : m.list("patterns")) add_pattern(t, i);
  for (const auto& i : m.list("windows")) add_window(t, i);
  for (const auto& i : m.list("rules")) add_rule(t, i);
  t.structure = m.texts("structure");
  for (const std::string& s : t.structure)
    if (std::find(kStructureRules.begin(), kStructureRules.end(), s) == kStructureRules.end())
      fail(m.at("structure"), "'" + escape(s) + "': expected ifunc-slot-call, ifunc-reach, ifunc-store or tls-import");
  for (const auto& i : m.list("paths")) {
    Mapping p(i, "paths", {"glob", "note"});
    t.paths.push_back({p.text("glob", true), p.text("note", false)});
    while (t.paths.back().glob.starts_with('/')) t.paths.back().glob.erase(0, 1);
  }
  if (t.manifests.empty() && t.layers.empty() && t.files.empty() && t.versions.empty() && t.patterns.empty() && t.paths.empty())
    fail(n, "indicators: a threat needs at least one");
}

Threat read(const YAML::Node& root) {
  Mapping m(root, "the record",
            {"schema", "id", "aliases", "title", "kind", "severity", "exploited", "published", "updated", "sources", "description", "impact", "mitigation",
             "indicators", "conditions"});
  if (m.text("schema", true) != "careen/threat/v1") fail(m.at("schema"), "'schema': expected careen/threat/v1");
  Threat t;
  t.id = m.text("id", true);
  if (t.id.size() > 64 || t.id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != std::string::npos)
    fail(m.at("id"), "'id': expected letters, digits, - _ and .");
  t.aliases = m.texts("aliases");
  t.title = m.text("title", true);
  t.kind = m.text("kind", true);
  if (t.kind != "backdoor" && t.kind != "malware") fail(m.at("kind"), "'kind': expected backdoor or malware");
  t.severity = severity_at(m, "severity");
  t.exploited = m.flag("exploited");
  t.published = date_at(m, "published");
  t.updated = date_at(m, "updated");
  t.sources = m.texts("sources");
  if (t.sources.empty()) fail(root, "'sources': expected where the facts come from");
  t.description = m.text("description", true);
  t.impact = m.text("impact", true);
  t.mitigation = m.text("mitigation", true);
  if (!m.has("indicators")) fail(root, "'indicators' is missing");
  read_indicators(t, m.at("indicators"));
  if (m.has("conditions")) {
    Mapping c(m.at("conditions"), "conditions", {"architectures", "programs", "says"});
    t.conditions = {c.texts("architectures"), globs_at(c, "programs"), c.text("says", false)};
  }
  return t;
}

// The line of the first anchor, 0 when there is none.
int anchor_line(std::string_view yaml) {
  struct Watch : YAML::EventHandler {
    int line = 0;
    void see(const YAML::Mark& m, YAML::anchor_t a) {
      if (a != 0 && line == 0) line = m.line + 1;
    }
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& m, YAML::anchor_t a) override { see(m, a); }
    void OnAlias(const YAML::Mark& m, YAML::anchor_t) override { see(m, 1); }
    void OnScalar(const YAML::Mark& m, const std::string&, YAML::anchor_t a, const std::string&) override { see(m, a); }
    void OnSequenceStart(const YAML::Mark& m, const std::string&, YAML::anchor_t a, YAML::EmitterStyle::value) override { see(m, a); }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& m, const std::string&, YAML::anchor_t a, YAML::EmitterStyle::value) override { see(m, a); }
    void OnMapEnd() override {}
  } watch;
  std::istringstream in{std::string(yaml)};
  YAML::Parser(in).HandleNextDocument(watch);
  return watch.line;
}

}  // namespace

std::string_view to_text(Severity s) {
  switch (s) {
    case Severity::unknown:
      return "unknown";
    case Severity::info:
      return "info";
    case Severity::low:
      return "low";
    case Severity::medium:
      return "medium";
    case Severity::high:
      return "high";
    case Severity::critical:
      return "critical";
  }
  return "unknown";
}

std::optional<Severity> parse_severity(std::string_view s) {
  for (Severity v : {Severity::info, Severity::low, Severity::medium, Severity::high, Severity::critical})
    if (s == to_text(v)) return v;
  return std::nullopt;
}

Result<Threat> parse_threat(std::string_view yaml, const std::string& file) {
  auto wrong = [&](int line, const std::string& what) { return Error{Errc::usage, escape(file) + ":" + std::to_string(line) + ": " + what}; };
  if (yaml.size() > kMaxRecordBytes) return wrong(1, "a record has at most 8 MiB");
  // yaml-cpp expands aliases without a bound and recurses on nesting: a record needs neither.
  try {
    if (int line = anchor_line(yaml); line != 0) return wrong(line, "anchors (&) are not allowed in a record");
    YAML::Node root = YAML::Load(std::string(yaml));
    return read(root);
  } catch (const Mistake& m) {
    return wrong(m.line, m.what);
  } catch (const YAML::Exception& e) {
    return wrong(std::max(e.mark.line + 1, 1), "not valid YAML: " + e.msg);
  }
}

std::string threat_skeleton(const std::string& id) {
  return "# A threat record of careen. docs/threat-record.md explains every key; `careen threat check FILE` checks this file.\n"
         "schema: careen/threat/v1\n"
         "id: " +
         id +
         "\n"
         "aliases: []\n"
         "title: One line that says what it is\n"
         "kind: backdoor            # or malware\n"
         "severity: high            # critical, high, medium, low, info\n"
         "exploited: false          # is exploitation known?\n"
         "published: 2026-01-01\n"
         "updated: 2026-01-01\n"
         "sources:\n"
         "  - https://example.org/where-the-facts-come-from\n"
         "description: What it is and how it works.\n"
         "impact: What an attacker gains.\n"
         "mitigation: What to do.\n"
         "\n"
         "# The signs it is known by. Give at least one; delete the others.\n"
         "indicators:\n"
         "  # Images and layers by their digest in a registry.\n"
         "  #manifests:\n"
         "  #  - digest: sha256:0000000000000000000000000000000000000000000000000000000000000000\n"
         "  #    note: example/app:1.0\n"
         "  #layers:\n"
         "  #  - digest: sha256:0000000000000000000000000000000000000000000000000000000000000000\n"
         "  #    files: [usr/lib/libexample.so.1]   # what in it carries the threat\n"
         "  # Files by SHA-256.\n"
         "  files:\n"
         "    - digest: sha256:0000000000000000000000000000000000000000000000000000000000000000\n"
         "      note: the infected library\n"
         "  # Packages by version, in their distribution's own order. from and to are inclusive.\n"
         "  #versions:\n"
         "  #  - type: deb                         # deb, rpm, apk, alpm\n"
         "  #    packages: [libexample1]\n"
         "  #    distributions: [debian]           # IDs of os-release; leave out for all\n"
         "  #    architectures: [amd64]\n"
         "  #    from: 1.2.0-1\n"
         "  #    to: 1.2.1-1\n"
         "  #    except: ['*+really*']             # globs of versions that only look affected\n"
         "  #    content: ['**/libexample.so.*']   # files that, read and found clean, refute it\n"
         "  # Bytes, two question marks for a wild one; `in: any` looks into files that are no ELF too.\n"
         "  #patterns:\n"
         "  #  - id: entry\n"
         "  #    bytes: 'F3 0F 1E FA 55 48 89 F5'\n"
         "  # A table named by its first bytes, its length and its SHA-256.\n"
         "  #windows:\n"
         "  #  - {id: table, anchor: '00 01 02 03', alignment: 16, length: 256,\n"
         "  #     sha256: 0000000000000000000000000000000000000000000000000000000000000000}\n"
         "  # Patterns that count only together.\n"
         "  #rules:\n"
         "  #  - {id: both, all: [entry, table]}\n"
         "  #structure: [ifunc-slot-call]          # joined when another sign is in the same file\n"
         "  #paths:\n"
         "  #  - glob: 'tmp/.hidden/*'\n"
         "\n"
         "# When it is dangerous. Without programs: in whatever loads or runs the file.\n"
         "conditions:\n"
         "  architectures: [amd64]\n"
         "  programs: ['**/sshd']\n"
         "  says: It acts in sshd alone.\n";
}

}  // namespace careen
