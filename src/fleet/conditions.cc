#include "fleet/conditions.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace careen {
namespace {

// Thrown inside this file alone, and turned into an Error at its edge.
struct Mistake {
  int line;
  std::string what;
};

class ConditionReader {
 public:
  Condition mapping(const YAML::Node& n, int depth) {
    if (!n.IsMap() || n.size() == 0) fail(n, "expected all, any or none, each with a list of questions");
    if (depth > kMaxConditionDepth) fail(n, "nested deeper than 32 (kMaxConditionDepth)");
    Condition out;
    for (const auto& entry : n) {
      auto key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      Condition part;
      if (key == "all")
        part.kind = Condition::Kind::all;
      else if (key == "any")
        part.kind = Condition::Kind::any;
      else if (key == "none")
        part.kind = Condition::Kind::none;
      else
        fail(entry.first, "'" + escape(key) + "' is not known; expected all, any or none");
      if (!entry.second.IsSequence() || entry.second.size() == 0) fail(entry.second, key + ": expected a list of questions");
      for (const auto& item : entry.second) part.parts.push_back(this->item(item, depth));
      out.parts.push_back(std::move(part));
    }
    return out;
  }

 private:
  [[noreturn]] static void fail(const YAML::Node& n, std::string what) { throw Mistake{std::max(n.Mark().line + 1, 1), std::move(what)}; }

  Condition item(const YAML::Node& n, int depth) {
    if (++count_ > kMaxConditions) fail(n, "more than 100000 questions (kMaxConditions)");
    if (n.IsMap() && n.size() == 1 && n.begin()->second.IsScalar())  // - package: x, where a space was written after the colon
      return question(n, n.begin()->first.Scalar() + ":" + n.begin()->second.Scalar());
    return n.IsScalar() ? question(n, n.Scalar()) : mapping(n, depth + 1);
  }

  static Condition question(const YAML::Node& n, const std::string& text) {
    auto q = parse_question(text);
    if (!q) fail(n, q.error().what);
    if (names_record(*q)) fail(n, "threat:FILE stands alone; keep the record with careen threat add and ask for its id");
    Condition out;
    out.kind = Condition::Kind::question;
    out.question = std::move(*q);
    return out;
  }

  size_t count_ = 0;
};

void questions_of(const Condition& c, std::vector<HuntQuestion>& out) {
  if (c.kind == Condition::Kind::question) out.push_back(c.question);
  for (const Condition& p : c.parts) questions_of(p, out);
}

using Images = std::set<std::string>;

class Evaluation {
 public:
  explicit Evaluation(const HuntAnswer& answer) {
    for (const HuntMatch& m : answer.matches) by_text_[m.indicator].insert(m.image);
    for (const auto& [what, why] : answer.unjudged) {
      unjudged_.insert(what);
      everything_ |= !what.starts_with("sha256:");  // a row about the inventory itself
    }
  }

  bool holds(const Condition& c, const std::string& image) {
    auto in = [&](const Condition& p) { return holds(p, image); };
    switch (c.kind) {
      case Condition::Kind::question:
        return by_text_[c.question.text].contains(image);
      case Condition::Kind::all:
        return std::all_of(c.parts.begin(), c.parts.end(), in);
      case Condition::Kind::any:
        return std::any_of(c.parts.begin(), c.parts.end(), in);
      case Condition::Kind::none:
        return !everything_ && !unjudged_.contains(image) && std::none_of(c.parts.begin(), c.parts.end(), in);
    }
    return false;
  }

 private:
  std::map<std::string, Images> by_text_;
  Images unjudged_;
  bool everything_ = false;
};

// The texts of the questions whose matches are shown.
void shown(const Condition& c, std::set<std::string>& out) {
  if (c.kind == Condition::Kind::question) out.insert(c.question.text);
  if (c.kind == Condition::Kind::none) return;
  for (const Condition& p : c.parts) shown(p, out);
}

}  // namespace

Result<Condition> parse_conditions(const std::string& yaml, const std::string& file) {
  auto wrong = [&](int line, const std::string& what) { return Error{Errc::usage, escape(file) + ":" + std::to_string(line) + ": " + what}; };
  try {
    Condition c = ConditionReader().mapping(YAML::Load(yaml), 0);
    std::set<std::string> any;
    shown(c, any);
    if (any.empty()) return wrong(1, "none alone matches nothing that could be shown: add all or any");
    return c;
  } catch (const Mistake& m) {
    return wrong(m.line, m.what);
  } catch (const YAML::Exception& e) {
    return wrong(std::max(e.mark.line + 1, 1), "not valid YAML: " + e.msg);
  }
}

std::vector<HuntQuestion> questions_in(const Condition& condition) {
  std::vector<HuntQuestion> questions;
  questions_of(condition, questions);
  std::sort(questions.begin(), questions.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  questions.erase(std::unique(questions.begin(), questions.end(), [](const auto& a, const auto& b) { return a.text == b.text; }), questions.end());
  return questions;
}

HuntAnswer hunt(Inventory& inventory, const Condition& condition) {
  std::vector<HuntQuestion> questions = questions_in(condition);
  HuntAnswer answer = hunt(inventory, questions);
  Evaluation e(answer);
  std::map<std::string, bool> known;
  std::set<std::string> texts;
  shown(condition, texts);
  std::erase_if(answer.matches, [&](const HuntMatch& m) {
    auto [it, fresh] = known.try_emplace(m.image, false);
    if (fresh) it->second = e.holds(condition, m.image);
    return !it->second || !texts.contains(m.indicator);
  });
  return answer;
}

}  // namespace careen
