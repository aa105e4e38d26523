#include "safety/pii/names/internal/tagger.h"

#include <algorithm>
#include <cstring>

namespace fairlead::pii::names {
namespace {

constexpr std::int16_t kMostEmission = 3'000;

Lanes load(const std::int16_t* from) {
  Lanes out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

Lanes all(std::int16_t value) {
  return Lanes{} + value;
}

Lanes clamped(Lanes one) {
  const Lanes high = all(kMostEmission), low = all(-kMostEmission);
  one = one > high ? high : one;
  return one < low ? low : one;
}

}  // namespace

Case case_of(const Token* tokens, std::size_t count) {
  bool small = false, capitals = false, both = false;
  for (std::size_t i = 0; i < count; ++i) {
    const Kind kind = tokens[i].kind;
    small |= kind == kLower;
    capitals |= kind == kUpper;
    both |= kind == kCapital || kind == kCamel;
  }
  if (both || (small && capitals)) return Case::kBoth;
  return capitals ? Case::kCapitals : Case::kSmall;
}

void emit(const Model& model, Workplace& work, std::size_t count, Case letters) {
  using Bytes = std::int8_t __attribute__((vector_size(16)));
  for (std::size_t i = 0; i < count; ++i) {
    Lanes sum{};
    features_of<false>(work.first() + i, letters, [&](std::uint32_t hash) {
      Bytes row;
      std::memcpy(&row, model.row(hash).data(), sizeof row);
      sum += __builtin_convertvector(row, Lanes);
    });
    work.emissions[i] = sum;
  }
}

// With scores kept as differences to the first lane, which every label may follow and which may follow every label, no
// sum leaves 16 bits: an emission is within ±3,000, a transition within ±1,000, or forbidden.
void decode(const ModelHead& head, Workplace& work, std::size_t count) {
  if (count == 0) return;
  Lanes follows[kLanes];
  for (std::size_t i = 0; i < kLabels; ++i) follows[i] = load(head.follows[i]);
  work.best[0] = clamped(work.emissions[0]) + load(head.starts);
  work.best[0] -= all(work.best[0][0]);
  for (std::size_t i = 1; i < count; ++i) {
    const Lanes before = work.best[i - 1];
    Lanes best = follows[0] + before[0];
    Lanes from{};
    for (std::int16_t label = 1; label < kLabels; ++label) {
      const Lanes one = follows[label] + before[label];
      const Lanes better = one > best;
      best = better ? one : best;
      from = better ? all(label) : from;
    }
    best += clamped(work.emissions[i]);
    best -= all(best[0]);
    work.best[i] = best;
    work.from[i] = from;
  }
  std::int16_t label = 0;
  for (std::int16_t i = 1; i < kLabels; ++i)
    if (work.best[count - 1][i] > work.best[count - 1][label]) label = i;
  for (std::size_t i = count; i-- > 0;) {
    work.labels[i] = static_cast<Label>(label);
    if (i > 0) label = work.from[i][label];
  }
}

void margins_of(const ModelHead& head, const Workplace& work, std::size_t count, std::int32_t* margins) {
  // Backwards: the best that can follow each label, as a difference to what can follow the first.
  Lanes behind{};
  for (std::size_t i = count; i-- > 0;) {
    const Lanes whole = work.best[i] + behind;
    std::int32_t best = whole[0];
    for (std::size_t label = 1; label < kLabels; ++label) best = std::max<std::int32_t>(best, whole[label]);
    margins[i] = best - whole[0];
    if (i == 0) break;
    const Lanes here = clamped(work.emissions[i]) + behind;
    Lanes next{};
    for (std::size_t label = 0; label < kLabels; ++label) {
      const Lanes sums = load(head.follows[label]) + here;
      std::int16_t most = sums[0];
      for (std::size_t other = 1; other < kLabels; ++other) most = std::max(most, static_cast<std::int16_t>(sums[other]));
      next[label] = most;
    }
    behind = next - all(next[0]);
  }
}

}  // namespace fairlead::pii::names
