#include "llm/tokens/internal/splitter.h"

#include <algorithm>

#include "llm/tokens/internal/embedded.h"

namespace fairlead::llm::internal {
namespace {

constexpr bool is_letter(CharClass c) {
  return c == CharClass::kUpper || c == CharClass::kLower || c == CharClass::kOtherLetter;
}
constexpr bool is_space(CharClass c) {
  return c == CharClass::kSpace || c == CharClass::kNewline;
}
// [^\s\p{L}\p{N}]
constexpr bool is_sign(CharClass c) {
  return c == CharClass::kOther || c == CharClass::kMark;
}
// [\p{Lm}\p{Lo}\p{M}]: of both cases
constexpr bool is_caseless(CharClass c) {
  return c == CharClass::kOtherLetter || c == CharClass::kMark;
}
constexpr bool opens_word(CharClass c) {  // [^\r\n\p{L}\p{N}]
  return c != CharClass::kNewline && c != CharClass::kNumber && !is_letter(c);
}

}  // namespace

Splitter::Char Splitter::at(std::size_t position) const {
  if (position >= text_.size()) return {};
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(text_[i]); };
  const std::uint32_t first = byte(position);
  const auto* const classes = reinterpret_cast<const CharClass*>(fairlead_unicode_classes + kClassBlocks);
  if (first < 0x80) return {classes[first], 1};  // the first pattern is the first block's
  const std::uint32_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || position + size > text_.size()) return {CharClass::kOther, 1};
  std::uint32_t code = first & (0xFFU >> (size + 1));
  for (std::uint32_t i = 1; i < size; ++i) {
    if ((byte(position + i) & 0xC0U) != 0x80) return {CharClass::kOther, 1};
    code = code << 6 | (byte(position + i) & 0x3FU);
  }
  if (code >= kCodePoints) return {CharClass::kOther, 1};
  const auto block = static_cast<unsigned char>(fairlead_unicode_classes[code / kClassBlock]);
  return {classes[block * kClassBlock + code % kClassBlock], static_cast<std::uint8_t>(size)};
}

std::size_t Splitter::contraction(std::size_t position) const {
  const auto letter = [this](std::size_t i) { return i < text_.size() ? text_[i] | 0x20 : 0; };
  if (position >= text_.size() || text_[position] != '\'') return position;
  const int a = letter(position + 1), b = letter(position + 2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return position + 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return position + 3;
  return position;
}

std::size_t Splitter::letters(std::size_t position) const {
  for (;;) {
    const Char c = at(position);
    if (c.size == 0 || !is_letter(c.is)) return position;
    position += c.size;
  }
}

// [upper or caseless]* [lower or caseless]+, or, where there is no end to that, [upper or caseless]+. A regular
// expression gives back what its first part took until its second part has something: the last caseless one, where no
// lower one follows. `position` if there is nothing.
std::size_t Splitter::word(std::size_t position) const {
  std::size_t end = position, after_caseless = position;
  Char c = at(end);
  for (; c.size > 0 && (c.is == CharClass::kUpper || is_caseless(c.is)); c = at(end)) {
    end += c.size;
    if (is_caseless(c.is)) after_caseless = end;
  }
  if (c.size > 0 && c.is == CharClass::kLower) {
    for (; c.size > 0 && (c.is == CharClass::kLower || is_caseless(c.is)); c = at(end)) end += c.size;
    return end;
  }
  return after_caseless > position ? after_caseless : end;
}

// In o200k_base, "s" is U+017F too, of which it is the capital's other small letter.
std::size_t Splitter::long_contraction(std::size_t position) const {
  const std::size_t end = contraction(position);
  return end == position && text_.substr(std::min(position, text_.size()), 3) == "'\u017F" ? position + 3 : end;
}

std::string_view Splitter::next_cl100k() {
  const Char first = at(at_);
  if (first.size == 0) return {};
  if (const std::size_t end = contraction(at_); end > at_) return take(end);
  if (is_letter(first.is)) return take(letters(at_ + first.size));
  if (opens_word(first.is)) {
    const std::size_t begin = at_ + first.size;
    if (const std::size_t end = letters(begin); end > begin) return take(end);
  }
  return rest(first, false);
}

std::string_view Splitter::next_o200k() {
  const Char first = at(at_);
  if (first.size == 0) return {};
  // Each alternative is tried with what may open a word before it is without.
  const std::size_t begin = at_ + first.size;
  if (opens_word(first.is)) {
    const Char second = at(begin);
    if (second.size > 0 && (is_letter(second.is) || second.is == CharClass::kMark)) {
      // A word of capitals alone is the second alternative: behind the first one without what opens it, which has
      // something only if that is a mark.
      std::size_t end = word(begin);
      if (first.is == CharClass::kMark) {
        const bool capitals = [&] {
          for (std::size_t i = begin; i < end;) {
            const Char c = at(i);
            if (c.is != CharClass::kUpper) return false;
            i += c.size;
          }
          return true;
        }();
        if (capitals) end = word(at_);
      }
      return take(long_contraction(end));
    }
  }
  if (is_letter(first.is) || first.is == CharClass::kMark) return take(long_contraction(word(at_)));
  return rest(first, true);
}

std::string_view Splitter::rest(Char first, bool slashes) {
  if (first.is == CharClass::kNumber) {
    std::size_t end = at_ + first.size;
    for (int i = 1; i < 3; ++i) {
      const Char c = at(end);
      if (c.size == 0 || c.is != CharClass::kNumber) break;
      end += c.size;
    }
    return take(end);
  }
  std::size_t end = at_;
  if (text_[end] == ' ') ++end;
  Char c = at(end);
  if (c.size > 0 && is_sign(c.is)) {
    for (; c.size > 0 && is_sign(c.is); c = at(end)) end += c.size;
    while (end < text_.size() && (text_[end] == '\r' || text_[end] == '\n' || (slashes && text_[end] == '/'))) ++end;
    return take(end);
  }
  // White space: to its last newline; else all of it but for what opens the word behind it.
  std::size_t last_begin = at_, after_newline = at_;
  end = at_;
  for (c = first; c.size > 0 && is_space(c.is); c = at(end)) {
    last_begin = end;
    end += c.size;
    if (c.is == CharClass::kNewline) after_newline = end;
  }
  if (after_newline > at_) return take(after_newline);
  return take(c.size == 0 || last_begin == at_ ? end : last_begin);
}

}  // namespace fairlead::llm::internal
