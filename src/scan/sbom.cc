#include "base/fd.h"
#include "base/text.h"
#include "formats/language.h"
#include "scan/scan.h"

namespace careen {
namespace {

constexpr uint64_t kMaxSbom = 512ULL << 20;

// "debian-12", "opensuse-leap-15.5": os-release's ID and VERSION_ID.
Distribution distribution_of(const std::string& text) {
  Distribution d;
  size_t dash = text.rfind('-');
  d.id = lower(text.substr(0, dash));
  if (dash != std::string::npos) d.release = text.substr(dash + 1);
  if (d.id == "redhat") d.id = "rhel";
  if (d.id == "amazon") d.id = "amzn";
  if (d.id == "oracle") d.id = "ol";
  d.pretty = text;
  // A release without a number is one to come, or unstable.
  if (!d.release.empty() && (d.release[0] < '0' || d.release[0] > '9') && d.release != "sid" && d.release != "unstable" && d.release != "testing")
    d.codename = d.release;
  return d;
}

}  // namespace

Result<ScanResult> scan_sbom(const std::string& path, const ScanOptions& options) {
  CAREEN_ASSIGN(std::string text, read_file(path, kMaxSbom));
  LanguagePackages sbom = parse_sbom(text);
  if (!sbom.problem.empty()) return Error{Errc::corrupt, "sbom:" + escape(path) + ": " + sbom.problem};
  ScanResult r;
  r.reference = "sbom:" + path;
  r.source = "sbom";
  r.resolved = path;
  r.knowledge = options.threats->sources;
  r.threats_date = options.threats->date;
  r.threats_known = options.threats->threats.size();
  r.distribution = distribution_of(sbom.distribution);

  ImageFacts facts;
  facts.layers = {nullptr};
  facts.distribution = r.distribution;
  // Who tells sources leaves out those that are named as the package is; who tells none may mean anything.
  uint64_t without_source = 0, with_source = 0;
  for (Package& p : sbom.packages) {
    if (p.type == PackageType::deb || p.type == PackageType::apk) ++(p.source.empty() ? without_source : with_source);
    InstalledPackage i;
    i.package = std::move(p);
    i.database = path;
    facts.packages.push_back(std::move(i));
  }
  facts.owners.resize(1);
  r.packages = facts.packages;

  ImageConfig config;
  DetectInput in;
  in.config = &config;
  in.facts = &facts;
  in.threats = options.threats.get();
  in.layers.resize(1);
  Detected detected = detect(in);
  r.findings = std::move(detected.findings);
  r.coverage = std::move(detected.coverage);
  auto row = [&](Question q, CoverageState s, std::string why) { r.coverage.push_back({q, s, "", std::move(why)}); };
  row(Question::content, CoverageState::not_applicable, "a bill of materials holds no content");
  row(Question::integrity, CoverageState::not_applicable, "a bill of materials holds no content");
  row(Question::threats, CoverageState::looked, "by the versions of packages alone");
  row(Question::packages, CoverageState::looked, std::to_string(r.packages.size()) + " packages that the bill of materials lists");
  if (without_source != 0 && with_source == 0)
    row(Question::vulnerabilities, CoverageState::partly,
        std::to_string(without_source) + " packages do not say which source package they are built of, which advisories are about; their own names were taken");
  sort_findings(r.findings);
  std::sort(r.coverage.begin(), r.coverage.end());
  r.judgement = judge(r.findings, r.coverage, std::nullopt);
  return r;
}

}  // namespace careen
