// What the budgets of several nodes have spent together, in Redis.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "budgets/ledger.h"
#include "budgets/metric.h"
#include "platform/async/runtime.h"
#include "platform/shared/redis.h"

namespace fairlead::budgets {

// One limit of one account, as a call comes to it.
struct SharedLimit {
  std::uint64_t budget = 0;
  std::string subject;
  Metric metric = Metric::kRequests;
  std::string period;  // its words: with others the window is another one
  std::int64_t window_end_us = 0, refill_us = 0, limit = 0, amount = 0;
};

struct SharedAnswer {
  std::optional<std::size_t> refused;                 // the place of the limit that had not enough
  std::int64_t spent = 0, reserved = 0;               // of that one
  std::int64_t resets_at_us = 0, retry_after_us = 0;  // as Meter has them
  struct Seen {
    std::int64_t spent, end_us;  // as Meter::raise() takes them
  };
  std::vector<Seen> seen;  // of each limit, if nothing refused
};

// This node's part in it: a connection a loop (its lane in the ledger), on which what calls set aside has a number
// each, is kept until Redis has settled it, and is told anew to a Redis that has lost it. The ledger in the data folder
// knows what was spent, as this node has heard it, and tells a Redis that comes back with less.
//
// A node is as many members as it has loops, under a name that each process draws anew. A member that is not heard of
// for ten seconds is dead, and what it had set aside is spent; so it is, at once, when the next process on its data
// folder says so. docs/reference/budgets.md says what is exact; docs/decisions/0017-shared-budgets.md why.
class SharedLedger {
 public:
  struct Timing {
    std::chrono::milliseconds grace{
        2'000};  // hard budgets wait so long in a Redis that is new, for all nodes to be heard
    std::chrono::milliseconds lease{10'000};  // of a member that is not heard of
    std::chrono::milliseconds beat{1'000};
  };
  SharedLedger(async::Runtime& runtime, const shared::RedisOptions& options, Ledger& ledger, const Clock& clock,
               Timing timing);
  ~SharedLedger();  // stop() was called if start() was
  SharedLedger(const SharedLedger&) = delete;
  SharedLedger& operator=(const SharedLedger&) = delete;

  void start();  // connects; the loops may start later
  void stop();   // from outside the loops, which run: waits a second at most until all is settled

  // The rest on the lane's loop. The time by Redis's clock, as far as it is known.
  std::int64_t now_us() const { return clock_.unix_micros() + offset_us_.load(std::memory_order_relaxed); }
  std::uint64_t new_id(int lane);
  // Sets aside all of it or nothing. With it the requests that the step `before` of the same call had set aside are
  // spent (0: none), or, if `spend_requests`, those of this one. Errors: kUnavailable redis_unavailable, with
  // retry_after_ms; kConflict window_over: by Redis's clock, now known, a window's end has passed.
  async::Task<Result<SharedAnswer>> take(int lane, std::uint64_t id, std::uint64_t before, bool spend_requests,
                                         std::vector<SharedLimit> limits);
  // What was taken has come to this; never waits, and is not lost when Redis is away. `here` stays set aside in this
  // node's ledger until Redis has heard it.
  struct Truth {
    std::size_t place;  // in the limits that were taken
    std::int64_t amount;
    Taken here;
  };
  void settle(int lane, std::uint64_t id, std::span<const Truth> truths);
  // Spends without asking: soft limits.
  void add(int lane, SharedLimit what);

  // Any thread. Whether each loop has reached it once, and hard budgets can be answered for.
  bool ready() const;
  bool connected() const;  // all of them, now
  std::uint64_t errors() const;

 private:
  class Lane;
  void learn_time(std::int64_t redis_now_us);

  Ledger& ledger_;
  const Clock& clock_;
  const Timing timing_;
  const std::uint64_t name_;  // never 0
  const std::string node_;    // the same in hexadecimal
  std::atomic<std::int64_t> offset_us_{0};
  std::atomic<std::uint64_t> seeded_{0};  // the epoch in which what this node knows was told
  std::vector<std::unique_ptr<Lane>> lanes_;
  bool started_ = false;
};

}  // namespace fairlead::budgets
