// What the queues that have been set mean for a run, and for its steps.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "platform/journal/engine.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

using UserOf = std::function<std::string(const Run&)>;

// A queue whose name says what steps call ("model:small") is one of steps, else one of runs.
bool is_of_steps(const std::string& queue);
// All of them, or one that lets nothing begin: its concurrency and its starts are 0.
void add_limits_of(const Queue& queue, const Run& run, const UserOf& user, std::vector<Limit>& to);
Result<std::vector<Queue>> read_step_queues(store::Connection& connection);

// The queues of steps as this node last saw them. Thread-safe.
class StepQueues {
 public:
  explicit StepQueues(UserOf user) : user_(std::move(user)) {}
  void set(std::vector<Queue> queues);
  // What a step of the run counts against that calls these.
  std::vector<Limit> limits(const Run& run, std::span<const std::string> calls) const;

 private:
  const UserOf user_;
  std::atomic<bool> is_any_{false};  // nearly always not: then nothing is locked
  mutable std::mutex mutex_;         // GCC 12's atomic<shared_ptr> lets a load race with a store
  std::shared_ptr<const std::vector<Queue>> queues_;
};

}  // namespace fairlead::journal
