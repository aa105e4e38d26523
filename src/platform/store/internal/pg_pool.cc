#include "platform/store/internal/pg_pool.h"

#include <algorithm>
#include <utility>

namespace fairlead::store {
namespace {

constexpr std::chrono::milliseconds kFirstPause{25};
constexpr std::chrono::milliseconds kLongestPause{1'000};

}  // namespace

Result<std::unique_ptr<PgConnection>> PgPool::connect() {
  {
    const std::lock_guard lock(mutex_);
    if (failure_ && std::chrono::steady_clock::now() < not_before_) return fail(*failure_);
  }
  auto made = PgConnection::open(target_);
  const std::lock_guard lock(mutex_);
  if (made) {
    failure_.reset();
    pause_ = {};
    return made;
  }
  failure_ = made.error();
  idle_.clear();  // to the same server
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  not_before_ = std::chrono::steady_clock::now() + pause_;
  return made;
}

Result<std::unique_ptr<PgConnection>> PgPool::take() {
  while (true) {
    std::unique_ptr<PgConnection> found;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) break;
      found = std::move(idle_.back());
      idle_.pop_back();
    }
    if (found->is_alive()) return found;
  }
  return connect();
}

void PgPool::give_back(std::unique_ptr<PgConnection> connection) {
  if (connection->is_lost()) return;
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

}  // namespace fairlead::store
