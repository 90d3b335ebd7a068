#include "policy/verdict.h"

#include <array>

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

bool flags(const Finding& f) {
  if (f.kind == FindingKind::integrity) return f.rule == kDigestMismatchRule;
  if (f.kind != FindingKind::backdoor && f.kind != FindingKind::malware) return false;
  if (f.confidence == Confidence::confirmed) return true;
  return f.confidence == Confidence::suspected && f.severity >= Severity::high;
}

Judgement judge(const std::vector<Finding>& findings, const std::vector<Coverage>& coverage, bool vulnerabilities_asked) {
  Judgement j;
  for (const Finding& f : findings)
    if (flags(f)) {
      std::string where = f.where.path ? " in " + escape(*f.where.path) : "";
      j.reasons.push_back(std::string(to_text(f.confidence)) + " " + std::string(to_text(f.kind)) + (f.threat ? " " + *f.threat : ": " + f.title) + where);
    }
  if (!j.reasons.empty()) {
    j.verdict = Verdict::flagged;
    return j;
  }
  for (const Coverage& c : coverage) {
    bool missing = c.state == CoverageState::partly || c.state == CoverageState::not_looked;
    bool counts = c.question == Question::content || c.question == Question::packages || c.question == Question::threats ||
                  (c.question == Question::vulnerabilities && vulnerabilities_asked);
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
