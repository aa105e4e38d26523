// What a call of a prompt is made from, as commands take it.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::cli {

struct Question {
  std::string file, message, user, session;
  std::vector<std::string> variables, tags;  // NAME=VALUE; over those of the file
};

// The members of a chat request for `model`: `model`, `messages`, `fairlead`. Errors: those of the file, and
// invalid_variable.
Result<boost::json::object> body_of(const Question& question, const std::string& model);

}  // namespace fairlead::cli
