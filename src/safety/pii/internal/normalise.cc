#include "safety/pii/internal/normalise.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "safety/pii/internal/look_alikes.h"

namespace fairlead::pii {
namespace {

constexpr char32_t kReplacement = 0xFFFD, kNumeroSign = 0x2116;
constexpr std::size_t kPlane = 0x10000;

const icu::Normalizer2& nfkc() {
  static const icu::Normalizer2* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::Normalizer2::getNFKCInstance(error);
  }();
  return *instance;
}

enum class Fate : std::uint8_t { kKeep, kDrop, kMark, kReplace };
struct Change {
  Fate fate = Fate::kKeep;
  std::string text;  // of kReplace
};

bool is_unseen(char32_t code) {
  const auto one = static_cast<UChar32>(code);
  return u_hasBinaryProperty(one, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || u_charType(one) == U_FORMAT_CHAR;
}

Change change_of(char32_t code) {
  const auto one = static_cast<UChar32>(code);
  if (code >= 0xE0020 && code <= 0xE007E) return {Fate::kReplace, std::string(1, static_cast<char>(code - 0xE0000))};
  if (is_unseen(code)) return {Fate::kDrop, {}};
  if (code == kNumeroSign) return {};  // "No" would stick to the number behind it
  if (u_charType(one) == U_DASH_PUNCTUATION || code == 0x2212) return {Fate::kReplace, "-"};
  if (const int digit = u_charDigitValue(one); digit >= 0 && u_charType(one) == U_DECIMAL_DIGIT_NUMBER)
    return {Fate::kReplace, std::string(1, static_cast<char>('0' + digit))};
  if (u_charType(one) == U_NON_SPACING_MARK || u_charType(one) == U_ENCLOSING_MARK) return {Fate::kMark, {}};
  UErrorCode error = U_ZERO_ERROR;
  const icu::UnicodeString before(one), after = nfkc().normalize(before, error);
  if (U_FAILURE(error) || before == after) return {};
  std::string text;
  after.toUTF8String(text);
  return {Fate::kReplace, std::move(text)};
}

// The changes of the first plane, where nearly all text is; the others are asked for one by one.
struct Changes {
  std::vector<std::uint16_t> index = std::vector<std::uint16_t>(kPlane);  // 0 keep, 1 drop, 2 mark, else a text + 3
  std::vector<std::string> texts;

  Changes() {
    for (char32_t code = 0x80; code < kPlane; ++code) {
      if (code >= 0xD800 && code < 0xE000) continue;
      if (code >= 0x3400 && code < 0xA000) continue;  // ideographs: none changes
      if (code >= 0xAC00 && code < 0xD7A4) continue;  // Hangul syllables: none changes
      Change change = change_of(code);
      index[code] = static_cast<std::uint16_t>(change.fate);
      if (change.fate != Fate::kReplace) continue;
      index[code] = static_cast<std::uint16_t>(texts.size() + 3);
      texts.push_back(std::move(change.text));
    }
  }
};

const Changes& changes() {
  static const Changes instance;
  return instance;
}

bool is_ascii(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + at, 8);
    if ((eight & 0x8080808080808080) != 0) return false;
  }
  for (; at < text.size(); ++at)
    if (static_cast<unsigned char>(text[at]) >= 0x80) return false;
  return true;
}

// Takes characters one by one, and remembers a map only where something changed.
class Writer {
 public:
  explicit Writer(std::string_view text) : text_(text) { out_.reserve(text.size()); }

  void keep(std::size_t at, std::size_t size) {
    if (!same_) map_.same_from(out_.size(), at), same_ = true;
    out_.append(text_, at, size);
  }
  void replace(std::size_t at, std::size_t size, std::string_view with) {
    start_map();
    map_.instead_from(out_.size(), at, size);
    same_ = false;
    out_ += with;
  }
  void drop() {
    start_map();
    same_ = false;
  }
  // The last character written becomes another, which stands for all from where that one stood.
  void compose(std::size_t size_of_last, std::size_t at_of_last, std::size_t end, char32_t code) {
    out_.resize(out_.size() - size_of_last);
    std::string text;
    append_utf8(text, code);
    replace(at_of_last, end - at_of_last, text);
  }

  bool changed() const { return changed_; }
  std::string& text() { return out_; }
  PositionMap& map() { return map_; }

 private:
  void start_map() {
    if (!changed_ && same_) map_.same_from(0, 0);
    changed_ = true;
  }
  std::string_view text_;
  std::string out_;
  PositionMap map_;
  bool changed_ = false;
  bool same_ = true;  // the first piece is written only if there is a second
};

struct Word {
  std::size_t start, end;
  bool to_latin;
};

// Looks at the words of a text for those that mix look-alikes.
class MixedWords {
 public:
  void letter(char32_t code, std::size_t at) {
    if (!inside_) inside_ = true, start_ = at, seen_ = 0;
    seen_ |= script_bits(code);
  }
  void end(std::size_t at) {
    if (!inside_) return;
    inside_ = false;
    if (const int way = way_to_fold(seen_); way != 0) words_.push_back({start_, at, way > 0});
  }
  const std::vector<Word>& words() const { return words_; }

 private:
  bool inside_ = false;
  std::size_t start_ = 0;
  unsigned seen_ = 0;
  std::vector<Word> words_;
};

void fold_words(View& view, const std::vector<Word>& words) {
  Writer writer(view.text);
  std::size_t at = 0;
  for (const Word& word : words) {
    if (word.start > at) writer.keep(at, word.start - at);
    for (at = word.start; at < word.end;) {
      const Character one = character_at(view.text, at);
      const char32_t other = word.to_latin ? latin_of(one.code) : cyrillic_of(one.code);
      if (other == one.code) {
        writer.keep(at, one.size);
      } else {
        std::string text;
        append_utf8(text, other);
        writer.replace(at, one.size, text);
      }
      at += one.size;
    }
  }
  if (at < view.text.size()) writer.keep(at, view.text.size() - at);
  std::string folded = std::move(writer.text());
  view.owned = std::move(folded);
  view.text = view.owned;
  view.maps.insert(view.maps.begin(), std::move(writer.map()));
}

// Whether an ASCII letter or digit stands beside a character beyond ASCII: else no word mixes anything.
bool may_mix(std::string_view text) {
  bool ascii_word = false, beyond = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_beyond = byte >= 0x80, is_word = !is_beyond && is_ascii_word(byte);
    if ((ascii_word && is_beyond) || (beyond && is_word)) return true;
    ascii_word = is_word, beyond = is_beyond;
  }
  return false;
}

void look_for_mixed(View& view) {
  if (!may_mix(view.text)) return;
  MixedWords mixed;
  for (std::size_t at = 0; at < view.text.size();) {
    const auto byte = static_cast<unsigned char>(view.text[at]);
    if (byte < 0x80) {
      if (is_ascii_word(byte))
        mixed.letter(byte, at);
      else
        mixed.end(at);
      ++at;
      continue;
    }
    const Character one = character_at(view.text, at);
    if (is_other_letter(one.code))
      mixed.letter(one.code, at);
    else
      mixed.end(at);
    at += one.size;
  }
  mixed.end(view.text.size());
  if (!mixed.words().empty()) fold_words(view, mixed.words());
}

// The part of normalisation that looks at one character beyond ASCII.
class Pass {
 public:
  explicit Pass(std::string_view text) : text_(text), writer_(text), changes_(changes()) {}

  // Nearly all of a text stays as it is, and is passed on in runs.
  Writer& run() {
    std::size_t from = 0, at = 0;
    while (at < text_.size()) {
      const auto byte = static_cast<unsigned char>(text_[at]);
      if (byte < 0x80) {
        remember(byte, at, 1);
        ++at;
        continue;
      }
      const Character one = character_at(text_, at);
      if (one.code < kPlane && changes_.index[one.code] == 0 && !(one.code == kReplacement && one.size == 1)) {
        remember(one.code, at, one.size);
        at += one.size;
        continue;
      }
      if (at > from) writer_.keep(from, at - from);
      at += take(at);
      from = at;
    }
    if (writer_.changed() && at > from) writer_.keep(from, at - from);
    return writer_;
  }

 private:
  std::size_t take(std::size_t at) {
    const Character one = character_at(text_, at);
    if (one.code == kReplacement && one.size == 1) {
      writer_.replace(at, 1, "\xEF\xBF\xBD");
      last_ = 0;
      return 1;
    }
    if (one.code < kPlane) {
      const unsigned index = changes_.index[one.code];
      if (index == 0) {
        writer_.keep(at, one.size);
        remember(one.code, at, one.size);
      } else if (index == 1) {
        writer_.drop();
      } else if (index == 2) {
        mark(one, at);
      } else {
        replace(changes_.texts[index - 3], at, one.size);
      }
      return one.size;
    }
    const Change change = change_of(one.code);
    if (change.fate == Fate::kKeep || change.fate == Fate::kMark)
      writer_.keep(at, one.size), remember(one.code, at, one.size);
    else if (change.fate == Fate::kDrop)
      writer_.drop();
    else
      replace(change.text, at, one.size);
    return one.size;
  }

  void replace(const std::string& with, std::size_t at, std::size_t size) {
    writer_.replace(at, size, with);
    last_ = 0;
    if (!with.empty() && static_cast<unsigned char>(with.back()) < 0x80)
      last_ = static_cast<unsigned char>(with.back()), last_at_ = at, last_written_ = 1;
  }

  void mark(const Character& one, std::size_t at) {
    const UChar32 composed =
        last_ == 0 ? -1 : nfkc().composePair(static_cast<UChar32>(last_), static_cast<UChar32>(one.code));
    if (composed >= 0) {
      writer_.compose(last_written_, last_at_, at + one.size, static_cast<char32_t>(composed));
      std::string text;
      append_utf8(text, static_cast<char32_t>(composed));
      last_ = static_cast<char32_t>(composed), last_written_ = text.size();
    } else if (last_ != 0 && last_ < 0x80) {
      writer_.drop();
    } else {
      writer_.keep(at, one.size);
    }
  }

  void remember(char32_t code, std::size_t at, std::size_t written) {
    last_ = code, last_at_ = at, last_written_ = written;
  }

  std::string_view text_;
  Writer writer_;
  const Changes& changes_;
  char32_t last_ = 0;  // the last character that was written, if a mark may compose with it
  std::size_t last_at_ = 0, last_written_ = 0;
};

}  // namespace

const PositionMap::Piece& PositionMap::at(std::size_t here) const {
  auto next =
      std::upper_bound(pieces_.begin(), pieces_.end(), here, [](std::size_t a, const Piece& b) { return a < b.here; });
  return *std::prev(next);
}

std::pair<std::size_t, std::size_t> PositionMap::original(std::size_t start, std::size_t end) const {
  const Piece& first = at(start);
  const Piece& last = at(end - 1);
  return {first.size != 0 ? first.there : first.there + (start - first.here),
          last.size != 0 ? last.there + last.size : last.there + (end - last.here)};
}

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const auto more = [&](std::size_t i) { return i < left && (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first >= 0xC2 && first < 0xE0 && more(1)) return {((first & 0x1Fu) << 6) | (byte(1) & 0x3Fu), 2};
  if (first >= 0xE0 && first < 0xF0 && more(1) && more(2)) {
    const char32_t code = ((first & 0x0Fu) << 12) | ((byte(1) & 0x3Fu) << 6) | (byte(2) & 0x3Fu);
    if (code >= 0x800 && (code < 0xD800 || code >= 0xE000)) return {code, 3};
  }
  if (first >= 0xF0 && first < 0xF5 && more(1) && more(2) && more(3)) {
    const char32_t code =
        ((first & 0x07u) << 18) | ((byte(1) & 0x3Fu) << 12) | ((byte(2) & 0x3Fu) << 6) | (byte(3) & 0x3Fu);
    if (code >= 0x10000 && code < 0x110000) return {code, 4};
  }
  return {kReplacement, 1};
}

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F));
  if (code < 0x10000) return put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
  put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F)), put(0x80 | ((code >> 6) & 0x3F)),
      put(0x80 | (code & 0x3F));
}

void prepare_normalisation() {
  changes();
}

void normalise(std::string_view text, View& view) {
  view.text = text;
  view.owned.clear();
  view.maps.clear();
  if (is_ascii(text)) return;
  Pass pass(text);
  Writer& writer = pass.run();
  if (writer.changed()) {
    view.owned = std::move(writer.text());
    view.text = view.owned;
    view.maps.push_back(std::move(writer.map()));
  }
  look_for_mixed(view);
}

}  // namespace fairlead::pii
