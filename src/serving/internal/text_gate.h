// Lets the text of a generation out in whole characters, and never the beginning of a stop sequence.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::serving {

// Takes the bytes of one token after another. Bytes that may be the start of a stop sequence, or of a UTF-8 character
// that is not whole yet, are held until it is known. Not thread-safe.
class TextGate {
 public:
  // Empty stop sequences are ignored.
  explicit TextGate(std::vector<std::string> stops);

  // Appends to `out` what may go out now. True: a stop sequence is complete; `out` ends before it and nothing may
  // follow.
  bool push(std::string_view bytes, std::string& out);

  // The end of the generation: what is held goes out. A character that never became whole is left out.
  void flush(std::string& out);

  // Bytes that have gone out since the start.
  std::size_t released() const { return released_; }

 private:
  std::size_t held_from() const;
  std::vector<std::string> stops_;
  std::string held_;
  std::size_t released_ = 0;
};

// The length of `text` without an unfinished UTF-8 character at its end.
std::size_t whole_characters(std::string_view text);

}  // namespace fairlead::serving
