#include "budgets/meter.h"

#include <algorithm>
#include <limits>

#if defined(__x86_64__)
#define FAIRLEAD_CAS16 __attribute__((target("cx16")))  // every x86-64 processor since 2006
#else
#define FAIRLEAD_CAS16
#endif

namespace fairlead::budgets {
namespace {

__extension__ typedef __int128 Wide;

constexpr int kReservedBits = 46, kSpentBits = 54, kGenerationBits = 5;
constexpr std::int64_t kMostReserved = (std::int64_t{1} << kReservedBits) - 1;  // 70,000 dollars
constexpr std::int64_t kMostSpent = (std::int64_t{1} << kSpentBits) - 1;        // 18 million dollars
constexpr std::int64_t kFarAway_ns = std::numeric_limits<std::int64_t>::max() / 4;

std::int64_t nanos_of(std::int64_t unix_micros) {
  return (unix_micros - kMeterEpoch_s * 1'000'000) * 1'000;
}

// amount * refill / limit.
std::int64_t nanos_for(const Bound& bound, std::int64_t amount, bool round_up) {
  const std::int64_t limit = std::max<std::int64_t>(bound.limit, 1);
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(amount, bound.refill_ns, &product))
    return std::min(product / limit + (round_up && product % limit != 0 ? 1 : 0), kFarAway_ns);
  const Wide exact = (Wide{amount} * bound.refill_ns + (round_up ? limit - 1 : 0)) / limit;
  return exact > kFarAway_ns ? kFarAway_ns : static_cast<std::int64_t>(exact);
}

// Of which that many nanoseconds are not over; what has begun to come back has not come back.
std::int64_t amount_for(const Bound& bound, std::int64_t nanos) {
  const std::int64_t refill = std::max<std::int64_t>(bound.refill_ns, 1);
  const Wide exact = (Wide{nanos} * bound.limit + refill - 1) / refill;
  return exact > kMostSpent ? kMostSpent : static_cast<std::int64_t>(exact);
}

}  // namespace

std::uint32_t quarter_of(std::int64_t unix_micros) {
  const std::int64_t since = unix_micros - kMeterEpoch_s * 1'000'000;
  const std::int64_t quarter = (since + kQuarter_us - 1) / kQuarter_us;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(quarter, 1, kNever));
}

std::int64_t unix_micros_of(std::uint32_t quarter) {
  return kMeterEpoch_s * 1'000'000 + quarter * kQuarter_us;
}

struct Meter::State {
  bool is_bucket = false;
  std::uint32_t end = 0;        // of a window
  std::uint8_t generation = 0;  // counts windows, so that what is late is known from what is not
  std::int64_t spent = 0;       // of a window
  std::int64_t reserved = 0;
  std::int64_t full_at_ns = 0;  // of a bucket
};

// A window, from the top: 0, end (22 bits), generation (5), spent (54), reserved (46). A bucket: 1, full_at (63),
// reserved (64).
Meter::State Meter::decode(Word word) {
  const auto high = static_cast<std::uint64_t>(word >> 64), low = static_cast<std::uint64_t>(word);
  State out;
  if ((high >> 63) != 0) {
    out.is_bucket = true;
    out.full_at_ns = static_cast<std::int64_t>(high & ~(std::uint64_t{1} << 63));
    out.reserved = static_cast<std::int64_t>(low);
    return out;
  }
  out.end = static_cast<std::uint32_t>(high >> 41);
  out.generation = static_cast<std::uint8_t>((high >> 36) & 31);
  out.spent = static_cast<std::int64_t>((word >> kReservedBits) & static_cast<std::uint64_t>(kMostSpent));
  out.reserved = static_cast<std::int64_t>(low & static_cast<std::uint64_t>(kMostReserved));
  return out;
}

Meter::Word Meter::encode(const State& state) {
  if (state.is_bucket)
    return (Word{(std::uint64_t{1} << 63) | static_cast<std::uint64_t>(std::max<std::int64_t>(state.full_at_ns, 0))}
            << 64) |
           static_cast<std::uint64_t>(state.reserved);
  return (Word{state.end} << 105) | (Word{static_cast<std::uint8_t>(state.generation & 31)} << 100) |
         (Word{static_cast<std::uint64_t>(state.spent)} << kReservedBits) | static_cast<std::uint64_t>(state.reserved);
}

// Both halves, each whole: only a swap that succeeds says that they belong together.
Meter::Word Meter::guess() const {
  typedef std::uint64_t __attribute__((may_alias)) Half;
  const auto* const halves = reinterpret_cast<const Half*>(&word_);
  const std::uint64_t low = __atomic_load_n(&halves[0], __ATOMIC_ACQUIRE);
  const std::uint64_t high = __atomic_load_n(&halves[1], __ATOMIC_ACQUIRE);
  return (Word{high} << 64) | low;
}

FAIRLEAD_CAS16 bool Meter::swap(Word& expected, Word desired) {
  const Word found = __sync_val_compare_and_swap(&word_, expected, desired);
  if (found == expected) return true;
  expected = found;
  return false;
}

// The state as the bound sees it now: a window that has ended is followed by the bound's.
Meter::State Meter::at(const Bound& bound, std::int64_t now_us, Word word) const {
  State state = decode(word);
  if (bound.refill_ns > 0) {
    if (state.is_bucket) return state;
    // It was a window: what that had used has to come back.
    const bool over = now_us >= unix_micros_of(state.end);
    const std::int64_t used = over ? 0 : std::min(state.spent + state.reserved, bound.limit);
    State bucket;
    bucket.is_bucket = true;
    bucket.full_at_ns = nanos_of(now_us) + nanos_for(bound, used, true);
    return bucket;
  }
  if (state.is_bucket) return {.end = bound.window_end, .generation = 1, .spent = std::min(state.reserved, kMostSpent)};
  if (now_us < unix_micros_of(state.end)) return state;
  return {.end = bound.window_end, .generation = static_cast<std::uint8_t>((state.generation + 1) & 31)};
}

bool Meter::take(const Bound& bound, std::int64_t amount, std::int64_t now_us, Taken& taken,
                 std::int64_t& retry_after_us) {
  taken = {};
  const std::int64_t now_ns = nanos_of(now_us);
  Word word = guess();
  for (;;) {
    State state = at(bound, now_us, word);
    bool fits = true;
    retry_after_us = 0;
    if (state.is_bucket) {
      const std::int64_t debt = std::max<std::int64_t>(state.full_at_ns - now_ns, 0);
      const std::int64_t with_it = state.reserved > kMostSpent - std::min(amount, kMostSpent)
                                       ? kFarAway_ns
                                       : debt + nanos_for(bound, state.reserved + amount, true);
      fits = amount == 0 || !bound.hard || with_it <= bound.refill_ns;
      if (!fits && amount <= bound.limit) retry_after_us = (with_it - bound.refill_ns + 999) / 1'000;
      state.reserved += amount;
    } else {
      fits = amount <= kMostReserved - state.reserved &&
             (amount == 0 || !bound.hard ||
              (amount <= bound.limit && state.spent + state.reserved <= bound.limit - amount));
      state.reserved += amount;
      taken.generation = state.generation;
    }
    // What looks spent may be halves of two states: that is known only when it has been seen whole.
    if (swap(word, fits ? encode(state) : word)) {
      taken.amount = amount;
      return fits;
    }
  }
}

void Meter::settle(const Bound& bound, const Taken& taken, std::int64_t actual, std::int64_t now_us) {
  actual = std::max<std::int64_t>(actual, 0);
  Word word = guess();
  for (;;) {
    State state = decode(word);
    if (state.is_bucket) {
      if (bound.refill_ns == 0) return;  // it was a window then
      state.reserved = std::max<std::int64_t>(state.reserved - taken.amount, 0);
      if (actual > 0) state.full_at_ns = std::max(state.full_at_ns, nanos_of(now_us)) + nanos_for(bound, actual, true);
    } else {
      if (state.generation != taken.generation || bound.refill_ns > 0) return;  // of a window that has ended
      state.reserved = std::max<std::int64_t>(state.reserved - taken.amount, 0);
      state.spent = std::min(state.spent, kMostSpent - std::min(actual, kMostSpent)) + std::min(actual, kMostSpent);
    }
    if (swap(word, encode(state))) return;
  }
}

std::int64_t Meter::Use::left(const Bound& bound) const {
  return std::max<std::int64_t>(bound.limit - spent - reserved, 0);
}

Meter::Use Meter::use(const Bound& bound, std::int64_t now_us) const {
  Word word = guess();
  while (!const_cast<Meter*>(this)->swap(word, word)) {
  }
  const State state = at(bound, now_us, word);
  if (!state.is_bucket) return {state.spent, state.reserved, state.end == kNever ? 0 : unix_micros_of(state.end)};
  const std::int64_t debt_ns = std::max<std::int64_t>(state.full_at_ns - nanos_of(now_us), 0);
  return {amount_for(bound, debt_ns), state.reserved, now_us + (debt_ns + 999) / 1'000};
}

void Meter::raise(bool is_bucket, std::int64_t spent, std::int64_t end_us) {
  Word word = guess();
  for (;;) {
    State state = decode(word);
    if (state.is_bucket != is_bucket || (!is_bucket && state.end != quarter_of(end_us))) return;
    if (is_bucket)
      state.full_at_ns = std::max(state.full_at_ns, nanos_of(end_us));
    else
      state.spent = std::max(state.spent, std::min(spent, kMostSpent));
    if (swap(word, encode(state))) return;
  }
}

std::optional<Meter::Known> Meter::known(std::int64_t now_us) const {
  Word word = guess();
  while (!const_cast<Meter*>(this)->swap(word, word)) {
  }
  const State state = decode(word);
  if (state.is_bucket) {
    if (state.full_at_ns <= nanos_of(now_us)) return std::nullopt;
    return Known{true, 0, kMeterEpoch_s * 1'000'000 + (state.full_at_ns + 999) / 1'000};
  }
  if (state.spent == 0 || now_us >= unix_micros_of(state.end)) return std::nullopt;
  return Known{false, state.spent, unix_micros_of(state.end)};
}

bool Meter::idle(std::int64_t now_us) const {
  const State state = decode(guess());
  if (state.is_bucket) return state.full_at_ns <= nanos_of(now_us);
  return now_us >= unix_micros_of(state.end) || (state.spent == 0 && state.reserved == 0);
}

void Meter::move_window(const Bound& bound, std::int64_t now_us) {
  if (bound.refill_ns > 0) return;
  Word word = guess();
  for (;;) {
    State state = decode(word);
    if (state.is_bucket || now_us >= unix_micros_of(state.end) || state.end == bound.window_end) return;
    state.end = bound.window_end;
    if (swap(word, encode(state))) return;
  }
}

void Meter::recover(bool forget) {
  Word word = guess();
  for (;;) {
    State state = decode(word);
    if (state.is_bucket && !forget) return;
    state.spent = forget ? 0 : std::min(state.spent + state.reserved, kMostSpent);
    state.reserved = 0;
    if (swap(word, encode(state))) return;
  }
}

Taken Meter::left() const {
  Word word = guess();
  while (!const_cast<Meter*>(this)->swap(word, word)) {
  }
  const State state = decode(word);
  return {state.reserved, state.generation};
}

void Meter::forget(const Taken& left) {
  Word word = guess();
  for (;;) {
    State state = decode(word);
    if (!state.is_bucket && state.generation != left.generation) return;
    state.reserved = std::max<std::int64_t>(state.reserved - left.amount, 0);
    if (swap(word, encode(state))) return;
  }
}

void Meter::spend_reserved(const Bound& bound, std::int64_t now_us) {
  if (bound.refill_ns == 0) return;
  Word word = guess();
  for (;;) {
    State state = decode(word);
    if (!state.is_bucket || state.reserved == 0) return;
    state.full_at_ns = std::max(state.full_at_ns, nanos_of(now_us)) + nanos_for(bound, state.reserved, true);
    state.reserved = 0;
    if (swap(word, encode(state))) return;
  }
}

}  // namespace fairlead::budgets
