#include "fleet/question.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "digest/digest.h"
#include "formats/package.h"
#include "formats/patterns.h"
#include "formats/purl.h"
#include "knowledge/version.h"

namespace careen {
namespace {

struct Kind {
  std::string_view prefix;
  Indicator by;
};
constexpr std::array<Kind, 17> kKinds{{{"package:", Indicator::package},
                                       {"pkg:", Indicator::package},
                                       {"sha256:", Indicator::sha256},
                                       {"sha1:", Indicator::sha1},
                                       {"md5:", Indicator::md5},
                                       {"soname:", Indicator::soname},
                                       {"needed:", Indicator::needed},
                                       {"symbol:", Indicator::symbol},
                                       {"build-id:", Indicator::build_id},
                                       {"path:", Indicator::path},
                                       {"structure:", Indicator::structure},
                                       {"env:", Indicator::environment},
                                       {"label:", Indicator::label},
                                       {"entrypoint:", Indicator::entrypoint},
                                       {"threat:", Indicator::threat},
                                       {"pattern:", Indicator::pattern},
                                       {"layer:", Indicator::layer}}};

bool is_hex(std::string_view s, size_t size) {
  return s.size() == size && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<void> read_bounds(HuntQuestion& q, std::string_view list) {
  for (std::string_view one : split(list, ',')) {
    one = trim(one);
    HuntQuestion::Bound b;
    for (std::string_view op : {">=", "<=", "!=", ">", "<", "="})
      if (b.op.empty() && one.starts_with(op)) b.op = op;
    b.version = trim(one.substr(b.op.size()));
    if (b.op.empty() || b.version.empty())
      return Error{Errc::usage, escape(q.text) + ": '" + escape(one) + "' is no bound; write as package:liblzma5>=5.6.0,<5.6.2"};
    q.bounds.push_back(std::move(b));
  }
  return {};
}

Result<void> read_package(HuntQuestion& q, std::string_view rest) {
  size_t op = rest.find_first_of("<>=!");
  q.value = trim(rest.substr(0, op));
  if (q.value.empty()) return Error{Errc::usage, escape(q.text) + ": expected the name of a package"};
  return op == std::string_view::npos ? Result<void>{} : read_bounds(q, rest.substr(op));
}

std::optional<PackageType> package_type(std::string_view name) {
  for (PackageType t : kPackageTypes)
    if (to_text(t) == name) return t;
  return std::nullopt;
}

Result<HuntQuestion::Bound> read_constraint(const HuntQuestion& q, std::string_view text) {
  HuntQuestion::Bound b{"=", ""};
  for (std::string_view op : {">=", "<=", "!=", ">", "<", "="})
    if (text.starts_with(op)) {
      b.op = op;
      text.remove_prefix(op.size());
      break;
    }
  b.version = percent_decoded(trim(text));
  if (b.version.empty()) return Error{Errc::usage, escape(q.text) + ": expected a version in each part of the range, as vers:deb/>=5.6.0|<5.6.2"};
  return b;
}

// >=5.6.0|<5.6.2|7.0: constraints in the order of their versions. Two that meet, as here the first, are one interval.
Result<void> read_vers(HuntQuestion& q, PackageType type, std::string_view list) {
  if (trim(list) == "*") return {};
  std::vector<HuntQuestion::Bound> not_equal;
  std::optional<HuntQuestion::Bound> open;  // a lower end whose upper end has not come
  std::string last;
  for (std::string_view one : split(list, '|')) {
    CAREEN_ASSIGN(HuntQuestion::Bound b, read_constraint(q, trim(one)));
    auto order = last.empty() ? std::optional<int>(-1) : compare_versions(type, last, b.version);
    if (!order || *order >= 0)
      return Error{Errc::usage,
                   escape(q.text) + ": the versions of a vers range ascend, each once; '" + escape(b.version) + "' does not follow '" + escape(last) + "'"};
    last = b.version;
    if (b.op == "!=") {
      not_equal.push_back(std::move(b));
    } else if (b.op == "=") {
      if (open) return Error{Errc::usage, escape(q.text) + ": '" + escape(b.version) + "' stands inside a range"};
      q.alternatives.push_back({std::move(b)});
    } else if (b.op[0] == '>') {
      if (open) return Error{Errc::usage, escape(q.text) + ": two lower ends follow each other"};
      open = std::move(b);
    } else if (open) {
      q.alternatives.push_back({std::move(*open), std::move(b)});
      open.reset();
    } else if (q.alternatives.empty()) {
      q.alternatives.push_back({std::move(b)});
    } else {
      return Error{Errc::usage, escape(q.text) + ": an upper end without a lower one"};
    }
  }
  if (open) q.alternatives.push_back({std::move(*open)});
  q.bounds = std::move(not_equal);
  return {};
}

// pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64: type, name and version count.
Result<void> read_purl(HuntQuestion& q, std::string_view rest) {
  size_t mark = rest.find('?');
  std::string_view qualifiers = mark == std::string_view::npos ? std::string_view{} : rest.substr(mark + 1);
  std::string epoch;  // of rpm: the package URL has it beside the version
  for (std::string_view q1 : split(qualifiers.substr(0, qualifiers.find('#')), '&'))
    if (q1.starts_with("epoch=") && rest.starts_with("rpm/")) epoch = percent_decoded(q1.substr(6)) + ":";
  if (epoch == "0:") epoch.clear();
  rest = rest.substr(0, rest.find_first_of("?#"));
  size_t at = std::min(rest.find("@vers:"), rest.rfind('@'));  // a vers range may hold more of these
  std::string_view type = rest.substr(0, rest.find('/')), path = rest.substr(0, at);
  q.type = type;
  q.value = percent_decoded(base_name(path));
  // Languages' names have their namespace in them: @scope/name, group:artifact, github.com/owner/module.
  if (auto t = package_type(type); t && !is_system(*t) && path.size() > type.size() + 1) {
    q.value = percent_decoded(path.substr(type.size() + 1));
    if (size_t slash = q.value.rfind('/'); *t == PackageType::maven && slash != std::string::npos) q.value[slash] = ':';
  }
  if (type.size() == rest.size() || q.value.empty()) return Error{Errc::usage, escape(q.text) + ": expected pkg:TYPE/NAME[@VERSION]"};
  auto known = package_type(type);
  if (!known)
    return Error{Errc::usage, escape(q.text) + ": the inventory has no packages of '" + escape(type) +
                                  "'; it has deb, rpm, apk, alpm, npm, pypi, golang, cargo, maven, gem, composer, nuget and conda"};
  if (at == std::string_view::npos) return {};
  std::string_view version = rest.substr(at + 1);
  if (version.empty()) return Error{Errc::usage, escape(q.text) + ": a version must follow @"};
  if (!version.starts_with("vers:")) {
    if (type == "golang" && version.starts_with('v')) version.remove_prefix(1);
    q.bounds.push_back({"=", epoch + percent_decoded(version)});
    return {};
  }
  std::string_view scheme = version.substr(5, version.find('/') - 5);
  if (scheme != type || scheme.size() + 6 > version.size())
    return Error{Errc::usage, escape(q.text) + ": expected a range of the same type, as pkg:" + escape(type) + "/NAME@vers:" + escape(type) + "/>=V|<V"};
  return read_vers(q, *known, version.substr(scheme.size() + 6));
}

Result<void> check_pattern(const std::string& text, const std::string& rest) {
  PatternSpec unused;
  auto ok = parse_pattern_text(rest, &unused);
  return ok ? Result<void>{} : Error{Errc::usage, escape(text) + ": " + ok.error().what};
}

}  // namespace

Result<HuntQuestion> parse_question(const std::string& text) {
  HuntQuestion q;
  q.text = text;
  if (is_hex(text, 64)) {
    q.by = Indicator::sha256;
    q.value = text;
    return q;
  }
  if (text.starts_with("manifest:")) {
    q.by = Indicator::manifest;
    q.value = text.substr(9);
    if (auto d = Digest::parse(q.value); !d) return Error{Errc::usage, escape(text) + ": expected manifest:sha256:HEX"};
    return q;
  }
  for (const Kind& k : kKinds) {
    if (!text.starts_with(k.prefix)) continue;
    q.by = k.by;
    std::string rest = text.substr(k.prefix.size());
    if (rest.empty()) return Error{Errc::usage, escape(text) + ": nothing follows"};
    if (k.prefix == "pkg:") {
      CAREEN_TRY(read_purl(q, rest));
    } else if (k.by == Indicator::package) {
      CAREEN_TRY(read_package(q, rest));
    } else {
      q.value = rest;
      size_t digits = k.by == Indicator::sha256 ? 64 : k.by == Indicator::sha1 ? 40 : k.by == Indicator::md5 ? 32 : 0;
      if (digits != 0 && !is_hex(rest, digits)) return Error{Errc::usage, escape(text) + ": expected " + std::to_string(digits) + " lower-case hex digits"};
      if (k.by == Indicator::layer && !Digest::parse(rest)) return Error{Errc::usage, escape(text) + ": expected layer:sha256:HEX"};
      while (k.by == Indicator::path && q.value.starts_with('/')) q.value.erase(0, 1);
      if (k.by == Indicator::pattern) CAREEN_TRY(check_pattern(text, rest));
    }
    return q;
  }
  return Error{
      Errc::usage,
      "'" + escape(text) +
          "' is no question; write package:NAME[>=V,<V], pkg:TYPE/NAME[@V], sha256:, sha1: or md5:HEX, path:GLOB, soname:, needed:, symbol:, build-id:, "
          "structure:, env:, label:, entrypoint:, layer:, manifest:, threat: or pattern:HEX"};
}

bool names_record(const HuntQuestion& q) {
  return q.by == Indicator::threat && (q.value.find('/') != std::string::npos || q.value.ends_with(".yaml") || q.value.ends_with(".yml"));
}

Result<std::vector<HuntQuestion>> parse_questions(const std::string& list, const std::string& file) {
  std::vector<HuntQuestion> out;
  std::optional<Error> wrong;
  int line_number = 0;
  each_line(list, [&](std::string_view line) {
    ++line_number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) return true;
    auto q = parse_question(std::string(line));
    if (q)
      out.push_back(std::move(*q));
    else
      wrong = Error{Errc::usage, escape(file) + ":" + std::to_string(line_number) + ": " + q.error().what};
    return !wrong;
  });
  if (wrong) return *wrong;
  return out;
}

}  // namespace careen
