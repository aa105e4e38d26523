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
                     "update journal_queues set closed = case when paused <> 0 or (concurrency > 0 and concurrency <="
                     " (select count(*) from journal_runs r where r.project = journal_queues.project and r.queue ="
                     " journal_queues.name and r.queue <> '' and r.node is not null)) then 1 else 0 end"));
    if (marked == 0) return {};
    return connection.query(
        "select q.project, q.name, q.concurrency - (select count(*) from journal_runs r where r.project = q.project and"
        " r.queue = q.name and r.queue <> '' and r.node is not null) from journal_queues q where q.concurrency > 0 and"
        " q.closed = 0",
        {}, [&](const Row& row) -> Result<void> {
          free_[{std::string(row.text(0)), std::string(row.text(1))}] = row.integer(2);
          return {};
        });
  }
  bool admits(const Run& run) {
    const auto found = free_.find({run.asked.project, run.asked.queue});
    return found == free_.end() || found->second-- > 0;
  }

 private:
  std::map<std::pair<std::string, std::string>, std::int64_t> free_;
};

Result<std::vector<Run>> due_runs(Connection& connection, const std::string& project, const ClaimRequest& request) {
  std::vector<Run> runs;
  const Value values[] = {project, request.now, static_cast<std::int64_t>(request.room)};
  FAIRLEAD_CHECK(connection.query(std::string("select ") + kRunColumns +
                                      " from journal_runs where project = $1 and due <= $2 and due is not null"
                                      " and not exists (select 1 from journal_queues q where q.project ="
                                      " journal_runs.project and q.name = journal_runs.queue and q.closed <> 0)"
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
                 "update journal_runs set node = $2, state = 'running', due = null, started_at = $3"
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
  bool found = false;
  const Value values[] = {node};
  FAIRLEAD_CHECK(
      connection.query("select 1 from journal_nodes where node = $1", values, [&](const Row&) -> Result<void> {
        found = true;
        return {};
      }));
  return found;
}

Result<bool> anything_due(Connection& connection, std::int64_t now) {
  bool found = false;
  const Value values[] = {now};
  FAIRLEAD_CHECK(connection.query("select 1 from journal_runs where due is not null and due <= $1 limit 1", values,
                                  [&](const Row&) -> Result<void> {
                                    found = true;
                                    return {};
                                  }));
  return found;
}

Result<std::vector<Run>> claim(Connection& connection, ClaimRequest request) {
  std::vector<Run> claimed;
  FAIRLEAD_TRY(const bool alive, beat(connection, request.node));
  if (!alive) return claimed;
  FAIRLEAD_TRY(const auto projects, due_projects(connection));
  if (projects.empty()) return claimed;
  Queues queues;
  FAIRLEAD_CHECK(queues.read(connection));
  std::map<std::string, std::vector<Run>> due;
  for (const std::string& project : projects) {
    FAIRLEAD_TRY(auto runs, due_runs(connection, project, request));
    if (!runs.empty()) due.emplace(project, std::move(runs));
  }
  while (claimed.size() < request.room && !due.empty()) {
    const auto next =
        std::ranges::min_element(due, {}, [&](const auto& entry) { return request.running[entry.first]; });
    Run run = std::move(next->second.back());
    next->second.pop_back();
    const std::string project = next->first;
    if (next->second.empty()) due.erase(next);
    if (!queues.admits(run)) continue;
    FAIRLEAD_CHECK(take(connection, run, request));
    ++request.running[project];
    claimed.push_back(std::move(run));
  }
  return claimed;
}

}  // namespace fairlead::journal
