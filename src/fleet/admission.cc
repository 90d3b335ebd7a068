#include "fleet/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"

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

std::string kyverno_policy(const Exposure& e, bool enforce) {
  std::string out = fmt::format(
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
      "        foreach:\n"
      "          - list: \"request.object.spec.[initContainers, ephemeralContainers, containers][]\"\n"
      "            deny:\n"
      "              conditions:\n"
      "                any:\n"
      "                  - key: \"{{{{ element.image }}}}\"\n"
      "                    operator: AnyIn\n"
      "                    value:\n",
      policy_name(e.threat), quoted(e.title), enforce ? "Enforce" : "Audit", quoted(message(e)));
  for (const std::string& d : digests_of(e)) out += "                      - \"*@" + d + "\"\n";
  if (e.images.empty()) out += "                      - \"none@affected\"\n";
  return out;
}

std::string admission_policy(const Exposure& e, bool enforce) {
  std::string list;
  for (const std::string& d : digests_of(e)) list += (list.empty() ? "'" : ", '") + d + "'";
  std::string name = policy_name(e.threat);
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
      "        object.spec.containers.map(c, c.image) +\n"
      "        (has(object.spec.initContainers) ? object.spec.initContainers.map(c, c.image) : []) +\n"
      "        (has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers.map(c, c.image) : [])\n"
      "    - name: affected\n"
      "      expression: \"[{1}]\"\n"
      "  validations:\n"
      "    - expression: \"!variables.images.exists(i, variables.affected.exists(d, i.endsWith('@' + d)))\"\n"
      "      message: {2}\n"
      "---\n"
      "apiVersion: admissionregistration.k8s.io/v1\n"
      "kind: ValidatingAdmissionPolicyBinding\n"
      "metadata:\n"
      "  name: {0}\n"
      "spec:\n"
      "  policyName: {0}\n"
      "  validationActions: [{3}]\n",
      name, list, quoted(message(e)), enforce ? "Deny" : "Audit");
}

}  // namespace careen
