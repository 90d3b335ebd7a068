#include "facts/coverage.h"

namespace careen {

std::string_view to_text(Question q) {
  switch (q) {
    case Question::content:
      return "content";
    case Question::packages:
      return "packages";
    case Question::threats:
      return "threats";
    case Question::vulnerabilities:
      return "vulnerabilities";
    case Question::integrity:
      return "integrity";
    case Question::reachability:
      return "reachability";
  }
  return "content";
}

std::string_view to_text(CoverageState s) {
  switch (s) {
    case CoverageState::looked:
      return "looked";
    case CoverageState::partly:
      return "partly";
    case CoverageState::not_looked:
      return "not_looked";
    case CoverageState::not_applicable:
      return "not_applicable";
  }
  return "partly";
}

}  // namespace careen
