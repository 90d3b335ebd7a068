// What a team has decided not to be told: ignore files and VEX documents.
//
// Read unchanged: .trivyignore and .trivyignore.yaml, the `ignore:` rules of a Grype configuration, OpenVEX 0.2.0 and CSAF 2.0 VEX. A
// suppression never touches a backdoor, malware or an integrity finding; what it takes away is kept and told in a report of its own.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "detect/finding.h"
#include "formats/purl.h"

namespace careen {

struct SuppressionRule {
  std::string vulnerability;                                     // an id or alias; "" every one
  std::string package, package_version, package_type, upstream;  // names as regular expressions that match the whole; "" every one
  std::string language;                                          // of Grype: "python", "go"; "" any
  std::vector<std::string> paths;                                // globs; empty: everywhere
  std::vector<Purl> purls;                                       // any of them; empty: every package
  std::string fix_state;                                         // of Grype: fixed, not-fixed, wont-fix, unknown; "" any
  Severity severity = Severity::unknown;
  std::string expires;         // YYYY-MM-DD: the last day on which it holds; "" for ever
  std::string reason, origin;  // origin: file and line
};

// A statement of a VEX document.
struct VexStatement {
  std::string vulnerability;
  std::vector<std::string> aliases;
  std::string status, justification, origin;  // status: not_affected, affected, fixed, under_investigation
  int64_t time = 0;                           // milliseconds since 1970; of what tells none 0
  struct Product {
    Purl product;  // an image (pkg:oci) or a package
    std::vector<Purl> parts;
  };
  std::vector<Product> products;
};

struct Suppressed {
  Finding finding;
  std::string by, reason;
};

void sort_suppressed(std::vector<Suppressed>& list);

// The image as VEX documents name it.
struct ImageNames {
  std::string digest, name;               // "sha256:…"; the last part of the repository's name
  std::string repository = {}, tag = {};  // "docker.io/library/debian", "12"; "" unknown
};

class Suppressions {
 public:
  // Adds a file of any of the formats above; an Error says file and line.
  Result<void> add_ignore_file(const std::string& path);
  Result<void> add_vex_file(const std::string& path);
  Result<void> add_ignore_text(const std::string& name, std::string_view text);
  Result<void> add_vex_text(const std::string& name, std::string_view text);

  // Who suppresses the finding, and why; nullopt when nobody does. `today` as YYYY-MM-DD.
  struct By {
    std::string who, reason;
  };
  std::optional<By> find(const Finding& f, const Purl& package, const ImageNames& image, const std::string& today) const;
  // Rules that have expired by `today`, in words.
  std::vector<std::string> expired(const std::string& today) const;
  bool empty() const { return rules_.empty() && statements_.empty(); }

 private:
  std::vector<SuppressionRule> rules_;
  std::vector<VexStatement> statements_;
};

// The parsers, pure.
Result<std::vector<SuppressionRule>> parse_ignore_rules(const std::string& name, std::string_view text);
Result<std::vector<VexStatement>> parse_vex(const std::string& name, std::string_view text);

}  // namespace careen
