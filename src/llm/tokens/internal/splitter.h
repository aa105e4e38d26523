// Cuts text as the patterns of cl100k_base and o200k_base do, without a regular expression:
//   cl100k_base  '(?i:s|t|re|ve|m|ll|d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n]* |
//                \s*[\r\n]+ | \s+(?!\S) | \s+
//   o200k_base   P [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]* [\p{Ll}\p{Lm}\p{Lo}\p{M}]+ C |
//                P [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+ [\p{Ll}\p{Lm}\p{Lo}\p{M}]* C |
//                \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n/]* | \s*[\r\n]+ | \s+(?!\S) | \s+
//                where P is [^\r\n\p{L}\p{N}]? and C is ('(?i:s|t|re|ve|m|ll|d))?
#pragma once
#include <cstdint>
#include <string_view>

#include "llm/tokens/internal/tables.h"

namespace fairlead::llm::internal {

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}
  // The next piece; empty at the end. One of the two for the whole of a text.
  std::string_view next_cl100k();
  std::string_view next_o200k();

 private:
  struct Char {
    CharClass is = CharClass::kOther;
    std::uint8_t size = 0;  // bytes; 0: the end
  };
  Char at(std::size_t position) const;
  std::size_t contraction(std::size_t position) const;  // its end, or `position`
  std::size_t long_contraction(std::size_t position) const;
  std::size_t letters(std::size_t position) const;
  std::size_t word(std::size_t position) const;
  std::string_view rest(Char first, bool slashes);  // the alternatives that both have
  std::string_view take(std::size_t end) {
    const std::string_view out = text_.substr(at_, end - at_);
    at_ = end;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace fairlead::llm::internal
