#include "chains/internal/durations.h"

#include <algorithm>

namespace fairlead::chains::internal {

std::string Durations::key_of(const std::string& project, const std::string& chain, const std::string& step) {
  return project + '\n' + chain + '\n' + step;
}

void Durations::learn(const std::string& project, const std::string& chain, const std::string& step, Micros took) {
  const std::lock_guard lock(mutex_);
  std::string key = key_of(project, chain, step);
  if (rings_.size() >= kSteps && !rings_.contains(key)) return;
  Ring& ring = rings_[std::move(key)];
  ring.micros[ring.count++ % kKept] = took.count();
}

std::optional<Micros> Durations::usual(const std::string& project, const std::string& chain,
                                       const std::string& step) const {
  const std::lock_guard lock(mutex_);
  const auto found = rings_.find(key_of(project, chain, step));
  if (found == rings_.end()) return std::nullopt;
  auto sorted = found->second.micros;
  const auto count = static_cast<std::ptrdiff_t>(std::min(found->second.count, kKept));
  const auto middle = sorted.begin() + (count - 1) / 2;
  std::nth_element(sorted.begin(), middle, sorted.begin() + count);
  return Micros(*middle);
}

void Durations::count_late(const std::string& project, const std::string& chain) {
  const std::lock_guard lock(mutex_);
  ++late_[{project, chain}];
}

std::vector<Durations::Late> Durations::late() const {
  const std::lock_guard lock(mutex_);
  std::vector<Late> out;
  for (const auto& [key, runs] : late_) out.push_back({key.first, key.second, runs});
  return out;
}

}  // namespace fairlead::chains::internal
