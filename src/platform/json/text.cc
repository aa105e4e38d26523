#include "platform/json/text.h"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace fairlead::json {
namespace {

namespace bj = boost::json;

constexpr std::array<char, 256> plain_bytes() {
  std::array<char, 256> plain{};
  for (int c = 0x20; c < 0x80; ++c) plain[static_cast<std::size_t>(c)] = 1;
  plain['"'] = plain['\\'] = 0;
  return plain;
}
constexpr auto kPlain = plain_bytes();

// Length of the well-formed UTF-8 sequence (RFC 3629) at `at`, or 0 and the number of bytes that one U+FFFD replaces.
std::size_t sequence(std::string_view text, std::size_t at, std::size_t& wrong) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned lead = byte(0);
  const std::size_t length = lead >= 0xF0 && lead <= 0xF4 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  wrong = 1;
  if (length == 0 || lead > 0xF4) return 0;
  unsigned low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i, low = 0x80, high = 0xBF) {
    if (byte(i) < low || byte(i) > high) return 0;
    wrong = i + 1;
  }
  return length;
}

// The rules of ECMA-262, Number::toString: the fewest digits that read back as the same number.
void append_ecmascript_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";  // what ECMAScript's JSON.stringify does; no parser gives one
    return;
  }
  if (number == 0) {
    out += '0';
    return;
  }
  char buffer[32];
  const auto written = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(written.ptr - buffer));
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const char* from = text.data() + e + 1;
  std::from_chars(*from == '+' ? from + 1 : from, text.data() + text.size(), exponent);
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // n of the standard: digits before the decimal point
  if (count <= point && point <= 21) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out.append(digits, 0, static_cast<std::size_t>(point));
    out += '.';
    out.append(digits, static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out.append(digits, 1);
    }
    out += 'e';
    if (exponent >= 0) out += '+';
    out += std::to_string(exponent);
  }
}

template <class Integer>
void append_canonical_integer(std::string& out, Integer integer) {
  // RFC 8785 knows doubles only. An integer that is none keeps its digits, so that different values have different
  // text.
  const long double as_double = static_cast<double>(integer);
  if (as_double == static_cast<long double>(integer))
    return append_ecmascript_number(out, static_cast<double>(integer));
  out += std::to_string(integer);
}

// Order by UTF-16 code units of two UTF-8 texts. It is the order of the bytes, but for characters beyond U+FFFF (lead
// bytes F0 to F4), which UTF-16 writes with surrogates and so puts before U+E000 to U+FFFF (lead bytes EE and EF).
bool before_in_utf16(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  const auto p = static_cast<unsigned char>(*x), q = static_cast<unsigned char>(*y);
  if (p >= 0xEE && q >= 0xEE && (p >= 0xF0) != (q >= 0xF0)) return p >= 0xF0;
  return p < q;
}

void append_canonical(std::string& out, const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      out += "null";
      return;
    case bj::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case bj::kind::int64:
      return append_canonical_integer(out, value.get_int64());
    case bj::kind::uint64:
      return append_canonical_integer(out, value.get_uint64());
    case bj::kind::double_:
      return append_ecmascript_number(out, value.get_double());
    case bj::kind::string:
      return append_string(out, value.get_string());
    case bj::kind::array: {
      out += '[';
      bool first = true;
      for (const bj::value& item : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        append_canonical(out, item);
      }
      out += ']';
      return;
    }
    case bj::kind::object: {
      std::vector<const bj::key_value_pair*> members;
      for (const bj::key_value_pair& member : value.get_object()) members.push_back(&member);
      std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return before_in_utf16(a->key(), b->key()); });
      out += '{';
      bool first = true;
      for (const bj::key_value_pair* member : members) {
        if (!std::exchange(first, false)) out += ',';
        append_string(out, member->key());
        out += ':';
        append_canonical(out, member->value());
      }
      out += '}';
      return;
    }
  }
}

// `indent`: the level, or below 0 for one line without white space.
void append_text(std::string& out, const bj::value& value, int indent) {
  const auto next_line = [&](int level) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(level) * 2, ' ');
  };
  const int deeper = indent < 0 ? indent : indent + 1;
  if (const bj::array* array = value.if_array(); array && !array->empty()) {
    out += '[';
    bool first = true;
    for (const bj::value& item : *array) {
      if (!std::exchange(first, false)) out += ',';
      next_line(deeper);
      append_text(out, item, deeper);
    }
    next_line(indent);
    out += ']';
  } else if (const bj::object* object = value.if_object(); object && !object->empty()) {
    out += '{';
    bool first = true;
    for (const bj::key_value_pair& member : *object) {
      if (!std::exchange(first, false)) out += ',';
      next_line(deeper);
      append_string(out, member.key());
      out += indent < 0 ? ":" : ": ";
      append_text(out, member.value(), deeper);
    }
    next_line(indent);
    out += '}';
  } else if (const std::int64_t* i = value.if_int64()) {
    out += std::to_string(*i);
  } else if (const std::uint64_t* u = value.if_uint64()) {
    out += std::to_string(*u);
  } else if (const double* d = value.if_double()) {
    const std::size_t start = out.size();
    append_ecmascript_number(out, *d);
    // A double stays one when it is read again.
    if (std::isfinite(*d) && out.find_first_of(".e", start) == std::string::npos) out += ".0";
  } else {
    append_canonical(out, value);
  }
}

}  // namespace

std::string to_text(const bj::value& value) {
  std::string out;
  append_text(out, value, -1);
  return out;
}

std::string to_pretty_text(const bj::value& value) {
  std::string out;
  append_text(out, value, 0);
  return out;
}

std::string canonical(const bj::value& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    std::size_t run = at;
    while (run < text.size() && kPlain[static_cast<unsigned char>(text[run])]) ++run;
    out.append(text, at, run - at);
    if ((at = run) == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80) {
      std::size_t wrong = 0;
      if (const std::size_t length = sequence(text, at, wrong)) {
        out.append(text, at, length);
        at += length;
      } else {
        out += "\xEF\xBF\xBD";
        at += wrong;
      }
      continue;
    }
    ++at;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        constexpr char kHex[] = "0123456789abcdef";
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
  }
  out += '"';
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0, wrong = 0;
  while (at < text.size()) {
    const std::size_t length = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : sequence(text, at, wrong);
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

}  // namespace fairlead::json
