#include "gateway/routing/timer.h"

#include <boost/asio/redirect_error.hpp>

namespace fairlead::gateway::routing {

void Timer::arm_in(Millis delay) {
  if (alarms_ == nullptr) return wheel_.arm_in(delay);
  disarm();
  alarm_ = alarms_->arm(alarms_->now() + delay, on_fire_, self_);
}

void Timer::disarm() {
  wheel_.disarm();
  if (alarm_ != 0) alarms_->disarm(alarm_);
  alarm_ = 0;
}

SteadyTime Timer::now() const {
  return alarms_ == nullptr ? std::chrono::steady_clock::now() : alarms_->now();
}

Wait::Wait(async::Loop& loop, Alarms* alarms, Micros duration) : timer_(loop.executor()), alarms_(alarms) {
  if (alarms_ == nullptr) {
    timer_.expires_after(duration);
    return;
  }
  timer_.expires_at(SteadyTime::max());
  alarm_ = alarms_->arm(
      alarms_->now() + duration, [](void* self) { static_cast<Wait*>(self)->wake(); }, this);
}

Wait::~Wait() {
  if (alarm_ != 0) alarms_->disarm(alarm_);
}

async::Task<void> Wait::until_over() {
  boost::system::error_code ignored;
  co_await timer_.async_wait(boost::asio::redirect_error(async::use_task, ignored));
}

}  // namespace fairlead::gateway::routing
