// A clock that goes on when there is nothing left to do at its moment.
#pragma once
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "gateway/routing/timer.h"

namespace fairlead::capacity {

// Of one thread.
class SimulatedTime final : public Clock, public gateway::routing::Alarms {
 public:
  explicit SimulatedTime(std::int64_t unix_micros) : now_(Micros(unix_micros)) {}
  std::int64_t unix_micros() const override {
    return std::chrono::duration_cast<Micros>(now_.time_since_epoch()).count();
  }
  SteadyTime steady() const override { return now_; }

  SteadyTime now() const override { return now_; }
  std::uint64_t arm(SteadyTime at, Callback on_fire, void* self) override {
    const std::uint64_t alarm = ++last_;
    const SteadyTime when = at > now_ ? at : now_;
    due_.emplace(std::pair(when, alarm), std::pair(on_fire, self));
    times_.emplace(alarm, when);
    return alarm;
  }
  void disarm(std::uint64_t alarm) override {
    const auto found = times_.find(alarm);
    if (found == times_.end()) return;
    due_.erase({found->second, alarm});
    times_.erase(found);
  }

  // Goes on to the next alarm and calls back. False: there is none.
  bool advance() {
    if (due_.empty()) return false;
    const auto next = due_.begin();
    now_ = next->first.first;
    const auto [on_fire, self] = next->second;
    times_.erase(next->first.second);
    due_.erase(next);
    on_fire(self);
    return true;
  }

 private:
  SteadyTime now_;
  std::uint64_t last_ = 0;
  std::map<std::pair<SteadyTime, std::uint64_t>, std::pair<Callback, void*>> due_;  // equal times in order of arming
  std::unordered_map<std::uint64_t, SteadyTime> times_;
};

}  // namespace fairlead::capacity
