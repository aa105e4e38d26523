// Characters of texts in which pseudonyms are put and found again.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead::policy {

struct Character {
  char32_t value = 0;
  std::size_t size = 0;  // bytes; 0: the text ends within it
};

// At `at`, which is within the text. A byte that is not UTF-8 is a character of its own.
Character character_at(std::string_view text, std::size_t at);
// Where the character begins in which the byte `at` is.
std::size_t at_character(std::string_view text, std::size_t at);
void append(std::string& out, char32_t character);

// Without case; Ё is Е, all dashes are one, all spaces are one.
char32_t folded(char32_t character);
std::u32string folded(std::string_view text);
std::string folded_text(std::string_view text);  // the same in UTF-8

bool is_letter(char32_t character);
bool is_cyrillic(char32_t character);
bool is_upper(char32_t character);
bool is_word(char32_t character);  // a letter, a digit, or _
char32_t upper(char32_t character);
char32_t lower(char32_t character);
std::string upper(std::string_view text);
std::string lower(std::string_view text);
inline bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

// `gives` in the case in which `seen` is written, where that is not how `written` is: capitals, or small letters alone.
std::string in_case_of(std::string_view seen, std::string_view written, std::string gives);

// Whether every character is one that this room can make another of, or that says nothing: letters of the scripts
// above, digits, ASCII, spaces, dashes, quotes. Others (digits of other scripts, ideographs) would stay as they are.
bool is_plain(std::string_view text);

// Digits, and letters as capitals.
std::string compact(std::string_view text);

}  // namespace fairlead::policy
