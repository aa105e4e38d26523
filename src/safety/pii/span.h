// What was found in a text, and where.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::pii {

// The text in which something was found: as it was sent, normalised (compatibility forms, look-alikes, without what
// cannot be seen), or decoded from a part of it.
enum class Form : std::uint8_t { kPlain, kNormalised, kPercent, kBase64, kHex };
std::string_view name_of(Form form);  // "plain", "normalised", "percent", "base64", "hex"

// Offsets are of the text that was sent, whatever the form: what is found in a decoded part covers the encoded part,
// but for percent-encoding, which is mapped character by character.
struct Span {
  std::size_t start = 0, end = 0;                      // bytes, end exclusive
  std::size_t start_character = 0, end_character = 0;  // Unicode characters; a byte that is not UTF-8 is one
  std::string_view entity;                             // "CREDIT_CARD"; lives as long as the scanner
  double score = 0;                                    // 0 to 1
  std::string why;  // what recognised it, never the text: "Luhn checksum, Visa; near `card`"
  Form form = Form::kPlain;
};

}  // namespace fairlead::pii
