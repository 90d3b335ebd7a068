// Advisories: statements that versions of packages are affected by something, or are not.
//
// One value for every source, whatever its format. How each is to be read is told where it is read (feeds/) and in docs/advisories.md.
#pragma once
#include <string>
#include <vector>

#include "knowledge/threat.h"

namespace careen {

enum class AdvisoryKind : uint8_t { vulnerability, malware };

enum class EventKind : uint8_t { introduced, fixed, last_affected, limit };
struct VersionEvent {
  EventKind kind = EventKind::introduced;
  std::string version;  // introduced "0" is before every version; limit "*" after
};
struct VersionRange {
  std::vector<VersionEvent> events;
};

// Who says how severe something is; the lower counts first.
enum class SeverityRank : uint8_t { distribution, database, nvd, adp, cna };
struct SeverityClaim {
  SeverityRank rank = SeverityRank::database;
  Severity word = Severity::unknown;  // as the source rates it itself
  std::string vector;                 // CVSS, "" without
  std::string source;                 // for people: "Debian", "GitHub", "NVD"
};

enum class Standing : uint8_t { ranged, not_affected, undetermined };
// Whether somebody means to fix it, where no version does.
enum class FixState : uint8_t { unknown, none, will_not_fix, postponed, no_advisory, end_of_life, subscription, source_only };
std::string_view to_text(FixState s);

bool is_cve(std::string_view id);  // the whole of it: CVE-2024-3094

struct AffectedPackage {
  std::string family, release, name;  // normalised: see ecosystem.h; release "" means every release
  Standing standing = Standing::ranged;
  FixState fix_state = FixState::unknown;
  bool general = false;       // of every release that no row of the same source speaks of
  bool unimportant = false;   // the source holds it to be none in what the package builds
  bool of_source = false;     // the name is that of a source package, in a family that names what is built of them
  bool other_ranges = false;  // there were ranges of a kind that is not evaluated (commits)
  std::vector<VersionRange> ranges;
  std::vector<std::string> versions;       // exactly these too
  std::vector<std::string> architectures;  // "" every one
  std::string module;                      // "name:stream" of a modular rpm; "" is a package of no module, "*" one of any
  std::vector<SeverityClaim> severities;   // of this package alone; they go before the advisory's
  std::string says;                        // the source's own words: "no-dsa (Minor issue)"
};

struct Advisory {
  std::string id;
  std::vector<std::string> aliases, upstream, related;
  AdvisoryKind kind = AdvisoryKind::vulnerability;
  std::string summary, published, modified;  // dates as YYYY-MM-DD, or "" where the source says none
  std::string seen;                          // of one without a date: when an import first brought it; "" when it came with the source's first
  std::vector<std::string> references;       // URLs, the most telling first
  std::vector<SeverityClaim> severities;
  std::vector<AffectedPackage> affected;
};

// A threat record (knowledge/threat.h) as it came.
struct StoredThreat {
  std::string id, text, updated;
};

// What is known about the use of a vulnerability: KEV, EPSS, SSVC. Probabilities are in hundred-thousandths.
struct ExploitScore {
  std::string id;
  uint32_t epss = 0, percentile = 0;
  std::string epss_date;
  std::string kev_added, kev_due;  // "" is not in CISA's catalogue
  bool ransomware = false;
  std::string ssvc_exploitation, ssvc_automatable, ssvc_impact;
};

// The end of a release's support, or of one of its packages'.
struct SupportEnd {
  std::string family, release, package;  // package: a glob over source packages, "" for the whole release
  std::string ends;                      // YYYY-MM-DD, "" for limited support
  std::string version;                   // the last that was supported
  std::string says;
};

// What the packages of a vendor's repository belong to: Red Hat's CPEs without "cpe:/o:redhat:" ("enterprise_linux:9::baseos").
struct RepositoryProducts {
  std::string repository;  // a content set: "rhel-9-for-x86_64-baseos-rpms"
  std::vector<std::string> products;
};

// Which artifact a file is, by its digest: what a Java archive is that does not say it itself.
struct KnownArtifact {
  std::string sha1;           // 40 hexadecimal digits, lower case
  std::string name, version;  // "group:artifact"
};

// Limits of what is kept of one advisory; the rest is dropped and counted.
inline constexpr size_t kMaxSummary = 300;
inline constexpr size_t kMaxReferences = 3;

template <class A>
void fields(A& a, VersionEvent& e) {
  a(e.kind), a(e.version);
}
template <class A>
void fields(A& a, VersionRange& r) {
  a(r.events);
}
template <class A>
void fields(A& a, SeverityClaim& s) {
  a(s.rank), a(s.word), a(s.vector), a(s.source);
}
template <class A>
void fields(A& a, AffectedPackage& p) {
  a(p.family), a(p.release), a(p.name), a(p.standing), a(p.fix_state), a(p.general), a(p.unimportant), a(p.of_source), a(p.other_ranges), a(p.ranges),
      a(p.versions);
  a(p.architectures), a(p.module), a(p.severities), a(p.says);
}
// Without its packages, which are kept apart.
template <class A>
void fields(A& a, Advisory& v) {
  a(v.id), a(v.aliases), a(v.upstream), a(v.related), a(v.kind), a(v.summary), a(v.published), a(v.modified), a(v.seen), a(v.references);
  a(v.severities);
}
template <class A>
void fields(A& a, ExploitScore& s) {
  a(s.id), a(s.epss), a(s.percentile), a(s.epss_date), a(s.kev_added), a(s.kev_due), a(s.ransomware), a(s.ssvc_exploitation), a(s.ssvc_automatable);
  a(s.ssvc_impact);
}
template <class A>
void fields(A& a, SupportEnd& e) {
  a(e.family), a(e.release), a(e.package), a(e.ends), a(e.version), a(e.says);
}

template <class A>
void fields(A& a, RepositoryProducts& r) {
  a(r.repository), a(r.products);
}
template <class A>
void fields(A& a, KnownArtifact& k) {
  a(k.sha1), a(k.name), a(k.version);
}
template <class A>
void fields(A& a, StoredThreat& v) {
  a(v.id), a(v.text), a(v.updated);
}

}  // namespace careen
