#include "policy/verdict.h"

#include <array>
#include <map>

#include "base/text.h"

namespace careen {

std::string_view to_text(Verdict v) {
  switch (v) {
    case Verdict::clean:
      return "clean";
    case Verdict::flagged:
      return "flagged";
    case Verdict::undetermined:
      return "undetermined";
  }
  return "undetermined";
}

bool flags(const Finding& f, std::optional<Severity> fail_on) {
  if (f.kind == FindingKind::vulnerability) return fail_on && f.severity >= *fail_on && f.severity != Severity::unknown;
  if (f.kind == FindingKind::integrity) return f.rule == kDigestMismatchRule;
  if (f.kind != FindingKind::backdoor && f.kind != FindingKind::malware) return false;
  if (f.confidence == Confidence::confirmed) return true;
  return f.confidence == Confidence::suspected && f.severity >= Severity::high;
}

Judgement judge(const std::vector<Finding>& findings, const std::vector<Coverage>& coverage, std::optional<Severity> fail_on) {
  Judgement j;
  std::map<Severity, uint64_t> vulnerabilities;  // that flag; there may be hundreds
  for (const Finding& f : findings)
    if (f.kind == FindingKind::vulnerability && flags(f, fail_on)) {
      ++vulnerabilities[f.severity];
    } else if (flags(f, fail_on)) {
      std::string where = f.where.path ? " in " + escape(*f.where.path) : "";
      j.reasons.push_back(std::string(to_text(f.confidence)) + " " + std::string(to_text(f.kind)) + (f.threat ? " " + *f.threat : ": " + f.title) + where);
    }
  for (auto it = vulnerabilities.rbegin(); it != vulnerabilities.rend(); ++it)
    j.reasons.push_back(std::to_string(it->second) + " " + std::string(to_text(it->first)) + (it->second == 1 ? " vulnerability" : " vulnerabilities") +
                        " (--fail-on " + std::string(to_text(*fail_on)) + ")");
  if (!j.reasons.empty()) {
    j.verdict = Verdict::flagged;
    return j;
  }
  for (const Coverage& c : coverage) {
    bool missing = c.state == CoverageState::partly || c.state == CoverageState::not_looked;
    bool counts = c.question == Question::content || c.question == Question::packages || c.question == Question::threats ||
                  (c.question == Question::vulnerabilities && fail_on);
    if (missing && counts)
      j.reasons.push_back(std::string(to_text(c.question)) + " " + (c.state == CoverageState::partly ? "looked at in part" : "not looked at") +
                          (c.what.empty() ? "" : ": " + escape(c.what)) + ": " + escape(c.why));
  }
  if (!j.reasons.empty()) j.verdict = Verdict::undetermined;
  return j;
}

int exit_code(Verdict v) {
  return v == Verdict::clean ? 0 : v == Verdict::flagged ? 1 : 3;
}

int worse_exit(int a, int b) {
  for (int code : std::array{1, 4, 3})
    if (a == code || b == code) return code;
  return std::max(a, b);
}

}  // namespace careen
