// Keeps control tokens that are written out in a text from being taken for the real ones.
#pragma once
#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::serving {

// Puts marks around every control token's text before a chat template places the message, and finds them again in the
// prompt. The marks are two Unicode noncharacters (U+FDD0, U+FDD1), which no text for interchange holds; where a
// message has them, they become U+FFFD. Immutable, thread-safe.
class PlainText {
 public:
  explicit PlainText(std::vector<std::string> control_tokens);

  // The text with marks, as it goes into a message.
  std::string mark(std::string_view text) const;

  // Cuts a prompt into runs: calls `each(run, special)`, where `special` says whether control tokens may be read in it.
  static void split(std::string_view prompt, const std::function<void(std::string_view, bool)>& each);

 private:
  std::size_t match(std::string_view text) const;  // length of the control token that it begins with, or 0
  std::vector<std::string> tokens_;                // the longest first
  std::array<bool, 256> starts_{};
};

}  // namespace fairlead::serving
