#include "platform/journal/internal/node.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <utility>

#include "base/id.h"
#include "platform/journal/internal/log.h"
#include "platform/journal/internal/places.h"
#include "platform/journal/internal/rows.h"
#include "platform/journal/internal/step_state.h"

namespace fairlead::journal {
namespace asio = boost::asio;
namespace {

constexpr std::int64_t kAllEvents = INT64_MAX;

constexpr Micros kPutOff = std::chrono::minutes(1);

std::string raw_or_null(const std::string& json) {
  return json.empty() ? "null" : json;
}

}  // namespace

Engine::Node::Node(store::Database& database, async::Runtime& loops, const Clock& clock, Definitions definitions,
                   EngineOptions options)
    : database_(database),
      loops_(loops),
      clock_(clock),
      definitions_(std::move(definitions)),
      options_(std::move(options)),
      step_queues_([this](const Run& run) { return user_of(run); }),
      committer_(database, options_.hook),
      keeping_(loops.loop(0).executor()),
      bell_(loops.loop(0).executor()) {
  for (int i = 0; i < loops.size(); ++i) lanes_.push_back(std::make_unique<Lane>(loops.loop(i)));
}

std::string Engine::Node::node() const {
  const std::lock_guard lock(mutex_);
  return node_;
}

Result<void> Engine::Node::start_blocking() {
  const std::string node = options_.name + "/" + new_id(clock_.unix_micros());
  FAIRLEAD_CHECK(database_.write_blocking([this, &node](store::Connection& connection) {
    return register_node(connection, options_.name, node, clock_.unix_micros());
  }));
  {
    const std::lock_guard lock(mutex_);
    node_ = node;
  }
  started_ = true;
  loops_.loop(0).post([this] { keeping_.spawn(keep()); });
  return {};
}

void Engine::Node::with_each_execution(void (Execution::*what)()) {
  for (auto& lane : lanes_) {
    const auto work = [&executions = lane->executions, what] {
      for (auto one = executions.begin(); one != executions.end();) ((one++)->second->*what)();
    };
    asio::post(lane->loop.context(), asio::use_future(work)).get();
  }
}

void Engine::Node::stop_blocking(Millis patience) {
  if (!started_) return;
  started_ = false;
  stopping_ = true;
  loops_.loop(0).post([this] { bell_.ring(); });
  asio::co_spawn(loops_.loop(0).executor(), keeping_.join(), asio::use_future).get();
  with_each_execution(&Execution::unload);
  bool idle = false;
  {
    std::unique_lock lock(mutex_);
    idle = empty_.wait_for(lock, patience, [this] { return loaded_ == 0; });
  }
  if (!idle) with_each_execution(&Execution::lose);
  committer_.give_up();
  for (auto& lane : lanes_) asio::co_spawn(lane->loop.executor(), lane->tasks.join(), asio::use_future).get();
  const std::string mine = node();
  const auto left = database_.write_blocking([&](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto runs, take_over_all(connection, mine, clock_.unix_micros()));
    (void)runs;
    return {};
  });
  if (!left) kLog.warning("could not give back its runs", {{"message", left.error().message}});
}

void Engine::Node::spawn(async::Loop& loop, async::Task<void> task) {
  if (!stopping_) lanes_[static_cast<std::size_t>(loop.index())]->tasks.spawn(std::move(task));
}

// --- one run

std::vector<Limit> Engine::Node::limits_of(const Run& run) const {
  const auto definition = definitions_.find(run.asked.kind);
  return definition == definitions_.end() ? std::vector<Limit>() : definition->second->limits(run);
}

std::string Engine::Node::user_of(const Run& run) const {
  const auto definition = definitions_.find(run.asked.kind);
  return definition == definitions_.end() ? std::string() : definition->second->user_of(run);
}

void Engine::Node::load(Run run) {
  Lane& lane = *lanes_[next_lane_++ % lanes_.size()];
  const std::uint64_t loading = ++next_loading_;
  ++loaded_;
  {
    const std::lock_guard lock(mutex_);
    ++running_[run.asked.project];
    where_[run.id] = {&lane, loading};
  }
  lane.loop.post([this, &lane, loading, run = std::move(run)]() mutable {
    lane.tasks.spawn(carry(lane, std::move(run), loading));
  });
}

async::Task<void> Engine::Node::carry(Lane& lane, Run run, std::uint64_t loading) {
  const std::string id = run.id, project = run.asked.project;
  const bool counts = !run.asked.queue.empty() || !limits_of(run).empty();
  const bool had_places = co_await carry_loaded(lane, std::move(run));
  lane.missed.erase(id);
  if (counts || had_places) freed_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (--running_[project] == 0) running_.erase(project);
    // What has been left may have been due at once, and be here again.
    if (const auto found = where_.find(id); found != where_.end() && found->second.loading == loading)
      where_.erase(found);
    --loaded_;
  }
  empty_.notify_all();
  if (!stopping_) loops_.loop(0).post([this] { bell_.ring(); });
}

async::Task<bool> Engine::Node::carry_loaded(Lane& lane, Run run) {
  auto history = std::make_shared<std::vector<Event>>();
  auto mail = std::make_shared<std::vector<Signal>>();
  auto input = std::make_shared<std::string>(std::move(run.asked.input));
  if (run.started_at != 0) {
    store::Database::Work work = [history, mail, input, id = run.id](store::Connection& connection) -> Result<void> {
      if (refers(*input)) FAIRLEAD_CHECK(expand(connection, {input.get()}));
      FAIRLEAD_TRY(*history, read_events(connection, id, 0, kAllEvents));
      FAIRLEAD_TRY(*mail, signals_of(connection, id));
      return {};
    };
    const auto read = co_await database_.read(std::move(work));
    if (!read) {
      kLog.error("a run cannot be read", {{"run", run.id}, {"message", read.error().message}});
      co_await put_off(run.asked.project, run.id, run.node);
      co_return false;
    }
  }
  run.asked.input = std::move(*input);
  if (run.started_at == 0) run.started_at = run.created_at;
  const auto definition = definitions_.find(run.asked.kind);
  Execution execution({lane.loop, committer_, listeners_, clock_, options_.hook, options_.linger, options_.telling,
                       &step_queues_, options_.largest_value},
                      std::move(run), std::move(*history));
  lane.executions[execution.run().id] = &execution;
  if (lane.missed.erase(execution.run().id) > 0) loops_.loop(0).post([this] { bell_.ring(); });
  execution.append(execution.event(EventKind::kTaken, {}, R"({"node":")" + execution.run().node + "\"}"));
  // A cancellation that came before is heeded before anything begins.
  for (Signal& signal : *mail) execution.deliver(std::move(signal));
  if (stopping_) execution.unload();
  Outcome outcome = co_await definition->second->advance(execution);
  // Taken for dead, this node may have taken the same run up anew, in the same lane.
  const auto mine = lane.executions.find(execution.run().id);
  if (mine != lane.executions.end() && mine->second == &execution) lane.executions.erase(mine);
  if (execution.lost()) {
    const Run& lost = execution.run();
    if (!stopping_) co_await put_off(lost.asked.project, lost.id, lost.node);
    co_return execution.had_places();
  }
  const bool unloaded = outcome.end == Outcome::End::kUnloaded;
  Entry entry;
  if (unloaded && execution.move() && !stopping_)
    entry = co_await moving(execution);
  else
    entry = unloaded ? leaving(execution, outcome.again) : ending(execution, std::move(outcome));
  const auto written = co_await committer_.commit(std::move(entry));
  if (written) listeners_.tell(execution.run().id);
  if (!written && written.error().code != "journal_fenced")
    kLog.warning("a run's end was not written", {{"run", execution.run().id}, {"code", written.error().code}});
  co_return execution.had_places();
}

// A run that the store would not give, or whose events it would not take, and that nobody else has taken over.
async::Task<void> Engine::Node::put_off(std::string project, std::string run, std::string node) {
  Entry later{.node = std::move(node)};
  later.more = [project = std::move(project), run = std::move(run),
                due = clock_.unix_micros() + kPutOff.count()](store::Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(leave_all(connection, project, run));
    const store::Value values[] = {run, due};
    return execute(connection,
                   "update journal_runs set state = 'waiting', due = $2, node = null"
                   " where id = $1",
                   values);
  };
  const auto refused = co_await committer_.commit(std::move(later));
  (void)refused;  // fenced: another has it
}

Entry Engine::Node::ending(Execution& execution, Outcome outcome) {
  const Run& run = execution.run();
  if (outcome.end == Outcome::End::kSucceeded && outcome.output.size() > options_.largest_value) {
    outcome.end = Outcome::End::kFailed;
    outcome.error = value_too_large("The output of the run", outcome.output.size(), options_.largest_value);
    outcome.failure = FailureClass::kBadOutput;
    outcome.output.clear();
  }
  const RunState state = outcome.end == Outcome::End::kSucceeded   ? RunState::kSucceeded
                         : outcome.end == Outcome::End::kCancelled ? RunState::kCancelled
                                                                   : RunState::kFailed;
  std::string error;
  if (state != RunState::kSucceeded) {
    boost::json::object fields = failure_fields(outcome.failure, outcome.error);
    if (!outcome.step.empty()) fields.emplace("step", outcome.step);
    if (outcome.compensated) fields.emplace("compensated", *outcome.compensated);
    error = boost::json::serialize(fields);
  }
  const std::string result =
      state == RunState::kSucceeded ? "\"output\":" + raw_or_null(outcome.output) : "\"error\":" + error;
  Entry entry{.node = run.node};
  entry.events.push_back(execution.event(EventKind::kFinished, {},
                                         "{\"state\":\"" + std::string(to_string(state)) + "\"," + result + "}"));
  Signal told{.run = run.asked.parent,
              .id = "child:" + run.id + ":" + std::to_string(entry.events.back().sequence),
              .name = "child:" + run.id,
              .data = {},
              .at = clock_.unix_micros()};
  told.data = state == RunState::kSucceeded
                  ? "{" + result + ",\"cost\":" + std::to_string(execution.cost()) + "}"
                  : error.substr(0, error.size() - 1) + ",\"cost\":" + std::to_string(execution.cost()) + "}";
  store::Database::Work tells;
  if (options_.telling.is_for(run)) {
    Run ended = run;
    ended.state = state;
    ended.finished_at = told.at;
    ended.cost = execution.cost();
    ended.output = outcome.output;
    ended.error = error;
    tells = options_.telling.what(ended, entry.events.back());
  }
  std::string output = kept(std::move(outcome.output), run.id, entry.blobs);
  std::vector<Blob> told_blobs;
  told.data = kept(std::move(told.data), told.run, told_blobs);
  entry.more = [id = run.id, state, cost = execution.cost(), output = std::move(output), error = std::move(error),
                told = std::move(told), told_blobs = std::move(told_blobs),
                tells = std::move(tells)](store::Connection& connection) -> Result<void> {
    const store::Value values[] = {id, std::string(to_string(state)), told.at, cost, output, error};
    FAIRLEAD_CHECK(execute(connection,
                           "update journal_runs set state = $2, finished_at = $3, cost = $4,"
                           " output = $5, error = $6, node = null, due = null where id = $1",
                           values));
    if (tells) FAIRLEAD_CHECK(tells(connection));
    if (state != RunState::kSucceeded) FAIRLEAD_CHECK(cancel_children(connection, id, told.at));
    if (told.run.empty()) return {};
    FAIRLEAD_TRY(const bool sent, insert_signal(connection, told, told_blobs));
    (void)sent;
    return {};
  };
  return entry;
}

// A signal that came in the meantime is why it is due at once.
Entry Engine::Node::leaving(Execution& execution, Micros again) {
  const Run& run = execution.run();
  const std::int64_t now = clock_.unix_micros();
  Entry entry{.node = run.node};
  std::int64_t due = execution.due();
  if (again.count() > 0 && (due == 0 || due > now + again.count())) due = now + again.count();
  if (stopping_ || execution.was_put_off()) due = now;
  std::set<std::string> lanes;
  if (due != now) lanes = execution.held_by();
  if (!lanes.empty() && due == 0 && execution.compensating().empty()) due = run.asked.deadline;
  entry.more = [id = run.id, due, lanes = std::move(lanes), cost = execution.cost(),
                now](store::Connection& connection) -> Result<void> {
    const store::Value of_run[] = {id};
    FAIRLEAD_TRY(const bool mail,
                 any_row(connection, "select 1 from journal_signals where run = $1 and taken = 0 limit 1", of_run));
    if (!lanes.empty()) FAIRLEAD_CHECK(write_lanes(connection, id, lanes));
    const std::string held = mail || lanes.empty() ? std::string() : *lanes.begin();
    const std::int64_t when = mail ? now : due;
    const store::Value values[] = {id, when > 0 ? store::Value(when) : store::Value(std::nullptr_t{}), cost, held};
    return execute(connection,
                   "update journal_runs set state = 'waiting', due = $2, cost = $3, held = $4, node = null"
                   " where id = $1",
                   values);
  };
  return entry;
}

}  // namespace fairlead::journal
