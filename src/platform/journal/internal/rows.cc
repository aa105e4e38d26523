#include "platform/journal/internal/rows.h"

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/id.h"
#include "platform/journal/internal/places.h"
#include "platform/store/whole_id.h"

namespace fairlead::journal {

using store::Connection;
using store::Row;
using store::Value;

namespace {

constexpr std::size_t kColumns = 8;                    // of an event
constexpr std::array<std::size_t, 3> kRows{64, 8, 1};  // in one statement

std::string insert_sql(std::size_t rows) {
  std::string sql = "insert into journal_events (run, sequence, at, kind, step, attempt, data, cost) values ";
  for (std::size_t row = 0, place = 1; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    for (std::size_t column = 0; column < kColumns; ++column, ++place)
      sql += (column == 0 ? "$" : ", $") + std::to_string(place);
    sql += ")";
  }
  return sql + " on conflict (run, sequence) do nothing";
}

const std::string& statement(std::size_t rows) {
  static const std::array<std::string, kRows.size()> kSql{insert_sql(kRows[0]), insert_sql(kRows[1]),
                                                          insert_sql(kRows[2])};
  return kSql[static_cast<std::size_t>(std::ranges::find(kRows, rows) - kRows.begin())];
}

}  // namespace

Result<void> insert_events(Connection& connection, const std::vector<const Event*>& events) {
  std::vector<Value> values;
  std::size_t done = 0;
  for (const std::size_t rows : kRows) {
    while (events.size() - done >= rows) {
      values.clear();
      values.reserve(rows * kColumns);
      for (std::size_t i = 0; i < rows; ++i) {
        const Event& event = *events[done + i];
        values.emplace_back(event.run);
        values.emplace_back(event.sequence);
        values.emplace_back(event.at);
        values.emplace_back(std::string(to_string(event.kind)));
        values.emplace_back(event.step);
        values.emplace_back(event.attempt);
        values.emplace_back(event.data);
        values.emplace_back(event.cost);
      }
      FAIRLEAD_CHECK(execute(connection, statement(rows), values));
      done += rows;
    }
  }
  return {};
}

void keep_large(std::vector<Event>& events, std::vector<Blob>& blobs) {
  for (Event& event : events)
    if (is_large(event.data)) event.data = kept(std::move(event.data), event.run, blobs);
}

Result<void> insert_event(Connection& connection, Event event) {
  std::vector<Event> events{std::move(event)};
  std::vector<Blob> blobs;
  keep_large(events, blobs);
  FAIRLEAD_CHECK(insert_events(connection, {&events.front()}));
  return write_blobs(connection, blobs);
}

Result<bool> any_row(Connection& connection, const std::string& sql, std::span<const Value> values) {
  bool found = false;
  FAIRLEAD_CHECK(connection.query(sql, values, [&](const Row&) -> Result<void> {
    found = true;
    return {};
  }));
  return found;
}

std::unexpected<Error> run_not_found(const std::string& run) {
  return fail(ErrorKind::kNotFound, "run_not_found", "There is no run `" + run + "` in this project.", "run");
}

const char* const kRunColumns =
    "id, project, kind, name, digest, run_key, input, queue, author, priority, deadline, parent, parent_step,"
    " created_at, started_at, finished_at, state, node, cost, output, error, due, held";

namespace {

constexpr const char* kBriefColumns =
    "id, project, kind, name, digest, run_key, '', queue, author, priority, deadline, parent, parent_step,"
    " created_at, started_at, finished_at, state, node, cost, '', error, due, held";

}  // namespace

Run run_of(const Row& row) {
  Run run;
  run.id = row.text(0);
  run.asked.project = row.text(1);
  run.asked.kind = row.text(2);
  run.asked.name = row.text(3);
  run.asked.digest = row.text(4);
  run.asked.key = row.text(5);
  run.asked.input = row.text(6);
  run.asked.queue = row.text(7);
  run.asked.author = row.text(8);
  run.asked.priority = row.integer(9);
  run.asked.deadline = row.integer(10);
  run.asked.parent = row.text(11);
  run.asked.parent_step = row.text(12);
  run.created_at = row.integer(13);
  run.started_at = row.integer(14);
  run.finished_at = row.integer(15);
  run.state = run_state(row.text(16)).value_or(RunState::kFailed);
  run.node = row.text(17);
  run.cost = row.integer(18);
  run.output = row.text(19);
  run.error = row.text(20);
  run.asked.due = row.integer(21);
  run.held = row.text(22);
  if (!run.held.empty()) run.held = limit_name(run.held);
  return run;
}

Result<void> expand_runs(Connection& connection, std::span<Run> runs) {
  std::vector<std::string*> texts;
  for (Run& run : runs)
    for (std::string* const text : {&run.asked.input, &run.output})
      if (refers(*text)) texts.push_back(text);
  return expand(connection, texts);
}

KeptInput keep_input(const Run& run) {
  KeptInput out{.digest = input_digest(run.asked), .text = {}, .blobs = {}};
  out.text = kept(run.asked.input, run.id, out.blobs);
  return out;
}

Result<bool> insert_run(Connection& connection, const Run& run, const KeptInput& input,
                        std::optional<std::int64_t> due) {
  const RunRequest& asked = run.asked;
  const Value values[] = {run.id,
                          asked.project,
                          asked.kind,
                          asked.name,
                          asked.digest,
                          asked.key.empty() ? Value(std::nullptr_t{}) : Value(asked.key),
                          input.digest,
                          input.text,
                          asked.queue,
                          asked.author,
                          asked.priority,
                          asked.deadline,
                          asked.parent,
                          asked.parent_step,
                          run.created_at,
                          run.started_at,
                          std::string(to_string(run.state)),
                          due ? Value(*due) : Value(std::nullptr_t{}),
                          run.node.empty() ? Value(std::nullptr_t{}) : Value(run.node)};
  FAIRLEAD_TRY(
      const auto inserted,
      connection.execute("insert into journal_runs (id, project, kind, name, digest, run_key, input_digest, input,"
                         " queue, author, priority, deadline, parent, parent_step, created_at, started_at,"
                         " finished_at, state, due, node, cost, output, error) values ($1, $2, $3, $4, $5, $6, $7, $8,"
                         " $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18, $19, 0, '', '') on conflict do nothing",
                         values));
  if (inserted == 1) FAIRLEAD_CHECK(write_blobs(connection, input.blobs));
  return inserted == 1;
}

namespace {

Result<std::optional<Run>> one_run(Connection& connection, const std::string& where, std::span<const Value> values,
                                   const char* columns = kRunColumns) {
  std::optional<Run> found;
  FAIRLEAD_CHECK(connection.query(std::string("select ") + columns + " from journal_runs where " + where, values,
                                  [&](const Row& row) -> Result<void> {
                                    found = run_of(row);
                                    return {};
                                  }));
  if (found) FAIRLEAD_CHECK(expand_runs(connection, {&*found, 1}));
  return found;
}

}  // namespace

Result<std::optional<Run>> find_run(Connection& connection, const std::string& id) {
  const Value values[] = {id};
  return one_run(connection, "id = $1", values);
}

Result<std::optional<Run>> find_run_briefly(Connection& connection, const std::string& id) {
  const Value values[] = {id};
  return one_run(connection, "id = $1", values, kBriefColumns);
}

Result<std::optional<Run>> find_run_by_key(Connection& connection, const std::string& project, const std::string& key) {
  const Value values[] = {project, key};
  return one_run(connection, "project = $1 and run_key = $2", values);
}

Result<std::optional<Run>> find_run_by_start(Connection& connection, const std::string& project,
                                             const std::string& start) {
  FAIRLEAD_TRY(const std::string id,
               store::whole_id(connection, "select id from journal_runs where project = $1", {project}, start));
  if (id.empty()) return std::nullopt;
  return find_run(connection, id);
}

Result<std::vector<Run>> list_runs(Connection& connection, const RunFilter& filter) {
  std::vector<Run> runs;
  std::vector<Value> values{filter.project, filter.most};
  std::string where = "project = $1";
  const auto add = [&](const std::string& condition, std::string value) {
    values.emplace_back(std::move(value));
    where += " and " + condition + " $" + std::to_string(values.size());
  };
  if (filter.state) add("state =", std::string(to_string(*filter.state)));
  if (!filter.kind.empty()) add("kind =", filter.kind);
  if (!filter.name.empty()) add("name =", filter.name);
  if (!filter.parent.empty()) add("parent =", filter.parent);
  if (!filter.before.empty()) add("id <", filter.before);
  const auto add_time = [&](const std::string& condition, std::int64_t at) {
    values.emplace_back(at);
    where += " and " + condition + " $" + std::to_string(values.size());
  };
  if (filter.since > 0) add_time("created_at >=", filter.since);
  if (filter.until > 0) add_time("created_at <", filter.until);
  FAIRLEAD_CHECK(connection.query(std::string("select ") + (filter.brief ? kBriefColumns : kRunColumns) +
                                      " from journal_runs where " + where + " order by id desc limit $2",
                                  values, [&](const Row& row) -> Result<void> {
                                    runs.push_back(run_of(row));
                                    return {};
                                  }));
  FAIRLEAD_CHECK(expand_runs(connection, runs));
  return runs;
}

Result<std::vector<StepSpan>> read_spans(Connection& connection, const std::string& kind, std::int64_t runs,
                                         std::int64_t most) {
  std::vector<StepSpan> spans;
  const Value values[] = {kind, runs, most};
  FAIRLEAD_CHECK(connection.query(
      "select e.run, r.project, r.name, e.step, min(e.at), max(e.at) from (select id, project, name, finished_at from"
      " journal_runs where finished_at > 0 and kind = $1 and state = 'succeeded' order by finished_at desc limit $2) r"
      " join journal_events e on e.run = r.id where e.kind in ('intent', 'wait', 'result') and e.step <> ''"
      " group by e.run, r.project, r.name, e.step limit $3",
      values, [&](const Row& row) -> Result<void> {
        spans.push_back({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)),
                         std::string(row.text(3)), row.integer(4), row.integer(5)});
        return {};
      }));
  return spans;
}

namespace {

// Of events or signals.
template <class T>
Result<void> expand_data(Connection& connection, std::vector<T>& all) {
  std::vector<std::string*> texts;
  for (T& one : all)
    if (refers(one.data)) texts.push_back(&one.data);
  return expand(connection, texts);
}

}  // namespace

Result<std::vector<Event>> read_events(Connection& connection, const std::string& run, std::int64_t after,
                                       std::int64_t most) {
  std::vector<Event> events;
  const Value values[] = {run, after, most};
  FAIRLEAD_CHECK(
      connection.query("select sequence, at, kind, step, attempt, data, cost from journal_events where run = $1 and"
                       " sequence > $2 order by sequence limit $3",
                       values, [&](const Row& row) -> Result<void> {
                         const auto kind = event_kind(row.text(2));
                         if (!kind)
                           return fail(ErrorKind::kInternal, "store_newer",
                                       "Run " + run + " has an event that this release does not know.");
                         events.push_back({run, row.integer(0), row.integer(1), *kind, std::string(row.text(3)),
                                           row.integer(4), std::string(row.text(5)), row.integer(6)});
                         return {};
                       }));
  FAIRLEAD_CHECK(expand_data(connection, events));
  return events;
}

namespace {

Result<std::vector<Signal>> signals_where(Connection& connection, const std::string& where, const std::string& value) {
  std::vector<Signal> signals;
  const Value values[] = {value};
  FAIRLEAD_CHECK(connection.query(
      "select s.run, s.id, s.name, s.data, s.at from journal_signals s " + where + " order by s.at, s.id", values,
      [&](const Row& row) -> Result<void> {
        signals.push_back({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)),
                           std::string(row.text(3)), row.integer(4)});
        return {};
      }));
  FAIRLEAD_CHECK(expand_data(connection, signals));
  return signals;
}

}  // namespace

Result<std::vector<Signal>> new_signals(Connection& connection, const std::string& node) {
  return signals_where(connection, "join journal_runs r on r.id = s.run where s.taken = 0 and r.node = $1", node);
}

Result<std::vector<Signal>> signals_of(Connection& connection, const std::string& run) {
  return signals_where(connection, "where s.run = $1 and s.taken = 0", run);
}

Result<bool> insert_signal(Connection& connection, const Signal& signal, const std::vector<Blob>& blobs) {
  const Value values[] = {signal.run, signal.id, signal.name, signal.data, signal.at};
  FAIRLEAD_TRY(const auto inserted,
               connection.execute("insert into journal_signals (run, id, name, data, at, taken) values"
                                  " ($1, $2, $3, $4, $5, 0) on conflict do nothing",
                                  values));
  if (inserted == 0) return false;
  FAIRLEAD_CHECK(write_blobs(connection, blobs));
  const Value due[] = {signal.run, signal.at};
  FAIRLEAD_CHECK(
      execute(connection, "update journal_runs set due = $2 where id = $1 and (state = 'waiting' or held <> '')", due));
  return true;
}

Result<void> cancel_children(Connection& connection, const std::string& parent, std::int64_t at) {
  std::vector<std::string> children;
  const Value values[] = {parent};
  FAIRLEAD_CHECK(connection.query("select id from journal_runs where parent = $1 and parent <> '' and finished_at = 0",
                                  values, [&](const Row& row) -> Result<void> {
                                    children.emplace_back(row.text(0));
                                    return {};
                                  }));
  for (const std::string& child : children) {
    FAIRLEAD_TRY(
        const bool sent,
        insert_signal(
            connection,
            {.run = child, .id = "cancel:" + parent, .name = "cancel", .data = R"({"by":"its parent"})", .at = at}));
    (void)sent;
  }
  return {};
}

Result<void> mark_taken(Connection& connection, const std::string& run, const std::string& id) {
  const Value values[] = {run, id};
  return execute(connection, "update journal_signals set taken = 1 where run = $1 and id = $2", values);
}

Result<void> write_queue(Connection& connection, const Queue& queue) {
  const Value values[] = {queue.project,
                          queue.name,
                          std::int64_t{queue.paused},
                          queue.concurrency,
                          std::int64_t{queue.draining},
                          queue.starts,
                          queue.period,
                          queue.per};
  return execute(
      connection,
      "insert into journal_queues (project, name, paused, concurrency, closed, draining, starts, period, per)"
      " values ($1, $2, $3, $4, 0, $5, $6, $7, $8) on conflict (project, name) do update set"
      " paused = excluded.paused, concurrency = excluded.concurrency, draining = excluded.draining,"
      " starts = excluded.starts, period = excluded.period, per = excluded.per",
      values);
}

namespace {

// Who is in a queue's lane, and in those of each that begin with it: a rate's places are none that anybody has now.
Result<void> count_lane(Connection& connection, const std::string& lane, Queue& queue) {
  const bool is_rate = lane.find("/places/") == std::string::npos;
  const Value lanes[] = {lane, lane + ",", lane + "-"};
  return connection.query(
      "select (select count(*) from journal_places p where p.lane = $1 or (p.lane >= $2 and p.lane < $3)), (select"
      " count(*) from journal_runs r where r.held <> '' and (r.held = $1 or (r.held >= $2 and r.held < $3))), (select"
      " count(*) from journal_held h join journal_runs r on r.id = h.run and r.held <> '' where h.lane = $1 or (h.lane"
      " >= $2 and h.lane < $3))",
      lanes, [&](const Row& row) -> Result<void> {
        if (!is_rate) queue.running += row.integer(0);
        queue.due += row.integer(1) + row.integer(2);
        return {};
      });
}

}  // namespace

Result<std::vector<Queue>> read_queues(Connection& connection, const std::string& project) {
  std::vector<Queue> queues;
  const Value values[] = {project};
  FAIRLEAD_CHECK(connection.query(
      "select name, paused, concurrency, draining, starts, period, per, (select count(*) from journal_runs r where "
      "r.project = q.project and r.queue ="
      " q.name and r.queue <> '' and r.node is not null), (select count(*) from journal_runs r where r.project ="
      " q.project and r.queue = q.name and (r.due is not null or r.held <> '')) from"
      " journal_queues q where project = $1 order by name",
      values, [&](const Row& row) -> Result<void> {
        Queue queue;
        queue.project = project;
        queue.name = row.text(0);
        queue.paused = row.integer(1) != 0;
        queue.concurrency = row.integer(2);
        queue.draining = row.integer(3) != 0;
        queue.starts = row.integer(4);
        queue.period = row.integer(5);
        queue.per = row.text(6);
        queue.running = row.integer(7);
        queue.due = row.integer(8);
        queues.push_back(std::move(queue));
        return {};
      }));
  for (Queue& queue : queues) {
    if (queue.name.find(':') == std::string::npos) continue;
    queue.running = queue.due = 0;
    const std::string name = "queue " + queue.name;
    std::vector<std::string> lanes{lane_of(project, {.name = name})};
    if (queue.starts > 0) lanes.push_back(lane_of(project, {.name = name, .starts = 1, .period = queue.period}));
    for (const std::string& lane : lanes) FAIRLEAD_CHECK(count_lane(connection, lane, queue));
  }
  return queues;
}

Result<std::size_t> purge(Connection& connection, std::int64_t ended_by, std::int64_t most) {
  std::vector<std::string> runs;
  const Value values[] = {ended_by, most};
  FAIRLEAD_CHECK(
      connection.query("select id from journal_runs where finished_at > 0 and finished_at <= $1"
                       " order by finished_at limit $2",
                       values, [&](const Row& row) -> Result<void> {
                         runs.emplace_back(row.text(0));
                         return {};
                       }));
  for (const std::string& run : runs) {
    FAIRLEAD_CHECK(purge_blobs(connection, run));
    const Value of_run[] = {run};
    for (const char* const sql :
         {"delete from journal_events where run = $1", "delete from journal_signals where run = $1",
          "delete from journal_runs where id = $1"}) {
      FAIRLEAD_CHECK(execute(connection, sql, of_run));
    }
  }
  return runs.size();
}

std::string input_digest(const RunRequest& request) {
  return sha256_hex(request.kind + '\n' + request.name + '\n' + request.input);
}

}  // namespace fairlead::journal
