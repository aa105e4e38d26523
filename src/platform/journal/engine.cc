#include "platform/journal/engine.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "base/id.h"
#include "platform/journal/internal/node.h"
#include "platform/journal/internal/rows.h"

namespace fairlead::journal {

Engine::Engine(store::Database& database, async::Runtime& loops, const Clock& clock, Definitions definitions,
               EngineOptions options)
    : node_(std::make_unique<Node>(database, loops, clock, std::move(definitions), std::move(options))) {}

Engine::~Engine() {
  stop_blocking(Millis(0));
}

Result<void> Engine::start_blocking() {
  return node_->start_blocking();
}

void Engine::stop_blocking(Millis patience) {
  node_->stop_blocking(patience);
}

std::optional<Error> Engine::trouble() const {
  return node_->committer().trouble();
}

std::size_t Engine::loaded() const {
  return node_->loaded();
}

async::Task<Result<Started>> Engine::start(RunRequest request) {
  return node_->start(std::move(request), {});
}

async::Task<Result<Started>> Engine::start_with(RunRequest request, std::vector<Event> history) {
  return node_->start(std::move(request), std::move(history));
}

async::Task<Result<Run>> Engine::retry(RetryRequest request) {
  return node_->retry(std::move(request));
}

async::Task<Result<Moved>> Engine::move(MoveRequest request) {
  return node_->move(std::move(request));
}

async::Task<Result<void>> Engine::signal(std::string project, Signal signal) {
  Condition none;
  const auto sent = co_await node_->signal(std::move(project), std::move(signal), std::move(none));
  if (!sent) co_return fail(sent.error());
  co_return Result<void>();
}

async::Task<Result<bool>> Engine::signal_if(std::string project, Signal signal, Condition condition) {
  return node_->signal(std::move(project), std::move(signal), std::move(condition));
}

async::Task<Result<void>> Engine::cancel(std::string project, std::string run, std::string by) {
  Signal signal{.run = std::move(run), .id = "cancel", .name = "cancel", .data = {}};
  signal.data = boost::json::serialize(boost::json::object{{"by", by}});
  const auto sent = co_await this->signal(std::move(project), std::move(signal));
  if (!sent && sent.error().code != "run_finished") co_return sent;
  co_return Result<void>();
}

void Engine::cancel_soon(async::Loop& loop, std::string project, std::string run, std::string by) {
  const auto cancelled = [](Engine& engine, std::string project, std::string run, std::string by) -> async::Task<void> {
    const auto sent = co_await engine.cancel(std::move(project), std::move(run), std::move(by));
    static_cast<void>(sent);  // the run then ends by itself
  };
  node_->spawn(loop, cancelled(*this, std::move(project), std::move(run), std::move(by)));
}

async::Task<Result<Run>> Engine::find(std::string project, std::string run) {
  auto found = std::make_shared<std::optional<Run>>();
  store::Database::Work work = [found, project, run](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, find_run_by_start(connection, project, run));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await node_->database().read(std::move(work)));
  if (!*found) co_return run_not_found(run);
  co_return std::move(**found);
}

async::Task<Result<std::vector<Run>>> Engine::list(RunFilter filter) {
  auto runs = std::make_shared<std::vector<Run>>();
  store::Database::Work work = [runs, filter](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*runs, list_runs(connection, filter));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await node_->database().read(std::move(work)));
  co_return std::move(*runs);
}

async::Task<Result<std::vector<Event>>> Engine::history(std::string project, std::string run, std::int64_t after,
                                                        std::int64_t most) {
  auto events = std::make_shared<std::vector<Event>>();
  auto known = std::make_shared<bool>(false);
  store::Database::Work work = [=](store::Connection& connection) -> Result<void> {
    const store::Value values[] = {run, project};
    FAIRLEAD_TRY(*known, any_row(connection, "select 1 from journal_runs where id = $1 and project = $2", values));
    if (!*known) return {};
    FAIRLEAD_TRY(*events, read_events(connection, run, after, most));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await node_->database().read(std::move(work)));
  if (!*known) co_return run_not_found(run);
  co_return std::move(*events);
}

async::Task<Result<void>> Engine::read(std::string project, std::string run, Reading work) {
  store::Database::Work look = [project, run, work = std::move(work)](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto found, find_run_by_start(connection, project, run));
    if (!found) return run_not_found(run);
    FAIRLEAD_TRY(const auto events, read_events(connection, found->id, 0, INT64_MAX));
    return work(*found, events);
  };
  const auto read = co_await node_->database().read(std::move(look));
  co_return read;
}

Result<std::vector<StepSpan>> Engine::spans_blocking(std::string kind, std::int64_t runs, std::int64_t most) {
  std::vector<StepSpan> spans;
  FAIRLEAD_CHECK(node_->database().read_blocking([&](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(spans, read_spans(connection, kind, runs, most));
    return {};
  }));
  return spans;
}

async::Task<Result<void>> Engine::set_queue(Queue queue) {
  store::Database::Work work = [queue](store::Connection& connection) { return write_queue(connection, queue); };
  const auto written = co_await node_->database().write(std::move(work));
  co_return written;
}

async::Task<Result<std::vector<Queue>>> Engine::queues(std::string project) {
  auto found = std::make_shared<std::vector<Queue>>();
  store::Database::Work work = [found, project](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, read_queues(connection, project));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await node_->database().read(std::move(work)));
  co_return std::move(*found);
}

Listeners& Engine::listeners() {
  return node_->listeners();
}

async::Task<Result<Run>> Engine::wait_for_end(std::string project, std::string run, async::Loop& loop, SteadyTime until,
                                              async::Cancellation& cancellation) {
  constexpr std::chrono::milliseconds kLook{500};
  Listeners::Listening listening(node_->listeners(), run, loop);
  const async::Cancellation::Registration gone(
      cancellation, [](void* self) { static_cast<async::Bell*>(self)->ring(); }, &listening.bell());
  while (true) {
    auto found = co_await find(project, run);
    if (!found || finished(found->state)) co_return found;
    if (cancellation.requested())
      co_return fail(cancellation.reason(), "cancelled", "Nobody waits for the run any more.");
    const SteadyTime now = node_->clock().steady();
    if (now >= until) co_return fail(ErrorKind::kTimeout, "run_timeout", "The run `" + run + "` has not ended yet.");
    co_await listening.bell().wait_until(std::min(until, now + kLook));
  }
}

// It goes on here at once where there is room; else, and where a queue or another limit has a say, it is claimed like
// any other.
async::Task<Result<Started>> Engine::Node::start(RunRequest request, std::vector<Event> history) {
  if (request.input.size() > options_.largest_value)
    co_return fail(value_too_large("The input of the run", request.input.size(), options_.largest_value, "input"));
  const std::int64_t now = clock_.unix_micros();
  Run run;
  run.id = new_id(now);
  run.created_at = now;
  run.asked = std::move(request);
  run.asked.deadline = deadline_of(run.asked, now);
  const bool here = history.empty() && !stopping_ && run.asked.queue.empty() && run.asked.due <= now &&
                    loaded_ < options_.loaded && definitions_.contains(run.asked.kind) && limits_of(run).empty();
  for (std::size_t i = 0; i < history.size(); ++i) {
    history[i].run = run.id;
    history[i].sequence = static_cast<std::int64_t>(i) + 1;
    history[i].at = now;
  }
  std::vector<Blob> blobs;
  keep_large(history, blobs);
  KeptInput input = keep_input(run);
  const std::string digest = input.digest;
  const auto started = std::make_shared<Started>();
  Entry entry;
  entry.more = [started, run = std::move(run), here, now, mine = node(), history = std::move(history),
                blobs = std::move(blobs), input = std::move(input)](store::Connection& connection) -> Result<void> {
    Run made = run;
    started->existed = false;
    if (here) {
      FAIRLEAD_TRY(const bool alive, is_registered(connection, mine));
      if (alive) made.node = mine;
    }
    made.state = made.node.empty() ? RunState::kQueued : RunState::kRunning;
    made.started_at = made.node.empty() ? 0 : now;
    const std::optional<std::int64_t> due =
        made.node.empty() ? std::optional(std::max(now, made.asked.due)) : std::nullopt;
    FAIRLEAD_TRY(const bool is_new, insert_run(connection, made, input, due));
    if (!is_new && !made.asked.key.empty()) {
      FAIRLEAD_TRY(auto kept, find_run_by_key(connection, made.asked.project, made.asked.key));
      if (!kept) return fail(ErrorKind::kInternal, "store_error", "A run that was written is not there.");
      started->existed = kept->id != made.id;
      if (started->existed) made = std::move(*kept);
    }
    std::vector<const Event*> events;
    for (const Event& event : history) events.push_back(&event);
    if (is_new) {
      FAIRLEAD_CHECK(insert_events(connection, events));
      FAIRLEAD_CHECK(write_blobs(connection, blobs));
    }
    started->run = std::move(made);
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await committer_.commit(std::move(entry)));
  if (started->existed && input_digest(started->run.asked) != digest) {
    co_return fail(ErrorKind::kConflict, "idempotency_conflict",
                   "The idempotency key was used for another input: its run is `" + started->run.id +
                       "`. Use a new key for a new input.",
                   "idempotency_key");
  }
  if (!started->existed && !started->run.node.empty()) {
    Run mine = started->run;
    mine.started_at = 0;  // there is no history to read
    load(std::move(mine));
  } else if (!started->existed) {
    loops_.loop(0).post([this] { bell_.ring(); });
  }
  co_return std::move(*started);
}

async::Task<Result<bool>> Engine::Node::signal(std::string project, Signal signal, Condition condition) {
  if (signal.data.size() > options_.largest_value)
    co_return fail(value_too_large("The data of the signal", signal.data.size(), options_.largest_value, "data"));
  signal.at = clock_.unix_micros();
  if (signal.id.empty()) signal.id = new_id(signal.at);
  auto state = std::make_shared<std::optional<RunState>>();
  auto wanted = std::make_shared<bool>(true);
  std::vector<Blob> blobs;
  signal.data = kept(std::move(signal.data), signal.run, blobs);
  Entry entry;
  entry.more = [state, wanted, project, signal, blobs = std::move(blobs),
                condition = std::move(condition)](store::Connection& connection) -> Result<void> {
    if (condition) {
      FAIRLEAD_TRY(*wanted, condition(connection));
      if (!*wanted) return {};
    }
    FAIRLEAD_TRY(const auto found, find_run_briefly(connection, signal.run));
    state->reset();
    if (!found || found->asked.project != project) return {};
    *state = found->state;
    if (finished(found->state)) return {};
    FAIRLEAD_TRY(const bool sent, insert_signal(connection, signal, blobs));
    (void)sent;
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await committer_.commit(std::move(entry)));
  if (!*wanted) co_return false;
  if (!*state) co_return run_not_found(signal.run);
  if (finished(**state)) {
    co_return fail(ErrorKind::kConflict, "run_finished",
                   "The run has " + std::string(to_string(**state)) + ": nothing more can be sent to it.");
  }
  loops_.loop(0).post([this] { bell_.ring(); });
  co_return true;
}

}  // namespace fairlead::journal
