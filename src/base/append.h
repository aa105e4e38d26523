// Appending to strings.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead {

// Appends what `write(char* at)` writes, at most `most` bytes; it gives the end of that. Nothing is written there
// before.
template <class Write>
void append_written(std::string& out, std::size_t most, Write write) {
  const std::size_t before = out.size();
  // GCC 12's tells its function of the capacity, not of what was asked for.
  out.resize_and_overwrite(
      before + most, [&](char* text, std::size_t) { return static_cast<std::size_t>(write(text + before) - text); });
}

// Appends them one after another, with one look at the room for all. None may lie in `out`.
template <std::convertible_to<std::string_view>... Pieces>
void append_all(std::string& out, const Pieces&... pieces) {
  const auto write = [&out](const auto&... views) {
    append_written(out, (views.size() + ...), [&](char* at) {
      ((at = std::copy_n(views.data(), views.size(), at)), ...);
      return at;
    });
  };
  write(std::string_view(pieces)...);
}

}  // namespace fairlead
