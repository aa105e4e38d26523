// A text as the tagger reads it: words, numbers, and single marks, each with what the features are made of.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fairlead::pii::names {

// What a token looks like. The script and whether a word is short are parts of it.
enum Kind : std::uint8_t { kMark, kNumber, kMixed, kLower, kCapital, kLetter, kUpper, kCamel };
enum Script : std::uint8_t { kNoScript, kAscii, kLatin, kCyrillic, kOtherScript };

struct Token {
  std::uint32_t start = 0, end = 0;  // bytes of the text
  std::uint32_t word = 0;            // of the folded word; a number's is that of its length
  std::uint32_t stem = 0;            // without a Cyrillic ending
  std::uint32_t prefix = 0, suffix2 = 0, suffix3 = 0, suffix4 = 0;
  std::uint8_t shape = 0;              // kind, script and length in one
  std::uint8_t coarse = 0;             // kind and script
  std::uint8_t list = 0;               // which lists of names have it: an index into the model's
  std::uint16_t above = 0, below = 0;  // list and coarse form of the first word of the line before and of the next one
  Kind kind = kMark;
  Script script = kNoScript;
  char32_t mark = 0;  // of kMark
};

// Reads tokens from `at` on into `out` until it is full, the text ends, or an empty line does; gives where it stopped,
// and in `count` how many. `text` is well-formed UTF-8. A run of line breaks is one token of '\n'; other blanks are
// none.
std::size_t read_tokens(std::string_view text, std::size_t at, Token* out, std::size_t most, std::size_t& count);

// The hashes of one word, as read_tokens() makes them.
Token token_of(std::string_view word);

// Capital to small, ё to е; the same for what has no case here (Latin, Greek, Cyrillic).
char32_t folded(char32_t code);
bool is_capital(char32_t code);

}  // namespace fairlead::pii::names
