// Texts within a text: base64, hex, percent-encoding.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "safety/pii/detector.h"
#include "safety/pii/internal/normalise.h"

namespace fairlead::pii {

constexpr std::size_t kLongestRun = 64 * 1024;  // what is longer is read as far as this

bool decode_hex(std::string_view text, std::string& out);  // with "0x" in front or not

// The run around [start, end) that may be base64 or hex, or the one around a percent sign, from `floor` on.
EncodedRun run_around(std::string_view text, std::size_t start, std::size_t end, std::size_t floor);
EncodedRun percent_run_around(std::string_view text, std::size_t at, std::size_t floor);

// What the run says, if it is text: well-formed UTF-8 without control characters. The map is made for percent-encoding
// alone.
struct Decoded {
  std::string text;
  Form form;
  PositionMap map;
};
std::optional<Decoded> decode(std::string_view text, const EncodedRun& run);

}  // namespace fairlead::pii
