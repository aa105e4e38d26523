// How many calls one upstream bears at a time, and who of those that wait is next.
#pragma once
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/routing/timer.h"
#include "llm/routing.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::gateway::routing {

// What a call that has ended tells about its upstream.
enum class Load : std::uint8_t {
  kBorne,     // it answered; the latency says how easily
  kTooMuch,   // it said so, or took too long to say anything
  kNotKnown,  // it failed otherwise, or nobody waited for it
};

// Of one upstream, shared by all models that use it and by all loops. The limit adapts itself between 1 and the
// policy's bound, after Netflix's Gradient2 (https://github.com/Netflix/concurrency-limits, Gradient2Limit): it grows
// while first tokens come about as fast as they used to, shrinks as they take longer, and by a fifth when the upstream
// says that it is too much. Below the limit a call costs two atomic additions; over it it waits in its own loop's
// queue: by priority, then the project that has the fewest calls in flight, then by time. A place that comes free goes
// to the loops that have somebody waiting in turn.
class Limiter : public std::enable_shared_from_this<Limiter> {
 public:
  explicit Limiter(int loops);

  struct Caller {
    std::string_view project;
    int priority = 0;
    // Gets a place only where one is free and nobody waits, counts for nobody who comes later, and gives way to him:
    // then its `cancellation` is requested, with the reason kDisplaced.
    bool is_guest = false;
  };
  static constexpr ErrorKind kDisplaced = ErrorKind::kConflict;
  // A place for one call. Released when it is destroyed, on the loop that it was got on.
  class Place {
   public:
    Place() = default;
    Place(std::shared_ptr<Limiter> limiter, async::Loop& loop, std::string_view project, SteadyTime since,
          async::Cancellation* guest = nullptr)
        : limiter_(std::move(limiter)), loop_(&loop), project_(project), since_(since), guest_(guest) {}
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() { release(Load::kNotKnown, Micros(0), false, since_); }
    // Says what is known of the call, and gives the place back; once. `latency`: to the first token of a stream, to the
    // end of another answer.
    void release(Load load, Micros latency, bool stream, SteadyTime now);

   private:
    std::shared_ptr<Limiter> limiter_;
    async::Loop* loop_ = nullptr;
    std::string project_;
    SteadyTime since_{};
    async::Cancellation* guest_ = nullptr;
  };

  // On `loop`. Waits for a place if it must, as long as the policy and `deadline` allow. Errors: upstream_busy with the
  // time when another try may help, at once if the queue is full or is not likely to move in time; cancelled.
  // `cancellation` and what `caller` views outlive the wait. `alarms`: where time is simulated.
  async::Task<Result<Place>> enter(async::Loop& loop, const llm::ConcurrencyPolicy& policy, Caller caller,
                                   SteadyTime deadline, const Clock& clock, async::Cancellation& cancellation,
                                   Alarms* alarms = nullptr);

  int in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  int waiting() const { return waiting_.load(std::memory_order_relaxed); }
  int limit() const { return static_cast<int>(limit_.load(std::memory_order_relaxed)); }

 private:
  struct Waiter;
  struct Queue {  // of one loop, touched by it alone but for the atomics
    std::list<Waiter*> waiters;
    std::vector<std::pair<std::string, int>> in_flight;  // by project
    std::vector<async::Cancellation*> guests;            // oldest first
    std::atomic<int> count{0}, guest_count{0};
    std::atomic<async::Loop*> loop{nullptr};
  };
  bool take(int most, const async::Loop& here);
  Result<Place> take_as_guest(async::Loop& loop, int most, SteadyTime now, async::Cancellation& cancellation);
  void displace_somebody(const async::Loop& here);
  void displace(Queue& queue);
  void leave_as_guest(async::Loop& loop, async::Cancellation* guest);
  void leave(async::Loop& loop, const std::string& project);
  void serve(Queue& queue, const async::Loop& here);
  void serve_somebody(const async::Loop& here);
  static void count(Queue& queue, std::string_view project, int change);
  static int in_flight_of(const Queue& queue, std::string_view project);
  Millis expected_wait(int ahead) const;
  void learn(Load load, Micros latency, bool stream, SteadyTime now);
  std::unexpected<Error> busy(Millis expected) const;

  std::atomic<int> in_flight_{0}, waiting_{0}, guests_{0};
  std::atomic<unsigned> turn_{0};
  std::atomic<double> limit_{20};
  std::atomic<double> usual_us_[2] = {0, 0};  // latency in the long run, of whole answers and of first tokens
  std::atomic<double> held_us_{0};            // for how long a call keeps its place
  std::atomic<std::int64_t> shrunk_us_{0};
  std::vector<Queue> queues_;
};

// The highest priority that the policy gives to one of the tags or to the key of that name, else 0.
int priority_of(const llm::ConcurrencyPolicy& policy, std::span<const std::string> tags, std::string_view key);

}  // namespace fairlead::gateway::routing
