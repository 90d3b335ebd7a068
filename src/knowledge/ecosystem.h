// The names of the places that packages come from, as advisories and as images say them.
//
// A *family* is one way to name and order packages ("debian", "alpine", "npm"), a *release* a part of it with advisories of its own
// ("bookworm", "v3.19"; "" where there are none). Names are those of OSV's ecosystems (OSV schema 1.7.5, "Defined ecosystems"), in
// lower case and without what follows the colon.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/version.h"

namespace careen {

struct Ecosystem {
  std::string family, release;
  bool subscription = false;  // Ubuntu Pro: the fixes are not for everybody
};

// "Debian:12" is debian bookworm, "Ubuntu:Pro:18.04:LTS" ubuntu 18.04 for subscribers, "npm" npm. A family that careen does not know is
// taken as it stands, in lower case.
Ecosystem parse_ecosystem(std::string_view osv);

// How versions of the family are ordered; none where careen does not know.
VersionOrder order_of_family(std::string_view family);

// Whether the family's packages are a distribution's, by their order.
bool is_distribution(std::string_view family);

// A package's name as the family takes two for the same: PEP 503 for pypi, lower case for nuget, packagist, hex.
std::string normal_name(std::string_view family, std::string_view name);

// Whether the family's advisories name source packages.
bool names_sources(std::string_view family);

// "12" or "bookworm": the codename; "" when it is no release of Debian.
std::string debian_codename(std::string_view release);

// The family of a distribution by os-release's ID, "" when there are no advisories of it anywhere.
std::string family_of_distribution(std::string_view id);

}  // namespace careen
