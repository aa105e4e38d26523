#include "safety/policy/internal/matcher.h"

#include <charconv>

#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr int kMostSeparators = 3;

struct Ascii {
  std::array<bool, 0x80> word{};
};
constexpr Ascii kAscii = [] {
  Ascii out;
  for (unsigned c = 0; c < 0x80; ++c)
    out.word[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return out;
}();

bool is_separator(char32_t c) {
  c = folded(c);
  return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/';
}

std::string key_of(const Form& form, const std::u32string& folded) {
  std::string out = form.written == Written::kAsNumber ? "#" : "";
  for (const char32_t c : folded) append(out, c);
  return out;
}

std::u32string pattern_of(const Form& form) {
  const std::u32string all = folded(form.seen);
  if (form.written == Written::kAsWords) return all;
  std::u32string out;
  for (const char32_t c : all)
    if (is_word(c) || (c == '+' && out.empty())) out += c;
  return out;
}

// The character that an escape of JSON stands for; size 0 if it is cut off or none.
Character escape_at(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return {0, 0};
  if (text[at + 1] != 'u') return {U' ', 2};
  if (at + 6 > text.size()) return {0, 0};
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + at + 6, value, 16);
  if (error != std::errc() || end != text.data() + at + 6) return {U' ', 2};
  return {value, 6};
}

}  // namespace

void Matcher::add(Form form) {
  std::u32string pattern = pattern_of(form);
  if (pattern.empty()) return;
  const auto index = static_cast<std::uint32_t>(forms_.size());
  if (!known_.emplace(key_of(form, pattern), index).second) return;
  by_first_[pattern.front()].push_back(index);
  for (unsigned c = 0; c < 0x80; ++c)
    if (folded(c) == pattern.front()) begins_ascii_[c] = true;
  forms_.push_back(std::move(form));
  folded_.push_back(std::move(pattern));
}

bool Matcher::has(std::string_view seen) const {
  const Form words{std::string(seen), {}}, number{std::string(seen), {}, Written::kAsNumber};
  return known_.contains(key_of(words, pattern_of(words))) || known_.contains(key_of(number, pattern_of(number)));
}

Matcher::Fitted Matcher::fits(std::uint32_t form, std::string_view text, std::size_t at, bool whole) const {
  const std::u32string& pattern = folded_[form];
  const bool number = forms_[form].written == Written::kAsNumber;
  const Fitted more{whole ? Fit::kNone : Fit::kPartly, text.size()};
  int separators = 0;
  for (std::size_t i = 0; i < pattern.size();) {
    if (at >= text.size()) return more;
    const Character one = character_at(text, at);
    if (one.size == 0) return more;
    if (folded(one.value) == pattern[i]) {
      at += one.size;
      separators = 0;
      if (pattern[i] == ' ') {  // as many as there are
        while (at < text.size()) {
          const Character next = character_at(text, at);
          if (next.size == 0) return more;
          if (folded(next.value) != ' ') break;
          at += next.size;
        }
      }
      ++i;
      continue;
    }
    if (!number || i == 0 || !is_separator(one.value) || ++separators > kMostSeparators) return {};
    at += one.size;
  }
  if (!is_word(pattern.back())) return {Fit::kWhole, at};
  if (at >= text.size()) return {whole ? Fit::kWhole : Fit::kPartly, at};
  const Character next = character_at(text, at);
  if (next.size == 0) return whole ? Fitted{Fit::kWhole, at} : more;
  if (is_word(next.value)) return {};
  return {Fit::kWhole, at};
}

std::size_t Matcher::find(std::string_view text, char32_t before, bool whole,
                          const std::function<void(const Match&)>& each) const {
  bool after_word = is_word(before);
  return find_in_piece(text, after_word, whole, false, each);
}

std::size_t Matcher::find_in_piece(std::string_view text, bool& after_word, bool whole, bool is_json,
                                   const std::function<void(const Match&)>& each) const {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    Character escape{0, 0};
    if (is_json && byte == '\\') {
      escape = escape_at(text, at);
      if (escape.size == 0 && !whole) return at;
    }
    if (escape.size == 0 && byte < 0x80 &&
        ((after_word && kAscii.word[byte]) || !begins_ascii_[byte])) {  // most of most texts
      after_word = kAscii.word[byte];
      ++at;
      continue;
    }
    const Character one = escape.size > 0 ? escape : character_at(text, at);
    if (one.size == 0) {
      if (!whole) return at;
      break;
    }
    const bool word = is_word(one.value);
    const char32_t first = escape.size > 0 ? U'\\' : folded(one.value);  // forms may be written with escapes
    const auto bucket = after_word && word ? by_first_.end() : by_first_.find(first);
    Match best{at, at, nullptr};
    if (bucket != by_first_.end()) {
      for (const std::uint32_t form : bucket->second) {
        const Fitted fitted = fits(form, text, at, whole);
        if (fitted.fit == Fit::kPartly) return at;
        if (fitted.fit != Fit::kWhole || fitted.end < best.end) continue;
        // Of two that look alike, the one that is written like this.
        if (fitted.end > best.end || text.substr(at, fitted.end - at) == forms_[form].seen)
          best = {at, fitted.end, &forms_[form]};
      }
    }
    after_word = word;
    at += one.size;
    if (best.form == nullptr) continue;
    each(best);
    after_word = true;  // what follows directly begins no word
    at = best.end;
  }
  return text.size();
}

}  // namespace fairlead::policy
