#include "schedules/scheduler.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "schedules/internal/log.h"
#include "schedules/internal/rows.h"

namespace fairlead::schedules {
namespace asio = boost::asio;
namespace {

constexpr std::int64_t kLook_ms = 1'000, kLookAtBackfills_ms = 200;

bool is_permanent(const Error& error) {
  return error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kTooLarge;
}

}  // namespace

Scheduler::Scheduler(Parts parts, async::Loop& loop)
    : parts_(parts), loop_(loop), tasks_(loop.executor()), bell_(std::make_shared<async::Bell>(loop.executor())) {}

void Scheduler::start_blocking() {
  parts_.schedules.on_change([&loop = loop_, bell = std::weak_ptr<async::Bell>(bell_)] {
    loop.post([bell] {
      if (const auto still = bell.lock()) still->ring();
    });
  });
  asio::post(loop_.context(), asio::use_future([this] { tasks_.spawn(run()); })).get();
}

void Scheduler::stop_blocking() {
  parts_.schedules.on_change({});
  const auto stop = [this] {
    stopping_ = true;
    bell_->ring();
  };
  asio::post(loop_.context(), asio::use_future(stop)).get();
  asio::co_spawn(loop_.executor(), tasks_.join(), asio::use_future).get();
}

async::Task<void> Scheduler::run() {
  while (!stopping_) {
    const std::int64_t wait_ms = co_await look();
    if (stopping_) break;
    co_await bell_->wait_until(std::chrono::steady_clock::now() + Millis(wait_ms));
  }
}

async::Task<std::int64_t> Scheduler::look() {
  std::optional<Error> trouble;
  std::int64_t next_s = INT64_MAX;
  const Schedules::List all = parts_.schedules.all();
  for (const std::shared_ptr<const Schedule>& schedule : all) {
    if (stopping_) break;
    Known& known = known_[{schedule->project, schedule->name}];
    if (known.schedule != schedule) known = {schedule, 0};
    if (schedule->paused) continue;
    const std::int64_t now_s = parts_.clock.unix_micros() / 1'000'000;
    if (known.next_s <= now_s) {
      auto next = co_await handle(schedule, now_s);
      if (next)
        known.next_s = *next;
      else
        trouble = std::move(next).error();
    }
    next_s = std::min(next_s, known.next_s);
  }
  bool backfills = false;
  if (!all.empty()) {
    auto looked = co_await look_at_backfills();
    if (looked)
      backfills = *looked;
    else
      trouble = std::move(looked).error();
  }
  const std::string said = trouble ? trouble->message : "";
  if (said != trouble_ && trouble) kLog.error("schedules wait", {{"reason", said}});
  trouble_ = said;
  if (trouble) co_return kLook_ms;
  const std::int64_t until_ms = next_s == INT64_MAX ? kLook_ms : next_s * 1'000 - parts_.clock.unix_micros() / 1'000;
  co_return std::clamp(until_ms, std::int64_t{1}, backfills ? kLookAtBackfills_ms : kLook_ms);
}

// Starts what is due of it; its next tick.
async::Task<Result<std::int64_t>> Scheduler::handle(std::shared_ptr<const Schedule> schedule, std::int64_t now_s) {
  const auto standing = std::make_shared<Standing>();
  const store::Database::Work settle = [schedule, now_s, standing](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*standing, internal::settle_row(connection, *schedule, now_s));
    return {};
  };
  auto settled = co_await parts_.database.write(settle);
  if (!settled) co_return fail(std::move(settled).error());
  if (standing->timing != schedule->timing.text()) co_return schedule->timing.next(now_s).value_or(INT64_MAX);
  const Due due = due_ticks(schedule->timing, schedule->catch_up, standing->last_s, now_s);
  if (due.left_out)
    kLog.warning("missed ticks are left out", {{"schedule", schedule->name},
                                               {"project", schedule->project},
                                               {"after", utc_text(standing->last_s)},
                                               {"started", due.ticks.size()}});
  std::int64_t handled_s = standing->last_s;
  if (due.left_out && due.ticks.empty()) {
    handled_s = schedule->timing.previous(now_s + 1).value_or(handled_s);
    const store::Database::Work pass = [schedule, handled_s](store::Connection& connection) -> Result<void> {
      return internal::advance_row(connection, *schedule, handled_s, false, {}, {});
    };
    auto passed = co_await parts_.database.write(pass);
    if (!passed) co_return fail(std::move(passed).error());
  }
  for (const std::int64_t tick_s : due.ticks) {
    if (stopping_) co_return handled_s;
    auto outcome = co_await start_tick(schedule, tick_s);
    if (!outcome) co_return fail(std::move(outcome).error());
    const bool started = outcome->error.empty();
    const store::Database::Work advance = [schedule, tick_s, started,
                                           outcome = *outcome](store::Connection& connection) -> Result<void> {
      return internal::advance_row(connection, *schedule, tick_s, started, outcome.run, outcome.error);
    };
    auto advanced = co_await parts_.database.write(advance);
    if (!advanced) co_return fail(std::move(advanced).error());
    handled_s = tick_s;
  }
  co_return schedule->timing.next(std::max(handled_s, now_s)).value_or(INT64_MAX);
}

async::Task<Result<Scheduler::Outcome>> Scheduler::start_tick(std::shared_ptr<const Schedule> schedule,
                                                              std::int64_t tick_s) {
  Outcome out;
  auto asked = schedule->request(tick_s);
  Result<journal::RunRequest> request =
      asked ? parts_.chains.request(std::move(*asked)) : fail(std::move(asked).error());
  Result<journal::Started> started = fail(ErrorKind::kInternal, "", "");
  if (request) {
    const std::int64_t within = schedule->deadline.count();
    if (within > 0) request->within = request->within > 0 ? std::min(request->within, within) : within;
    started = co_await parts_.engine.start(std::move(*request));
  } else {
    started = fail(std::move(request).error());
  }
  if (started) {
    out.run = started->run.id;
    out.existed = started->existed;
    out.ended = finished(started->run.state);
    co_return out;
  }
  // The tick has run with what the schedule gave it then.
  if (started.error().code == "idempotency_conflict") {
    out.existed = out.ended = true;
    co_return out;
  }
  if (!is_permanent(started.error())) co_return fail(std::move(started).error());
  out.error = started.error().message;
  out.ended = true;
  kLog.error("a scheduled run cannot be started", {{"schedule", schedule->name},
                                                   {"project", schedule->project},
                                                   {"tick", utc_text(tick_s)},
                                                   {"reason", out.error}});
  co_return out;
}

async::Task<Result<std::map<std::string, Standing>>> Scheduler::standings(std::string project) {
  const auto found = std::make_shared<std::map<internal::Name, Standing>>();
  const store::Database::Work work = [project, found](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*found, internal::read_standings(connection, project));
    return {};
  };
  auto read = co_await parts_.database.read(work);
  if (!read) co_return fail(std::move(read).error());
  std::map<std::string, Standing> out;
  for (auto& [name, standing] : *found) out.emplace(name.second, std::move(standing));
  co_return out;
}

async::Task<Result<journal::Started>> Scheduler::run_now(std::string project, std::string name) {
  auto schedule = parts_.schedules.find(project, name);
  if (!schedule) co_return fail(std::move(schedule).error());
  const std::int64_t now_s = parts_.clock.unix_micros() / 1'000'000;
  auto asked = (*schedule)->request(now_s);
  if (!asked) co_return fail(std::move(asked).error());
  asked->key.clear();
  auto request = parts_.chains.request(std::move(*asked));
  if (!request) co_return fail(std::move(request).error());
  const std::int64_t within = (*schedule)->deadline.count();
  if (within > 0) request->within = request->within > 0 ? std::min(request->within, within) : within;
  auto started = co_await parts_.engine.start(std::move(*request));
  co_return started;
}

}  // namespace fairlead::schedules
