#include "llm/internal/event_stencil.h"

#include <simdjson.h>

#include <cstdint>
#include <cstring>

namespace fairlead::llm::internal {
namespace {

constexpr int kLessons = 12;  // of a stream whose events are all different, after which it is let be
constexpr std::size_t kSample = 16 * 1024;

// Whether a byte of the word is a quote, a backslash, or a control character (Hacker's Delight, 6-1: zero bytes).
bool has_special(std::uint64_t word) {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0} / 255, kHighs = kOnes * 0x80;
  const auto zeros = [](std::uint64_t v) { return (v - kOnes) & ~v & kHighs; };
  return (((word - kOnes * 0x20) & ~word & kHighs) | zeros(word ^ kOnes * '"') | zeros(word ^ kOnes * '\\')) != 0;
}

// Where the string ends whose first character is at `at`: its closing quote. npos: it does not, or it is no string in
// UTF-8.
std::size_t string_end(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  std::uint64_t seen = 0;
  for (;;) {
    std::uint64_t word = 0;
    while (at + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if (has_special(word)) break;
      seen |= word;
      at += sizeof word;
    }
    if (at >= text.size()) return text.npos;
    if (text[at] == '"') break;
    if (text[at] == '\\' && ++at == text.size()) return text.npos;
    const auto c = static_cast<unsigned char>(text[at++]);
    if (c < 0x20) return text.npos;
    seen |= static_cast<std::uint64_t>(c);
  }
  const bool ascii = (seen & 0x8080808080808080) == 0;
  if (!ascii && !simdjson::validate_utf8(text.data() + begin, at - begin)) return text.npos;
  return at;
}

bool is_name(std::string_view text, std::size_t closing_quote) {
  const std::size_t next = text.find_first_not_of(" \t", closing_quote + 1);
  return next != text.npos && text[next] == ':';
}

}  // namespace

void EventStencil::learn(std::string_view event, Cut cut) {
  if (lessons_ >= kLessons || event.size() > kSample) return;
  ++lessons_;
  const bool same = compare(event);
  if (!same) varies_.clear();
  sample_ = event;
  pieces_.clear();
  if (!same) return;
  std::size_t from = 0, string = 0;
  const auto add_piece = [&](std::size_t to) {
    if (cut.from >= from && cut.from + cut.size <= to) {
      cut_piece_ = pieces_.size();
      cut_ = {cut.from - from, cut.size};
    }
    pieces_.emplace_back(event.substr(from, to - from));
  };
  for (std::size_t at = event.find('"'); at != event.npos; at = event.find('"', at + 1), ++string) {
    const std::size_t end = string_end(event, at + 1);
    if (varies_[string]) {
      add_piece(at + 1);
      from = end;
    }
    at = end;
  }
  add_piece(event.size());
}

// Whether the event has the sample's structure; if so, marks what varies.
bool EventStencil::compare(std::string_view event) {
  std::size_t a = 0, b = 0, string = 0;
  while (a < sample_.size() && b < event.size()) {
    if (sample_[a] != event[b]) return false;
    if (event[b] != '"') {
      ++a;
      ++b;
      continue;
    }
    const std::size_t a_end = string_end(sample_, a + 1), b_end = string_end(event, b + 1);
    if (a_end == std::string::npos || b_end == event.npos) return false;
    if (varies_.size() <= string) varies_.push_back(false);
    if (std::string_view(sample_).substr(a, a_end - a) != event.substr(b, b_end - b)) {
      if (is_name(sample_, a_end) || is_name(event, b_end)) return false;
      varies_[string] = true;
    }
    ++string;
    a = a_end + 1;
    b = b_end + 1;
  }
  return !sample_.empty() && a == sample_.size() && b == event.size();
}

EventStencil::Match EventStencil::match(std::string_view bytes) const {
  Match match;
  std::size_t at = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (i > 0 && (at = string_end(bytes, at)) == bytes.npos) return {};
    const std::string& piece = pieces_[i];
    if (bytes.size() - at < piece.size() || std::memcmp(bytes.data() + at, piece.data(), piece.size()) != 0) return {};
    if (i == cut_piece_) match.cut = {at + cut_.from, cut_.size};
    at += piece.size();
  }
  match.size = at;
  return match;
}

}  // namespace fairlead::llm::internal
