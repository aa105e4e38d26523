// Regular expressions of JSON Schema (ECMA-262, with the `u` flag) in time linear in the text, by RE2.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace fairlead::json::internal {

// Immutable, thread-safe.
class Pattern {
 public:
  // Error: invalid_pattern, saying what is not supported (look-around and back-references cannot be bounded in time).
  static Result<Pattern> compile(std::string_view ecma);
  bool found_in(std::string_view text) const;  // anywhere in it, as JSON Schema asks

 private:
  std::shared_ptr<const re2::RE2> re2_;
};

}  // namespace fairlead::json::internal
