// A run's input as the journal keeps it: what the chain gets, and on whose account it runs.
#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "chains/internal/course.h"
#include "chains/internal/plan.h"

namespace fairlead::chains::internal {

// {"input", "key_id", "key_name", "session", "user"}; with `fork` {"of", "from"}, if it is one.
std::string kept_input(boost::json::object input, const Account& account, boost::json::object fork = {});
Account account_of(const boost::json::object& kept);
// With the defaults of inputs that the run was not started with: it may have been moved.
boost::json::object input_of(const boost::json::object& kept, const Plan& plan);

}  // namespace fairlead::chains::internal
