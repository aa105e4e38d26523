#include "gateway/cache/neighbours.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace fairlead::gateway::cache {
namespace {

constexpr std::size_t kBits = 256;
constexpr std::size_t kMostDimensions = 4096;
constexpr float kDeviations = 4;

// splitmix64: the same signs in every process.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
  x = (x ^ x >> 27) * 0x94d049bb133111ebU;
  return x ^ x >> 31;
}

void rotate(std::vector<float>& x, std::uint64_t round) {
  for (std::size_t i = 0; i < x.size(); i += 64) {
    std::uint64_t signs = mix(round << 32 | i);
    for (std::size_t k = i; k < std::min(i + 64, x.size()); ++k, signs >>= 1)
      if ((signs & 1) != 0) x[k] = -x[k];
  }
  for (std::size_t half = 1; half < x.size(); half *= 2) {
    for (std::size_t i = 0; i < x.size(); i += 2 * half) {
      for (std::size_t k = i; k < i + half; ++k) {
        const float a = x[k], b = x[k + half];
        x[k] = a + b;
        x[k + half] = a - b;
      }
    }
  }
}

// In how many bits two vectors may differ whose cosine is the threshold: what is expected, and some deviations more.
int most_bits(float threshold) {
  const float share = std::acos(std::clamp(threshold, -1.0F, 1.0F)) / std::numbers::pi_v<float>;
  return static_cast<int>(kBits * share + kDeviations * std::sqrt(kBits * share * (1 - share)));
}

[[gnu::always_inline]] inline int bits_between(const Sketch& a, const Sketch& b) {
  return __builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]) + __builtin_popcountll(a[2] ^ b[2]) +
         __builtin_popcountll(a[3] ^ b[3]);
}

using Places = std::vector<std::uint32_t>;

[[gnu::always_inline]] inline void scan_all(const std::vector<Sketch>& all, const Sketch& to, int most, Places& out) {
  const std::size_t size = all.size();
  for (std::size_t i = 0; i < size; ++i)
    if (bits_between(all[i], to) <= most) out.push_back(static_cast<std::uint32_t>(i));
}

#if defined(__x86_64__)
[[gnu::target("popcnt")]] void scan_with_popcnt(const std::vector<Sketch>& all, const Sketch& to, int most,
                                                Places& out) {
  scan_all(all, to, most, out);
}
#endif

void scan(const std::vector<Sketch>& all, const Sketch& to, int most, Places& out) {
#if defined(__x86_64__)
  static const bool kHasPopcnt = __builtin_cpu_supports("popcnt") != 0;
  if (kHasPopcnt) return scan_with_popcnt(all, to, most, out);
#endif
  scan_all(all, to, most, out);
}

}  // namespace

Sketch sketch_of(const llm::Embedding& vector) {
  std::vector<float> x(vector.begin(),
                       vector.begin() + static_cast<std::ptrdiff_t>(std::min(vector.size(), kMostDimensions)));
  x.resize(std::bit_ceil(std::max(x.size(), kBits)));
  rotate(x, 1);
  rotate(x, 2);
  Sketch out{};
  for (std::size_t i = 0; i < kBits; ++i)
    if (x[i] > 0) out[i / 64] |= std::uint64_t{1} << (i % 64);
  return out;
}

void Neighbours::add(const llm::Embedding& vector) {
  sketches_.push_back(sketch_of(vector));
  vectors_.push_back(&vector);
}

void Neighbours::remove(std::size_t place) {
  sketches_[place] = sketches_.back();
  sketches_.pop_back();
  vectors_[place] = vectors_.back();
  vectors_.pop_back();
}

std::optional<Neighbours::Near> Neighbours::nearest(const llm::Embedding& to, float threshold) const {
  Places places;
  scan(sketches_, sketch_of(to), most_bits(threshold), places);
  std::optional<Near> best;
  for (const std::uint32_t place : places) {
    const llm::Embedding& vector = *vectors_[place];
    if (vector.size() != to.size()) continue;
    const float alike = llm::similarity(to.data(), vector.data(), to.size());
    if (alike >= threshold && (!best || alike > best->similarity)) best = {place, alike};
  }
  return best;
}

}  // namespace fairlead::gateway::cache
