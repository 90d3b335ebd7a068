// The readers of the single formats. Each takes one document and gives all of it to the sink.
#pragma once
#include <string>
#include <string_view>

#include "digest/digest.h"
#include "feeds/feed.h"
#include "feeds/json.h"

namespace careen {

// OSV schema 1.7.5: one record, or an array of them.
Result<void> read_osv(Json document, FeedSink& sink);

// Debian's security tracker: data/json; data/CVE/list; data/DSA/list and data/DLA/list (`kind` DSA or DLA).
Result<void> read_debian_json(Json document, FeedSink& sink);
Result<void> read_debian_cve_list(std::string_view text, FeedSink& sink);
Result<void> read_debian_advisory_list(std::string_view text, std::string_view kind, FeedSink& sink);
// One CVE of the tracker as annotations.
Result<void> read_debian_annotations(Json document, FeedSink& sink);

// Alpine's secdb, also Wolfi's and Chainguard's security.json; and the YAML that Alpine once had.
Result<void> read_secdb(Json document, FeedSink& sink);
Result<void> read_secdb_yaml(std::string_view text, FeedSink& sink);

Result<void> read_kev(Json document, FeedSink& sink);
Result<void> read_epss(std::string_view text, FeedSink& sink);
// CVE records of version 5 with what CISA adds: severities and SSVC.
Result<void> read_cve5(Json document, FeedSink& sink);

// CSAF 2.0 VEX of Red Hat and SUSE.
Result<void> read_csaf(Json document, FeedSink& sink);
// Red Hat's repository-to-cpe.json: the products of each content set.
Result<void> read_redhat_repositories(Json document, FeedSink& sink);
// OpenVEX of Canonical: statements about Ubuntu's source packages.
Result<void> read_ubuntu_vex(Json document, FeedSink& sink);
// updateinfo.xml of Amazon Linux and Rocky Linux.
Result<void> read_updateinfo(std::string_view text, FeedSink& sink);
// Where the repomd.xml of a yum repository says that its updateinfo is.
struct UpdateinfoFile {
  std::string location;  // relative to the repository; "" when it says nothing that can be
  Digest digest;         // of the file as it is fetched; empty when it says none of SHA-256
};
UpdateinfoFile updateinfo_file(std::string_view repomd);
// OVAL definitions of Oracle Linux.
Result<void> read_oval(std::string_view text, FeedSink& sink);

// debian-security-support's lists, whose names tell the release; distro-info-data's tables (debian.csv, ubuntu.csv).
Result<void> read_security_support(const std::string& name, std::string_view text, FeedSink& sink);
Result<void> read_distro_info(const std::string& name, std::string_view text, FeedSink& sink);

// Which artifacts files are, by their SHA-1: lines of sha1,name,version behind a line that says so.
Result<void> read_artifact_list(const std::string& name, std::string_view text, FeedSink& sink);
// The same as a SQLite file with Trivy's tables (trivy-java-db); and whether a file is one of SQLite.
bool is_sqlite(int fd);
Result<void> read_artifact_database(int fd, FeedSink& sink);

// A record of knowledge/threat.h.
Result<void> read_threat_record(const std::string& name, std::string_view text, FeedSink& sink);

// What readers share.
Severity severity_word(std::string_view word);     // of any vendor: "Important", "MODERATE", "negligible"; unknown for what is none
std::string date_of(std::string_view time);        // the YYYY-MM-DD that a time begins with; "" when it begins with none, or with year 1
std::string short_summary(std::string_view text);  // its first line or sentence, at most kMaxSummary bytes of whole characters
AffectedPackage fixed_before(std::string family, std::string release, std::string name, std::string version);  // "" is no fix
AffectedPackage not_affected(std::string family, std::string release, std::string name);

}  // namespace careen
