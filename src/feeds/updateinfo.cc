// updateinfo.xml, as yum repositories of Amazon Linux and Rocky Linux have it: for each advisory the packages that fix it.
#include <pugixml.hpp>

#include <map>

#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/version.h"

namespace careen {
namespace {

// The release of an advisory of Amazon Linux by its id: ALAS-…, ALAS2-…, ALAS2DOCKER-…, ALAS2023-…
std::string amazon_release(std::string_view id) {
  if (id.starts_with("ALAS2023")) return "2023";
  return id.starts_with("ALAS2") && !id.starts_with("ALAS20") ? "2" : id.starts_with("ALAS-") ? "1" : "";
}

// The extra that an advisory is of: "nginx1" of ALAS2NGINX1-2024-001; "" of the core repository.
std::string amazon_extra(std::string_view id) {
  id.remove_prefix(id.starts_with("ALAS2023") ? 8 : id.starts_with("ALAS2") ? 5 : 4);
  size_t number = id.rfind('-'), year = number == 0 || number == std::string_view::npos ? std::string_view::npos : id.rfind('-', number - 1);
  return year == std::string_view::npos || year > 60 ? "" : lower(id.substr(0, year));
}

std::string rocky_release(const pugi::xml_node& update) {
  std::string_view name = update.child("pkglist").child("collection").child("name").text().get();
  std::string_view version = update.child("release").text().get();
  for (std::string_view text : {name, version})
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] >= '0' && text[i] <= '9') {
        size_t end = text.find_first_not_of("0123456789", i);
        return std::string(text.substr(i, end == std::string_view::npos ? end : end - i));
      }
  return "";
}

}  // namespace

UpdateinfoFile updateinfo_file(std::string_view repomd) {
  pugi::xml_document doc;
  if (!doc.load_buffer(repomd.data(), repomd.size(), pugi::parse_default, pugi::encoding_utf8)) return {};
  for (pugi::xml_node data : doc.child("repomd").children("data"))
    if (std::string_view(data.attribute("type").value()) == "updateinfo") {
      std::string href = data.child("location").attribute("href").value();
      bool sound =
          href.starts_with("repodata/") && href.find("..") == std::string::npos && href.size() < 500 && is_plain(href) && href.find(' ') == std::string::npos;
      if (!sound) return {};
      UpdateinfoFile out{href, {}};
      if (std::string_view(data.child("checksum").attribute("type").value()) == "sha256")
        if (auto d = Digest::parse("sha256:" + lower(std::string(trim(data.child("checksum").text().get()))))) out.digest = *d;
      return out;
    }
  return {};
}

Result<void> read_updateinfo(std::string_view text, FeedSink& sink) {
  pugi::xml_document doc;
  auto parsed = doc.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) return Error{Errc::corrupt, "not XML that careen reads: " + std::string(parsed.description()) + " at byte " + std::to_string(parsed.offset)};
  if (!doc.child("updates")) return Error{Errc::unsupported, "XML that is no updateinfo"};
  for (pugi::xml_node update : doc.child("updates").children("update")) {
    Advisory a;
    a.id = update.child("id").text().get();
    if (a.id.empty() || a.id.size() > kMaxAdvisoryId || !is_plain(a.id)) {
      CAREEN_TRY(sink.refused("updateinfo", "an update without an id"));
      continue;
    }
    bool amazon = a.id.starts_with("ALAS"), rocky = a.id.starts_with("RLSA");
    std::string release = amazon ? amazon_release(a.id) : rocky ? rocky_release(update) : "";
    std::string family = amazon ? "amazon" : "rocky linux";
    if (release.empty()) {
      if (std::string_view(update.attribute("type").value()) == "security")
        CAREEN_TRY(sink.refused("updateinfo", a.id + ": of no distribution that careen knows"));
      continue;
    }
    std::string source = family + "/" + release;
    if (std::string extra = amazon ? amazon_extra(a.id) : ""; !extra.empty()) source += "/" + extra;
    a.summary = short_summary(update.child("title").text().get());
    a.published = date_of(update.child("issued").attribute("date").value());
    a.modified = date_of(update.child("updated").attribute("date").value());
    if (Severity word = severity_word(update.child("severity").text().get()); word != Severity::unknown)
      a.severities.push_back({SeverityRank::distribution, word, "", amazon ? "Amazon" : "Rocky Linux"});
    for (pugi::xml_node r : update.child("references").children("reference")) {
      std::string id = r.attribute("id").value(), href = r.attribute("href").value();
      if (is_cve(id) && a.upstream.size() < 5000) a.upstream.push_back(id);
      if (!is_cve(id) && !href.empty() && href.size() < 500 && a.references.size() < kMaxReferences) a.references.push_back(href);
    }
    // One row for each version of a package, with the architectures that it was built for.
    std::map<std::pair<std::string, std::string>, AffectedPackage> rows;
    for (pugi::xml_node collection : update.child("pkglist").children("collection")) {
      std::string module;
      if (pugi::xml_node m = collection.child("module"); m && std::string_view(m.attribute("name").value()).size() < 100)
        module = std::string(m.attribute("name").value()) + ":" + std::string(m.attribute("stream").value()).substr(0, 100);
      for (pugi::xml_node p : collection.children("package")) {
        std::string name = p.attribute("name").value(), version = std::string(p.attribute("version").value()) + "-" + p.attribute("release").value();
        std::string_view epoch = p.attribute("epoch").value(), arch = p.attribute("arch").value();
        if (!epoch.empty() && epoch != "0") version = std::string(epoch) + ":" + version;
        if (name.empty() || version.size() < 3 || name.size() > kMaxVersion || version.size() > kMaxVersion || arch == "src" ||
            rows.size() >= kMaxRowsOfAdvisory)
          continue;
        auto [it, fresh] = rows.try_emplace({name, version});
        if (fresh) it->second = fixed_before(family, release, name, version);
        it->second.module = module.empty() && version.find(".module") != std::string::npos ? "*" : module;
        if (arch != "noarch" && it->second.architectures.size() < 20 &&
            std::find(it->second.architectures.begin(), it->second.architectures.end(), arch) == it->second.architectures.end())
          it->second.architectures.emplace_back(arch);
      }
    }
    for (auto& [key, row] : rows) a.affected.push_back(std::move(row));
    CAREEN_TRY(sink.advisory(source, a));
  }
  return {};
}

}  // namespace careen
