// The verdict over an image: the one place where findings and coverage become clean, flagged or undetermined.
//
// Flags: backdoor and malware when confirmed, or when suspected with severity high or critical, whether reachable, dormant or
// hidden; digests of manifest, config or layers that lie; vulnerabilities from the severity that the user names on. Refuted findings, and files that changed
// since their installation, never flag. When nothing flags, coverage of content, packages or threats that is partly or not_looked leaves the verdict
// undetermined; integrity and reachability never do, vulnerabilities only when a threshold was asked for.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "detect/finding.h"

namespace careen {

enum class Verdict : uint8_t { clean, flagged, undetermined };
std::string_view to_text(Verdict v);

inline constexpr std::string_view kDigestMismatchRule = "digest-mismatch";

// `fail_on`: vulnerabilities of this severity and above flag; nullopt: none does.
bool flags(const Finding& f, std::optional<Severity> fail_on = std::nullopt);

struct Judgement {
  Verdict verdict = Verdict::clean;
  std::vector<std::string> reasons;  // why it is not clean; empty when it is
};

Judgement judge(const std::vector<Finding>& findings, const std::vector<Coverage>& coverage, std::optional<Severity> fail_on);

// Exit codes: 0 clean, 1 flagged, 2 usage, 3 undetermined, 4 input not read. Of several the first that applies of 1, 4, 3, 0.
int exit_code(Verdict v);
int worse_exit(int a, int b);

}  // namespace careen
