// What is used of one limit: sixteen bytes that change as one, in memory that outlives the process.
#pragma once
#include <cstdint>
#include <optional>

namespace fairlead::budgets {

// Time in a meter: quarters of an hour and nanoseconds since 2020-01-01 UTC. Every zone's hours begin at such a
// quarter.
inline constexpr std::int64_t kMeterEpoch_s = 1'577'836'800;
inline constexpr std::int64_t kQuarter_us = 900'000'000;
inline constexpr std::uint32_t kNever = (1U << 22) - 1;  // the year 2139
std::uint32_t quarter_of(std::int64_t unix_micros);      // the first that does not begin before it
std::int64_t unix_micros_of(std::uint32_t quarter);

// A limit as it is at one moment.
struct Bound {
  std::int64_t limit = 0;
  // Of a bucket: nanoseconds in which the whole limit comes back. 0: a window that ends at `window_end`.
  std::int64_t refill_ns = 0;
  std::uint32_t window_end = kNever;  // a quarter
  bool hard = true;                   // else nothing is refused
};

// What one call took of a meter; given to settle() once.
struct Taken {
  std::int64_t amount = 0;
  std::uint8_t generation = 0;  // of the window
};

// Of a window: spent, and reserved by calls in flight. What is reserved counts as spent until it is settled, and a
// window that begins knows nothing of those before it.
// Of a bucket: the time at which what is spent will all have come back (the theoretical arrival time of GCRA, ITU-T
// I.371), and what calls in flight have reserved. That does not come back as long as it is reserved: then no stretch of
// time t sees more than limit * (1 + t / refill), whatever is given back and when.
//
// All operations are single compare-and-swap loops: lock-free, and whole or not at all when the process dies. Any
// thread.
class Meter {
 public:
  // Whether `amount` was there; of a soft bound always. If not, `retry_after_us` is when it may be, 0: not in sight
  // (never, or when the window ends).
  bool take(const Bound& bound, std::int64_t amount, std::int64_t now_us, Taken& taken, std::int64_t& retry_after_us);
  // What was taken has come to be `actual`, which may be more.
  void settle(const Bound& bound, const Taken& taken, std::int64_t actual, std::int64_t now_us);

  struct Use {
    std::int64_t spent = 0, reserved = 0;  // of a bucket: what has not come back
    std::int64_t resets_at_us = 0;         // unix time; 0: never
    std::int64_t left(const Bound& bound) const;
  };
  Use use(const Bound& bound, std::int64_t now_us) const;
  // What other nodes have spent too: at least so much of the window that ends then, or until when a bucket is not full.
  void raise(bool is_bucket, std::int64_t spent, std::int64_t end_us);
  // What raise() of another meter would be given of this one; nothing if nothing is spent.
  struct Known {
    bool is_bucket = false;
    std::int64_t spent = 0, end_us = 0;
  };
  std::optional<Known> known(std::int64_t now_us) const;

  // Nothing in it would be missed. With nobody in flight.
  bool idle(std::int64_t now_us) const;

  // The bound's window is now the one that the meter's is in, if that has not ended.
  void move_window(const Bound& bound, std::int64_t now_us);
  // After a process died: what was reserved in a window is spent, or all is forgotten. A bucket's stays reserved, since
  // only its bound knows what that is in time, until
  void recover(bool forget);
  // says that nobody is in flight: it is spent.
  void spend_reserved(const Bound& bound, std::int64_t now_us);
  // Or it stays reserved until it is known what became of it: then this is settled, or not counted any longer.
  Taken left() const;
  void forget(const Taken& left);

 private:
  __extension__ typedef unsigned __int128 Word;
  struct State;
  static State decode(Word word);
  static Word encode(const State& state);
  State at(const Bound& bound, std::int64_t now_us, Word word) const;
  Word guess() const;
  bool swap(Word& expected, Word desired);

  alignas(16) Word word_ = 0;
};
static_assert(sizeof(Meter) == 16);

}  // namespace fairlead::budgets
