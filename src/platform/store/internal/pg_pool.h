// Connections to one PostgreSQL: made when they are needed, not too often while it is away.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "platform/store/internal/pg_connection.h"

namespace fairlead::store {

// Whoever changes the database, or its schema, does so while holding this lock, so that all changes follow one another.
inline constexpr const char* kTakeTurn = "select pg_advisory_xact_lock(7377293604775354724)";  // "fairlead" in ASCII
inline constexpr const char* kAnnounce = "notify fairlead";
inline constexpr const char* kListen = "listen fairlead";

// Thread-safe.
class PgPool {
 public:
  explicit PgPool(PgTarget target) : target_(std::move(target)) {}

  const PgTarget& target() const { return target_; }
  // A new one. After a failure none is tried for a while, longer after each, and the error is what it was.
  Result<std::unique_ptr<PgConnection>> connect();
  // One to read with; from those that were given back, if there is one.
  Result<std::unique_ptr<PgConnection>> take();
  void give_back(std::unique_ptr<PgConnection> connection);

 private:
  const PgTarget target_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<PgConnection>> idle_;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point not_before_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace fairlead::store
