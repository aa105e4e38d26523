// What a team finds besides: its own numbers, its own words.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "safety/pii/detector.h"

namespace fairlead::pii {

enum class Checksum : std::uint8_t { kNone, kLuhn, kMod97 };

struct CustomEntity {
  std::string name;                     // "CONTRACT": capitals, digits, underscores
  std::vector<std::string> patterns;    // regular expressions of Vectorscan; \w, \d and \b are of ASCII
  std::vector<std::string> words;       // as they are, in any case, whole
  Checksum checksum = Checksum::kNone;  // over the digits (mod 97, ISO 7064: and letters) of what a pattern matched
  std::vector<std::string> context;     // words that raise the score when near
  double score = 0.6;                   // without one of them
  double score_near = 0.9;              // with one
};

// Finds them. Errors: invalid_value, invalid_pattern; `param` is "custom[0].patterns[1]".
Result<std::unique_ptr<const Detector>> make_custom_detector(const std::vector<CustomEntity>& entities);

// The longest text that a custom pattern may match, in bytes, and the longest pattern.
constexpr unsigned kLongestMatch = 1'000, kLongestPattern = 1'000;

}  // namespace fairlead::pii
