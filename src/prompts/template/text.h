// Text as Python sees it: a sequence of code points. Bytes that are not UTF-8 count as one character each and pass
// through.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::prompts::jinja {

// The code point at the start of `text` and its length in bytes; for a byte that starts none, the byte as 0xDC80 + byte
// and 1. `text` is not empty.
struct CodePoint {
  char32_t value;
  std::size_t bytes;
};
CodePoint first_code_point(std::string_view text);
void append_code_point(std::string& out, char32_t value);
bool is_utf8(std::string_view text);

std::size_t code_points(std::string_view text);
// The byte at which the character number `place` starts; the size if there are fewer.
std::size_t byte_of(std::string_view text, std::size_t place);

bool is_space(char32_t value);         // str.isspace
bool is_alphanumeric(char32_t value);  // str.isalnum; beyond ASCII, what is neither punctuation, symbol nor space
bool is_alphabetic(char32_t value);
bool is_printable(char32_t value);
bool is_upper(char32_t value);
bool is_lower(char32_t value);

// str.isupper and str.islower: there are letters with a case, and all of them have this one.
bool has_case(std::string_view text, bool upper);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string capitalized(std::string_view text);  // str.capitalize
std::string titled(std::string_view text);       // str.title
// Appends `value` in upper, title or lower case.
void append_upper(std::string& out, char32_t value);
void append_title(std::string& out, char32_t value);
void append_lower(std::string& out, char32_t value);

enum class Side : std::uint8_t { kBoth, kLeft, kRight };
// Without white space at the ends, or without the characters of `set`.
std::string_view stripped(std::string_view text, Side side = Side::kBoth);
std::string_view stripped(std::string_view text, Side side, std::string_view set);

// In linear time whatever the needle; npos if not found.
std::size_t find(std::string_view text, std::string_view needle, std::size_t from = 0);

// As Python prints a float: the shortest digits that read back the same, exponents from 1e16 and below 1e-4.
std::string float_text(double number);

}  // namespace fairlead::prompts::jinja
