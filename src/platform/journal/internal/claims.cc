#include "platform/journal/internal/claims.h"

#include <algorithm>

#include "platform/journal/internal/rows.h"

namespace fairlead::journal {
namespace {

using store::Connection;
using store::Row;
using store::Value;

constexpr std::size_t kProjects = 256;  // that are looked at in one claim

Result<void> give_back(Connection& connection, const std::string& node, std::int64_t now, std::int64_t& runs) {
  const Value values[] = {node, now};
  FAIRLEAD_TRY(runs, connection.execute(
                         "update journal_runs set state = 'queued', due = $2, node = null where node = $1", values));
  return {};
}

Result<std::vector<std::string>> due_projects(Connection& connection) {
  std::vector<std::string> projects;
  std::string last;
  while (projects.size() < kProjects) {  // each step is one look into the index, however many runs are due
    bool more = false;
    const Value values[] = {last};
    FAIRLEAD_CHECK(connection.query("select min(project) from journal_runs where due is not null and project > $1",
                                    values, [&](const Row& row) -> Result<void> {
                                      more = !row.is_null(0);
                                      last = row.text(0);
                                      return {};
                                    }));
    if (!more) break;
    projects.push_back(last);
  }
  return projects;
}

// How many more runs of its queue may go on, for the queues with a limit; and marks those that are full.
class Queues {
 public:
  Result<void> read(Connection& connection) {
    FAIRLEAD_TRY(const auto marked,
                 connection.execute(
                     "update journal_queues set closed = case when paused <> 0 or (concurrency > 0 and per = '' and"
                     " concurrency <= (select count(*) from journal_runs r where r.project = journal_queues.project and"
                     " r.queue = journal_queues.name and r.queue <> '' and r.node is not null)) then 1 else 0 end"));
    if (marked == 0) return {};
    FAIRLEAD_TRY(steps_, read_step_queues(connection));
    return connection.query(
        "select q.project, q.name, q.concurrency, q.starts, q.period, q.per, case when q.concurrency = 0 or q.per <> ''"
        " then 0 else q.concurrency - (select count(*) from journal_runs r where r.project = q.project and r.queue ="
        " q.name and r.queue <> '' and r.node is not null) end from journal_queues q where (q.concurrency > 0 or"
        " q.starts > 0) and q.closed = 0",
        {}, [&](const Row& row) -> Result<void> {
          Queue queue;
          queue.name = row.text(1);
          queue.starts = row.integer(3);
          queue.period = row.integer(4);
          queue.per = row.text(5);
          const Name name(row.text(0), queue.name);
          if (queue.per.empty() && row.integer(2) > 0) free_[name] = row.integer(6);
          if (!queue.per.empty()) queue.concurrency = row.integer(2);
          if (queue.concurrency > 0 || queue.starts > 0) shared_[name] = std::move(queue);
          return {};
        });
  }
  bool admits(const Run& run) const {
    const auto found = free_.find({run.asked.project, run.asked.queue});
    return found == free_.end() || found->second > 0;
  }
  void count(const Run& run) {
    const auto found = free_.find({run.asked.project, run.asked.queue});
    if (found != free_.end()) --found->second;
  }
  // What is not counted here.
  void add_limits(const Run& run, const UserOf& user, std::vector<Limit>& to) const {
    const auto found = run.asked.queue.empty() ? shared_.end() : shared_.find({run.asked.project, run.asked.queue});
    if (found != shared_.end()) add_limits_of(found->second, run, user, to);
  }
  // What any of its steps may wait for.
  void add_step_limits(const Run& run, const UserOf& user, std::vector<Limit>& to) const {
    for (const Queue& queue : steps_)
      if (queue.project == run.asked.project) add_limits_of(queue, run, user, to);
  }

 private:
  using Name = std::pair<std::string, std::string>;
  std::map<Name, std::int64_t> free_;
  std::map<Name, Queue> shared_;
  std::vector<Queue> steps_;
};

// Where nobody was let go before: the lane in which others wait already.
Result<std::string> behind_others(Connection& connection, const std::string& project, std::span<const Limit> limits) {
  for (const Limit& limit : limits) {
    std::string lane = lane_of(project, limit);
    FAIRLEAD_TRY(const bool waited_for, is_waited_for(connection, lane));
    if (waited_for) return lane;
  }
  return std::string();
}

// A run that has started counts against the starts no more.
std::vector<Limit> open_limits(std::vector<Limit> limits, const Run& run) {
  if (run.started_at > 0) std::erase_if(limits, [](const Limit& limit) { return limit.starts > 0; });
  return limits;
}

Result<std::vector<Run>> due_runs(Connection& connection, const std::string& project, const ClaimRequest& request) {
  std::vector<Run> runs;
  const Value values[] = {project, request.now, static_cast<std::int64_t>(request.room)};
  FAIRLEAD_CHECK(connection.query(std::string("select ") + kRunColumns +
                                      " from journal_runs where project = $1 and due <= $2 and due is not null"
                                      " and not exists (select 1 from journal_queues q where q.project ="
                                      " journal_runs.project and q.name = journal_runs.queue and (q.closed <> 0 or"
                                      " (q.draining <> 0 and journal_runs.started_at = 0)))"
                                      " order by priority desc, due limit $3",
                                  values, [&](const Row& row) -> Result<void> {
                                    runs.push_back(run_of(row));
                                    return {};
                                  }));
  std::erase_if(runs, [&](const Run& run) { return !std::ranges::count(request.kinds, run.asked.kind); });
  std::ranges::reverse(runs);  // the first is taken from the end
  return runs;
}

Result<void> take(Connection& connection, Run& run, const ClaimRequest& request) {
  if (run.started_at == 0) run.started_at = request.now;
  run.node = request.node;
  run.state = RunState::kRunning;
  const Value values[] = {run.id, request.node, run.started_at};
  return execute(connection,
                 "update journal_runs set node = $2, state = 'running', due = null, held = '', started_at = $3"
                 " where id = $1",
                 values);
}

}  // namespace

Result<void> register_node(Connection& connection, const std::string& name, const std::string& node, std::int64_t now) {
  std::vector<std::string> before;
  const Value named[] = {name};
  FAIRLEAD_CHECK(
      connection.query("select node from journal_nodes where name = $1", named, [&](const Row& row) -> Result<void> {
        before.emplace_back(row.text(0));
        return {};
      }));
  for (const std::string& one : before) {
    std::int64_t runs = 0;
    FAIRLEAD_CHECK(give_back(connection, one, now, runs));
  }
  FAIRLEAD_CHECK(execute(connection, "delete from journal_nodes where name = $1", named));
  const Value values[] = {node, name, now};
  return execute(connection,
                 "insert into journal_nodes (node, name, beat, started_at)"
                 " values ($1, $2, 1, $3)",
                 values);
}

Result<bool> beat(Connection& connection, const std::string& node) {
  const Value values[] = {node};
  FAIRLEAD_TRY(const auto beaten,
               connection.execute("update journal_nodes set beat = beat + 1 where node = $1", values));
  return beaten == 1;
}

Result<std::vector<NodeBeat>> read_nodes(Connection& connection) {
  std::vector<NodeBeat> nodes;
  FAIRLEAD_CHECK(
      connection.query("select node, beat from journal_nodes order by node", {}, [&](const Row& row) -> Result<void> {
        nodes.push_back({std::string(row.text(0)), row.integer(1)});
        return {};
      }));
  return nodes;
}

Result<std::int64_t> take_over(Connection& connection, const NodeBeat& seen, std::int64_t now) {
  const Value values[] = {seen.node, seen.beat};
  FAIRLEAD_TRY(const auto gone, connection.execute("delete from journal_nodes where node = $1 and beat = $2", values));
  std::int64_t runs = 0;
  if (gone == 1) FAIRLEAD_CHECK(give_back(connection, seen.node, now, runs));
  return runs;
}

Result<std::int64_t> take_over_all(Connection& connection, const std::string& node, std::int64_t now) {
  const Value values[] = {node};
  FAIRLEAD_TRY(const auto gone, connection.execute("delete from journal_nodes where node = $1", values));
  std::int64_t runs = 0;
  if (gone == 1) FAIRLEAD_CHECK(give_back(connection, node, now, runs));
  return runs;
}

Result<bool> is_registered(Connection& connection, const std::string& node) {
  const Value values[] = {node};
  return any_row(connection, "select 1 from journal_nodes where node = $1", values);
}

Result<bool> anything_due(Connection& connection, std::int64_t now) {
  const Value values[] = {now};
  return any_row(connection, "select 1 from journal_runs where due is not null and due <= $1 limit 1", values);
}

Result<Claimed> claim(Connection& connection, ClaimRequest request) {
  Claimed claimed;
  FAIRLEAD_TRY(const bool alive, beat(connection, request.node));
  if (!alive) return claimed;
  Queues queues;
  FAIRLEAD_CHECK(queues.read(connection));
  Places places(connection, request.now);
  const LimitsOf limits = [&](const Run& run) {
    std::vector<Limit> out = request.limits ? request.limits(run) : std::vector<Limit>();
    queues.add_limits(run, request.user, out);
    return out;
  };
  const LimitsOf may_hold = [&](const Run& run) {
    std::vector<Limit> out = limits(run);
    queues.add_step_limits(run, request.user, out);
    return out;
  };
  claimed.look_from = request.look_from;
  if (request.lets_go) {
    FAIRLEAD_TRY(claimed.look_from,
                 let_go(connection, places, request.kinds, may_hold, std::move(request.look_from), request.now));
  }
  FAIRLEAD_TRY(const auto projects, due_projects(connection));
  std::map<std::string, std::vector<Run>> due;
  for (const std::string& project : projects) {
    FAIRLEAD_TRY(auto runs, due_runs(connection, project, request));
    if (!runs.empty()) due.emplace(project, std::move(runs));
  }
  while (claimed.runs.size() < request.room && !due.empty()) {
    const auto next =
        std::ranges::min_element(due, {}, [&](const auto& entry) { return request.running[entry.first]; });
    Run run = std::move(next->second.back());
    next->second.pop_back();
    const std::string project = next->first;
    if (next->second.empty()) due.erase(next);
    if (!queues.admits(run)) continue;
    std::vector<Limit> counts = open_limits(limits(run), run);
    if (!counts.empty() && refers(run.asked.input)) {  // whose they are may stand in it
      FAIRLEAD_CHECK(expand_runs(connection, {&run, 1}));
      counts = open_limits(limits(run), run);
    }
    if (!counts.empty()) {
      std::string full;
      if (!request.lets_go) {
        FAIRLEAD_TRY(full, behind_others(connection, project, counts));
      }
      if (full.empty()) {
        FAIRLEAD_TRY(full, places.take(project, counts, {.run = run.id, .node = request.node}));
      }
      bool waits = !full.empty();
      if (waits) {
        FAIRLEAD_TRY(const bool is_past, is_past_holding(connection, run, request.now));
        waits = !is_past;
      }
      if (waits) {
        FAIRLEAD_CHECK(hold_back(connection, run, full));
        claimed.held_back = true;
        continue;
      }
    }
    queues.count(run);
    FAIRLEAD_CHECK(take(connection, run, request));
    ++request.running[project];
    claimed.runs.push_back(std::move(run));
  }
  return claimed;
}

}  // namespace fairlead::journal
