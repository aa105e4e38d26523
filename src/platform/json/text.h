// JSON documents: text to boost::json values and back, canonical form, small writers.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::json {

// Strict RFC 8259 (UTF-8 checked, one value, duplicate members refused), at most `max_depth` deep. Error: invalid_json
// with line and column in the message.
Result<boost::json::value> parse(std::string_view text, std::size_t max_depth = 128);

std::string to_text(const boost::json::value& value);
std::string to_pretty_text(const boost::json::value& value);  // two spaces, members in their order

// RFC 8785 (JCS): members sorted by UTF-16 code units, numbers as ECMAScript writes them, no white space. Equal values
// have equal text, so its SHA-256 names the value.
std::string canonical(const boost::json::value& value);

// Appends `text` as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);
std::string quoted(std::string_view text);

// How many bytes from the start are well-formed UTF-8 (RFC 3629): text.size() if all are.
std::size_t valid_utf8_prefix(std::string_view text);
// Code points of well-formed UTF-8.
std::size_t count_characters(std::string_view text);

}  // namespace fairlead::json
