// Canonical's OpenVEX: a document for each CVE with statements about packages by package URL and series. Statements about source packages are
// taken; those about what is built of them repeat them.
#include <map>

#include "base/text.h"
#include "feeds/readers.h"
#include "formats/purl.h"
#include "knowledge/version.h"

namespace careen {
namespace {

struct Series {
  std::string_view codename, release;
};
constexpr std::array<Series, 18> kSeries{{{"trusty", "14.04"},
                                          {"xenial", "16.04"},
                                          {"bionic", "18.04"},
                                          {"focal", "20.04"},
                                          {"groovy", "20.10"},
                                          {"hirsute", "21.04"},
                                          {"impish", "21.10"},
                                          {"jammy", "22.04"},
                                          {"kinetic", "22.10"},
                                          {"lunar", "23.04"},
                                          {"mantic", "23.10"},
                                          {"noble", "24.04"},
                                          {"oracular", "24.10"},
                                          {"plucky", "25.04"},
                                          {"questing", "25.10"},
                                          {"resolute", "26.04"},
                                          {"precise", "12.04"},
                                          {"cosmic", "18.10"}}};

struct Product {
  std::string name, version, release;
  bool subscription = false, usable = false;
};

// pkg:deb/ubuntu/curl@7.81.0-1ubuntu1.24?arch=source&distro=jammy, distro=esm-infra/xenial
Product product_of(std::string_view text) {
  Product p;
  auto purl = parse_purl(text);
  if (!purl || purl->type != "deb" || purl->name_space != "ubuntu") return p;
  p.name = purl->name, p.version = purl->version;
  std::string_view series = purl->qualifiers["distro"];
  if (size_t slash = series.rfind('/'); slash != std::string_view::npos) {
    p.subscription = true;
    series = series.substr(slash + 1);
  }
  for (const Series& s : kSeries)
    if (s.codename == series) p.release = s.release;
  bool source = purl->qualifiers["arch"] == "source";
  p.usable = source && !p.name.empty() && !p.release.empty() && p.name.size() <= kMaxVersion && p.version.size() <= kMaxVersion;
  return p;
}

}  // namespace

Result<void> read_ubuntu_vex(Json document, FeedSink& sink) {
  if (json_text(document, "author").find("Canonical") == std::string_view::npos)
    return Error{Errc::unsupported, "an OpenVEX document that is not Canonical's: give it to a scan with --vex"};
  std::map<std::string, Advisory> by_id;
  uint64_t unread = 0;
  std::string time = date_of(json_text(document, "timestamp"));
  CAREEN_TRY(json_each(document, "statements", [&](Json s) {
    std::string id;
    std::string_view description;
    json_member(s, "vulnerability", [&](Json v) {
      id = json_text(v, "name");
      description = json_text(v, "description");
    });
    if (id.empty() || id.size() > kMaxAdvisoryId || !is_plain(id)) return;
    Advisory& a = by_id[id];
    a.id = id;
    a.modified = time;
    a.summary = short_summary(description);
    a.references = {"https://ubuntu.com/security/" + id};
    std::string_view status = json_text(s, "status");
    (void)static_cast<bool>(json_each(s, "products", [&](Json product) {
      unread += parse_purl(json_text(product, "@id")) ? 0U : 1U;
      Product p = product_of(json_text(product, "@id"));
      if (!p.usable || a.affected.size() >= kMaxRowsOfAdvisory) return;
      AffectedPackage row =
          status == "not_affected" ? not_affected("ubuntu", p.release, p.name) : fixed_before("ubuntu", p.release, p.name, status == "fixed" ? p.version : "");
      if (status == "under_investigation") row.standing = Standing::undetermined;
      if (status == "affected") {
        row.fix_state = FixState::none;
        row.says = std::string(json_text(s, "action_statement").substr(0, 200));
      }
      if (p.subscription) row.fix_state = FixState::subscription;
      a.affected.push_back(std::move(row));
    }));
  }));
  for (const auto& [id, a] : by_id) CAREEN_TRY(sink.advisory("ubuntu-vex", a));
  if (unread != 0)
    return sink.refused("ubuntu-vex", std::to_string(unread) + (unread == 1 ? " product whose package URL is none" : " products whose package URLs are none"));
  return {};
}

}  // namespace careen
