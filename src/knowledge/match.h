// Whether advisories speak of a package, and what they say together.
//
// Evaluation of one statement is that of OSV 1.7.5 ("Evaluation"): exact versions, then ranges sorted by the family's order; a limit
// bounds a range. What a distribution says of its own packages goes before what others say of it. For Debian's tracker: a row of the release
// goes before one of all releases; a fix that is installed goes before a row that says none is planned; <removed>, no-dsa and postponed are
// affected. Statements about one vulnerability are joined by CVE, or by their aliases where none has a CVE; an advisory about several CVEs
// is a statement about each of them. Pure functions over an immutable database, safe from any thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "knowledge/advisory_db.h"
#include "knowledge/cvss.h"
#include "knowledge/version.h"

namespace careen {

struct PackageQuery {
  std::string family;
  // That apply to the image, in the order in which they are told: codenames, numbers, for Red Hat streams (knowledge/red_hat.h), for SUSE the
  // end of a product's name (" 15 SP5"). Empty: rows without a release alone.
  std::vector<std::string> releases;
  std::vector<std::string> names;  // normalised
  std::string source;              // of an rpm: what it is built of, for rows of sources that nothing fixes
  std::string version, architecture, module;
  bool subscription = false;  // an image of a subscriber of Ubuntu Pro
};

struct AdvisoryMatch {
  std::string id;  // a CVE where there is one
  std::vector<std::string> aliases;
  AdvisoryKind kind = AdvisoryKind::vulnerability;
  std::string source, release;  // of the statement that decided
  std::string fixed;            // the version that fixes it, "" when none is known
  FixState fix_state = FixState::unknown;
  bool unimportant = false;
  bool doubtful = false;          // statements disagree, or a fix was made twice and this version lies between
  std::vector<std::string> says;  // why, in words
  std::string summary, published, url;
  Severity severity = Severity::unknown;
  std::string severity_source;  // who rates it so
  std::string vector;           // CVSS, "" without
  std::optional<CvssScore> score;
  std::optional<ExploitScore> exploit;
};

struct Undecided {
  std::string id, why;
};

struct PackageMatches {
  std::vector<AdvisoryMatch> affected;
  std::vector<Undecided> undecided;
};

// Whether rows of `release` are about what is asked for.
bool release_applies(const PackageQuery& q, const std::string& release);

PackageMatches match_package(const AdvisoryDb& db, const PackageQuery& query);

// What one row says of a version.
enum class Answer : uint8_t { affected, fixed, not_affected, undecided };
struct RowAnswer {
  Answer answer = Answer::undecided;
  std::string fixed;  // of an affected version: the next that is not
  std::string why;    // of an undecided one
};
// Leaves out of `versions` what the ranges say as well: a list of hundreds costs more to read than all else of a row.
void drop_told_versions(AffectedPackage& row, VersionOrder order);
RowAnswer evaluate_row(const AffectedPackage& row, std::string_view version, VersionOrder order);

}  // namespace careen
