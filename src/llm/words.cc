#include "llm/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace fairlead::llm {
namespace {

using Word = std::u32string;

constexpr std::size_t kShortRun = 3, kLongRun = 4;
constexpr std::size_t kMostWords = 512;  // of a text; what follows is not looked at

const std::unordered_set<std::u32string_view>& little_words() {
  static const std::unordered_set<std::u32string_view> kWords = {
      U"a",    U"an",         U"the",          U"i",      U"me",      U"my",        U"mine", U"we",
      U"our",  U"us",         U"you",          U"your",   U"it",      U"its",       U"is",   U"are",
      U"am",   U"im",         U"was",          U"were",   U"be",      U"been",      U"do",   U"does",
      U"did",  U"to",         U"of",           U"in",     U"on",      U"at",        U"for",  U"with",
      U"and",  U"or",         U"this",         U"that",   U"these",   U"there",     U"have", U"has",
      U"had",  U"ive",        U"can",          U"could",  U"would",   U"will",      U"so",   U"but",
      U"if",   U"from",       U"by",           U"as",     U"just",    U"some",      U"any",  U"please",
      U"hi",   U"hello",      U"hey",          U"thanks", U"thank",   U"и",         U"а",    U"но",
      U"я",    U"мне",        U"меня",         U"мой",    U"моя",     U"мое",       U"мои",  U"мою",
      U"моей", U"мы",         U"нам",          U"вы",     U"вас",     U"вам",       U"ваш",  U"у",
      U"в",    U"во",         U"на",           U"с",      U"со",      U"к",         U"по",   U"о",
      U"об",   U"от",         U"до",           U"из",     U"за",      U"для",       U"это",  U"этот",
      U"эта",  U"эту",        U"что",          U"чтобы",  U"же",      U"ли",        U"бы",   U"то",
      U"так",  U"уже",        U"еще",          U"ещё",    U"есть",    U"был",       U"была", U"было",
      U"были", U"пожалуйста", U"здравствуйте", U"привет", U"спасибо", U"подскажите"};
  return kWords;
}

const std::unordered_set<std::u32string_view>& negations() {
  static const std::unordered_set<std::u32string_view> kWords = {
      U"not",     U"no",       U"never", U"none",  U"nothing", U"without", U"cannot", U"cant",    U"wont",  U"dont",
      U"doesnt",  U"didnt",    U"isnt",  U"arent", U"wasnt",   U"werent",  U"hasnt",  U"havent",  U"hadnt", U"couldnt",
      U"wouldnt", U"shouldnt", U"не",    U"нет",   U"ни",      U"без",     U"нельзя", U"никогда", U"ничего"};
  return kWords;
}

char32_t lower(char32_t c) {
  if (c >= U'A' && c <= U'Z') return c + 32;
  if (c == U'Ё' || c == U'ё') return U'е';
  if (c >= U'А' && c <= U'Я') return c + 32;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;  // Latin-1
  return c;
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= U'a' && c <= U'z') || (c >= U'0' && c <= U'9');
  return c >= 0xc0 && !(c >= 0x2000 && c <= 0x206f) && !(c >= 0x3000 && c <= 0x303f);
}

// The code points of well-formed UTF-8; of other bytes something.
char32_t next_point(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at++]);
  const int more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
  char32_t point = more == 0 ? byte : byte & (0x3fU >> more);
  for (int i = 0; i < more && at < text.size(); ++i)
    point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  return point;
}

// In small letters; an apostrophe within a word is left out.
std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  Word word;
  for (std::size_t at = 0; at < text.size() && out.size() < kMostWords;) {
    const char32_t c = lower(next_point(text, at));
    if (is_letter(c)) {
      word.push_back(c);
    } else if (c != U'\'' && c != U'’' && !word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

// Without the ending that its last letters are, if enough is left.
std::u32string_view stem(std::u32string_view word) {
  static constexpr std::u32string_view kEnglish[] = {U"ing", U"ed", U"es", U"s"};
  static constexpr std::u32string_view kRussian[] = {
      U"иями", U"ями", U"ами", U"иях", U"ого", U"его", U"ому", U"ему", U"ыми", U"ими", U"ешь", U"ете",
      U"ите",  U"ишь", U"ях",  U"ах",  U"ой",  U"ей",  U"ий",  U"ый",  U"ая",  U"яя",  U"ое",  U"ее",
      U"ые",   U"ие",  U"ую",  U"юю",  U"ов",  U"ев",  U"ам",  U"ям",  U"ом",  U"ем",  U"ию",  U"ия",
      U"ии",   U"ет",  U"ют",  U"ут",  U"ит",  U"ат",  U"ят",  U"ть",  U"ла",  U"ли",  U"ло",  U"а",
      U"я",    U"о",   U"е",   U"ы",   U"и",   U"у",   U"ю",   U"ь",   U"й",   U"л"};
  const auto strip = [word](auto& endings, std::size_t left) {
    for (const std::u32string_view ending : endings)
      if (word.ends_with(ending) && word.size() >= ending.size() + left)
        return word.substr(0, word.size() - ending.size());
    return word;
  };
  return word.front() < 0x80 ? strip(kEnglish, 3) : strip(kRussian, 3);
}

std::uint64_t hash(std::u32string_view text, std::uint64_t seed) {
  std::uint64_t out = seed ^ 0xcbf29ce484222325U;
  for (const char32_t c : text) out = (out ^ c) * 0x100000001b3U;
  out ^= out >> 32;
  out *= 0x9e3779b97f4a7c15U;
  return out ^ out >> 29;
}

}  // namespace

Embedding embed_by_words(std::string_view text, WordWeights weights) {
  const std::vector<Word> words = words_of(text);
  std::vector<std::pair<std::uint64_t, float>> features;
  features.reserve(words.size() * 12);
  Word run, bordered;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    const float weight = little_words().contains(word) ? weights.little_word : 1;
    features.emplace_back(hash(stem(word), 1), weight);
    if (weights.pair > 0 && i + 1 < words.size()) {
      run.assign(word).append(U" ").append(words[i + 1]);
      features.emplace_back(hash(run, 2), weights.pair * std::min(1.0F, weight + 0.2F));
    }
    bordered.assign(U"<").append(word).append(U">");
    const std::size_t runs = (bordered.size() >= kShortRun ? bordered.size() - kShortRun + 1 : 0) +
                             (bordered.size() >= kLongRun ? bordered.size() - kLongRun + 1 : 0);
    const float each = weights.letters * weight / std::sqrt(static_cast<float>(std::max<std::size_t>(1, runs)));
    for (std::size_t length = kShortRun; length <= kLongRun; ++length)
      for (std::size_t at = 0; at + length <= bordered.size(); ++at)
        features.emplace_back(hash(std::u32string_view(bordered).substr(at, length), 3), each);
  }
  std::ranges::sort(features);
  Embedding out(kWordDimensions, 0.0F);
  for (std::size_t i = 0; i < features.size();) {
    const std::uint64_t feature = features[i].first;
    float weight = 0;
    for (; i < features.size() && features[i].first == feature; ++i) weight += features[i].second;
    out[feature % kWordDimensions] += (feature >> 40 & 1) != 0 ? -std::sqrt(weight) : std::sqrt(weight);
  }
  const float length = std::sqrt(similarity(out.data(), out.data(), out.size()));
  if (length > 0)
    for (float& one : out) one /= length;
  return out;
}

std::string marks_of(std::string_view text) {
  std::string out;
  bool negated = false;
  for (const Word& word : words_of(text)) {
    negated = negated || negations().contains(word);
    if (std::ranges::none_of(word, [](char32_t c) { return c >= U'0' && c <= U'9'; })) continue;
    for (const char32_t c : word) out += c < 0x80 ? static_cast<char>(c) : '?';
    out += ' ';
  }
  return out + (negated ? "-" : "+");
}

float similarity(const float* a, const float* b, std::size_t size) {
  std::array<float, 8> sums{};
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8)
    for (std::size_t k = 0; k < 8; ++k) sums[k] += a[i + k] * b[i + k];
  float out = 0;
  for (; i < size; ++i) out += a[i] * b[i];
  for (const float one : sums) out += one;
  return out;
}

}  // namespace fairlead::llm
