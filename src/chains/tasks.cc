#include "chains/tasks.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <charconv>
#include <memory>
#include <utility>

#include "platform/json/member.h"
#include "platform/json/schema.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using journal::Effect;
using journal::EffectFailed;
using store::Connection;
using store::Row;
using store::Value;

constexpr std::chrono::seconds kLookAtOthers{1};      // for what other nodes put out
constexpr std::int64_t kDoneKeptUs = 86'400'000'000;  // so long a worker may ask whether its answer came through
constexpr std::size_t kKeyLength = 32;

constexpr const char* kTaskColumns =
    "task_key, project, run, step, name, input, output_schema, signal, priority, posted_at, lease_us, leases,"
    " leased_until, worker, progress, attempt";

Task task_of(const Row& row) {
  Task task;
  task.key = row.text(0);
  task.project = row.text(1);
  task.run = row.text(2);
  task.step = row.text(3);
  task.name = row.text(4);
  task.input = row.text(5);
  task.output_schema = row.text(6);
  task.signal = row.text(7);
  task.priority = row.integer(8);
  task.posted_at = row.integer(9);
  task.lease_us = row.integer(10);
  task.leases = row.integer(11);
  task.leased_until = row.integer(12);
  task.worker = row.text(13);
  task.progress = row.text(14);
  task.attempt = row.integer(15);
  return task;
}

std::unexpected<Error> lease_lost() {
  return fail(ErrorKind::kConflict, "lease_lost",
              "This lease is over: another worker has the task, or it is done, or its run does not want it any more. "
              "Stop the work.");
}

// What may be given out now, and when the next lease runs out.
struct Look {
  bool found = false;
  std::int64_t next = 0;
};

struct TaskNames {
  std::string places;  // "$3, $4"
  std::vector<Value> values;
};

TaskNames names_of(const std::vector<std::string>& names, std::vector<Value> values) {
  TaskNames out{{}, std::move(values)};
  for (const std::string& name : names) {
    out.values.emplace_back(name);
    out.places += (out.places.empty() ? "$" : ", $") + std::to_string(out.values.size());
  }
  return out;
}

Result<void> look_for(Connection& connection, const Tasks::PollRequest& request, std::int64_t now, Look& look) {
  look = {};
  const TaskNames names = names_of(request.names, {request.project});
  return connection.query(
      "select min(leased_until) from chain_tasks where done_at = 0 and project = $1 and name in (" + names.places + ")",
      names.values, [&](const Row& row) -> Result<void> {
        if (row.is_null(0)) return {};
        look.found = row.integer(0) <= now;
        look.next = row.integer(0);
        return {};
      });
}

Result<void> take_next(Connection& connection, const Tasks::PollRequest& request, std::int64_t now,
                       std::optional<Task>& taken) {
  taken.reset();
  const TaskNames names = names_of(request.names, {request.project, now});
  FAIRLEAD_CHECK(connection.query(std::string("select ") + kTaskColumns +
                                      " from chain_tasks where done_at = 0 and project = $1 and leased_until <= $2 and"
                                      " name in (" +
                                      names.places + ") order by priority desc, posted_at limit 1",
                                  names.values, [&](const Row& row) -> Result<void> {
                                    taken = task_of(row);
                                    return {};
                                  }));
  if (!taken) return {};
  ++taken->leases;
  taken->leased_until = now + taken->lease_us;
  taken->worker = request.worker;
  const Value values[] = {taken->key, taken->leases, taken->leased_until, taken->worker};
  return execute(connection,
                 "update chain_tasks set leases = $2, leased_until = $3, worker = $4,"
                 " progress = '' where task_key = $1",
                 values);
}

// False: that lease has it no more. `already`: the same lease ended it before, and its answer did not come through.
Result<bool> mark_done(Connection& connection, const std::string& key, std::int64_t attempt, std::int64_t lease,
                       std::int64_t now, bool& already) {
  const Value old[] = {now - kDoneKeptUs};
  FAIRLEAD_CHECK(connection.execute("delete from chain_tasks where done_at > 0 and done_at < $1", old));
  bool found = false;
  already = false;
  const Value of_lease[] = {key, lease, attempt};
  FAIRLEAD_CHECK(connection.query(
      "select done_at from chain_tasks where task_key = $1 and leases = $2 and attempt = $3 and leased_until > 0",
      of_lease, [&](const Row& row) -> Result<void> {
        found = true;
        already = row.integer(0) > 0;
        return {};
      }));
  if (!found || already) return false;
  const Value values[] = {key, now};
  FAIRLEAD_CHECK(connection.execute("update chain_tasks set done_at = $2 where task_key = $1", values));
  return true;
}

}  // namespace

store::Database::Work put_out(Task task) {
  return [task = std::move(task)](Connection& connection) -> Result<void> {
    const Value values[] = {task.key,      task.project,   task.run,           task.step,
                            task.name,     task.input,     task.output_schema, task.signal,
                            task.priority, task.posted_at, task.lease_us,      task.attempt};
    return execute(connection,
                   "insert into chain_tasks (task_key, project, run, step, name, input, output_schema, signal,"
                   " priority, posted_at, lease_us, leases, leased_until, worker, progress, done_at, attempt) values"
                   " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, '', '', 0, $12)"
                   " on conflict (task_key) do update set signal = excluded.signal, posted_at = excluded.posted_at,"
                   " leased_until = 0, worker = '', progress = '', done_at = 0, attempt = excluded.attempt"
                   " where chain_tasks.attempt < excluded.attempt",
                   values);
  };
}

store::Database::Work withdraw(std::string key) {
  return [key = std::move(key)](Connection& connection) -> Result<void> {
    const Value values[] = {key};
    return execute(connection, "delete from chain_tasks where task_key = $1", values);
  };
}

std::string task_listeners(const std::string& project) {
  return "tasks:" + project;
}

std::expected<Effect, EffectFailed> read_task_end(const std::string& data) {
  auto parsed = json::parse(data);
  if (!parsed || !parsed->is_object())
    return std::unexpected(EffectFailed{journal::FailureClass::kBadOutput,
                                        {ErrorKind::kInternal, "store_corrupt", "A task's end cannot be read."}});
  const bj::object& fields = parsed->get_object();
  if (const bj::value* const output = fields.if_contains("output")) return Effect{json::to_text(*output)};
  const auto failure = journal::failure_class(json::text_member(fields, "class"));
  return std::unexpected(
      EffectFailed{failure.value_or(journal::FailureClass::kPermanent),
                   {ErrorKind::kUpstream, json::text_member(fields, "code"), json::text_member(fields, "message")}});
}

void Tasks::stop() {
  stopping_ = true;
  engine_.listeners().tell_all();
}

std::string Tasks::lease_name(const Task& task) {
  return task.key + "." + std::to_string(task.attempt) + "." + std::to_string(task.leases);
}

Result<Tasks::Lease> Tasks::lease_of(const std::string& name) {
  Lease lease;
  const std::size_t dot = name.find('.');
  if (dot != kKeyLength) return lease_lost();
  lease.key = name.substr(0, dot);
  const char* const end = name.data() + name.size();
  const auto attempt = std::from_chars(name.data() + dot + 1, end, lease.attempt);
  if (attempt.ec != std::errc() || attempt.ptr == end || *attempt.ptr != '.') return lease_lost();
  const auto number = std::from_chars(attempt.ptr + 1, end, lease.number);
  if (number.ec != std::errc() || number.ptr != end) return lease_lost();
  return lease;
}

async::Task<Result<std::optional<Task>>> Tasks::poll(PollRequest request, async::Loop& loop,
                                                     async::Cancellation& cancellation) {
  journal::Listeners::Listening listening(engine_.listeners(), task_listeners(request.project), loop);
  const async::Cancellation::Registration gone(
      cancellation, [](void* bell) { static_cast<async::Bell*>(bell)->ring(); }, &listening.bell());
  const auto taken = std::make_shared<std::optional<Task>>();
  const auto look = std::make_shared<Look>();
  while (!cancellation.requested() && !stopping_) {
    const std::int64_t now = clock_.unix_micros();
    store::Database::Work read = [=](Connection& connection) { return look_for(connection, request, now, *look); };
    FAIRLEAD_CO_CHECK(co_await database_.read(std::move(read)));
    if (look->found && !cancellation.requested()) {
      store::Database::Work take = [=](Connection& connection) { return take_next(connection, request, now, *taken); };
      FAIRLEAD_CO_CHECK(co_await database_.write(std::move(take)));
      if (*taken) break;
      continue;  // another was faster
    }
    SteadyTime next = request.until;
    if (look->next > now) next = std::min(next, clock_.steady() + Micros(look->next - now));
    if (database_.is_shared()) next = std::min(next, clock_.steady() + kLookAtOthers);
    if (clock_.steady() >= request.until) break;
    co_await listening.bell().wait_until(next);
  }
  co_return std::move(*taken);
}

async::Task<Result<Task>> Tasks::find(std::string project, std::string key) {
  const auto found = std::make_shared<std::optional<Task>>();
  store::Database::Work work = [=](Connection& connection) -> Result<void> {
    const Value values[] = {key, project};
    return connection.query(
        std::string("select ") + kTaskColumns + " from chain_tasks where task_key = $1 and project = $2", values,
        [&](const Row& row) -> Result<void> {
          *found = task_of(row);
          return {};
        });
  };
  FAIRLEAD_CO_CHECK(co_await database_.read(std::move(work)));
  if (!*found) co_return lease_lost();
  co_return std::move(**found);
}

async::Task<Result<Tasks::Beat>> Tasks::heartbeat(std::string project, std::string name, std::string progress,
                                                  KeepOfTask keep) {
  FAIRLEAD_CO_TRY(const Lease lease, lease_of(name));
  Beat beat;
  if (keep && !progress.empty()) {
    std::string its_project = project, key = lease.key;
    auto task = co_await find(std::move(its_project), std::move(key));
    if (!task) co_return fail(std::move(task).error());
    auto kept = co_await keep(*task, std::move(progress));
    progress.clear();  // what it said before stays
    if (kept)
      progress = *std::move(kept);
    else
      beat.refused = kept.error();
  }
  const auto length = std::make_shared<std::int64_t>(0);
  store::Database::Work work = [=, now = clock_.unix_micros()](Connection& connection) -> Result<void> {
    const Value values[] = {lease.key, project, lease.number, now, progress, lease.attempt};
    return connection.query(
        "update chain_tasks set leased_until = $4 + lease_us, progress = case when $5 = '' then"
        " progress else $5 end where task_key = $1 and project = $2 and leases = $3 and attempt = $6 and"
        " leased_until > 0 and done_at = 0 returning lease_us",
        values, [&](const Row& row) -> Result<void> {
          *length = row.integer(0);
          return {};
        });
  };
  FAIRLEAD_CO_CHECK(co_await database_.write(std::move(work)));
  if (*length == 0) co_return lease_lost();
  beat.lease = Micros(*length);
  co_return beat;
}

async::Task<Result<void>> Tasks::end(const Task& task, Lease lease, std::string data) {
  journal::Signal signal;
  signal.run = task.run;
  signal.id = signal.name = task.signal;
  signal.data = std::move(data);
  const auto already = std::make_shared<bool>(false);
  journal::Engine::Condition condition = [lease, already, now = clock_.unix_micros()](Connection& connection) {
    return mark_done(connection, lease.key, lease.attempt, lease.number, now, *already);
  };
  std::string project = task.project;
  const auto sent = co_await engine_.signal_if(std::move(project), std::move(signal), std::move(condition));
  if (*already) co_return Result<void>();
  if (!sent && sent.error().code != "run_finished") co_return fail(sent.error());
  if (!sent || !*sent) co_return lease_lost();
  co_return Result<void>();
}

// The attempt has failed with it, and the worker is told why.
async::Task<Result<void>> Tasks::refuse_output(const Task& task, Lease lease, Error error) {
  std::string data =
      json::to_text(bj::object{{"class", "bad_output"}, {"code", error.code}, {"message", error.message}});
  auto told = co_await end(task, std::move(lease), std::move(data));
  if (!told) co_return told;
  co_return fail(std::move(error));
}

async::Task<Result<void>> Tasks::complete(std::string project, std::string name, bj::value output, KeepOfTask keep) {
  FAIRLEAD_CO_TRY(const Lease lease, lease_of(name));
  std::string key = lease.key;
  auto task = co_await find(std::move(project), std::move(key));
  if (!task) co_return fail(std::move(task).error());
  if (!task->output_schema.empty()) {
    FAIRLEAD_CO_TRY(const json::Schema schema, json::Schema::parse(task->output_schema));
    if (const auto faults = schema.validate(output, 1); !faults.empty()) {
      const std::string message = "The output of task `" + task->name + "` does not fit: " +
                                  (faults[0].pointer.empty() ? "it" : "`" + faults[0].pointer + "`") + " " +
                                  faults[0].message + ".";
      Error error{ErrorKind::kInvalid, "invalid_output", message, "output"};
      auto refused = co_await refuse_output(*task, lease, std::move(error));
      co_return refused;
    }
  }
  if (keep) {
    std::string came = json::to_text(output);
    auto kept = co_await keep(*task, std::move(came));
    if (!kept && kept.error().kind == ErrorKind::kPermissionDenied) {
      auto refused = co_await refuse_output(*task, lease, std::move(kept).error());
      co_return refused;
    }
    if (!kept) co_return fail(std::move(kept).error());
    FAIRLEAD_CO_TRY(output, json::parse(*kept));
  }
  std::string data = json::to_text(bj::object{{"output", std::move(output)}, {"worker", task->worker}});
  auto done = co_await end(*task, lease, std::move(data));
  if (!done && done.error().kind == ErrorKind::kTooLarge) {
    auto refused = co_await refuse_output(*task, lease, std::move(done).error());
    co_return refused;
  }
  co_return done;
}

async::Task<Result<void>> Tasks::fail_with(std::string project, std::string name, journal::FailureClass failure,
                                           std::string code, std::string message, KeepOfTask keep) {
  FAIRLEAD_CO_TRY(const Lease lease, lease_of(name));
  std::string key = lease.key;
  auto task = co_await find(std::move(project), std::move(key));
  if (!task) co_return fail(std::move(task).error());
  if (keep) {
    std::string came = json::to_text(bj::array{code, message});
    auto kept = co_await keep(*task, std::move(came));
    if (!kept && kept.error().kind != ErrorKind::kPermissionDenied) co_return fail(std::move(kept).error());
    if (kept) {
      FAIRLEAD_CO_TRY(const bj::value both, json::parse(*kept));
      code = both.as_array()[0].as_string();
      message = both.as_array()[1].as_string();
    } else {
      code = "task_failed";
      message = "What the worker said of it is not kept: " + kept.error().message;
    }
  }
  std::string data = json::to_text(bj::object{
      {"class", journal::to_string(failure)}, {"code", code}, {"message", message}, {"worker", task->worker}});
  auto done = co_await end(*task, lease, std::move(data));
  co_return done;
}

async::Task<Result<std::vector<Task>>> Tasks::list(Filter filter) {
  const auto tasks = std::make_shared<std::vector<Task>>();
  store::Database::Work work = [=](Connection& connection) -> Result<void> {
    std::vector<Value> values{filter.project, filter.most};
    std::string where = "done_at = 0 and project = $1";
    const auto add = [&](const char* column, const std::string& value) {
      if (value.empty()) return;
      values.emplace_back(value);
      where += std::string(" and ") + column + " = $" + std::to_string(values.size());
    };
    add("name", filter.name);
    add("run", filter.run);
    return connection.query(
        std::string("select ") + kTaskColumns + " from chain_tasks where " + where + " order by posted_at limit $2",
        values, [&](const Row& row) -> Result<void> {
          tasks->push_back(task_of(row));
          return {};
        });
  };
  FAIRLEAD_CO_CHECK(co_await database_.read(std::move(work)));
  co_return std::move(*tasks);
}

}  // namespace fairlead::chains
