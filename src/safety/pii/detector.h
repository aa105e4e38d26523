// A detector: finds what looks like personal data in one text. Several stand side by side in a Scanner.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "safety/pii/span.h"

namespace fairlead::pii {

// What one detector makes of a text that is well-formed UTF-8; offsets are bytes of that text.
struct Finding {
  std::size_t start = 0, end = 0;
  std::string_view entity;  // lives as long as the detector
  double score = 0;
  std::string why;
  bool container = false;  // what lies wholly within it is a part of it: an address of a page, a key
};

// A part of a text that may be another text: a run of base64 or hex, or one with percent signs.
struct EncodedRun {
  std::size_t start = 0, end = 0;
  Form form = Form::kBase64;
};

// Used by any number of threads at a time.
class Detector {
 public:
  virtual ~Detector() = default;
  // Appends to `out`. Takes a time that is linear in the text. Does not throw, takes no lock, reads nothing else.
  virtual void find(std::string_view text, std::vector<Finding>& out) const = 0;
  // No finding is longer, in bytes: what a stream has to hold back for it.
  virtual std::size_t longest() const = 0;
};

}  // namespace fairlead::pii
