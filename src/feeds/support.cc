// Tables of what is no longer supported: debian-security-support's lists, and distro-info-data's releases.
#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/ecosystem.h"

namespace careen {

Result<void> read_security_support(const std::string& name, std::string_view text, FeedSink& sink) {
  bool limited = text.find("support is limited") != std::string_view::npos;
  std::string release;
  if (size_t at = name.rfind(".deb"); at != std::string::npos) release = debian_codename(std::string_view(name).substr(at + 4));
  std::string source = "debian-security-support" + (limited ? "/limited" : release.empty() ? "/ended" : "/" + release);
  Result<void> result;
  each_line(text, [&](std::string_view line) {
    auto w = words(line);
    if (w.empty() || w[0].starts_with('#')) return true;
    SupportEnd e;
    e.family = "debian";
    e.release = release;
    e.package = w[0];
    // The lists' names are regular expressions of one form: "php-horde.*".
    if (e.package.ends_with(".*")) e.package = e.package.substr(0, e.package.size() - 2) + "*";
    size_t says = 1;
    if (!limited && w.size() >= 3) e.version = w[1], e.ends = date_of(w[2]), says = 3;
    if (!limited && e.ends.empty()) {
      result = sink.refused(source, "a line without a date: " + escape(line.substr(0, 100)));
      return static_cast<bool>(result);
    }
    if (w.size() > says) e.says = line.substr(static_cast<size_t>(w[says].data() - line.data())).substr(0, 300);
    result = sink.support(source, e);
    return static_cast<bool>(result);
  });
  return result;
}

Result<void> read_distro_info(const std::string& name, std::string_view text, FeedSink& sink) {
  std::string family = name.find("ubuntu") != std::string::npos ? "ubuntu" : name.find("debian") != std::string::npos ? "debian" : "";
  if (family.empty()) return Error{Errc::unsupported, "a table of releases whose name says neither debian nor ubuntu"};
  std::vector<std::string> columns;
  Result<void> result;
  each_line(text, [&](std::string_view line) {
    if (trim(line).empty()) return true;
    auto part = split(line, ',');
    if (columns.empty()) {
      for (std::string_view p : part) columns.emplace_back(trim(p));
      return true;
    }
    auto get = [&](std::string_view column) {
      for (size_t i = 0; i < columns.size() && i < part.size(); ++i)
        if (columns[i] == column) return std::string(trim(part[i]));
      return std::string();
    };
    SupportEnd e;
    e.family = family;
    e.release = family == "debian" ? get("series") : get("version").substr(0, 5);
    // What everybody gets: the last of the dates without a subscription.
    e.ends = std::max(date_of(get("eol")), family == "debian" ? date_of(get("eol-lts")) : std::string());
    e.says = get("codename");
    if (!e.release.empty() && !e.ends.empty()) result = sink.support("distro-info/" + family, e);
    return static_cast<bool>(result);
  });
  return result;
}

}  // namespace careen
