// Appending to strings.
#pragma once
#include <cstddef>
#include <string>

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

}  // namespace fairlead
