// What the tagger looks at for one token: each feature is a hash, whose upper bits choose a row of the model.
#pragma once
#include <cstddef>
#include <cstdint>

#include "safety/pii/names/internal/tokens.h"

namespace fairlead::pii::names {

// Whether a text is written in capitals, in small letters, or in both: what a capital says depends on it.
enum class Case : std::uint8_t { kBoth, kSmall, kCapitals };
Case case_of(const Token* tokens, std::size_t count);

// A sequence with room for what stands before its beginning and behind its end.
constexpr std::size_t kPadding = 3;

// `at` points into a sequence with kPadding tokens on either side. Calls `add(hash)` for each feature. With `Training`,
// features of words that were taken out (word 0) are left out.
template <bool Training, typename Add>
inline void features_of(const Token* at, Case letters, Add&& add) {
  const Token &me = at[0], &left = at[-1], &right = at[1], &left2 = at[-2], &right2 = at[2], &left3 = at[-3];
  const auto one = [&](std::uint32_t salt, std::uint32_t a) {
    std::uint32_t hash = (a ^ salt * 0x9E3779B9U) * 0x85EBCA6BU;
    hash ^= hash >> 15;
    add(hash * 0xC2B2AE35U);
  };
  const auto two = [&](std::uint32_t salt, std::uint32_t a, std::uint32_t b) {
    std::uint32_t hash = (a * 0x2C1B3C6DU ^ b ^ salt * 0x9E3779B9U) * 0x85EBCA6BU;
    hash ^= hash >> 15;
    add(hash * 0xC2B2AE35U);
  };
  const auto word = [&](std::uint32_t salt, const Token& a) {
    if (!Training || a.word != 0) one(salt, a.word);
  };
  const auto words = [&](std::uint32_t salt, const Token& a, const Token& b) {
    if (!Training || (a.word != 0 && b.word != 0)) two(salt, a.word, b.word);
  };
  const auto word_and = [&](std::uint32_t salt, const Token& a, std::uint32_t b) {
    if (!Training || a.word != 0) two(salt, a.word, b);
  };
  const std::uint32_t first = left.shape == 1 ? 1 : 0;
  const std::uint32_t lists = me.list | left.list << 8 | right.list << 16;
  word(1, me);
  word(2, left);
  word(3, right);
  word(4, left2);
  word(5, right2);
  word(6, left3);
  words(7, left, me);
  words(8, me, right);
  words(9, left, right);
  words(10, left2, left);
  words(11, right, right2);
  if (!Training || me.word != 0) two(12, me.stem, me.coarse);
  two(13, me.prefix, me.coarse);
  two(14, me.suffix2, me.coarse);
  two(15, me.suffix3, me.coarse);
  two(16, me.suffix4, me.coarse);
  two(17, me.shape, first);
  two(18, me.shape | left.shape << 8 | right.shape << 16, static_cast<std::uint32_t>(letters));
  two(19, me.coarse | left.coarse << 8 | right.coarse << 16, left2.coarse | right2.coarse << 8);
  two(20, me.list | me.coarse << 8, first << 8 | static_cast<std::uint32_t>(letters));
  two(21, lists, me.coarse | left.coarse << 8 | right.coarse << 16);
  two(22, me.list | left.list << 8 | left2.list << 16, me.coarse);
  two(23, me.list | right.list << 8 | right2.list << 16, me.coarse);
  word_and(24, left, me.list | me.coarse << 8);
  word_and(25, right, me.list | me.coarse << 8);
  word_and(26, left2, me.list | me.coarse << 8 | left.coarse << 16);
  word_and(27, right2, me.list | me.coarse << 8 | right.coarse << 16);
  two(28, me.suffix2, left.suffix2);
  two(29, me.suffix2, right.suffix2);
  word_and(30, left, me.shape);
  word_and(31, right, me.shape);
  if (me.above != 0 || me.below != 0) {
    two(32, me.above | me.below << 16, me.coarse);
    two(33, me.below, me.list << 8 | me.coarse | first << 16);
    two(34, me.above, me.list << 8 | me.coarse | first << 16);
  }
}

}  // namespace fairlead::pii::names
