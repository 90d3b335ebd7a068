// What was looked at and what was not: a row of every report (ARCHITECTURE.md, "Four ideas").
#pragma once
#include <string>

namespace careen {

enum class Question : uint8_t { content, packages, threats, vulnerabilities, integrity, reachability };
enum class CoverageState : uint8_t { looked, partly, not_looked, not_applicable };

struct Coverage {
  Question question = Question::content;
  CoverageState state = CoverageState::looked;
  std::string what;  // the layer, file or database; as text of the image, escaped when shown
  std::string why;
  auto operator<=>(const Coverage&) const = default;
};

std::string_view to_text(Question q);
std::string_view to_text(CoverageState s);

template <class A>
void fields(A& a, Coverage& c) {
  a(c.question), a(c.state), a(c.what), a(c.why);
}

}  // namespace careen
