#include "telemetry/internal/pacing.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace fairlead::telemetry {
namespace {

// Chosen by trying (decision 0041).
constexpr timespec kLookEvery{0, 1'000'000};
constexpr std::int64_t kWorkNs = 500'000;  // of the processor's time, after which it pauses
constexpr timespec kPause{0, 200'000};

thread_local std::int64_t paused_at_ns = 0;  // of the thread's own time on the processor

std::int64_t thread_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A thread that waits for its core, or for the disk, has nothing to give away: what counts is what it has worked.
void pause_if_due(int /*signal*/) {
  const int error = errno;
  const std::int64_t now = thread_ns();
  if (now - paused_at_ns >= kWorkNs) {
    paused_at_ns = now;
    ::nanosleep(&kPause, nullptr);
  }
  errno = error;
}

}  // namespace

Pacing::Pacing() {
  struct sigaction action {};
  action.sa_handler = pause_if_due;
  action.sa_flags = SA_RESTART;
  if (::sigaction(SIGRTMIN, &action, nullptr) != 0) return;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid = ::gettid();  // glibc 2.36 has no name for it
  runs_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  if (!runs_) return;
  paused_at_ns = thread_ns();
  const itimerspec often{kLookEvery, kLookEvery};
  ::timer_settime(timer_, 0, &often, nullptr);
}

Pacing::~Pacing() {
  if (runs_) ::timer_delete(timer_);
}

}  // namespace fairlead::telemetry
