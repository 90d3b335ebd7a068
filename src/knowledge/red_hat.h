// Red Hat's products, as advisories and repositories name them: a CPE without "cpe:/o:redhat:", "rhel_eus:9.2::baseos".
//
// A stream is what decides about a package by itself: the plain release ("enterprise_linux:9"), an extended one ("rhel_eus:9.2"), or a product on
// top of a release ("openshift:4.12::el8"). Parts of one ("::baseos", "::appstream") are the same stream; "::el8" and "::el9" are not. What no fix is planned
// for stands under the product of any minor version ("openshift:4"), and for extended releases under the plain one.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace careen {

std::string red_hat_stream(std::string_view product);
// Of the distribution itself, plain or extended, where other products stand on top of it.
bool is_red_hat_release(std::string_view stream);
bool is_red_hat_extended(std::string_view stream);  // "rhel_eus:9.2", "rhel_els:7"

// How near a row's product is to a stream: it, its product in any minor version, the plain release below, another release of the same major
// version (whose fixes count for what was built for its minor version); or not about it at all.
enum class RedHatLevel : uint8_t { own, product, plain, sibling, none };
RedHatLevel red_hat_level(std::string_view row, std::string_view stream);

// The minor release that a package was built for, by its release's ".el9_2" or ".module+el8.6.0": "9.2"; "" when it does not say.
std::string red_hat_built_for(std::string_view version);
// Whether what was built for a minor release ("9.0") is in the line of another ("9.2"): of the same major one, and no later. Of a release without a
// minor version ("7" of extended life) all of the major one is.
bool red_hat_leads_to(std::string_view built_for, std::string_view release);
// The version of a product: "9.2" of "rhel_eus:9.2::baseos".
std::string_view red_hat_version(std::string_view product);

}  // namespace careen
