// Makes up values of the shape of another: the same kind, length and layout, with check digits that hold.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "safety/policy/internal/matcher.h"

namespace fairlead::policy {

// Numbers that follow from a seed alone: SplitMix64 (Steele et al. 2014).
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  char digit() { return static_cast<char>('0' + below(10)); }

 private:
  std::uint64_t state_;
};

// One made-up value and the ways in which both it and what it stands for may be written.
struct Pair {
  std::string made, original;
  Written written = Written::kAsWords;
};

// For all entities but names. `days` is by how much dates are moved. Nothing: no other value of the shape came of it.
std::optional<std::vector<Pair>> make_up(std::string_view entity, std::string_view original, int days, Chance& chance);

// A date as it is written, less exactly: "2024-05", "May 1990", "1990"; empty: it is none that is understood.
std::string less_exact_date(std::string_view text, bool year_alone);

}  // namespace fairlead::policy
