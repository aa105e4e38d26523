// Appending to strings.
#pragma once
#include <cstddef>
#include <string>

namespace fairlead {

// Makes `out` longer by `size` bytes, all of which `write(char* at)` writes: nothing is written there before.
template <class Write>
void append_written(std::string& out, std::size_t size, Write write) {
  const std::size_t before = out.size(), all = before + size;
  // GCC 12's tells its function of the capacity, not of what was asked for.
  out.resize_and_overwrite(all, [&](char* text, std::size_t) {
    write(text + before);
    return all;
  });
}

}  // namespace fairlead
