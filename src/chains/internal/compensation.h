// How a bad end is kept while what the run has done is undone.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "platform/journal/definition.h"

namespace fairlead::chains::internal {

// {"state": failed or cancelled, "error": {"class", "code", "message"}, "step", "parts": in the order in which they are
// undone}
boost::json::object settled_end(const journal::Outcome& outcome, boost::json::array parts);
journal::Outcome outcome_of(const boost::json::object& settled);

}  // namespace fairlead::chains::internal
