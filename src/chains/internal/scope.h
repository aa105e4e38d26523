// What the expressions of a step see beside what other steps gave.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/expr/value.h"

namespace fairlead::chains::internal {

// `item` and `output` belong to one element or turn, `arguments` to one use of a tool.
struct Scope {
  const boost::json::value* item = nullptr;
  std::int64_t index = 0, turn = 0;
  const boost::json::value* output = nullptr;
  const boost::json::value* arguments = nullptr;
  std::int64_t until = 0;         // by when it has to have ended, besides the run's deadline; 0: it need not
  std::int64_t spent_before = 0;  // by the step, before a retry gave it its `cost` anew
};

struct OfRun {
  const boost::json::value& input;
  const std::string& id;
  std::int64_t created_at;
};

// False: there is no such variable here.
bool variable_of(std::string_view name, const Scope& scope, const OfRun& run, expr::Value& out);

}  // namespace fairlead::chains::internal
