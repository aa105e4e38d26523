// The best labels for a sequence of tokens, and how sure they are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "safety/pii/names/internal/features.h"
#include "safety/pii/names/internal/model.h"
#include "safety/pii/names/internal/tokens.h"

namespace fairlead::pii::names {

constexpr std::size_t kLongestSequence = 256;  // tokens

// A number for each label, in two halves: what processors of this kind add at once.
struct alignas(16) Lanes {
  using Half = std::int16_t __attribute__((vector_size(16)));
  Half low, high;
  std::int16_t of(std::size_t label) const { return label < 8 ? low[label] : high[label - 8]; }
};

// Working memory of one thread, 30 kB.
struct Workplace {
  Token tokens[kLongestSequence + 2 * kPadding];
  Lanes emissions[kLongestSequence];
  Lanes best[kLongestSequence];
  Label labels[kLongestSequence];
  Token* first() { return tokens + kPadding; }
};

// What tokens first()[0, count) get from the lists and from the lines around them, and empty ones on either side.
void prepare(const Model& model, Workplace& work, std::size_t count);

// Emissions of the tokens first()[0, count), of a trained model.
void emit(const Model& model, Workplace& work, std::size_t count, Case letters);

// The labels with the highest sum of emissions and transitions, into `labels`. Integers: the same everywhere.
void decode(const ModelHead& head, Workplace& work, std::size_t count);

// After decode(): for each token, how much lower the best sequence is in which that token is outside.
void margins_of(const ModelHead& head, const Workplace& work, std::size_t count, std::int32_t* margins);

}  // namespace fairlead::pii::names
