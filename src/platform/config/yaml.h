// YAML documents as JSON values that know where they stand in their file, and back.
//
// YAML 1.2, core schema, for what people write by hand: a plain `yes`, `no`, `on`, `off` or `0123` is text; keys are
// always text. Refused, with the position: a key that is there twice, tags, `<<` merge keys, keys that are lists or
// mappings, numbers that JSON cannot hold, ill-formed UTF-8, more than 64 levels, and aliases that blow a small file
// up.
#pragma once
#include <boost/json/value.hpp>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::config {

struct Position {
  int line = 1;    // from 1
  int column = 1;  // from 1, in characters
  bool operator==(const Position&) const = default;
};

struct Place {
  Position key;    // of the member's name, of the item's value in a list, of the document at its root
  Position value;  // where the value begins; for block text, its `|` or `>`
};

// A value; as good after the text is gone.
struct Document {
  boost::json::value value;
  std::map<std::string, Place, std::less<>> places;  // by JSON pointer

  // Of what the pointer (RFC 6901) names, or of the nearest that is there above it.
  Place position(std::string_view pointer) const;
};

struct Fault {
  Position position;
  std::string message;
  std::string hint{};  // what to do, or empty
};

// The documents of a file, divided by `---`; documents with nothing in them are left out.
std::expected<std::vector<Document>, Fault> parse_yaml(std::string_view text);

// The same; error: invalid_yaml, "FILE:LINE:COLUMN: message", the hint after it.
Result<std::vector<Document>> load_yaml(std::string_view text, std::string_view file_name);

// Block style; text of several lines as `|` blocks, so that a person can read and edit it. parse_yaml() gives the value
// back. An object gives its members at the left margin.
std::string to_yaml(const boost::json::value& value);

}  // namespace fairlead::config
