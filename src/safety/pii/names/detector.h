// Names of people, places and organisations, street addresses, and what goes with them, found by a tagger that this
// repository trains (README.md).
#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"
#include "safety/pii/detector.h"

namespace fairlead::pii::names {

// No finding is longer, in bytes.
constexpr std::size_t kLongestName = 512;

// The detector with the file that is built into the program; the same one each time. Makes nothing and reads nothing
// until it is used: then the parts of the file that are looked at become resident, at most 1.4 MB. Errors: none but
// with a program that was built wrongly.
Result<std::shared_ptr<const Detector>> detector();

// With a file of one's own, which lies at a multiple of 64 bytes and outlives the detector. Errors: invalid_model.
Result<std::shared_ptr<const Detector>> detector_of(std::string_view file);

// The file that is built in.
std::string_view built_in_file();

}  // namespace fairlead::pii::names
