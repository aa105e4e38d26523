// What stands within a step: the cases of a switch, an agent's call and its tools.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "chains/internal/plan.h"

namespace fairlead::chains::internal {

struct BodySource {
  const boost::json::object* spec;
  std::string pointer;  // into the chain's spec
};

// Those of a step, in the order of StepPlan::bodies; none of a step that does one thing by itself.
std::vector<BodySource> bodies_of(Does does, const boost::json::object& step, const std::string& pointer);

// Of a step with `switch`: only the last case may have no `when`.
void check_cases(const boost::json::object& step, const std::string& pointer, Faults& faults);

// Of a step with `agent`.
std::vector<Tool> read_tools(const boost::json::object& step, const std::string& pointer, Faults& faults);

// Null after a fault.
std::shared_ptr<const json::Schema> compile_schema(const boost::json::value& schema, const std::string& pointer,
                                                   Faults& faults);

}  // namespace fairlead::chains::internal
