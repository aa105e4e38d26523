#include "safety/pii/names/internal/tagger.h"

#include <algorithm>
#include <cstring>

namespace fairlead::pii::names {
namespace {

constexpr std::int16_t kMostEmission = 3'000;

using Half = Lanes::Half;

void load(Lanes& out, const std::int16_t* from) {
  std::memcpy(&out, from, sizeof out);
}

void add(Lanes& out, const Lanes& more) {
  out.low += more.low;
  out.high += more.high;
}
void add(Lanes& out, std::int16_t more) {
  out.low += more;
  out.high += more;
}

void clamp(Half& one) {
  const Half most = Half{} + kMostEmission, least = Half{} - kMostEmission;
  one = one > most ? most : one;
  one = one < least ? least : one;
}
void clamp(Lanes& one) {
  clamp(one.low);
  clamp(one.high);
}

std::int16_t largest(const Lanes& one) {
  std::int16_t out = one.low[0];
  for (std::size_t label = 1; label < kLabels; ++label) out = std::max(out, one.of(label));
  return out;
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

void prepare(const Model& model, Workplace& work, std::size_t count) {
  Token* const tokens = work.first();
  for (std::size_t i = 0; i < kPadding; ++i) work.tokens[i] = tokens[count + i] = Token{};
  std::uint16_t above = 0, line = 0;
  std::size_t start = 0, start_above = 0;  // of this line and of the one before
  const auto close = [&](std::size_t end) {
    for (std::size_t i = start_above; i < start; ++i) tokens[i].below = line;
    for (std::size_t i = start; i < end; ++i) tokens[i].above = above;
    start_above = start, start = end;
    above = line, line = 0;
  };
  for (std::size_t i = 0; i < count; ++i) {
    Token& one = tokens[i];
    one.above = one.below = 0;
    one.list = one.kind == kMark ? 0 : model.list_of(one.stem);
    if (line == 0 && one.kind != kMark) line = static_cast<std::uint16_t>(one.list << 8 | one.coarse);
    if (one.mark == '\n') close(i + 1);
  }
  close(count);
  for (std::size_t i = start_above; i < start; ++i) tokens[i].below = 0;
}

void emit(const Model& model, Workplace& work, std::size_t count, Case letters) {
  using Bytes = std::int8_t __attribute__((vector_size(8)));
  for (std::size_t i = 0; i < count; ++i) {
    Lanes sum{};
    features_of<false>(work.first() + i, letters, [&](std::uint32_t hash) {
      const std::int8_t* const row = model.row(hash).data();
      Bytes low, high;
      std::memcpy(&low, row, sizeof low);
      std::memcpy(&high, row + sizeof low, sizeof high);
      sum.low += __builtin_convertvector(low, Half);
      sum.high += __builtin_convertvector(high, Half);
    });
    clamp(sum);
    work.emissions[i] = sum;
  }
}

// With scores kept as differences to the first lane, which every label may follow and which may follow every label, no
// sum leaves 16 bits: an emission is within ±3,000, a transition within ±1,000, or forbidden.
void decode(const ModelHead& head, Workplace& work, std::size_t count) {
  if (count == 0) return;
  Lanes follows[kLabels];
  for (std::size_t i = 0; i < kLabels; ++i) load(follows[i], head.follows[i]);
  load(work.best[0], head.starts);
  add(work.best[0], work.emissions[0]);
  add(work.best[0], static_cast<std::int16_t>(-work.best[0].of(0)));
  for (std::size_t i = 1; i < count; ++i) {
    const Lanes& before = work.best[i - 1];
    Lanes best = follows[0];  // that label's score is 0
    for (std::size_t label = 1; label < kLabels; ++label) {
      const std::int16_t score = before.of(label);
      const Half low = follows[label].low + score, high = follows[label].high + score;
      best.low = low > best.low ? low : best.low;
      best.high = high > best.high ? high : best.high;
    }
    add(best, work.emissions[i]);
    add(best, static_cast<std::int16_t>(-best.of(0)));
    work.best[i] = best;
  }
  // The way back is found again from the scores.
  std::size_t label = 0;
  for (std::size_t i = 1; i < kLabels; ++i)
    if (work.best[count - 1].of(i) > work.best[count - 1].of(label)) label = i;
  for (std::size_t i = count; i-- > 0;) {
    work.labels[i] = static_cast<Label>(label);
    if (i == 0) break;
    const Lanes& before = work.best[i - 1];
    std::size_t from = 0;
    int most = head.follows[0][label];
    for (std::size_t one = 1; one < kLabels; ++one)
      if (const int score = before.of(one) + head.follows[one][label]; score > most) most = score, from = one;
    label = from;
  }
}

void margins_of(const ModelHead& head, const Workplace& work, std::size_t count, std::int32_t* margins) {
  // Backwards: the best that can follow each label, as a difference to what can follow the first.
  Lanes precedes[kLabels];  // by what follows
  for (std::size_t label = 0; label < kLabels; ++label) {
    std::int16_t column[kLanes];
    for (std::size_t before = 0; before < kLanes; ++before) column[before] = head.follows[before][label];
    load(precedes[label], column);
  }
  Lanes behind{};
  for (std::size_t i = count; i-- > 0;) {
    Lanes whole = work.best[i];
    add(whole, behind);
    margins[i] = largest(whole) - whole.of(0);
    if (i == 0) break;
    Lanes here = work.emissions[i];
    add(here, behind);
    behind = precedes[0];
    add(behind, here.of(0));
    for (std::size_t label = 1; label < kLabels; ++label) {
      const std::int16_t score = here.of(label);
      const Half low = precedes[label].low + score, high = precedes[label].high + score;
      behind.low = low > behind.low ? low : behind.low;
      behind.high = high > behind.high ? high : behind.high;
    }
    add(behind, static_cast<std::int16_t>(-behind.of(0)));
  }
}

}  // namespace fairlead::pii::names
