#include "fleet/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "oci/reference.h"

namespace careen {
namespace {

// A name of Kubernetes: careen- and the threat's id in lower case, other characters as '-'.
std::string policy_name(const std::string& threat) {
  std::string name = "careen-" + lower(threat);
  for (char& c : name)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '-';
  name.resize(std::min<size_t>(name.size(), 63));
  while (name.ends_with('-')) name.pop_back();
  return name;
}

std::set<std::string> digests_of(const Exposure& e) {
  std::set<std::string> out;
  for (const Exposed& x : e.images) {
    out.insert(x.digest);
    for (const Tag& t : x.tags) out.insert(t.digest);
  }
  return out;
}

// A YAML string in double quotes; the text holds no control characters after escape().
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : escape(text)) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

// host/path, and not the path of a file or folder: what stands before the first slash is a host as references have it.
bool is_in_a_registry(const std::string& repository) {
  std::string host = repository.substr(0, repository.find('/'));
  return host.size() < repository.size() && (host == "localhost" || host.find_first_of(".:") != std::string::npos) && !host.starts_with('.') &&
         Reference::parse(repository);
}

std::string message(const Exposure& e) {
  return "this image carries " + e.threat + " (" + e.title + "); careen exposure " + e.threat + " says where it comes from";
}

}  // namespace

std::vector<std::string> affected_references(const Exposure& e) {
  std::set<std::string> out;
  for (const Exposed& x : e.images)
    for (const Tag& t : x.tags)
      if (is_in_a_registry(t.repository)) out.insert(escape(t.repository) + "@" + x.digest);
  return {out.begin(), out.end()};
}

namespace {

// Kyverno takes these for its own variables; a backslash before them keeps them as they are.
std::string without_variables(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view two = std::string_view(text).substr(i, 2);
    if (two == "{{" || two == "$(") out += '\\';
    out += text[i];
    if (two == "{{") out += text[++i];
  }
  return out;
}

// One thing of a Pod that names images, and the condition that denies affected ones.
std::string kyverno_part(const std::string& list, const std::string& key, const std::set<std::string>& digests) {
  std::string out = fmt::format(
      "          - list: \"{}\"\n"
      "            deny:\n"
      "              conditions:\n"
      "                any:\n"
      "                  - key: \"{{{{ {} }}}}\"\n"
      "                    operator: AnyIn\n"
      "                    value:\n",
      list, key);
  for (const std::string& d : digests) out += "                      - \"*@" + d + "\"\n";
  if (digests.empty()) out += "                      - \"none@affected\"\n";
  return out;
}

}  // namespace

std::string kyverno_policy(const Exposure& e, bool enforce) {
  std::set<std::string> digests = digests_of(e);
  return fmt::format(
             "apiVersion: kyverno.io/v1\n"
             "kind: ClusterPolicy\n"
             "metadata:\n"
             "  name: {}\n"
             "  annotations:\n"
             "    policies.kyverno.io/description: {}\n"
             "spec:\n"
             "  validationFailureAction: {}\n"
             "  background: true\n"
             "  rules:\n"
             "    - name: affected-images\n"
             "      match:\n"
             "        any:\n"
             "          - resources:\n"
             "              kinds:\n"
             "                - Pod\n"
             "      validate:\n"
             "        message: {}\n"
             "        foreach:\n",
             policy_name(e.threat), quoted(e.title), enforce ? "Enforce" : "Audit", quoted(without_variables(escape(message(e))))) +
         kyverno_part("request.object.spec.[initContainers, ephemeralContainers, containers][]", "element.image", digests) +
         kyverno_part("request.object.spec.volumes[].image.reference", "element", digests);
}

namespace {

// CEL: every image that a Pod names. dyn(): image volumes are newer than some servers that this is for.
std::string images_in(const std::string& object) {
  std::string out = object + ".spec.containers.map(c, c.image)";
  for (const char* list : {"initContainers", "ephemeralContainers"})
    out += fmt::format(" +\n        (has({0}.spec.{1}) ? {0}.spec.{1}.map(c, c.image) : [])", object, list);
  return out + fmt::format(
                   " +\n        (has({0}.spec.volumes) ? {0}.spec.volumes.filter(v, has(dyn(v).image) && has(dyn(v).image.reference))"
                   ".map(v, dyn(v).image.reference) : [])",
                   object);
}

// What the API server compiles and evaluates is bounded (100,000 characters an expression, and a cost that grows with what is not constant): so the
// digests are constants, and no expression has more than so many.
constexpr size_t kDigestsInOne = 1000;

std::string validations(const Exposure& e) {
  std::string out, list;
  std::set<std::string> digests = digests_of(e);
  size_t count = 0;
  auto flush = [&] {
    out += fmt::format("    - expression: \"!variables.digests.exists(d, d in [{}])\"\n      message: {}\n", list, quoted(message(e)));
    list.clear();
  };
  for (const std::string& d : digests) {
    list += (list.empty() ? "'" : ", '") + d + "'";
    if (++count % kDigestsInOne == 0) flush();
  }
  if (!list.empty() || digests.empty()) flush();
  return out;
}

}  // namespace

// What a Pod had before it was changed is no reason to deny the change: else nobody could take a finalizer off a Pod that runs already.
std::string admission_policy(const Exposure& e, bool enforce) {
  return fmt::format(
      "apiVersion: admissionregistration.k8s.io/v1\n"
      "kind: ValidatingAdmissionPolicy\n"
      "metadata:\n"
      "  name: {0}\n"
      "spec:\n"
      "  failurePolicy: Fail\n"
      "  matchConstraints:\n"
      "    resourceRules:\n"
      "      - apiGroups: [\"\"]\n"
      "        apiVersions: [\"v1\"]\n"
      "        operations: [\"CREATE\", \"UPDATE\"]\n"
      "        resources: [\"pods\", \"pods/ephemeralcontainers\"]\n"
      "  variables:\n"
      "    - name: images\n"
      "      expression: >-\n"
      "        {1}\n"
      "    - name: before\n"
      "      expression: >-\n"
      "        oldObject == null ? [] :\n"
      "        {2}\n"
      "    - name: digests\n"
      "      expression: \"variables.images.filter(i, i.contains('@') && !(i in variables.before)).map(i, i.substring(i.lastIndexOf('@') + 1))\"\n"
      "  validations:\n"
      "{3}"
      "---\n"
      "apiVersion: admissionregistration.k8s.io/v1\n"
      "kind: ValidatingAdmissionPolicyBinding\n"
      "metadata:\n"
      "  name: {0}\n"
      "spec:\n"
      "  policyName: {0}\n"
      "  validationActions: [{4}]\n",
      policy_name(e.threat), images_in("object"), images_in("oldObject"), validations(e), enforce ? "Deny" : "Audit");
}

}  // namespace careen
