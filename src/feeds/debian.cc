// Debian's security tracker (doc/security-team.d.o/security_tracker in its repository).
#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/ecosystem.h"

namespace careen {
namespace {

constexpr std::string_view kJson = "debian", kCveList = "debian-cve-list";

// "low", "medium**", "not yet assigned": the stars say that the word was taken over from NVD.
void read_urgency(std::string_view urgency, AffectedPackage& row) {
  while (urgency.ends_with('*')) urgency.remove_suffix(1);
  if (urgency == "unimportant") {
    row.unimportant = true;
  } else if (urgency == "end-of-life") {
    row.fix_state = FixState::end_of_life;
  } else if (Severity word = severity_word(urgency); word != Severity::unknown) {
    row.severities.push_back({SeverityRank::distribution, word, "", "Debian"});
  }
}

AffectedPackage json_row(std::string_view name, std::string_view release, Json r) {
  std::string_view status = json_text(r, "status"), fixed = json_text(r, "fixed_version");
  AffectedPackage row;
  if (status == "resolved" && fixed == "0")
    row = not_affected("debian", std::string(release), std::string(name));
  else
    row = fixed_before("debian", std::string(release), std::string(name), status == "resolved" ? std::string(fixed) : "");
  if (status == "undetermined") row.standing = Standing::undetermined;
  if (status == "open") row.fix_state = FixState::none;
  if (json_has(r, "nodsa")) {
    std::string_view reason = json_text(r, "nodsa_reason");
    row.fix_state = reason == "ignored" ? FixState::will_not_fix : reason == "postponed" ? FixState::postponed : FixState::no_advisory;
    row.says = std::string(reason.empty() ? "no-dsa" : reason) + " (" + std::string(json_text(r, "nodsa").substr(0, 200)) + ")";
  }
  read_urgency(json_text(r, "urgency"), row);
  return row;
}

// One line of the lists: "[bookworm] - xz-utils <not-affected> (Vulnerable code not present)". nullopt when it says nothing about a package.
std::optional<AffectedPackage> list_row(std::string_view line) {
  AffectedPackage row;
  line = trim(line);
  std::string release;
  if (line.starts_with('[')) {
    size_t end = line.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    release = line.substr(1, end - 1);
    if (release.size() > 100) return std::nullopt;
    line = trim(line.substr(end + 1));
  }
  if (!line.starts_with("- ")) return std::nullopt;
  line.remove_prefix(2);
  std::string_view notes;
  if (size_t open = line.find(" ("); open != std::string_view::npos) {
    notes = line.substr(open + 2);
    if (size_t close = notes.rfind(')'); close != std::string_view::npos) notes = notes.substr(0, close);
    line = line.substr(0, open);
  }
  auto w = words(line);
  if (w.empty() || w.size() > 2 || w[0].size() > kMaxVersion) return std::nullopt;
  std::string name(w[0]);
  std::string_view version = w.size() > 1 ? w[1] : "<unfixed>";
  if (version.size() > kMaxVersion || version == "<itp>") return std::nullopt;
  if (version == "<not-affected>" || version == "0") {
    row = not_affected("debian", release, name);
  } else if (!version.starts_with('<')) {
    row = fixed_before("debian", release, name, std::string(version));
  } else {
    row = fixed_before("debian", release, name, "");
    row.fix_state = version == "<end-of-life>" ? FixState::end_of_life
                    : version == "<ignored>"   ? FixState::will_not_fix
                    : version == "<postponed>" ? FixState::postponed
                    : version == "<no-dsa>"    ? FixState::no_advisory
                                               : FixState::none;
    if (version == "<undetermined>") row.standing = Standing::undetermined;
    if (version != "<unfixed>")
      row.says = std::string(version.substr(1, version.size() - 2)) + (notes.empty() ? "" : " (" + std::string(notes.substr(0, 200)) + ")");
  }
  row.general = release.empty();
  for (std::string_view note : split(notes, ';')) read_urgency(trim(note), row);
  return row;
}

bool is_header(std::string_view line) {
  return !line.empty() && line[0] != '\t' && line[0] != ' ';
}

}  // namespace

Result<void> read_debian_json(Json document, FeedSink& sink) {
  return json_members(document, [&](std::string_view package, Json cves) -> Result<void> {
    if (package.empty() || package.size() > kMaxVersion || !json_is_object(cves))
      return sink.refused(std::string(kJson), "package " + escape(package.substr(0, 100)) + ": not as the tracker writes it");
    return json_members(cves, [&](std::string_view id, Json cve) -> Result<void> {
      Advisory a;
      a.id = id;
      if (id.empty() || id.size() > kMaxAdvisoryId || !is_plain(id) || !json_is_object(cve))
        return sink.refused(std::string(kJson), escape(package) + ": " + escape(id.substr(0, 100)) + ": not as the tracker writes it");
      a.summary = short_summary(json_text(cve, "description"));
      a.references.push_back("https://security-tracker.debian.org/tracker/" + a.id);
      json_member(cve, "releases", [&](Json releases) {
        (void)static_cast<bool>(json_members(releases, [&](std::string_view release, Json r) {
          if (release.size() < 100 && json_is_object(r) && json_text(r, "fixed_version").size() <= kMaxVersion)
            a.affected.push_back(json_row(package, release, r));
        }));
      });
      if (a.affected.empty()) return sink.refused(std::string(kJson), escape(package) + ": " + a.id + ": no release");
      return sink.advisory(std::string(kJson), a);
    });
  });
}

namespace {

Result<void> put_cve(Advisory& a, bool rejected, FeedSink& sink) {
  if (a.id.empty()) return {};
  Result<void> r;
  if (rejected)
    r = sink.withdrawn(std::string(kCveList));
  else if (!a.affected.empty())
    r = sink.advisory(std::string(kCveList), a);
  a = {};
  return r;
}

}  // namespace

Result<void> read_debian_cve_list(std::string_view text, FeedSink& sink) {
  Advisory a;
  bool rejected = false;
  Result<void> result;
  each_line(text, [&](std::string_view line) {
    if (is_header(line)) {
      result = put_cve(a, rejected, sink);
      rejected = false;
      std::string_view id = line.substr(0, line.find(' '));
      if (id.size() <= kMaxAdvisoryId && is_plain(id)) a.id = id;
      if (size_t open = line.find('('); open != std::string_view::npos) {
        std::string_view says = line.substr(open + 1);
        if (says.ends_with(')')) says.remove_suffix(1);
        a.summary = short_summary(says);
      }
      a.references = {"https://security-tracker.debian.org/tracker/" + a.id};
    } else if (trim(line) == "REJECTED") {
      rejected = true;
    } else if (auto row = list_row(line); row && a.affected.size() < kMaxRowsOfAdvisory) {
      a.affected.push_back(std::move(*row));
    }
    return static_cast<bool>(result);
  });
  CAREEN_TRY(result);
  return put_cve(a, rejected, sink);
}

Result<void> read_debian_advisory_list(std::string_view text, std::string_view kind, FeedSink& sink) {
  std::string source = "debian-" + lower(kind) + "-list";
  Advisory a;
  Result<void> result;
  auto put = [&] {
    // A correction of an earlier update that names no vulnerability tells of none.
    bool nothing = a.upstream.empty() && a.summary.find("regression") != std::string::npos;
    if (result && !a.id.empty() && !a.affected.empty() && !nothing) result = sink.advisory(source, a);
    a = {};
  };
  each_line(text, [&](std::string_view line) {
    if (is_header(line)) {
      put();
      size_t close = line.find("] ");
      auto w = words(close == std::string_view::npos ? line : line.substr(close + 2));
      if (w.empty() || w[0].size() > kMaxAdvisoryId || !is_plain(w[0])) return static_cast<bool>(result);
      a.id = w[0];
      a.summary = short_summary(line.substr(static_cast<size_t>(w[0].data() - line.data()) + w[0].size()));
      a.references = {"https://security-tracker.debian.org/tracker/" + a.id};
      auto day = words(line.starts_with('[') && close != std::string_view::npos ? line.substr(1, close - 1) : std::string_view{});
      static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
      if (size_t month = day.size() == 3 ? kMonths.find(day[1].substr(0, 3)) : std::string_view::npos; month != std::string_view::npos && day[0].size() <= 2) {
        std::string m = std::to_string(month / 3 + 1);
        a.published = a.modified = std::string(day[2]) + "-" + (m.size() < 2 ? "0" : "") + m + "-" + (day[0].size() < 2 ? "0" : "") + std::string(day[0]);
      }
    } else if (std::string_view t = trim(line); t.starts_with('{')) {
      for (std::string_view id : words(t.substr(1, t.find('}') - 1)))
        if (id.size() <= kMaxAdvisoryId && is_plain(id) && a.upstream.size() < 5000) a.upstream.emplace_back(id);
    } else if (auto row = list_row(line); row && a.affected.size() < kMaxRowsOfAdvisory) {
      row->general = false;
      if (!row->release.empty()) a.affected.push_back(std::move(*row));
    }
    return static_cast<bool>(result);
  });
  put();
  return result;
}

Result<void> read_debian_annotations(Json document, FeedSink& sink) {
  std::string text;
  json_member(document, "Header", [&](Json h) { text = std::string(json_text(h, "ID")) + " \n"; });
  CAREEN_TRY(json_each(document, "Annotations", [&](Json a) {
    std::string_view line = json_text(a, "Original");
    if (line.find('\n') == std::string_view::npos) text += "\t" + std::string(line) + "\n";
  }));
  return read_debian_cve_list(text, sink);
}

}  // namespace careen
