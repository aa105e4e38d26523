#include "safety/pii/names/internal/tokens.h"

namespace fairlead::pii::names {
namespace {

constexpr std::uint32_t kSeed = 0x811C9DC5, kStep = 0x01000193;

struct Code {
  char32_t code;
  unsigned size;
};

// The text is well-formed; what is cut off at its end counts as a mark.
Code code_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3FU : 0;
  };
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(char32_t{first} & 0x1F) << 6 | byte(at + 1), 2};
  if (first < 0xF0) return {(char32_t{first} & 0x0F) << 12 | byte(at + 1) << 6 | byte(at + 2), 3};
  return {(char32_t{first} & 0x07) << 18 | byte(at + 1) << 12 | byte(at + 2) << 6 | byte(at + 3), 4};
}

Script script_of(char32_t code) {
  if (code < 0x80) return (code | 0x20) >= 'a' && (code | 0x20) <= 'z' ? kAscii : kNoScript;
  if (code < 0x250) return code >= 0xC0 && code != 0xD7 && code != 0xF7 ? kLatin : kNoScript;
  if (code < 0x370) return code < 0x2B0 || code >= 0x300 ? kLatin : kNoScript;
  if (code >= 0x400 && code < 0x530) return kCyrillic;
  if (code >= 0x1E00 && code < 0x1F00) return kLatin;
  if (code >= 0x2000 && code < 0x2C00) return kNoScript;  // marks and symbols
  if (code >= 0x3000 && code < 0x3040) return kNoScript;
  if (code >= 0xE000 && code < 0xF900) return kNoScript;
  if (code >= 0xFE00 && code < 0xFE70) return kNoScript;
  if (code >= 0xFF00 && code < 0xFF21) return kNoScript;
  if (code >= 0xFFF0 && code < 0x10400) return kNoScript;
  return code < 0x1F000 ? kOtherScript : kNoScript;
}

bool is_digit_code(char32_t code) {
  return code >= '0' && code <= '9';
}

// How many letters at the end of a Cyrillic word are its ending, from its last three.
unsigned ending_of(const char32_t last[3], unsigned length) {
  const auto is = [](char32_t code, std::u32string_view some) { return some.find(code) != some.npos; };
  const char32_t a = last[0], b = last[1], c = last[2];  // the last one first
  unsigned size = 0;
  if ((a == U'о' && b == U'г' && is(c, U"ое")) || (a == U'у' && b == U'м' && is(c, U"ое")) ||
      (a == U'и' && b == U'м' && is(c, U"ыаяи")))
    size = 3;
  else if ((a == U'й' && is(b, U"оеыи")) || (a == U'м' && is(b, U"оеыи")) || (a == U'ю' && is(b, U"оеую")) ||
           (a == U'я' && is(b, U"ая")) || (a == U'х' && is(b, U"ыи")))
    size = 2;
  else if (is(a, U"аеиоуыэюяьй"))
    size = 1;
  while (size > 0 && length < size + 3) --size;
  return size;
}

// One word being read, letter by letter.
class Word {
 public:
  void add(char32_t raw) {
    const Script script = script_of(raw);
    if (is_digit_code(raw)) {
      ++digits_;
      mix(U'0');
      return;
    }
    ++letters_;
    if (is_capital(raw)) ++capitals_, first_capital_ |= letters_ == 1;
    if (script > script_) script_ = script;
    mix(folded(raw));
  }

  void finish(std::string_view text, Token& out) const {
    const unsigned length = letters_ + digits_;
    out.script = letters_ == 0 ? kNoScript : script_;
    out.kind = kind();
    out.word = hash_;
    out.prefix = prefix_;
    out.suffix2 = suffix(2);
    out.suffix3 = suffix(3);
    out.suffix4 = suffix(4);
    out.stem = hash_;
    if (script_ == kCyrillic && digits_ == 0) {
      const char32_t last[3] = {last_[(length - 1) & 3], last_[(length - 2) & 3], last_[(length - 3) & 3]};
      if (const unsigned ending = ending_of(last, length); ending > 0) out.stem = hashes_[(length - 1 - ending) & 3];
    }
    if (out.kind == kNumber) {
      const bool year = length == 4 && (text.starts_with("19") || text.starts_with("20"));
      out.word = out.stem = out.prefix = 0x5EED0000U + (year ? 40 : length < 9 ? length : 9);
    }
    const unsigned size = length < 2 ? 0 : length < 4 ? 1 : length < 6 ? 2 : 3;
    const unsigned many = out.kind == kNumber ? (length < 7 ? length : 7) : size;
    out.coarse = static_cast<std::uint8_t>(out.kind * 5 + out.script);
    out.shape = static_cast<std::uint8_t>(out.kind == kNumber ? 240 + many : out.coarse * 4 + size);
  }

 private:
  Kind kind() const {
    if (letters_ == 0) return kNumber;
    if (digits_ != 0) return kMixed;
    if (capitals_ == 0) return kLower;
    if (letters_ == 1) return kLetter;
    if (capitals_ == letters_) return kUpper;
    return capitals_ == 1 && first_capital_ ? kCapital : kCamel;
  }
  void mix(char32_t code) {
    hash_ = (hash_ ^ static_cast<std::uint32_t>(code)) * kStep;
    const unsigned at = letters_ + digits_ - 1;
    last_[at & 3] = code;
    hashes_[at & 3] = hash_;
    if (at < 3) prefix_ = hash_;
  }
  std::uint32_t suffix(unsigned size) const {
    std::uint32_t out = kSeed + size;
    const unsigned length = letters_ + digits_;
    for (unsigned i = 0; i < size; ++i)
      out = (out ^ (i < length ? static_cast<std::uint32_t>(last_[(length - 1 - i) & 3]) : 0)) * kStep;
    return out;
  }

  std::uint32_t hash_ = kSeed, prefix_ = kSeed;
  std::uint32_t hashes_[4] = {};  // after each of the last letters
  char32_t last_[4] = {};
  unsigned letters_ = 0, digits_ = 0, capitals_ = 0;
  bool first_capital_ = false;
  Script script_ = kNoScript;
};

void make_mark(char32_t code, Token& out) {
  out.kind = kMark;
  out.script = kNoScript;
  out.mark = code;
  out.word = out.stem = out.prefix = out.suffix2 = out.suffix3 = out.suffix4 =
      (kSeed ^ static_cast<std::uint32_t>(code)) * kStep + 1;
  out.coarse = 0;
  const bool ends = code == '.' || code == '!' || code == '?' || code == '\n' || code == U'…';
  out.shape = ends ? 1 : code == ',' ? 2 : code == ':' ? 3 : 0;
}

}  // namespace

bool is_capital(char32_t code) {
  return folded(code) != code && code != U'ё';
}

char32_t folded(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  if (code >= 0x410 && code <= 0x42F) return code + 32;
  if (code == U'ё') return U'е';
  if (code == U'Ё') return U'е';
  if (code >= 0x400 && code <= 0x40F) return code + 80;
  if (code >= 0xC0 && code <= 0xDE && code != 0xD7) return code + 32;
  if (code >= 0x391 && code <= 0x3A9) return code + 32;
  if (code >= 0x139 && code <= 0x148) return (code & 1U) != 0 ? code + 1 : code;
  if (code >= 0x179 && code <= 0x17E) return (code & 1U) != 0 ? code + 1 : code;
  if (code == 0x178) return 0xFF;
  if ((code >= 0x100 && code <= 0x177) || (code >= 0x460 && code <= 0x481) || (code >= 0x48A && code <= 0x4BF) ||
      (code >= 0x4D0 && code <= 0x52F) || (code >= 0x1E00 && code <= 0x1EFF))
    return (code & 1U) == 0 ? code + 1 : code;
  return code;
}

std::size_t read_tokens(std::string_view text, std::size_t at, Token* out, std::size_t most, std::size_t& count) {
  count = 0;
  while (at < text.size() && count < most) {
    const Code one = code_at(text, at);
    Token& token = out[count];
    token.start = static_cast<std::uint32_t>(at);
    token.list = 0;
    if (one.code == '\n' || one.code == '\r') {
      unsigned lines = 0;
      while (at < text.size() && (text[at] == '\n' || text[at] == '\r' || text[at] == ' ' || text[at] == '\t'))
        lines += text[at++] == '\n' ? 1 : 0;
      make_mark('\n', token);
      token.end = static_cast<std::uint32_t>(at);
      ++count;
      continue;
    }
    if (one.code <= ' ' || one.code == 0xA0) {
      at += one.size;
      continue;
    }
    if (!is_digit_code(one.code) && script_of(one.code) == kNoScript) {
      make_mark(one.code, token);
      at += one.size;
      token.end = static_cast<std::uint32_t>(at < text.size() ? at : text.size());
      at = token.end;
      ++count;
      continue;
    }
    Word word;
    Code next = one;
    do {
      word.add(next.code);
      at += next.size;
      if (at >= text.size()) break;
      next = code_at(text, at);
    } while (is_digit_code(next.code) || script_of(next.code) != kNoScript);
    if (at > text.size()) at = text.size();
    token.mark = 0;
    token.end = static_cast<std::uint32_t>(at);
    word.finish(text.substr(token.start, token.end - token.start), token);
    ++count;
  }
  return at;
}

Token token_of(std::string_view word) {
  Token out;
  std::size_t count = 0;
  read_tokens(word, 0, &out, 1, count);
  return out;
}

}  // namespace fairlead::pii::names
