#include "knowledge/ecosystem.h"

#include <array>

#include "base/text.h"
#include "formats/language.h"

namespace careen {
namespace {

struct Family {
  std::string_view name;
  VersionOrder order;
  bool sources;
};

constexpr std::array<Family, 38> kFamilies{{
    {"debian", VersionOrder::deb, true},
    {"ubuntu", VersionOrder::deb, true},
    {"echo", VersionOrder::deb, true},
    {"alpine", VersionOrder::apk, true},
    {"wolfi", VersionOrder::apk, true},
    {"chainguard", VersionOrder::apk, true},
    {"minimos", VersionOrder::apk, true},
    {"alpaquita", VersionOrder::apk, true},
    {"bellsoft hardened containers", VersionOrder::apk, true},
    {"red hat", VersionOrder::rpm, false},
    {"almalinux", VersionOrder::rpm, false},
    {"rocky linux", VersionOrder::rpm, false},
    {"suse", VersionOrder::rpm, false},
    {"opensuse", VersionOrder::rpm, false},
    {"amazon", VersionOrder::rpm, false},
    {"oracle", VersionOrder::rpm, false},
    {"photon os", VersionOrder::rpm, false},
    {"azure linux", VersionOrder::rpm, false},
    {"openeuler", VersionOrder::rpm, false},
    {"mageia", VersionOrder::rpm, false},
    {"npm", VersionOrder::semver, false},
    {"go", VersionOrder::semver, false},
    {"crates.io", VersionOrder::semver, false},
    {"pypi", VersionOrder::pep440, false},
    {"maven", VersionOrder::maven, false},
    {"rubygems", VersionOrder::rubygems, false},
    {"packagist", VersionOrder::composer, false},
    {"nuget", VersionOrder::nuget, false},
    {"hex", VersionOrder::semver, false},
    {"pub", VersionOrder::pub, false},
    {"hackage", VersionOrder::hackage, false},
    {"cran", VersionOrder::cran, false},
    {"conda", VersionOrder::conda, false},
    {"swifturl", VersionOrder::semver, false},
    {"github actions", VersionOrder::semver, false},
    {"bitnami", VersionOrder::semver, false},
    {"opam", VersionOrder::deb, false},
    {"julia", VersionOrder::semver, false},
}};

const Family* find(std::string_view family) {
  for (const Family& f : kFamilies)
    if (f.name == family) return &f;
  return nullptr;
}

struct DebianRelease {
  std::string_view number, codename;
};
constexpr std::array<DebianRelease, 13> kDebian{{{"3.0", "woody"},
                                                 {"3.1", "sarge"},
                                                 {"4", "etch"},
                                                 {"5", "lenny"},
                                                 {"6", "squeeze"},
                                                 {"7", "wheezy"},
                                                 {"8", "jessie"},
                                                 {"9", "stretch"},
                                                 {"10", "buster"},
                                                 {"11", "bullseye"},
                                                 {"12", "bookworm"},
                                                 {"13", "trixie"},
                                                 {"14", "forky"}}};

struct DistributionFamily {
  std::string_view id, family;
};
constexpr std::array<DistributionFamily, 27> kDistributions{{{"debian", "debian"},
                                                             {"ubuntu", "ubuntu"},
                                                             {"alpine", "alpine"},
                                                             {"wolfi", "wolfi"},
                                                             {"chainguard", "chainguard"},
                                                             {"minimos", "minimos"},
                                                             {"alpaquita", "alpaquita"},
                                                             {"rhel", "red hat"},
                                                             {"centos", "red hat"},
                                                             {"almalinux", "almalinux"},
                                                             {"rocky", "rocky linux"},
                                                             {"amzn", "amazon"},
                                                             {"ol", "oracle"},
                                                             {"sles", "suse"},
                                                             {"sled", "suse"},
                                                             {"sles_sap", "suse"},
                                                             {"sle_hpc", "suse"},
                                                             {"sl-micro", "suse"},
                                                             {"opensuse", "opensuse"},
                                                             {"opensuse-leap", "opensuse"},
                                                             {"opensuse-tumbleweed", "opensuse"},
                                                             {"opensuse-microos", "opensuse"},
                                                             {"photon", "photon os"},
                                                             {"azurelinux", "azure linux"},
                                                             {"mariner", "azure linux"},
                                                             {"openeuler", "openeuler"},
                                                             {"mageia", "mageia"}}};

}  // namespace

bool is_distribution(std::string_view family) {
  VersionOrder o = order_of_family(family);
  return o == VersionOrder::deb || o == VersionOrder::apk || o == VersionOrder::rpm;
}

std::string debian_codename(std::string_view release) {
  std::string_view major = release.substr(0, release.find('.'));
  for (const DebianRelease& r : kDebian)
    if (r.codename == release || r.number == release || (r.number == major && release.size() > major.size())) return std::string(r.codename);
  return release == "sid" || release == "unstable" ? "sid" : "";
}

Ecosystem parse_ecosystem(std::string_view osv) {
  Ecosystem e;
  size_t colon = osv.find(':');
  e.family = lower(osv.substr(0, colon));
  std::string_view rest = colon == std::string_view::npos ? std::string_view{} : osv.substr(colon + 1);
  if (e.family == "debian") {
    e.release = debian_codename(rest);
    if (e.release.empty()) e.release = rest;
  } else if (e.family == "ubuntu") {
    while (true) {  // Pro:FIPS-updates:18.04:LTS
      size_t next = rest.find(':');
      std::string_view part = rest.substr(0, next);
      if (part.empty() || (part[0] >= '0' && part[0] <= '9')) {
        e.release = part;
        break;
      }
      e.subscription = true;
      if (next == std::string_view::npos) break;
      rest.remove_prefix(next + 1);
    }
  } else if (e.family == "maven" || e.family == "packagist" || e.family == "npm" || e.family == "pypi" || e.family == "rubygems") {
    // What follows is the repository that the package is from, not a release.
  } else {
    e.release = rest;
  }
  return e;
}

VersionOrder order_of_family(std::string_view family) {
  const Family* f = find(family);
  return f != nullptr ? f->order : VersionOrder::none;
}

bool names_sources(std::string_view family) {
  const Family* f = find(family);
  return f != nullptr && f->sources;
}

std::string normal_name(std::string_view family, std::string_view name) {
  if (family == "pypi") return python_name(name);
  if (family == "nuget" || family == "packagist" || family == "hex") return lower(name);
  return std::string(name);
}

std::string family_of_distribution(std::string_view id) {
  for (const DistributionFamily& d : kDistributions)
    if (d.id == id) return std::string(d.family);
  return "";
}

}  // namespace careen
