#include "platform/async/timer_wheel.h"

#include <algorithm>

namespace fairlead::async {

TimerWheel::TimerWheel(IoContext& context) : timer_(context), origin_(Clock::now()) {}

std::chrono::steady_clock::time_point TimerWheel::now() {
  return Clock::now();
}

std::uint64_t TimerWheel::tick_of(Clock::time_point time) const {
  if (time <= origin_) return 0;
  return static_cast<std::uint64_t>((time - origin_ + kTick - Clock::duration(1)) / kTick);
}

void TimerWheel::Timer::arm_at(Clock::time_point time) {
  disarm();
  wheel_->insert(*this, wheel_->tick_of(time));
}

void TimerWheel::Timer::arm_in(std::chrono::milliseconds delay) {
  arm_at(Clock::now() + delay);
}

void TimerWheel::Timer::disarm() {
  if (!slot_) return;
  (previous_ ? previous_->next_ : *slot_) = next_;
  if (next_) next_->previous_ = previous_;
  slot_ = nullptr;
  previous_ = next_ = nullptr;
  --wheel_->armed_;
}

void TimerWheel::insert(Timer& timer, std::uint64_t tick) {
  // An idle wheel does not turn: bring it to the present before the first timer goes in.
  if (armed_ == 0 && !turning_)
    current_ = std::max(current_, static_cast<std::uint64_t>((Clock::now() - origin_) / kTick));
  timer.tick_ = std::max(tick, current_ + 1);
  Timer*& head = slots_[timer.tick_ % kSlots];
  timer.slot_ = &head;
  timer.next_ = head;
  if (head) head->previous_ = &timer;
  head = &timer;
  ++armed_;
  if (!turning_) start();
}

void TimerWheel::start() {
  turning_ = true;
  timer_.expires_at(origin_ + kTick * (current_ + 1));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) turn();
  });
}

void TimerWheel::turn() {
  const std::uint64_t present = static_cast<std::uint64_t>((Clock::now() - origin_) / kTick);
  while (current_ < present && armed_ > 0) {
    ++current_;
    // A callback may arm, disarm or destroy any timer, so look from the head again after each that fires.
    for (Timer* timer = slots_[current_ % kSlots]; timer;) {
      if (timer->tick_ > current_) {
        timer = timer->next_;  // of a later round
        continue;
      }
      timer->disarm();
      timer->on_fire_(timer->self_);
      timer = slots_[current_ % kSlots];
    }
  }
  turning_ = false;
  if (armed_ > 0) start();
}

}  // namespace fairlead::async
