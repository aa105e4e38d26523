#include "prompts/internal/explanation.h"

#include <boost/json/object.hpp>

namespace fairlead::prompts::internal {
namespace {

namespace bj = boost::json;

std::string_view word(Answer::Came came) {
  switch (came) {
    case Answer::Came::kTrue:
      return "true";
    case Answer::Came::kFalse:
      return "false";
    case Answer::Came::kError:
      return "error";
    case Answer::Came::kNotAsked:
      break;
  }
  return "not asked";
}

bj::object part(const expr::Finding& finding, std::string_view source) {
  bj::object out{{"expression", source.substr(finding.offset, finding.size)},
                 {"offset", finding.offset},
                 {"depth", finding.depth},
                 {"true", finding.times_true},
                 {"false", finding.times_false},
                 {"errors", finding.times_failed}};
  if (!finding.message.empty()) out["error"] = finding.message;
  return out;
}

}  // namespace

bj::array to_json(std::span<const Answer> answers) {
  bj::array out;
  for (const Answer& answer : answers) {
    bj::object one{{"variant", answer.name}, {"when", answer.source}, {"came_to", word(answer.came)}};
    if (!answer.error.empty()) one["error"] = answer.error;
    bj::array parts;
    for (const expr::Finding& finding : answer.findings) parts.push_back(part(finding, answer.source));
    one["parts"] = std::move(parts);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace fairlead::prompts::internal
