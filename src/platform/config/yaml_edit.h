// Changes one value in a YAML text and leaves every other byte of it as it is: comments, order, quotes, anchors.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::config {

struct YamlEdit {
  enum class Kind : std::uint8_t { kReplace, kInsert, kRemove } kind;
  std::string pointer;  // RFC 6901; of an insert: the new member, or the index that the new item gets
  boost::json::value value;
};

// `document` counts those that parse_yaml() gives. A replaced scalar keeps its quotes where it can; what is put in is
// written as to_yaml() writes it, or as JSON within `[]` and `{}`. The pointer "" replaces the whole document. The
// caller reads the answer back: a change within what an alias repeats changes every place. Error: cannot_edit.
Result<std::string> edit_yaml(std::string_view text, std::size_t document, const YamlEdit& edit);

}  // namespace fairlead::config
