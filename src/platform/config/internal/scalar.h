// What a plain scalar of YAML 1.2 means (core schema, https://yaml.org/spec/1.2.2/#103-core-schema).
#pragma once
#include <boost/json/value.hpp>
#include <expected>
#include <string>
#include <string_view>

namespace fairlead::config::internal {

// Differs from the core schema in one point: decimal integers with leading zeros are text (postcodes, article numbers).
// The error is a number that JSON cannot hold.
std::expected<boost::json::value, std::string> core_scalar(std::string_view text);

}  // namespace fairlead::config::internal
