#include "serving/internal/thread_tuner.h"

#include <algorithm>

namespace fairlead::serving {

void ThreadTuner::took(int items, double us) {
  if (most_ == 1) return;
  if (items != items_) {
    items_ = items;
    usual_us_ = settled_us_ = 0;
    trying_ = 0;
    steps_ = 0;
    return;
  }
  if (trying_ > 0) {
    tried_us_ += us;
    if (--trying_ == 0) end_try();
    return;
  }
  usual_us_ = usual_us_ == 0 ? us : usual_us_ * 0.75 + us * 0.25;
  if (settled_us_ > 0 && usual_us_ > settled_us_ * 1.5) interval_ = kShortest;
  if (++steps_ >= interval_) begin_try();
}

void ThreadTuner::begin_try() {
  const bool can_grow = threads_ < most_;
  const bool can_shrink = threads_ > 1;
  const bool down = can_shrink && (downwards_ || !can_grow);
  downwards_ = !down;
  candidate_ = down ? threads_ / 2 : std::min(most_, threads_ * 2);
  trying_ = kTries;
  tried_us_ = 0;
}

void ThreadTuner::end_try() {
  steps_ = 0;
  const double tried = tried_us_ / kTries;
  if (tried < usual_us_ * 0.9) {
    threads_ = candidate_;
    usual_us_ = tried;
    interval_ = kShortest;
  } else {
    interval_ = std::min(interval_ * 2, kLongest);
  }
  settled_us_ = usual_us_;
}

}  // namespace fairlead::serving
