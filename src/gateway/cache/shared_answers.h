// The cache's second place, which several nodes share and which outlives them: Redis. docs/reference/cache.md,
// "Several nodes, and restarts"; docs/decisions/0026-shared-cache.md.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "gateway/cache/kept_answer.h"
#include "gateway/cache/shard.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/shared/redis.h"

namespace fairlead::gateway::cache {

// A connection a loop. Nothing here fails a call: what cannot be had is not there. Made before the loops start,
// destroyed after they have stopped.
class SharedAnswers {
 public:
  struct Options {
    shared::RedisOptions redis;
    std::chrono::milliseconds patience{50};  // of a call; timers are coarse: up to two ticks of the wheel more
    std::size_t most_bytes = 1 << 20;        // of an answer
    std::chrono::milliseconds poll{1'000};   // for what other nodes have cleared
  };
  SharedAnswers(async::Runtime& runtime, Options options);
  ~SharedAnswers();
  SharedAnswers(const SharedAnswers&) = delete;
  SharedAnswers& operator=(const SharedAnswers&) = delete;

  // Told on loop 0 what other nodes have cleared; an empty project stands for all that this node keeps.
  using Cleared = std::function<async::Task<void>(Selection)>;
  void start(Cleared cleared);  // when the loops run
  void stop();                  // while they still do

  struct Got {
    std::shared_ptr<const KeptAnswer> answer;  // null: there is none, or it is not to be had in time
    std::chrono::milliseconds left{};          // of its time
    // What had been cleared by then, for put(); empty: it is not known, and nothing is put.
    std::string stamp;
  };
  // From a loop's thread, `here`. One round trip. Without `wants_answer` it learns the stamp alone.
  async::Task<Got> get(async::Loop& here, Sha256 key, Owner owner, bool wants_answer);
  // From a loop's thread. Sent, and not waited for. It stays away if something of the owner's has been cleared since
  // the stamp.
  void put(async::Loop& here, const Sha256& key, const Owner& owner, const std::string& stamp, const KeptAnswer& answer,
           std::chrono::milliseconds ttl);
  // From a loop's thread. From its return on nobody is given what was there; how many have been removed. Error:
  // kUnavailable, and what has been done is not known.
  async::Task<Result<std::size_t>> clear(async::Loop& here, Selection selection);

  // Any thread.
  bool connected() const;  // every loop
  enum class Outcome : std::uint8_t { kHit, kMiss, kLate, kAway, kInvalid };
  static constexpr std::size_t kOutcomes = 5;
  std::uint64_t lookups(Outcome outcome) const { return lookups_[static_cast<std::size_t>(outcome)]; }
  std::uint64_t writes() const { return writes_; }

 private:
  class Lane;  // of one loop
  Lane& lane(async::Loop& here) const { return *lanes_[static_cast<std::size_t>(here.index())]; }
  Sha256 place_of(const Sha256& key) const;  // its name in Redis
  void count(Outcome outcome) { lookups_[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed); }

  const Options options_;
  const std::string secret_, node_;
  Cleared cleared_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::uint64_t> lookups_[kOutcomes]{};
  std::atomic<std::uint64_t> writes_{0};
  bool started_ = false;
};

}  // namespace fairlead::gateway::cache
