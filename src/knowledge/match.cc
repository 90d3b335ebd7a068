#include "knowledge/match.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "knowledge/ecosystem.h"
#include "knowledge/red_hat.h"

namespace careen {

bool is_cve(std::string_view id) {
  if (!id.starts_with("CVE-") || id.size() < 10 || id.size() > 30 || id[8] != '-') return false;
  auto digits = [](std::string_view s) { return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos; };
  return digits(id.substr(4, 4)) && digits(id.substr(9));
}

namespace {

// "before" or "from … on" decided by the order; nullopt when the versions cannot be compared.
std::optional<bool> in_range(const VersionRange& range, std::string_view version, VersionOrder order, std::vector<std::string>* fixes, std::string* why) {
  // introduced "0" is before everything, and needs no comparison.
  auto compare = [&](std::string_view a, const std::string& b) -> std::optional<int> {
    auto c = compare_surely(order, a, b);
    if (!c) *why = escape(a.substr(0, 100)) + " cannot be compared with " + escape(b.substr(0, 100));
    return c;
  };
  std::vector<const VersionEvent*> events;
  bool limited = false, below_limit = false;
  for (const VersionEvent& e : range.events) {
    if (e.kind != EventKind::limit) {
      events.push_back(&e);
      continue;
    }
    limited = true;
    if (e.version == "*") {
      below_limit = true;
      continue;
    }
    auto c = compare(version, e.version);
    if (!c) return std::nullopt;
    below_limit |= *c < 0;
  }
  if (limited && !below_limit) return false;
  auto zero = [](const VersionEvent& e) { return e.kind == EventKind::introduced && e.version == "0"; };
  bool comparable = true;
  std::stable_sort(events.begin(), events.end(), [&](const VersionEvent* a, const VersionEvent* b) {
    if (zero(*a) || zero(*b)) return zero(*a) && !zero(*b);
    auto c = compare_surely(order, a->version, b->version);
    comparable &= c.has_value();
    // What begins with a version begins before it ends with the same.
    return c.value_or(0) != 0 ? *c < 0 : a->kind == EventKind::introduced && b->kind != EventKind::introduced;
  });
  if (!comparable) {
    *why = "the versions of a range cannot be compared with each other";
    return std::nullopt;
  }
  bool vulnerable = false;
  for (const VersionEvent* e : events) {
    if (zero(*e)) {
      vulnerable = true;
      continue;
    }
    auto c = compare(version, e->version);
    if (!c) return std::nullopt;
    if (e->kind == EventKind::introduced && *c >= 0) vulnerable = true;
    if (e->kind == EventKind::fixed && *c >= 0) vulnerable = false;
    if (e->kind == EventKind::last_affected && *c > 0) vulnerable = false;
    if (e->kind == EventKind::fixed && *c < 0 && vulnerable && fixes != nullptr) fixes->push_back(e->version);
  }
  return vulnerable;
}

struct Statement {
  AdvisoryDb::Row row;
  const Advisory* advisory = nullptr;
  RowAnswer answer;
  bool native = true;  // the distribution's own word, or as good
};

class Matcher {
 public:
  Matcher(const AdvisoryDb& db, const PackageQuery& q) : db_(db), q_(q), order_(order_of_family(q.family)), distribution_(is_distribution(q.family)) {}

  PackageMatches run() {
    auto take_if = [&](const std::string& name, bool of_source) {
      db_.each_row(q_.family, name, [&](AdvisoryDb::Row&& row) {
        if (row.package.of_source == of_source) take(std::move(row));
      });
    };
    for (const std::string& name : q_.names) take_if(name, false);
    if (!q_.source.empty()) take_if(q_.source, true);
    group();
    for (const auto& [id, members] : groups_) decide(id, members);
    return std::move(out_);
  }

 private:
  void take(AdvisoryDb::Row&& row) {
    const AffectedPackage& p = row.package;
    if (!release_applies(q_, p.release) || !same_module(p.module) || !same_flavour(p)) return;
    if (!p.architectures.empty() && !q_.architecture.empty() && q_.architecture != "noarch" &&
        std::find(p.architectures.begin(), p.architectures.end(), q_.architecture) == p.architectures.end())
      return;
    auto key = std::make_pair(row.source, row.record);
    auto it = advisories_.find(key);
    if (it == advisories_.end()) {
      auto record = db_.record(*row.source, row.record);
      if (!record) {
        out_.undecided.push_back({row.source->name, "a damaged record of " + row.source->name});
        return;
      }
      it = advisories_.emplace(key, std::move(*record)).first;
    }
    Statement s;
    s.advisory = &it->second;
    s.answer = evaluate_row(p, q_.version, order_);
    s.native = !distribution_ || !row.source->name.starts_with("osv/");
    s.row = std::move(row);
    statements_.push_back(std::move(s));
  }

  // A live patch and a FIPS build have versions of their own, which no plain build has: an advisory speaks of its kind alone.
  bool same_flavour(const AffectedPackage& p) const {
    if (q_.family != "oracle" || p.ranges.empty() || p.ranges[0].events.size() < 2) return true;
    return flavour_of(p.ranges[0].events[1].version) == flavour_of(q_.version);
  }
  static std::string_view flavour_of(std::string_view version) {
    return version.find(".ksplice") != std::string_view::npos                               ? "ksplice"
           : version.ends_with("_fips") || version.find("_fips.") != std::string_view::npos ? "fips"
                                                                                            : "";
  }

  // "*" on either side is a module whose name is not told.
  bool same_module(const std::string& module) const {
    if (module == q_.module) return true;
    return (module == "*" && !q_.module.empty()) || (q_.module == "*" && !module.empty());
  }

  // All names of what an advisory is about.
  static std::vector<std::string> ids_of(const Advisory& a) {
    std::vector<std::string> ids{a.id};
    ids.insert(ids.end(), a.aliases.begin(), a.aliases.end());
    ids.insert(ids.end(), a.upstream.begin(), a.upstream.end());
    // AlmaLinux and Rocky Linux name the vulnerabilities of an update as related.
    std::string_view prefix = std::string_view(a.id).substr(0, 4);
    if (prefix == "ALSA" || prefix == "ALBA" || prefix == "ALEA" || prefix == "RLSA" || prefix == "RXSA")
      ids.insert(ids.end(), a.related.begin(), a.related.end());
    return ids;
  }

  static std::vector<std::string> cves_of(const std::vector<std::string>& ids) {
    std::set<std::string> out;
    for (const std::string& id : ids) {
      if (is_cve(id)) out.insert(id);
      if (size_t at = id.find("-CVE-"); at != std::string::npos) out.insert(id.substr(at + 1));  // UBUNTU-CVE-…, ALPINE-CVE-…
    }
    return {out.begin(), out.end()};
  }

  // The CVE that another advisory of the database gives as the same as this id.
  std::string cve_elsewhere(const std::string& id) {
    std::set<std::string> found;
    db_.each_record(id, [&](const SourceInfo&, Advisory&& a) {
      if (a.id != id) return;
      for (const std::string& cve : cves_of(a.aliases)) found.insert(cve);
    });
    return found.size() == 1 ? *found.begin() : "";
  }

  void group() {
    std::unordered_map<std::string, std::string> known;  // id → the name of its group
    std::vector<size_t> unnamed;
    for (size_t i = 0; i < statements_.size(); ++i) {
      const Advisory& a = *statements_[i].advisory;
      if (a.kind == AdvisoryKind::malware) {
        groups_[a.id].push_back(i);
        continue;
      }
      auto ids = ids_of(a);
      auto cves = cves_of(ids);
      if (cves.empty()) unnamed.push_back(i);
      for (const std::string& cve : cves) groups_[cve].push_back(i);
      if (cves.size() == 1)
        for (const std::string& id : ids) known.emplace(id, cves[0]);
    }
    for (size_t i : unnamed) {
      auto ids = ids_of(*statements_[i].advisory);
      std::string name;
      for (const std::string& id : ids)
        if (auto it = known.find(id); it != known.end()) name = it->second;
      for (const std::string& id : ids)
        if (name.empty()) name = cve_elsewhere(id);
      for (const std::string& id : ids)
        if (name.empty() && id.starts_with("GHSA-")) name = id;
      if (name.empty()) name = ids[0];
      for (const std::string& id : ids) known.emplace(id, name);
      groups_[name].push_back(i);
    }
  }

  // What the statements say for one release; null when none of them is about it.
  struct Decision {
    const Statement* by = nullptr;
    Answer answer = Answer::undecided;
    bool contradicted = false;
    std::string release;
  };

  Decision decide_release(const std::vector<const Statement*>& all, const std::string& release) const {
    Decision d;
    d.release = release;
    std::vector<const Statement*> own, general;
    for (const Statement* s : all) {
      bool is_own = !s->row.package.general && (q_.family != "debian" || s->row.package.release.empty() || s->row.package.release == release);
      if (is_own) own.push_back(s);
      if (s->row.package.general) general.push_back(s);
    }
    auto first = [](const std::vector<const Statement*>& list, auto want) -> const Statement* {
      for (const Statement* s : list)
        if (want(*s)) return s;
      return nullptr;
    };
    auto is = [](Answer a) { return [a](const Statement& s) { return s.answer.answer == a; }; };
    auto set = [&](const Statement* s, Answer a) {
      d.by = s, d.answer = a;
      return d;
    };
    // An advisory whose other entry speaks of another branch does not contradict itself.
    auto claims = [&](const Advisory* a) {
      return first(own, [&](const Statement& s) { return s.advisory == a && s.answer.answer == Answer::affected; }) != nullptr;
    };
    bool says_no = first(own, [&](const Statement& s) {
                     return (s.answer.answer == Answer::fixed || s.answer.answer == Answer::not_affected) && !claims(s.advisory);
                   }) != nullptr;
    // A fix that is not there yet, the highest of them.
    const Statement* needs = nullptr;
    for (const Statement* s : own)
      if (s->answer.answer == Answer::affected && !s->answer.fixed.empty() &&
          (needs == nullptr || compare_versions(order_, s->answer.fixed, needs->answer.fixed).value_or(0) > 0))
        needs = s;
    d.contradicted = needs != nullptr && says_no;
    if (needs != nullptr) return set(needs, Answer::affected);
    if (!distribution_)
      if (const Statement* s = first(own, is(Answer::affected))) {
        d.contradicted = says_no;
        return set(s, Answer::affected);
      }
    for (const auto* list : {&own, &general})
      if (const Statement* s = first(*list, is(Answer::fixed))) return set(s, Answer::fixed);
    for (Answer a : {Answer::not_affected, Answer::undecided, Answer::affected})
      if (const Statement* s = first(own, is(a))) return set(s, a);
    for (Answer a : {Answer::not_affected, Answer::undecided, Answer::affected})
      if (const Statement* s = first(general, is(a))) return set(s, a);
    return d;
  }

  std::vector<Decision> decisions_of(const std::vector<const Statement*>& all) const {
    if (q_.family == "red hat") return decide_products(all);
    std::vector<Decision> out;
    if (q_.family == "debian")
      for (const std::string& release : q_.releases) out.push_back(decide_release(all, release));
    if (out.empty()) out.push_back(decide_release(all, ""));
    return out;
  }

  // What is said of one product, by the rows nearest to it. Fixes that were made for several minor releases stand side by side: that of the one that
  // the package was built for decides, and of a package that does not say it the highest.
  struct ProductDecision {
    Decision decision;
    RedHatLevel level = RedHatLevel::none;
  };
  ProductDecision decide_product(const std::vector<const Statement*>& all, const std::string& stream, const std::string& built_for) const {
    ProductDecision out;
    std::vector<const Statement*> nearest, of_minor;
    // What is said of no release in particular is said of each.
    auto level_of = [&](const Statement* s) { return s->row.package.release.empty() ? RedHatLevel::plain : red_hat_level(s->row.package.release, stream); };
    for (const Statement* s : all) out.level = std::min(out.level, level_of(s));
    if (out.level >= RedHatLevel::sibling) return out;
    std::string highest;
    for (const Statement* s : all) {
      const std::string& release = s->row.package.release;
      if (!release.empty() && level_of(s) != out.level) continue;
      nearest.push_back(s);
      const std::string fix = fix_of(*s);
      if (!built_for.empty() && (red_hat_version(release) == built_for || red_hat_built_for(fix) == built_for)) of_minor.push_back(s);
      if (!fix.empty() && (highest.empty() || compare_versions(order_, fix, highest).value_or(0) > 0)) highest = fix;
    }
    if (of_minor.empty()) std::erase_if(nearest, [&](const Statement* s) { return !fix_of(*s).empty() && fix_of(*s) != highest; });
    out.decision = decide_release(of_minor.empty() ? nearest : of_minor, stream);
    return out;
  }
  // A fix that another release gets is none that this image can install: its own is told, where it has one.
  void tell_own_fix(const std::vector<const Statement*>& all, const std::string& built_for, Decision& d) const {
    auto is_own = [&](const std::string& stream) { return red_hat_level(d.by->row.package.release, stream) <= RedHatLevel::product; };
    if (d.answer != Answer::affected || std::any_of(q_.releases.begin(), q_.releases.end(), is_own)) return;
    for (const std::string& stream : q_.releases)
      if (is_red_hat_release(stream))
        if (Decision own = decide_product(all, stream, built_for).decision; own.by != nullptr && own.answer == Answer::affected) return void(d = own);
  }

  // Builds for one minor release are one line, whichever release they are delivered to: its own fix says most. What is told as the fix is it.
  Decision decide_branch(const std::vector<const Statement*>& all, const std::string& built_for) const {
    std::vector<const Statement*> of_branch;
    for (const Statement* s : all) {
      const std::string fix = is_red_hat_release(s->row.package.release) ? fix_of(*s) : "";
      if (!fix.empty() && (fix == q_.version || (!built_for.empty() && red_hat_built_for(fix) == built_for))) of_branch.push_back(s);
    }
    return of_branch.empty() ? Decision{} : decide_release(of_branch, of_branch[0]->row.package.release);
  }
  // The version that ends a row of the form "before X"; "" for others.
  static std::string fix_of(const Statement& s) {
    const auto& ranges = s.row.package.ranges;
    return ranges.size() != 1 || ranges[0].events.size() != 2 || ranges[0].events[1].kind != EventKind::fixed ? "" : ranges[0].events[1].version;
  }

  // An extended release has fixes of its own, under lower versions than the plain one, for what was built for it. What was built for another
  // release the plain one decides about as well, and an image that has packages of both is told which it is by the package.
  std::vector<Decision> decide_products(const std::vector<const Statement*>& all) const {
    const std::string built_for = red_hat_built_for(q_.version);
    std::vector<Decision> base, out;
    bool ask_plain = false, sure = false;
    if (Decision d = decide_branch(all, built_for); d.by != nullptr) base.push_back(d);
    const bool of_branch = !base.empty();
    if (of_branch) tell_own_fix(all, built_for, base[0]);
    for (const std::string& stream : q_.releases) {
      if (of_branch && is_red_hat_release(stream)) continue;
      ProductDecision d = decide_product(all, stream, built_for);
      if (d.decision.by == nullptr) continue;
      if (!is_red_hat_release(stream)) {
        out.push_back(d.decision);
        continue;
      }
      bool own = is_red_hat_extended(stream) && d.level != RedHatLevel::plain;
      bool is_its = own && red_hat_leads_to(built_for, red_hat_version(stream));
      if (is_its && !sure) base.clear();
      if (!sure || is_its) base.push_back(d.decision);
      sure |= is_its;
      ask_plain |= own;
    }
    if (ask_plain && !sure)
      for (const std::string& stream : q_.releases)
        if (is_red_hat_extended(stream)) {
          std::string plain = red_hat_stream("enterprise_linux:" + std::string(red_hat_version(stream)));
          if (Decision d = decide_product(all, plain, built_for).decision; d.by != nullptr) base.push_back(d);
          break;
        }
    out.insert(out.end(), base.begin(), base.end());
    return out;
  }

  void decide(const std::string& id, const std::vector<size_t>& members) {
    std::vector<const Statement*> native, others;
    for (size_t i : members) (statements_[i].native ? native : others).push_back(&statements_[i]);
    auto chosen = native.empty() ? others : native;
    for_everybody(chosen);
    std::vector<Decision> decisions = decisions_of(chosen);
    bool silent = std::all_of(decisions.begin(), decisions.end(), [](const Decision& d) { return d.by == nullptr; });
    if (silent && !native.empty() && !others.empty()) {  // what the distribution says is about another release of it
      chosen = others;
      for_everybody(chosen);
      decisions = decisions_of(chosen);
    }
    Decision best;
    bool differ = false;
    for (const Decision& d : decisions) {
      if (d.by == nullptr) continue;
      bool better = best.by == nullptr || (d.answer == Answer::affected && best.answer != Answer::affected) ||
                    (d.answer == Answer::undecided && best.answer != Answer::affected && best.answer != Answer::undecided);
      differ |= best.by != nullptr && d.answer != best.answer;
      if (better) best = d;
    }
    if (best.by == nullptr || best.answer == Answer::fixed || best.answer == Answer::not_affected) return;
    if (best.answer == Answer::undecided) {
      out_.undecided.push_back({id, best.by->answer.why + " (" + best.by->row.source->name + ")"});
      return;
    }
    out_.affected.push_back(tell(id, members, best, differ, native.empty() ? nullptr : first_other(others, best)));
  }

  // Where some get fixes that others do not: what is installed and fixes it fixes it, whoever it is for; else the fix for everybody is told,
  // and that for subscribers where there is no other.
  static void for_everybody(std::vector<const Statement*>& list) {
    auto is_subscription = [](const Statement* s) { return s->row.package.fix_state == FixState::subscription; };
    if (std::none_of(list.begin(), list.end(), is_subscription)) return;
    auto affected = [](const Statement* s) { return s->answer.answer == Answer::affected; };
    auto with_fix = [&](const Statement* s) { return affected(s) && !s->answer.fixed.empty(); };
    if (std::any_of(list.begin(), list.end(), [](const Statement* s) { return s->answer.answer == Answer::fixed; }))
      std::erase_if(list, affected);
    else if (std::any_of(list.begin(), list.end(), [&](const Statement* s) { return with_fix(s) && !is_subscription(s); }))
      std::erase_if(list, is_subscription);
    else if (std::any_of(list.begin(), list.end(), with_fix))
      std::erase_if(list, [&](const Statement* s) { return affected(s) && !with_fix(s); });
  }

  static const Statement* first_other(const std::vector<const Statement*>& others, const Decision& best) {
    for (const Statement* s : others)
      if (s->answer.answer == Answer::not_affected && best.answer == Answer::affected) return s;
    return nullptr;
  }

  AdvisoryMatch tell(const std::string& id, const std::vector<size_t>& members, const Decision& d, bool releases_differ, const Statement* objection) {
    const Statement& by = *d.by;
    const AffectedPackage& row = by.row.package;
    AdvisoryMatch m;
    m.id = id;
    m.source = by.row.source->name;
    m.release = row.general || row.release.empty() ? d.release : row.release;
    m.fixed = by.answer.fixed;
    m.fix_state = row.fix_state;
    m.unimportant = row.unimportant;
    m.kind = by.advisory->kind;
    std::set<std::string> names;
    for (size_t i : members) {
      const Advisory& a = *statements_[i].advisory;
      names.insert(a.id);
      // Of an advisory about several vulnerabilities only its own name is another name of this one, and that not exactly.
      auto ids = ids_of(a);
      if (cves_of(ids).size() <= 1) names.insert(ids.begin(), ids.end());
      if (m.summary.empty() || (i == members[0] && !a.summary.empty())) m.summary = a.summary;
      if (m.published.empty()) m.published = a.published;
      if (m.url.empty() && !a.references.empty()) m.url = a.references[0];
    }
    names.erase(id);
    names.erase("");
    m.aliases.assign(names.begin(), names.end());

    std::string why = m.source + ": " + escape(row.name) + " " + escape(q_.version);
    if (!m.fixed.empty())
      why += " is before " + escape(m.fixed);
    else
      why += row.versions.empty() || !row.ranges.empty() ? " is affected, and no fix is known" : " is one of the versions that are affected";
    if (!m.release.empty()) why += row.general ? " (every release; this is " + escape(m.release) + ")" : " (" + escape(m.release) + ")";
    m.says.push_back(std::move(why));
    if (!row.says.empty()) m.says.push_back(m.source + ": " + escape(row.says));
    // The fix of another release is not one that this release can install.
    if (row.general && !m.fixed.empty() && q_.family == "debian" && m.release != "sid") {
      m.says.push_back("that version is in Debian unstable; no fix in " + escape(m.release) + " is known");
      m.fixed.clear();
      if (m.fix_state == FixState::unknown) m.fix_state = FixState::source_only;
    }
    if (m.fixed.empty() && m.fix_state == FixState::unknown) m.fix_state = FixState::none;
    if (releases_differ)
      m.says.push_back((q_.family == "red hat" ? "the products that this package may be of differ: " : "the releases that this image may be of differ: ") +
                       join(q_.releases, ", "));
    if (objection != nullptr) m.says.push_back(objection->row.source->name + " says that it is not affected");
    if (d.contradicted) m.says.push_back("another statement holds this version to be fixed");
    if (row.says.starts_with("fixed first in ")) {
      std::string lowest = row.says.substr(15, row.says.find(',') - 15);
      m.doubtful = compare_versions(order_, q_.version, lowest).value_or(-1) >= 0;
    }
    m.doubtful |= releases_differ || objection != nullptr || d.contradicted;
    rate(m, members);
    m.exploit = db_.score(id);
    return m;
  }

  // Who rates it, the nearest to the package first.
  void rate(AdvisoryMatch& m, const std::vector<size_t>& members) const {
    std::vector<std::pair<int, SeverityClaim>> claims;
    auto add = [&](const std::vector<SeverityClaim>& list, bool about_it) {
      for (const SeverityClaim& c : list) {
        int rank = c.rank == SeverityRank::distribution ? (about_it ? 0 : 6) : c.rank == SeverityRank::database ? (about_it ? 1 : 4) : static_cast<int>(c.rank);
        claims.emplace_back(rank, c);
      }
    };
    for (size_t i : members) {
      add(statements_[i].row.package.severities, true);
      // What an advisory about several vulnerabilities rates is the worst of them.
      add(statements_[i].advisory->severities, cves_of(ids_of(*statements_[i].advisory)).size() <= 1);
    }
    auto rated = [](const SeverityClaim& c) { return c.word != Severity::unknown || !c.vector.empty(); };
    bool near = std::any_of(claims.begin(), claims.end(), [&](const auto& c) { return c.first <= 3 && rated(c.second); });
    bool scored = std::any_of(claims.begin(), claims.end(), [&](const auto& c) { return !c.second.vector.empty(); });
    if (!near || !scored)
      db_.each_record(m.id, [&](const SourceInfo&, Advisory&& a) {
        if (cves_of(ids_of(a)).size() <= 1) add(a.severities, false);
        if (m.summary.empty()) m.summary = a.summary;
      });
    std::stable_sort(claims.begin(), claims.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [rank, c] : claims) {
      if (!rated(c)) continue;
      auto score = cvss_score(c.vector);
      if (m.severity == Severity::unknown) {
        m.severity = c.word != Severity::unknown ? c.word : score ? cvss_severity(score->overall(), score->version) : Severity::unknown;
        m.severity_source = c.source;
      }
      // Of one who gives several the newest version of the standard that is most in use: 3.1, 3.0, 4.0, 2.0.
      auto order = [](CvssVersion v) { return v == CvssVersion::v3_1 ? 0 : v == CvssVersion::v3_0 ? 1 : v == CvssVersion::v4_0 ? 2 : 3; };
      if (score && (!m.score || (c.source == m.severity_source && order(score->version) < order(m.score->version)))) m.score = score, m.vector = c.vector;
    }
    if (m.kind == AdvisoryKind::malware) m.severity = Severity::critical, m.severity_source = "malware";
  }

  const AdvisoryDb& db_;
  const PackageQuery& q_;
  VersionOrder order_;
  bool distribution_;
  std::map<std::pair<const SourceInfo*, uint64_t>, Advisory> advisories_;
  std::vector<Statement> statements_;
  std::map<std::string, std::vector<size_t>> groups_;
  PackageMatches out_;
};

}  // namespace

bool release_applies(const PackageQuery& q, const std::string& release) {
  if (release.empty()) return true;
  for (const std::string& r : q.releases) {
    if (q.family == "red hat") {
      if (red_hat_level(release, r) != RedHatLevel::none) return true;
    } else if (q.family == "suse") {
      if (release.ends_with(r) && (release.starts_with("Linux Enterprise Server ") || release.starts_with("Linux Enterprise Module "))) return true;
    } else if (release == r) {
      return true;
    }
  }
  return false;
}

namespace {

// The lowest of the versions that end a range, and that no other range holds to be affected.
std::string first_that_fixes(const AffectedPackage& row, std::vector<std::string> fixes, VersionOrder order) {
  std::stable_sort(fixes.begin(), fixes.end(), [&](const std::string& a, const std::string& b) { return compare_versions(order, a, b).value_or(0) < 0; });
  for (const std::string& f : fixes) {
    std::string why;
    bool good = std::find(row.versions.begin(), row.versions.end(), f) == row.versions.end() &&
                std::none_of(row.ranges.begin(), row.ranges.end(), [&](const VersionRange& r) { return in_range(r, f, order, nullptr, &why).value_or(true); });
    if (good) return f;
  }
  return "";
}

}  // namespace

RowAnswer evaluate_row(const AffectedPackage& row, std::string_view version, VersionOrder order) {
  RowAnswer out;
  if (row.standing == Standing::not_affected) {
    out.answer = Answer::not_affected;
    return out;
  }
  if (row.standing == Standing::undetermined) {
    out.why = row.says.empty() ? "the source has not decided" : escape(row.says);
    return out;
  }
  if (version.empty()) {
    out.why = "the package tells no version";
    return out;
  }
  bool listed = std::find(row.versions.begin(), row.versions.end(), version) != row.versions.end();
  bool inside = false, open = false;
  std::vector<std::string> fixes;
  for (const VersionRange& range : row.ranges) {
    auto in = in_range(range, version, order, &fixes, &out.why);
    if (!in) open = true;
    inside |= in && *in;
  }
  if (listed || inside) {
    out.fixed = first_that_fixes(row, std::move(fixes), order);
    out.answer = Answer::affected;
    out.why.clear();
    return out;
  }
  // Commits cannot be looked up; where exact versions or ranges stand beside them, those say it too.
  if (!open && row.other_ranges && row.ranges.empty() && row.versions.empty()) {
    out.why = "told in commits alone, or in versions that could not be read";
    return out;
  }
  if (!open) out.answer = Answer::fixed;
  return out;
}

void drop_told_versions(AffectedPackage& row, VersionOrder order) {
  if (row.ranges.empty() || order == VersionOrder::none) return;
  std::erase_if(row.versions, [&](const std::string& v) {
    std::string why;
    return std::any_of(row.ranges.begin(), row.ranges.end(), [&](const VersionRange& r) { return in_range(r, v, order, nullptr, &why).value_or(false); });
  });
}

PackageMatches match_package(const AdvisoryDb& db, const PackageQuery& query) {
  return Matcher(db, query).run();
}

}  // namespace careen
