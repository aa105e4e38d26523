#include "safety/pii/internal/encoded.h"

#include <algorithm>

#include "base/digest.h"
#include "platform/json/text.h"
#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kLeastDecoded = 6;

int hex_value(char c) {
  if (is_digit(c)) return digit(c);
  const char letter = upper(c);
  return letter >= 'A' && letter <= 'F' ? letter - 'A' + 10 : -1;
}

bool is_text(std::string_view text) {
  if (text.size() < kLeastDecoded || json::valid_utf8_prefix(text) != text.size()) return false;
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F;
  });
}

}  // namespace

bool decode_hex(std::string_view text, std::string& out) {
  out.clear();
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
  }
  return true;
}

EncodedRun run_around(std::string_view text, std::size_t start, std::size_t end, std::size_t floor) {
  const auto belongs = [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '-' || c == '_';
  };
  while (start > floor && end - start < kLongestRun && belongs(text[start - 1])) --start;
  while (end < text.size() && end - start < kLongestRun && belongs(text[end])) ++end;
  for (int padding = 0; padding < 2 && end < text.size() && text[end] == '='; ++padding) ++end;
  return {start, end, Form::kBase64};
}

EncodedRun percent_run_around(std::string_view text, std::size_t at, std::size_t floor) {
  const auto belongs = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '<' && c != '>'; };
  std::size_t start = at, end = at;
  while (start > floor && at - start < 512 && belongs(text[start - 1])) --start;
  while (start < at && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) ++start;
  while (end < text.size() && end - start < kLongestRun && belongs(text[end])) ++end;
  return {start, end, Form::kPercent};
}

std::optional<Decoded> decode(std::string_view text, const EncodedRun& run) {
  const std::string_view part = text.substr(run.start, run.end - run.start);
  Decoded out;
  out.form = run.form;
  if (run.form == Form::kPercent) {
    bool same = false;
    for (std::size_t i = 0; i < part.size();) {
      const int high = part[i] == '%' && i + 2 < part.size() ? hex_value(part[i + 1]) : -1;
      const int low = high >= 0 ? hex_value(part[i + 2]) : -1;
      if (low >= 0 || part[i] == '+') {
        const std::size_t size = low >= 0 ? 3 : 1;
        out.map.instead_from(out.text.size(), run.start + i, size);
        out.text += low >= 0 ? static_cast<char>(high * 16 + low) : ' ';
        i += size;
        same = false;
        continue;
      }
      if (!same) out.map.same_from(out.text.size(), run.start + i);
      same = true;
      out.text += part[i++];
    }
    return out;
  }
  if (decode_hex(part, out.text) && is_text(out.text)) return out.form = Form::kHex, out;
  if (from_base64(part, out.text) && is_text(out.text)) return out;
  return std::nullopt;
}

}  // namespace fairlead::pii
