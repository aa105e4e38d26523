// What tokens cost, and what a call comes to: whole numbers from end to end, so that records and budgets agree to the
// last billionth.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "llm/chat.h"

namespace fairlead::llm {

// Money: billionths of a US dollar.
using NanoUsd = std::int64_t;
inline double usd(NanoUsd amount) {
  return static_cast<double>(amount) / 1e9;
}

// A price: trillionths of a US dollar a token, which are millionths of a dollar a million tokens.
using PicoUsd = std::int64_t;
// Rounded to the next one up: no price becomes nothing. Of what is not in 0…1e9: the nearer end.
PicoUsd per_million(double usd);

// By kind of token.
struct Rates {
  PicoUsd input = 0, cached_input = 0, cache_write = 0, output = 0, reasoning = 0;
  PicoUsd cache_write_1h_more = 0;  // than cache_write, for what is kept an hour
  friend bool operator==(const Rates&, const Rates&) = default;
};

struct Prices {
  Rates rates;
  // Of calls with more than `over` tokens of input, for all of their tokens; ascending.
  struct LongContext {
    std::int64_t over = 0;
    Rates rates;
    friend bool operator==(const LongContext&, const LongContext&) = default;
  };
  std::vector<LongContext> long_context;
  int batch_percent = 100;  // of all that, for what is answered in a batch
  friend bool operator==(const Prices&, const Prices&) = default;
};

enum class Billing : std::uint8_t { kCall, kBatch };

// Each kind of token is priced apart from the rest of input and output. Rounded up, once: what is billed is never more
// by more than a billionth. Counts that contradict each other (more cached than there is input) are taken as far as
// they go; what does not fit is the largest number.
NanoUsd cost_of(const Usage& usage, const Prices& prices, Billing billing = Billing::kCall);

// What so many tokens of input and output can cost at most, whatever their kinds turn out to be and whichever tier they
// fall into.
NanoUsd most_cost_of(std::int64_t input, std::int64_t output, const Prices& prices);

// What a record says: 0 where no price is known. A budget must ask whether there is one.
inline NanoUsd cost_of(const Usage& usage, const std::optional<Prices>& prices) {
  return prices ? cost_of(usage, *prices) : 0;
}

}  // namespace fairlead::llm
