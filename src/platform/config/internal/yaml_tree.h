// Where everything stands in a YAML text.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::config::internal {

struct YamlNode {
  enum class Kind : unsigned char { kScalar, kMap, kList, kAlias } kind = Kind::kScalar;
  std::size_t begin = 0, end = 0;  // bytes; without what follows the last value
  bool flow = false;               // `{}`, `[]`
  char quote = 0;                  // of a scalar: ' or ", | or >, or 0
  std::string text;                // of a scalar
  std::vector<YamlNode> children;  // of a map: key, value, key, value …
};

// The roots of the documents, those with nothing in them left out. Error: cannot_edit.
Result<std::vector<YamlNode>> yaml_trees(std::string_view text);

}  // namespace fairlead::config::internal
