// What a step says of itself, but for its expressions, whose types others have a say in.
#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "chains/internal/plan.h"

namespace fairlead::chains::internal {

// Faults are added to `faults`, with pointers below `pointer`.
StepPlan read_step(const boost::json::object& from, const std::string& pointer, Faults& faults);
// What undoes the step of that name.
StepPlan read_undo(const std::string& name, const boost::json::object& from, const std::string& pointer,
                   Faults& faults);
// Of a member that is there; 0 after a fault.
Micros read_duration(const boost::json::object& from, const char* name, const std::string& pointer, Faults& faults);

}  // namespace fairlead::chains::internal
