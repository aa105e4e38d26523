// What stands behind Engine.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "platform/async/bell.h"
#include "platform/async/task_group.h"
#include "platform/journal/engine.h"
#include "platform/journal/execution.h"
#include "platform/journal/internal/claims.h"
#include "platform/journal/internal/committer.h"
#include "platform/journal/internal/queue_limits.h"
#include "platform/journal/listeners.h"

namespace fairlead::journal {

class Engine::Node {
 public:
  Node(store::Database& database, async::Runtime& loops, const Clock& clock, Definitions definitions,
       EngineOptions options);

  Result<void> start_blocking();
  void stop_blocking(Millis patience);
  async::Task<Result<Started>> start(RunRequest request, std::vector<Event> history);
  async::Task<Result<Run>> retry(RetryRequest request);
  async::Task<Result<Moved>> move(MoveRequest request);
  async::Task<Result<bool>> signal(std::string project, Signal signal, Condition condition);
  void spawn(async::Loop& loop, async::Task<void> task);  // on its thread; joined as the node stops
  std::size_t loaded() const { return loaded_.load(); }
  Committer& committer() { return committer_; }
  Listeners& listeners() { return listeners_; }
  store::Database& database() { return database_; }
  const Clock& clock() const { return clock_; }

 private:
  // The runs of one loop; touched on it alone.
  struct Lane {
    explicit Lane(async::Loop& its_loop) : loop(its_loop), tasks(its_loop.executor()) {}
    async::Loop& loop;
    async::TaskGroup tasks;
    std::unordered_map<std::string, Execution*> executions;
    std::set<std::string> missed{};  // runs that a signal came for while they were read: it is looked for again
  };
  struct Place {
    Lane* lane;
    std::uint64_t loading;  // which loading of it: it may be taken up again before the last one is quite over
  };
  struct Seen {
    std::int64_t beat;
    SteadyTime since;
  };

  std::vector<Limit> limits_of(const Run& run) const;
  std::string user_of(const Run& run) const;
  void load(Run run);
  async::Task<void> carry(Lane& lane, Run run, std::uint64_t loading);
  // Whether it had places that others may have now.
  async::Task<bool> carry_loaded(Lane& lane, Run run);
  Entry ending(Execution& execution, Outcome outcome);
  Entry leaving(Execution& execution, Micros again);
  async::Task<Entry> moving(Execution& execution);
  struct Renewals;
  Result<void> plan_retry(store::Connection& connection, const RetryRequest& request, Renewals& renewals);
  Result<void> add_renewal(store::Connection& connection, const Run& run, std::int64_t deadline, Renewals& renewals);
  async::Task<void> put_off(std::string project, std::string run, std::string node);

  async::Task<void> keep();
  async::Task<Result<void>> look();
  async::Task<Result<void>> take_up();
  async::Task<Result<void>> fetch_signals();
  async::Task<Result<void>> watch();
  async::Task<Result<void>> sweep();
  async::Task<Result<void>> begin_again();
  void lose_all();
  std::string node() const;
  void with_each_execution(void (Execution::*what)());

  store::Database& database_;
  async::Runtime& loops_;
  const Clock& clock_;
  const Definitions definitions_;
  const EngineOptions options_;
  StepQueues step_queues_;
  Listeners listeners_;  // outlives what the committer tells
  Committer committer_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::size_t> next_lane_{0};
  std::atomic<std::uint64_t> next_loading_{0};
  std::atomic<std::size_t> loaded_{0};
  std::atomic<bool> freed_{false};  // a place under a limit, since this was last looked at

  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::string node_;                              // the incarnation
  std::map<std::string, std::size_t> running_;    // by project
  std::unordered_map<std::string, Place> where_;  // by run

  // Of the first loop:
  async::TaskGroup keeping_;
  async::Bell bell_;
  std::map<std::string, Seen> seen_;  // other nodes
  SteadyTime next_beat_{}, next_sweep_{}, next_glance_{}, next_let_go_{};
  std::string look_from_;  // of what is held back; see let_go()
  bool is_held_ = false;   // whether any run is held back, as it was a poll ago at the earliest
  std::string told_;       // the last trouble that was logged
  std::atomic<bool> stopping_{false};
  bool started_ = false;
};

}  // namespace fairlead::journal
