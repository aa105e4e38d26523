// A text as a vector, by its words: no model, no dictionary, a few microseconds (docs/reference/cache.md, `semantic`).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::llm {

// Of unit length, or all zeros.
using Embedding = std::vector<float>;

inline constexpr std::size_t kWordDimensions = 256;

// How much each kind of feature counts beside a word that says something, which is 1. The numbers are the best of those
// that `semantic_curve --choose` tries on one half of banking77; the other half is what docs/reference/cache.md
// reports.
struct WordWeights {
  float pair = 0.0F;         // two words that follow each other
  float letters = 1.6F;      // all runs of letters of a word together
  float little_word = 0.1F;  // of a word that says little by itself
};

// Words, their stems and the letters within them, hashed into kWordDimensions (feature hashing with signs, Weinberger
// et al. 2009). Knows the usual little words and endings of English and Russian; takes any language that puts spaces
// between words. Thread-safe.
Embedding embed_by_words(std::string_view text, WordWeights weights = {});

// What must be alike in two texts before the answer to one may stand for the other, however alike the rest is: the
// numbers in them, in their order, and whether something is negated. "Send 100" and "send 200" differ in it.
std::string marks_of(std::string_view text);

// The cosine, of vectors of one size and unit length.
float similarity(const float* a, const float* b, std::size_t size);

}  // namespace fairlead::llm
