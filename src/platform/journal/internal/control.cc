// What people do with runs: they retry and move them.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

#include "base/id.h"
#include "platform/journal/internal/node.h"
#include "platform/journal/internal/rows.h"
#include "platform/journal/internal/step_state.h"
#include "platform/json/member.h"

namespace fairlead::journal {
namespace {

constexpr int kTries = 8;  // against others who change the same run

std::unexpected<Error> conflict(std::string code, std::string message) {
  return fail(ErrorKind::kConflict, std::move(code), std::move(message));
}

std::unexpected<Error> is_busy(const std::string& run) {
  return conflict("run_busy", "Others change the run `" + run + "` at the same time: try again in a moment.");
}

std::unexpected<Error> is_compensated(const std::string& run) {
  return conflict("run_compensated",
                  "What the run `" + run + "` had done has been undone: fork it, or start another one.");
}

bool was_compensated(const Run& run) {
  const auto error = fields_of(run.error);
  const boost::json::value* const compensated = error.if_contains("compensated");
  return compensated != nullptr && compensated->is_bool() && compensated->get_bool();
}

// A run as it was looked at: what is decided of it holds as long as nothing of it has been written.
struct Looked {
  Run run;
  std::int64_t sequence = 0;
};

Result<bool> is_as_looked_at(store::Connection& connection, const Looked& looked) {
  FAIRLEAD_TRY(const auto run, find_run_briefly(connection, looked.run.id));
  if (!run || run->state != looked.run.state || run->node != looked.run.node ||
      run->asked.digest != looked.run.asked.digest)
    return false;
  std::int64_t last = 0;
  const store::Value of_run[] = {looked.run.id};
  FAIRLEAD_CHECK(connection.query("select max(sequence) from journal_events where run = $1", of_run,
                                  [&](const store::Row& row) -> Result<void> {
                                    last = row.integer(0);
                                    return {};
                                  }));
  return last == looked.sequence;
}

struct Renewal {
  Looked looked;
  std::int64_t deadline = 0;
  std::vector<std::string> steps;      // that begin anew
  std::vector<std::string> children;   // of these: whose runs go on
  std::vector<std::string> forgotten;  // of these: whose end has been told
};

Result<void> renew(store::Connection& connection, const Renewal& renewal, const RetryRequest& request,
                   std::int64_t now) {
  const std::string& run = renewal.looked.run.id;
  boost::json::object data{{"by", request.by}};
  if (!request.id.empty()) data.emplace("id", request.id);
  data.emplace("steps", boost::json::array(renewal.steps.begin(), renewal.steps.end()));
  if (!renewal.children.empty())
    data.emplace("children", boost::json::array(renewal.children.begin(), renewal.children.end()));
  FAIRLEAD_CHECK(insert_event(connection, {.run = run,
                                           .sequence = renewal.looked.sequence + 1,
                                           .at = now,
                                           .kind = EventKind::kRetried,
                                           .data = boost::json::serialize(data)}));
  const store::Value values[] = {run, now, renewal.deadline};
  FAIRLEAD_CHECK(execute(connection,
                         "update journal_runs set state = 'queued', due = $2, node = null, finished_at = 0,"
                         " output = '', error = '', held = '', deadline = $3 where id = $1",
                         values));
  // A cancellation of before is over; another one may come.
  const store::Value of_run[] = {run};
  FAIRLEAD_CHECK(execute(connection, "delete from journal_signals where run = $1 and name = 'cancel'", of_run));
  for (const std::string& child : renewal.forgotten) {
    const store::Value of_child[] = {run, "child:" + child};
    FAIRLEAD_CHECK(
        execute(connection, "delete from journal_signals where run = $1 and name = $2 and taken = 0", of_child));
  }
  return {};
}

}  // namespace

struct Engine::Node::Renewals {
  std::vector<Renewal> all;  // the run's own first
  std::optional<Run> as_is;  // nothing is to be done
};

// Within a read. What would be done of the run and, below it, of its children.
Result<void> Engine::Node::add_renewal(store::Connection& connection, const Run& run, std::int64_t deadline,
                                       Renewals& renewals) {
  const auto definition = definitions_.find(run.asked.kind);
  if (definition == definitions_.end())
    return conflict("run_busy", "This node does not know runs of kind `" + run.asked.kind + "`: ask another one.");
  FAIRLEAD_TRY(const auto events, read_events(connection, run.id, 0, INT64_MAX));
  const Story story = story_of(events);
  Renewal renewal{.looked = {run, events.empty() ? 0 : events.back().sequence},
                  .deadline = deadline,
                  .steps = {},
                  .children = {},
                  .forgotten = {}};
  const bool compensates = find_event(events, EventKind::kCompensating) != nullptr;
  const auto failed = definition->second->failed(run, events);
  std::set<std::string> steps(failed.begin(), failed.end());
  std::vector<Run> children;
  for (const auto& [step, told] : story) {
    const bool anew = steps.contains(step);
    // What a run that undoes had started beside that stays stopped.
    if (told.child.empty() || (!anew && (compensates || told.end != Told::End::kNone))) continue;
    FAIRLEAD_TRY(auto child, find_run(connection, told.child));
    if (child && !finished(child->state))
      return conflict("run_busy", "The run `" + child->id + "`, which was started for step `" + step +
                                      "`, has not ended yet: try again in a moment.");
    if (child && child->state == RunState::kSucceeded && !anew) continue;  // its end is on its way to the step
    steps.insert(step);
    if (!child || child->state == RunState::kSucceeded || was_compensated(*child)) continue;
    renewal.children.push_back(child->id);
    renewal.forgotten.push_back(child->id);
    children.push_back(std::move(*child));
  }
  renewal.steps.assign(steps.begin(), steps.end());
  renewals.all.push_back(std::move(renewal));
  const std::int64_t now = clock_.unix_micros();
  for (const Run& child : children) {
    // It has the time that it was given at first, and no more than its parent.
    std::int64_t by = child.asked.deadline;
    if (by > 0 && by <= now) by = now + (by - child.created_at);
    if (deadline > 0 && (by == 0 || by > deadline)) by = deadline;
    FAIRLEAD_CHECK(add_renewal(connection, child, by, renewals));
  }
  return {};
}

Result<void> Engine::Node::plan_retry(store::Connection& connection, const RetryRequest& request, Renewals& renewals) {
  FAIRLEAD_TRY(const auto found, find_run(connection, request.run));
  if (!found || found->asked.project != request.project) return run_not_found(request.run);
  const Run& run = *found;
  FAIRLEAD_TRY(const auto events, read_events(connection, run.id, 0, INT64_MAX));
  for (const Event& event : events) {
    if (event.kind != EventKind::kRetried) continue;
    const bool same = !request.id.empty() && json::text_member(fields_of(event.data), "id") == request.id;
    if (same || !finished(run.state)) renewals.as_is = run;
  }
  if (renewals.as_is) return {};
  const std::string named = "The run `" + run.id + "`";
  if (!finished(run.state))
    return conflict("run_not_ended", named + " is " + std::string(to_string(run.state)) + ": it goes on by itself.");
  if (run.state == RunState::kSucceeded)
    return conflict("run_succeeded", named + " has succeeded: there is nothing to retry.");
  if (!run.asked.parent.empty())
    return conflict("run_has_parent", named + " was started by the run `" + run.asked.parent + "` for its step `" +
                                          run.asked.parent_step + "`: retry that one.");
  if (was_compensated(run)) return is_compensated(run.id);
  const std::int64_t now = clock_.unix_micros();
  const std::int64_t deadline = request.deadline > 0 ? request.deadline : run.asked.deadline;
  const bool compensates = find_event(events, EventKind::kCompensating) != nullptr;
  if (deadline > 0 && deadline <= now && !compensates)
    return conflict("deadline_passed", request.deadline > 0
                                           ? "The new deadline has passed already."
                                           : "The deadline of the run `" + run.id + "` has passed: give it a new one.");
  return add_renewal(connection, run, deadline, renewals);
}

async::Task<Result<Run>> Engine::Node::retry(RetryRequest request) {
  for (int i = 0; i < kTries; ++i) {
    auto renewals = std::make_shared<Renewals>();
    store::Database::Work look = [this, renewals, request](store::Connection& connection) {
      return plan_retry(connection, request, *renewals);
    };
    FAIRLEAD_CO_CHECK(co_await database_.read(std::move(look)));
    if (renewals->as_is) co_return std::move(*renewals->as_is);
    Run run = renewals->all.front().looked.run;
    if (request.dry_run) co_return run;
    auto stale = std::make_shared<bool>(false);
    Entry entry;
    entry.more = [renewals, request, stale, now = clock_.unix_micros()](store::Connection& connection) -> Result<void> {
      *stale = false;
      for (const Renewal& one : renewals->all) {
        FAIRLEAD_TRY(const bool same, is_as_looked_at(connection, one.looked));
        if (!same) *stale = true;
      }
      if (*stale) return {};
      for (const Renewal& one : renewals->all) FAIRLEAD_CHECK(renew(connection, one, request, now));
      return {};
    };
    FAIRLEAD_CO_CHECK(co_await committer_.commit(std::move(entry)));
    if (*stale) continue;  // perhaps by this very retry, whose commit was tried twice: then it is found as it is
    for (const Renewal& one : renewals->all) listeners_.tell(one.looked.run.id);
    loops_.loop(0).post([this] { bell_.ring(); });
    run.state = RunState::kQueued;
    run.finished_at = 0;
    run.error.clear();
    run.asked.deadline = renewals->all.front().deadline;
    co_return run;
  }
  co_return is_busy(request.run);
}

async::Task<Result<Moved>> Engine::Node::move(MoveRequest request) {
  for (int i = 0; i < kTries; ++i) {
    auto looked = std::make_shared<Looked>();
    store::Database::Work look = [this, looked, request](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(auto found, find_run(connection, request.run));
      if (!found || found->asked.project != request.project) return run_not_found(request.run);
      looked->run = std::move(*found);
      const Run& run = looked->run;
      if (run.state == RunState::kSucceeded)
        return conflict("run_succeeded", "The run `" + run.id + "` has succeeded: there is nothing to move.");
      if (was_compensated(run)) return is_compensated(run.id);
      const auto definition = definitions_.find(run.asked.kind);
      if (definition == definitions_.end())
        return conflict("run_busy", "This node does not know runs of kind `" + run.asked.kind + "`: ask another one.");
      FAIRLEAD_TRY(const auto events, read_events(connection, run.id, 0, INT64_MAX));
      looked->sequence = events.empty() ? 0 : events.back().sequence;
      return run.asked.digest == request.digest ? Result<void>()
                                                : definition->second->agrees(run, events, request.digest);
    };
    FAIRLEAD_CO_CHECK(co_await database_.read(std::move(look)));
    Moved out{looked->run};
    if (request.dry_run || looked->run.asked.digest == request.digest) co_return out;
    const std::string data =
        boost::json::serialize(boost::json::object{{"to", request.to}, {"digest", request.digest}, {"by", request.by}});
    const std::int64_t now = clock_.unix_micros();
    out.moving = !looked->run.node.empty();
    if (out.moving) {  // whoever has it does so when it can
      Signal ask{.run = looked->run.id, .id = "move:" + new_id(now), .name = "move:", .data = data, .at = now};
      std::string project = request.project;
      Condition none;
      const auto sent = co_await signal(std::move(project), std::move(ask), std::move(none));
      if (!sent && sent.error().code == "run_finished") continue;
      if (!sent) co_return fail(sent.error());
      co_return out;
    }
    auto stale = std::make_shared<bool>(false);
    Entry entry;
    entry.more = [looked, stale, data, now, digest = request.digest](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const bool same, is_as_looked_at(connection, *looked));
      *stale = !same;
      if (*stale) return {};
      FAIRLEAD_CHECK(insert_event(connection, {.run = looked->run.id,
                                               .sequence = looked->sequence + 1,
                                               .at = now,
                                               .kind = EventKind::kMoved,
                                               .data = data}));
      const store::Value values[] = {looked->run.id, digest};
      FAIRLEAD_CHECK(execute(connection, "update journal_runs set digest = $2 where id = $1", values));
      // One that waits looks at once what the other version has for it.
      return execute(connection, "update journal_runs set due = $2 where id = $1 and state = 'waiting'",
                     std::vector<store::Value>{looked->run.id, now});
    };
    FAIRLEAD_CO_CHECK(co_await committer_.commit(std::move(entry)));
    if (*stale) continue;
    listeners_.tell(looked->run.id);
    loops_.loop(0).post([this] { bell_.ring(); });
    out.run.asked.digest = request.digest;
    co_return out;
  }
  co_return is_busy(request.run);
}

// Of a run that was unloaded to be moved: its end here.
async::Task<Entry> Engine::Node::moving(Execution& execution) {
  const Run& run = execution.run();
  const auto asked = fields_of(execution.move()->data);
  const std::string digest = json::text_member(asked, "digest");
  Entry flush{.node = run.node};
  const auto flushed = co_await committer_.commit(std::move(flush));  // all that it has said is in the store
  auto agreed = std::make_shared<Result<void>>();
  store::Database::Work look = [this, agreed, run, digest](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto events, read_events(connection, run.id, 0, INT64_MAX));
    *agreed = definitions_.at(run.asked.kind)->agrees(run, events, digest);
    return {};
  };
  Result<void> read = flushed;
  if (read) read = co_await database_.read(std::move(look));
  Entry entry = leaving(execution, Micros(1));
  if (!read) co_return entry;  // the signal is still there: another time
  boost::json::object data{{"to", json::text_member(asked, "to")}, {"by", json::text_member(asked, "by")}};
  if (*agreed) {
    data.emplace("digest", digest);
    entry.events.push_back(execution.event(EventKind::kMoved, {}, boost::json::serialize(data)));
  } else {
    data.emplace("code", agreed->error().code);
    data.emplace("message", agreed->error().message);
    entry.events.push_back(execution.event(EventKind::kMoveRefused, {}, boost::json::serialize(data)));
  }
  entry.more = [leave = std::move(entry.more), id = run.id, signal = execution.move()->id, digest,
                moved = agreed->has_value()](store::Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(mark_taken(connection, id, signal));
    const store::Value values[] = {id, digest};
    if (moved) FAIRLEAD_CHECK(execute(connection, "update journal_runs set digest = $2 where id = $1", values));
    return leave(connection);
  };
  co_return entry;
}

}  // namespace fairlead::journal
