// POST /api/v1/capacity (docs/reference/capacity.md).
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "access/guard.h"
#include "base/clock.h"
#include "capacity/plan.h"
#include "gateway/snapshot.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"

namespace fairlead::capacity {

// Makes plans on a thread of its own that gives way to all others, one at a time. Outlives the router's server, and is
// destroyed before the loops; what it is made of outlives it.
class Routes {
 public:
  struct Parts {
    // A question to a project's records in SQL; blocks.
    std::function<Result<std::string>(const std::string& project, const std::string& query, std::int64_t limit)> ask;
    std::function<std::shared_ptr<const gateway::Snapshot>()> snapshot;  // the newest; thread-safe
    std::string folder;                                                  // for files of moments
    const Clock& clock;
  };
  explicit Routes(Parts parts) : parts_(std::move(parts)) {}
  ~Routes() { ending_ = true; }
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;
  void add(http::Router& router, const access::Guard& guard);

 private:
  async::Task<void> answer(http::Exchange& exchange, std::string project);
  Result<std::string> plan(const std::string& project, Question question, bool plot) const;

  const Parts parts_;
  std::atomic<bool> busy_{false}, ending_{false};
  async::BlockingPool planning_{1};
};

}  // namespace fairlead::capacity
