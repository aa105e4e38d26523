// Finds any of many known words in a text, as people and models write them: in any case, with other separators.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fairlead::policy {

enum class Written : std::uint8_t {
  kAsWords,   // case and kinds of spaces and dashes do not matter
  kAsNumber,  // neither do separators between its digits and letters
};

// What to look for, and what stands for it.
struct Form {
  std::string seen, gives;
  Written written = Written::kAsWords;
  std::uint32_t entry = 0;  // which of the session's it is of
};

struct Match {
  std::size_t start = 0, end = 0;  // bytes
  const Form* form = nullptr;
};

// Copied where it has to be kept as it is. Found are whole words alone, from left to right, the longest first.
class Matcher {
 public:
  void add(Form form);  // the first that looks the same counts
  bool empty() const { return forms_.empty(); }
  std::size_t size() const { return forms_.size(); }
  const std::vector<Form>& forms() const { return forms_; }

  // Calls `each` for every match in `text`; gives from where on more of the text could change what is found: its size
  // if nothing could, and always if it is `whole`. `before` is the character that stands before the text, 0 if none.
  std::size_t find(std::string_view text, char32_t before, bool whole,
                   const std::function<void(const Match&)>& each) const;
  // The same in a text of which this is a piece: `after_word` is whether a word stands before it, and becomes whether
  // one stands before the place that is given. `is_json`: the text has JSON's escapes, of which each is one character.
  std::size_t find_in_piece(std::string_view text, bool& after_word, bool whole, bool is_json,
                            const std::function<void(const Match&)>& each) const;
  // Whether it holds a form that looks like this one.
  bool has(std::string_view seen) const;

 private:
  enum class Fit : std::uint8_t { kNone, kPartly, kWhole };
  struct Fitted {
    Fit fit = Fit::kNone;
    std::size_t end = 0;
  };
  Fitted fits(std::uint32_t form, std::string_view text, std::size_t at, bool whole) const;

  std::vector<Form> forms_;
  std::vector<std::u32string> folded_;
  std::unordered_map<char32_t, std::vector<std::uint32_t>> by_first_;
  std::unordered_map<std::string, std::uint32_t> known_;
  std::array<bool, 0x80> begins_ascii_{};  // by the character as it is written
};

}  // namespace fairlead::policy
