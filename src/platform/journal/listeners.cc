#include "platform/journal/listeners.h"

#include <utility>

namespace fairlead::journal {

Listeners::Listening::Listening(Listeners& listeners, std::string run, async::Loop& loop)
    : listeners_(listeners), run_(std::move(run)), loop_(loop), bell_(std::make_shared<async::Bell>(loop.executor())) {
  const std::lock_guard lock(listeners_.mutex_);
  listeners_.by_run_.emplace(run_, this);
  ++listeners_.count_;
}

Listeners::Listening::~Listening() {
  const std::lock_guard lock(listeners_.mutex_);
  const auto [first, last] = listeners_.by_run_.equal_range(run_);
  for (auto one = first; one != last; ++one) {
    if (one->second != this) continue;
    listeners_.by_run_.erase(one);
    --listeners_.count_;
    break;
  }
}

void Listeners::tell_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [run, one] : by_run_) one->loop_.post([bell = one->bell_] { bell->ring(); });
}

void Listeners::tell(const std::string& run) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  const auto [first, last] = by_run_.equal_range(run);
  for (auto one = first; one != last; ++one) one->second->loop_.post([bell = one->second->bell_] { bell->ring(); });
}

}  // namespace fairlead::journal
