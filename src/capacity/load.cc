#include "capacity/load.h"

#include <algorithm>
#include <cmath>

namespace fairlead::capacity {
namespace {

constexpr int kPieces = 10, kBefore = 2;

}  // namespace

double Load::calls_per_minute() const {
  const auto count = std::ranges::count(calls, false, &RecordedCall::is_shadow);
  return static_cast<double>(count) * 60e6 / static_cast<double>(std::max<std::int64_t>(1, length_us));
}

std::vector<Arrival> draw_arrivals(const Load& load, double factor, std::size_t most,
                                   gateway::routing::Random& random) {
  const std::int64_t piece = std::max<std::int64_t>(1, load.length_us / kPieces);
  const double in_a_piece = std::max(1.0, static_cast<double>(load.calls.size()) / kPieces);
  const double counting = std::min(kPieces * factor, std::ceil(static_cast<double>(most) / in_a_piece));  // pieces
  const int pieces = kBefore + static_cast<int>(std::ceil(counting));
  std::vector<Arrival> out;
  for (int i = 0; i < pieces; ++i) {
    const auto begin = static_cast<std::int64_t>(random.unit() * static_cast<double>(load.length_us - piece));
    // The last piece may be less than a whole one.
    const double share = std::min(1.0, counting - (i - kBefore));
    const std::int64_t end = begin + static_cast<std::int64_t>(static_cast<double>(piece) * std::min(1.0, share));
    auto at = std::ranges::lower_bound(load.calls, begin, {}, &RecordedCall::at_us);
    for (; at != load.calls.end() && at->at_us < end; ++at) {
      if (at->is_shadow) continue;
      const double time =
          (static_cast<double>(i) * static_cast<double>(piece) + static_cast<double>(at->at_us - begin)) / factor;
      out.push_back({static_cast<std::int64_t>(time), static_cast<std::size_t>(at - load.calls.begin()), i >= kBefore});
    }
  }
  return out;
}

}  // namespace fairlead::capacity
