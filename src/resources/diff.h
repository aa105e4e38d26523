// What differs between two specs.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::resources {

struct Change {
  std::string path;                            // "messages[0].system"
  std::optional<boost::json::value> from, to;  // absent: added, removed
};

// In the order of the members; the elements that two arrays share at their start and end are not differences.
std::vector<Change> diff(const boost::json::object& from, const boost::json::object& to);

}  // namespace fairlead::resources
