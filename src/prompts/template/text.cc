#include "prompts/template/text.h"

#include <simdjson.h>
#include <string.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "prompts/template/case_tables.h"

namespace fairlead::prompts::jinja {

CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const CodePoint broken{static_cast<char32_t>(0xDC00 + lead), 1};
  const std::size_t bytes = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (bytes == 1 || lead >= 0xF5 || text.size() < bytes) return broken;
  char32_t value = lead & (0x7F >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return broken;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const bool too_long = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  if (too_long || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return broken;
  return {value, bytes};
}

void append_code_point(std::string& out, char32_t value) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value >= 0xDC80 && value <= 0xDCFF) {
    put(value - 0xDC00);  // a broken byte, as it was
  } else if (value < 0x800) {
    put(0xC0 | value >> 6), put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12), put(0x80 | (value >> 6 & 0x3F)), put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18), put(0x80 | (value >> 12 & 0x3F)), put(0x80 | (value >> 6 & 0x3F)),
        put(0x80 | (value & 0x3F));
  }
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::size_t code_points(std::string_view text) {
  // Quick where every byte above ASCII is part of a well-formed sequence: then only lead bytes count.
  if (std::none_of(text.begin(), text.end(), [](char byte) { return byte < 0; })) return text.size();
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(first_code_point(text).bytes);
  return count;
}

std::size_t byte_of(std::string_view text, std::size_t place) {
  std::size_t at = 0;
  for (; place > 0 && at < text.size(); --place) at += first_code_point(text.substr(at)).bytes;
  return at;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  if (is_space(c)) return false;
  return !(c <= 0xA0 || c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) ||
           (c >= 0x205F && c <= 0x206F) || (c >= 0xD800 && c <= 0xF8FF) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFB) || c >= 0xE0000);
}

bool is_alphabetic(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (is_space(c) || !is_printable(c)) return false;
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  if (c == 0xD7 || c == 0xF7) return false;
  return !((c >= 0x0300 && c <= 0x036F) || (c >= 0x2010 && c <= 0x2070) || (c >= 0x2080 && c <= 0x208E) ||
           (c >= 0x20A0 && c <= 0x20FF) || (c >= 0x2190 && c <= 0x2BFF) || (c >= 0x2E00 && c <= 0x2E7F) ||
           (c >= 0x3000 && c <= 0x3004) || (c >= 0x3008 && c <= 0x3030) || (c >= 0xFE00 && c <= 0xFE6F) ||
           (c >= 0xFF00 && c <= 0xFF20) || (c >= 0xFFE0 && c <= 0xFFFF) || (c >= 0x1F000 && c <= 0x1FAFF));
}

bool is_alphanumeric(char32_t c) {
  if (c >= '0' && c <= '9') return true;
  return is_alphabetic(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE) ||
         (c >= 0xFF10 && c <= 0xFF19);
}

static std::int32_t delta_of(std::span<const CaseRange> ranges, char32_t c) {
  for (const CaseRange& range : ranges) {
    if (c < range.first) break;
    if (c <= range.last && (c - range.first) % static_cast<std::uint32_t>(range.stride) == 0) return range.delta;
  }
  return 0;
}

bool is_upper(char32_t c) {
  return c < 0x80 ? c >= 'A' && c <= 'Z' : delta_of(lower_ranges(), c) != 0;
}

static const SpecialCase* special_case(char32_t c) {
  const auto cases = special_cases();
  const auto found =
      std::lower_bound(cases.begin(), cases.end(), c, [](const SpecialCase& a, char32_t b) { return a.from < b; });
  return found != cases.end() && found->from == c ? &*found : nullptr;
}

bool is_lower(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  return (delta_of(upper_ranges(), c) != 0 || special_case(c)) && !is_upper(c);
}

void append_upper(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c));
    return;
  }
  if (const SpecialCase* special = special_case(c)) {
    for (const std::uint32_t part : special->upper) {
      if (part != 0) append_code_point(out, part);
    }
    return;
  }
  append_code_point(out, static_cast<char32_t>(static_cast<std::int32_t>(c) + delta_of(upper_ranges(), c)));
}

void append_lower(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
  } else if (c == 0x130) {
    out += "i\xCC\x87";  // İ, the one character with a longer lower case
  } else {
    append_code_point(out, static_cast<char32_t>(static_cast<std::int32_t>(c) + delta_of(lower_ranges(), c)));
  }
}

void append_title(std::string& out, char32_t c) {
  if (c >= 0x1C4 && c <= 0x1CC) {  // Dž, Lj, Nj have a case of their own
    append_code_point(out, c <= 0x1C6 ? 0x1C5 : c <= 0x1C9 ? 0x1C8 : 0x1CB);
  } else if (const SpecialCase* special = c < 0x80 ? nullptr : special_case(c); special && c < 0x1F00) {
    append_code_point(out, special->upper[0]);
    for (int i = 1; i < 3; ++i) {
      if (special->upper[i] != 0) append_lower(out, special->upper[i]);
    }
  } else {
    append_upper(out, c);
  }
}

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    append_upper(out, c.value);
    text.remove_prefix(c.bytes);
  }
  return out;
}

static bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c);
}

bool has_case(std::string_view text, bool upper) {
  bool any = false;
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    if (upper ? is_lower(c.value) : is_upper(c.value)) return false;
    any = any || is_cased(c.value);
    text.remove_prefix(c.bytes);
  }
  return any;
}

// Σ ends a word as ς.
static void append_lower_after(std::string& out, char32_t previous, char32_t c, std::string_view rest) {
  append_lower(out, c);
  if (c == 0x3A3 && is_cased(previous) && (rest.empty() || !is_cased(first_code_point(rest).value))) {
    out.back() = static_cast<char>(out.back() - 1);  // σ U+03C3 → ς U+03C2
  }
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char32_t previous = ' ';
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    text.remove_prefix(c.bytes);
    append_lower_after(out, previous, c.value, text);
    previous = c.value;
  }
  return out;
}

std::string capitalized(std::string_view text) {
  if (text.empty()) return {};
  const CodePoint c = first_code_point(text);
  std::string out;
  append_title(out, c.value);
  return out + to_lower(text.substr(c.bytes));
}

std::string titled(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char32_t previous = ' ';
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    text.remove_prefix(c.bytes);
    if (is_cased(previous)) {
      append_lower_after(out, previous, c.value, text);
    } else {
      append_title(out, c.value);
    }
    previous = c.value;
  }
  return out;
}

template <class In>
static std::string_view strip_if(std::string_view text, Side side, In in) {
  if (side != Side::kRight) {
    while (!text.empty()) {
      const CodePoint c = first_code_point(text);
      if (!in(c.value)) break;
      text.remove_prefix(c.bytes);
    }
  }
  if (side != Side::kLeft) {
    while (!text.empty()) {
      std::size_t start = text.size() - 1;
      while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) --start;
      CodePoint c = first_code_point(text.substr(start));
      if (c.bytes != text.size() - start) c = first_code_point(text.substr(text.size() - 1));
      if (!in(c.value)) break;
      text.remove_suffix(c.bytes);
    }
  }
  return text;
}

std::string_view stripped(std::string_view text, Side side) {
  return strip_if(text, side, is_space);
}

std::string_view stripped(std::string_view text, Side side, std::string_view set) {
  std::u32string characters;
  for (; !set.empty();) {
    const CodePoint c = first_code_point(set);
    characters.push_back(c.value);
    set.remove_prefix(c.bytes);
  }
  std::sort(characters.begin(), characters.end());
  return strip_if(text, side, [&](char32_t c) { return std::binary_search(characters.begin(), characters.end(), c); });
}

std::size_t find(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : std::string_view::npos;
}

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  std::string_view shortest(buffer, static_cast<std::size_t>(end - buffer));  // "-1.5e+20"
  std::string out;
  if (shortest.front() == '-') out = "-", shortest.remove_prefix(1);
  const std::size_t e = shortest.find('e');
  int exponent = 0;
  std::from_chars(shortest.data() + e + 1 + (shortest[e + 1] == '+'), end, exponent);
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    const std::string power = std::to_string(std::abs(exponent));
    return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (exponent + 1 >= count)
    return out + digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0') + ".0";
  return out + digits.substr(0, static_cast<std::size_t>(exponent + 1)) + "." +
         digits.substr(static_cast<std::size_t>(exponent + 1));
}

}  // namespace fairlead::prompts::jinja
