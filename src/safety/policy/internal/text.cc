#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

bool is_small_latin(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7);
}

}  // namespace

std::size_t at_character(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && is_continuation(text[at])) --at;
  return at;
}

Character character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return {0xFFFD, 1};
  char32_t value = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if (at + i >= text.size()) return {0xFFFD, 0};
    if (!is_continuation(text[at + i])) return {0xFFFD, 1};
    value = (value << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  }
  return {value, size};
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6U));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12U));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (c >> 18U));
    out += static_cast<char>(0x80U | ((c >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

bool is_cyrillic(char32_t c) {
  return c >= 0x400 && c <= 0x52F;
}

bool is_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) ||
         (c >= 0x370 && c <= 0x3FF) || is_cyrillic(c) || (c >= 0x1E00 && c <= 0x1FFF);
}

bool is_word(char32_t c) {
  return is_letter(c) || is_digit(c) || c == '_';
}

bool is_upper(char32_t c) {
  return (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x410 && c <= 0x42F) ||
         (c >= 0x400 && c <= 0x40F);
}

char32_t lower(char32_t c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x410 && c <= 0x42F)) return c + 0x20;
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  return c;
}

char32_t upper(char32_t c) {
  if (is_small_latin(c) && c != 0xDF && c != 0xFF) return c - 0x20;
  if (c >= 0x430 && c <= 0x44F) return c - 0x20;
  if (c >= 0x450 && c <= 0x45F) return c - 0x50;
  return c;
}

char32_t folded(char32_t c) {
  c = lower(c);
  if (c == 0x451) return 0x435;
  if (c == 0xA0 || c == '\t' || c == '\n' || c == '\r' || c == 0x202F || (c >= 0x2000 && c <= 0x200A)) return ' ';
  if (c >= 0x2010 && c <= 0x2015) return '-';
  return c;
}

std::u32string folded(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    const char32_t c = folded(one.value);
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
    at += one.size == 0 ? 1 : one.size;
  }
  return out;
}

namespace {
template <class Each>
std::string each_character(std::string_view text, Each each) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    append(out, each(one.value));
    at += one.size == 0 ? 1 : one.size;
  }
  return out;
}
}  // namespace

std::string folded_text(std::string_view text) {
  return each_character(text, [](char32_t c) { return folded(c); });
}
std::string upper(std::string_view text) {
  return each_character(text, [](char32_t c) { return upper(c); });
}
std::string lower(std::string_view text) {
  return each_character(text, [](char32_t c) { return lower(c); });
}

namespace {
struct Cases {
  int upper = 0, lower = 0;
};
Cases cases_of(std::string_view text) {
  Cases out;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    if (is_upper(one.value))
      ++out.upper;
    else if (is_letter(one.value))
      ++out.lower;
    at += one.size == 0 ? 1 : one.size;
  }
  return out;
}
}  // namespace

std::string in_case_of(std::string_view seen, std::string_view written, std::string gives) {
  if (seen == written) return gives;
  const Cases now = cases_of(seen), as_made = cases_of(written);
  if (now.upper > 1 && now.lower == 0 && as_made.lower > 0) return upper(gives);
  if (now.lower > 0 && now.upper == 0 && as_made.upper > 0) return lower(gives);
  return gives;
}

bool is_plain(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    const char32_t c = folded(one.value);
    const bool quote = c == 0xAB || c == 0xBB || (c >= 0x2018 && c <= 0x201F) || c == 0x2116;  // «», “”, №
    if (one.size == 0 || (c >= 0x80 && !is_letter(c) && !quote)) return false;
    at += one.size;
  }
  return true;
}

std::string compact(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    if (is_letter(one.value) || is_digit(one.value)) append(out, upper(one.value));
    at += one.size == 0 ? 1 : one.size;
  }
  return out;
}

}  // namespace fairlead::policy
