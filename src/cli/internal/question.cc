#include "cli/internal/question.h"

#include <boost/json/array.hpp>

#include "cli/internal/variables.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

// A value that is JSON is taken as such, but a text needs no quotes.
boost::json::value variable(const std::string& text) {
  if (auto parsed = json::parse(text); parsed && !parsed->is_string()) return std::move(*parsed);
  return boost::json::value(text);
}

Result<boost::json::object> variables_of(const Question& question) {
  boost::json::object out;
  if (!question.file.empty()) {
    FAIRLEAD_TRY(out, read_variables(question.file));
  }
  for (const std::string& one : question.variables) {
    const auto equals = one.find('=');
    if (equals == std::string::npos)
      return fail(ErrorKind::kInvalid, "invalid_variable", "--var " + one + ": write NAME=VALUE.");
    out[one.substr(0, equals)] = variable(one.substr(equals + 1));
  }
  return out;
}

}  // namespace

Result<boost::json::object> body_of(const Question& question, const std::string& model) {
  FAIRLEAD_TRY(boost::json::object variables, variables_of(question));
  boost::json::object own;
  if (!variables.empty()) own["variables"] = std::move(variables);
  if (!question.user.empty()) own["user"] = question.user;
  if (!question.session.empty()) own["session"] = question.session;
  if (!question.tags.empty()) own["tags"] = boost::json::array(question.tags.begin(), question.tags.end());
  boost::json::array messages;
  if (!question.message.empty()) messages.push_back({{"role", "user"}, {"content", question.message}});
  boost::json::object body{{"model", model}, {"messages", std::move(messages)}};
  if (!own.empty()) body["fairlead"] = std::move(own);
  return body;
}

}  // namespace fairlead::cli
