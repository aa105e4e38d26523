#include "platform/journal/internal/queue_limits.h"

#include <algorithm>

namespace fairlead::journal {

bool is_of_steps(const std::string& queue) {
  return queue.find(':') != std::string::npos;
}

void add_limits_of(const Queue& queue, const Run& run, const UserOf& user, std::vector<Limit>& to) {
  std::string name = "queue " + queue.name;
  if (queue.per == "key") name += ", key " + run.asked.author;
  if (queue.per == "chain") name += ", chain " + run.asked.name;
  if (queue.per == "user") name += ", user " + (user ? user(run) : std::string());
  if (queue.paused) to.push_back({.name = name});
  if (queue.concurrency > 0) to.push_back({.name = name, .concurrency = queue.concurrency});
  if (queue.starts > 0) to.push_back({.name = name, .starts = queue.starts, .period = queue.period});
}

Result<std::vector<Queue>> read_step_queues(store::Connection& connection) {
  std::vector<Queue> out;
  FAIRLEAD_CHECK(connection.query(
      "select project, name, paused, concurrency, starts, period, per from journal_queues where name like '%:%'", {},
      [&](const store::Row& row) -> Result<void> {
        Queue one;
        one.project = row.text(0);
        one.name = row.text(1);
        one.paused = row.integer(2) != 0;
        one.concurrency = row.integer(3);
        one.starts = row.integer(4);
        one.period = row.integer(5);
        one.per = row.text(6);
        out.push_back(std::move(one));
        return {};
      }));
  return out;
}

void StepQueues::set(std::vector<Queue> queues) {
  is_any_ = !queues.empty();
  auto next = std::make_shared<const std::vector<Queue>>(std::move(queues));
  const std::lock_guard lock(mutex_);
  queues_.swap(next);
}

std::vector<Limit> StepQueues::limits(const Run& run, std::span<const std::string> calls) const {
  std::vector<Limit> out;
  if (!is_any_) return out;
  std::shared_ptr<const std::vector<Queue>> queues;
  {
    const std::lock_guard lock(mutex_);
    queues = queues_;
  }
  if (!queues) return out;
  for (const Queue& queue : *queues)
    if (queue.project == run.asked.project && std::ranges::count(calls, queue.name) > 0)
      add_limits_of(queue, run, user_, out);
  return out;
}

}  // namespace fairlead::journal
