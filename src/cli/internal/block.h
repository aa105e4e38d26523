// Values as a reader of YAML wants to see them.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace fairlead::cli {

// The lines of a value, indented by two a level: `- user: Where is my card?`. Texts are quoted only where they could be
// taken for something else; one of several lines stands below its name, after `|`.
std::vector<std::string> block(const boost::json::value& value);

}  // namespace fairlead::cli
