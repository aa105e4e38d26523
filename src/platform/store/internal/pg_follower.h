// Hears of changes that other processes made.
#pragma once
#include <atomic>
#include <functional>
#include <thread>

#include "platform/store/internal/pg_pool.h"

namespace fairlead::store {

// Calls `look` on its thread whenever a change was announced, and at least every half second, as a connection that
// breaks may take an announcement with it. Ends when destroyed.
class PgFollower {
 public:
  PgFollower(PgPool& pool, std::function<void()> look);
  ~PgFollower();
  PgFollower(const PgFollower&) = delete;
  PgFollower& operator=(const PgFollower&) = delete;
  bool is_connected() const { return connected_; }

 private:
  void loop();

  PgPool& pool_;
  std::function<void()> look_;
  int wake_;  // an eventfd
  std::atomic<bool> stopping_{false}, connected_{true};
  std::thread thread_;
};

}  // namespace fairlead::store
