// OVAL definitions of Oracle Linux (com.oracle.elsa-all.xml): for each advisory a tree of conditions, with packages "earlier than" a version.
//
// Tests are read by what the tests refer to (objects and states), not by their comments; a module alone is told by its comment, for the test is
// a pattern over dnf's files. Where a tree asks for anything else, the definition is refused: half a condition would accuse too many.
// Schema: OVAL 5.11, linux-definitions (rpminfo_test) and independent-definitions (textfilecontent54_test).
#include <map>
#include <pugixml.hpp>
#include <unordered_map>

#include "base/text.h"
#include "feeds/readers.h"

namespace careen {
namespace {

constexpr int kMaxCriteria = 40;  // of depth

// What one test asks. `name` is the package of a fix; `value` its version, the release, an architecture or a module.
struct Condition {
  enum class Kind : uint8_t { fix, release, architecture, module, signature, unknown } kind = Kind::unknown;
  std::string name, value;
};
using Tests = std::unordered_map<std::string, Condition>;

// Names of elements without the prefix of their namespace.
std::string_view local_name(const pugi::xml_node& n) {
  std::string_view name = n.name();
  return name.substr(name.find(':') == std::string_view::npos ? 0 : name.find(':') + 1);
}

pugi::xml_node child_of(const pugi::xml_node& n, std::string_view name) {
  for (pugi::xml_node c : n.children())
    if (local_name(c) == name) return c;
  return {};
}

std::string text_of(const pugi::xml_node& n) {
  return std::string(trim(std::string_view(n.text().get())));
}

// "Module virt:kvm_utils is enabled"
std::string module_of(std::string_view comment) {
  auto w = words(comment);
  return w.size() == 4 && w[0] == "Module" && w[1].find(':') != std::string_view::npos && w[2] == "is" && w[3] == "enabled" ? std::string(w[1]) : "";
}

std::string digits_in(std::string_view text) {
  size_t from = text.find_first_of("0123456789");
  if (from == std::string_view::npos) return "";
  return std::string(text.substr(from, text.find_first_not_of("0123456789", from) - from));
}

Condition rpm_condition(const std::string& object, const pugi::xml_node& state) {
  Condition c;
  for (pugi::xml_node n : state.children()) {
    std::string_view name = local_name(n), operation = n.attribute("operation").value();
    if (n.type() != pugi::node_element) continue;
    if (c.kind != Condition::Kind::unknown) return {};  // more than one thing at once
    c.value = text_of(n);
    if (name == "evr" && operation == "less than") c.kind = Condition::Kind::fix, c.name = object;
    if (name == "version" && operation == "pattern match" && object == "oraclelinux-release") c.kind = Condition::Kind::release, c.value = digits_in(c.value);
    if (name == "arch" && operation == "pattern match" && object == "oraclelinux-release") c.kind = Condition::Kind::architecture;
    if (name == "signature_keyid") c.kind = Condition::Kind::signature;
  }
  return c;
}

Tests read_tests(const pugi::xml_node& root) {
  std::unordered_map<std::string, std::string> objects;
  std::unordered_map<std::string, pugi::xml_node> states;
  for (pugi::xml_node o : child_of(root, "objects").children())
    if (local_name(o) == "rpminfo_object") objects[o.attribute("id").value()] = text_of(child_of(o, "name"));
  for (pugi::xml_node s : child_of(root, "states").children()) states[s.attribute("id").value()] = s;
  Tests out;
  for (pugi::xml_node t : child_of(root, "tests").children()) {
    Condition c;
    if (local_name(t) == "rpminfo_test") {
      auto object = objects.find(child_of(t, "object").attribute("object_ref").value());
      auto state = states.find(child_of(t, "state").attribute("state_ref").value());
      if (object != objects.end() && state != states.end()) c = rpm_condition(object->second, state->second);
    } else if (std::string module = module_of(t.attribute("comment").value()); local_name(t) == "textfilecontent54_test" && !module.empty()) {
      c = {Condition::Kind::module, "", module};
    }
    out[t.attribute("id").value()] = std::move(c);
  }
  return out;
}

// What holds for all below a place of the tree.
struct Scope {
  std::string release, architecture, module;
};

class Definition {
 public:
  explicit Definition(const Tests& tests) : tests_(tests) {}
  struct Fix {
    std::set<std::string> architectures;  // of the system
  };
  // release, package, version, module
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Fix> fixes;
  std::string problem;

  void walk(const pugi::xml_node& criteria, Scope scope, int depth) {
    if (depth > kMaxCriteria) return stop("conditions more than " + std::to_string(kMaxCriteria) + " deep");
    if (criteria.attribute("negate").as_bool()) return stop("a condition that must not hold");
    std::string_view operation = criteria.attribute("operator").as_string("AND");
    bool all = operation == "AND";
    if (!all && operation != "OR") return stop("conditions joined by " + escape(operation));
    std::vector<const Condition*> here;
    for (pugi::xml_node n : criteria.children()) {
      if (n.type() != pugi::node_element || local_name(n) == "criteria") continue;
      if (local_name(n) != "criterion") return stop("a condition that careen does not read: " + escape(local_name(n).substr(0, 100)));
      auto c = tests_.find(n.attribute("test_ref").value());
      if (n.attribute("negate").as_bool() || c == tests_.end() || c->second.kind == Condition::Kind::unknown)
        return stop("a condition that careen does not read: " + escape(std::string_view(n.attribute("comment").value()).substr(0, 100)));
      here.push_back(&c->second);
    }
    if (all)
      for (const Condition* c : here) narrow(*c, scope);
    for (const Condition* c : here) {
      Scope own = scope;
      if (!all) narrow(*c, own);
      if (c->kind == Condition::Kind::fix) fix(*c, own);
    }
    for (pugi::xml_node n : criteria.children())
      if (local_name(n) == "criteria") walk(n, scope, depth + 1);
  }

 private:
  static void narrow(const Condition& c, Scope& scope) {
    if (c.kind == Condition::Kind::release) scope.release = c.value;
    if (c.kind == Condition::Kind::architecture) scope.architecture = c.value;
    if (c.kind == Condition::Kind::module) scope.module = c.value;
  }
  void fix(const Condition& c, const Scope& scope) {
    std::string version = c.value.starts_with("0:") ? c.value.substr(2) : c.value;
    if (scope.release.empty()) return stop("a fix of no release");
    if (c.name.empty() || version.empty() || c.name.size() > kMaxVersionText || version.size() > kMaxVersionText || fixes.size() >= kMaxRowsOfAdvisory) return;
    fixes[{scope.release, c.name, version, scope.module}].architectures.insert(scope.architecture);
  }
  void stop(const std::string& why) {
    if (problem.empty()) problem = why;
  }

  static constexpr size_t kMaxVersionText = 1000;
  const Tests& tests_;
};

// The packages that a system of this architecture may have.
void add_architectures(const std::string& system, std::vector<std::string>& out) {
  auto add = [&](std::string_view a) {
    if (std::find(out.begin(), out.end(), a) == out.end()) out.emplace_back(a);
  };
  add("noarch");
  if (system == "x86_64" || system == "i386" || system == "i686")
    for (std::string_view a : {"i386", "i486", "i586", "i686"}) add(a);
  if (system != "i386") add(system);
}

Result<void> read_definition(const pugi::xml_node& d, const Tests& tests, FeedSink& sink) {
  pugi::xml_node metadata = child_of(d, "metadata"), advisory = child_of(metadata, "advisory");
  Advisory a;
  for (pugi::xml_node r : metadata.children()) {
    if (local_name(r) != "reference") continue;
    std::string id = r.attribute("ref_id").value(), url = r.attribute("ref_url").value();
    if (std::string_view(r.attribute("source").value()) == "elsa") {
      a.id = id;
      if (!url.empty() && url.size() < 500) a.references.push_back(url);
    } else if (is_cve(id) && a.upstream.size() < 5000) {
      a.upstream.push_back(id);
    }
  }
  if (!a.id.starts_with("ELSA-") && !a.id.starts_with("ELBA-") && !a.id.starts_with("ELEA-")) a.id.clear();
  if (a.id.empty() || a.id.size() > kMaxAdvisoryId || !is_plain(a.id)) return sink.refused("oracle", "a definition that is no advisory of Oracle Linux");
  a.summary = short_summary(text_of(child_of(metadata, "title")));
  a.published = date_of(child_of(advisory, "issued").attribute("date").value());
  if (Severity word = severity_word(text_of(child_of(advisory, "severity"))); word != Severity::unknown)
    a.severities.push_back({SeverityRank::distribution, word, "", "Oracle"});
  Definition tree(tests);
  for (pugi::xml_node c : d.children())
    if (local_name(c) == "criteria") tree.walk(c, {}, 0);
  if (!tree.problem.empty()) return sink.refused("oracle", a.id + ": " + tree.problem);
  if (a.upstream.empty()) return {};  // it mends, or adds, and is about no vulnerability
  for (const auto& [key, fix] : tree.fixes) {
    const auto& [release, name, version, module] = key;
    AffectedPackage row = fixed_before("oracle", release, name, version);
    row.module = module.empty() && version.find(".module") != std::string::npos ? "*" : module;
    if (fix.architectures.count("") == 0)
      for (const std::string& system : fix.architectures) add_architectures(system, row.architectures);
    a.affected.push_back(std::move(row));
  }
  return sink.advisory("oracle", a);
}

}  // namespace

Result<void> read_oval(std::string_view text, FeedSink& sink) {
  pugi::xml_document doc;
  auto parsed = doc.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) return Error{Errc::corrupt, "not XML that careen reads: " + std::string(parsed.description()) + " at byte " + std::to_string(parsed.offset)};
  pugi::xml_node root = child_of(doc, "oval_definitions");
  if (!root) return Error{Errc::unsupported, "XML that is no OVAL definitions"};
  std::string product = text_of(child_of(child_of(root, "generator"), "product_version"));
  pugi::xml_node definitions = child_of(root, "definitions");
  if (product != "Oracle Linux" && !std::string_view(definitions.first_child().attribute("id").value()).starts_with("oval:com.oracle."))
    return Error{Errc::unsupported, "OVAL of a distribution of which careen reads another format; docs/advisories.md lists them"};
  Tests tests = read_tests(root);
  for (pugi::xml_node d : definitions.children())
    if (local_name(d) == "definition") CAREEN_TRY(read_definition(d, tests, sink));
  return {};
}

}  // namespace careen
