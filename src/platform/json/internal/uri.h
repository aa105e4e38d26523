// References between schemas: RFC 3986 resolution, JSON pointers in fragments.
#pragma once
#include <string>
#include <string_view>

namespace fairlead::json::internal {

// `reference` against `base` (RFC 3986 §5.2). A base without a scheme resolves too, by its path.
std::string resolve_uri(std::string_view base, std::string_view reference);

struct SplitUri {
  std::string_view document;  // all before '#'
  std::string_view fragment;  // after it, as written
};
SplitUri split_fragment(std::string_view uri);

std::string percent_decoded(std::string_view text);

// One token of a JSON pointer (RFC 6901): "~1" is '/', "~0" is '~'.
std::string pointer_escaped(std::string_view token);
std::string pointer_unescaped(std::string_view token);

}  // namespace fairlead::json::internal
