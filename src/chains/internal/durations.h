// How long steps take, and which runs were late: what a node has seen of either.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace fairlead::chains::internal {

// Thread-safe. So many steps at the most; what comes after them is not learned.
class Durations {
 public:
  static constexpr std::size_t kKept = 32;  // of each step
  static constexpr std::size_t kSteps = 20'000;

  void learn(const std::string& project, const std::string& chain, const std::string& step, Micros took);
  // The median of the last ones; nothing: not known yet.
  std::optional<Micros> usual(const std::string& project, const std::string& chain, const std::string& step) const;

  struct Late {
    std::string project, chain;
    std::int64_t runs = 0;
  };
  void count_late(const std::string& project, const std::string& chain);
  std::vector<Late> late() const;

 private:
  struct Ring {
    std::array<std::int64_t, kKept> micros{};
    std::size_t count = 0;  // ever
  };
  static std::string key_of(const std::string& project, const std::string& chain, const std::string& step);
  mutable std::mutex mutex_;
  std::map<std::string, Ring> rings_;
  std::map<std::pair<std::string, std::string>, std::int64_t> late_;
};

}  // namespace fairlead::chains::internal
