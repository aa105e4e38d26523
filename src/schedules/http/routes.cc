#include "schedules/http/routes.h"

#include <utility>

#include "access/control_plane.h"
#include "base/iso_time.h"
#include "platform/json/text.h"

namespace fairlead::schedules {
namespace {

namespace bj = boost::json;
using access::Principal;

constexpr int kNextShown = 5;

struct Parts {
  const Schedules& schedules;
  Scheduler& scheduler;
  const Clock& clock;
};

bj::object shown(const Schedule& schedule, const Standing* standing, std::int64_t now_s, int next_shown) {
  bj::object out{{"name", schedule.name}, {"version", schedule.version}, {"chain", schedule.chain}};
  for (const char* const member : {"description", "cron", "zone", "every", "input", "catch_up", "queue", "deadline"})
    if (const bj::value* const value = schedule.spec.if_contains(member)) out[member] = *value;
  out["paused"] = schedule.paused;
  if (standing != nullptr) {
    out["handled_until"] = utc_text(standing->last_s);
    out["started"] = standing->started;
    if (!standing->run.empty()) out["last_run"] = standing->run;
    if (!standing->error.empty()) out["error"] = standing->error;
  }
  bj::array next;
  auto tick = schedule.timing.next(now_s);
  for (int i = 0; i < next_shown && tick && !schedule.paused; ++i, tick = schedule.timing.next(*tick))
    next.emplace_back(utc_text(*tick));
  out["next"] = std::move(next);
  return out;
}

bj::object shown(const Backfill& one) {
  return {{"id", one.id},
          {"schedule", one.schedule},
          {"from", utc_text(one.from_s)},
          {"to", utc_text(one.to_s)},
          {"at_once", one.at_once},
          {"state", one.state},
          {"ticks", one.total},
          {"started", one.started},
          {"had_run", one.had_run},
          {"failed", one.failed},
          {"running", one.running},
          {"created_at", iso8601(one.created_at)},
          {"by", one.author}};
}

async::Task<void> list(http::Exchange& exchange, const Parts& parts, std::string project) {
  auto standings = co_await parts.scheduler.standings(project);
  if (!standings) {
    co_await access::refuse(exchange, std::move(standings).error());
    co_return;
  }
  const std::int64_t now_s = parts.clock.unix_micros() / 1'000'000;
  const Schedules::List all = parts.schedules.of(project);
  bj::array data;
  for (const auto& schedule : all) {
    const auto found = standings->find(schedule->name);
    data.push_back(shown(*schedule, found == standings->end() ? nullptr : &found->second, now_s, 1));
  }
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> show(http::Exchange& exchange, const Parts& parts, std::string project) {
  const std::string name(exchange.path_parameter("name"));
  auto schedule = parts.schedules.find(project, name);
  if (!schedule) {
    co_await access::refuse(exchange, std::move(schedule).error());
    co_return;
  }
  auto standings = co_await parts.scheduler.standings(project);
  auto backfills = co_await parts.scheduler.backfills(project, name);
  if (!standings || !backfills) {
    co_await access::refuse(exchange, standings ? std::move(backfills).error() : std::move(standings).error());
    co_return;
  }
  const auto found = standings->find(name);
  bj::object answer = shown(**schedule, found == standings->end() ? nullptr : &found->second,
                            parts.clock.unix_micros() / 1'000'000, kNextShown);
  bj::array of_it;
  for (const Backfill& one : *backfills) of_it.push_back(shown(one));
  answer["backfills"] = std::move(of_it);
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> run_now(http::Exchange& exchange, const Parts& parts, std::string project) {
  std::string name(exchange.path_parameter("name"));
  auto started = co_await parts.scheduler.run_now(std::move(project), std::move(name));
  if (!started) {
    co_await access::refuse(exchange, std::move(started).error());
    co_return;
  }
  bj::object answer{{"id", started->run.id},
                    {"chain", started->run.asked.name},
                    {"state", journal::to_string(started->run.state)},
                    {"created_at", iso8601(started->run.created_at)}};
  co_await access::respond_json(exchange, 201, std::move(answer));
}

Result<std::int64_t> second_of(const bj::object& body, std::string_view name) {
  FAIRLEAD_TRY(const std::string text, access::required_string(body, name));
  if (const auto at = parse_iso_time(text)) return *at / 1'000'000;
  return fail(ErrorKind::kInvalid, "invalid_value",
              "`" + std::string(name) + "` is no time. Write it as 2026-12-01T00:00:00Z.", std::string(name));
}

Result<Scheduler::BackfillRequest> read_backfill(const bj::object& body, const Principal& principal, std::string name) {
  FAIRLEAD_CHECK(access::only_members(body, {"from", "to", "at_once"}));
  Scheduler::BackfillRequest out;
  out.project = principal.project;
  out.schedule = std::move(name);
  out.author = principal.name;
  FAIRLEAD_TRY(out.from_s, second_of(body, "from"));
  FAIRLEAD_TRY(out.to_s, second_of(body, "to"));
  if (const bj::value* const at_once = body.if_contains("at_once")) {
    if (!at_once->is_int64())
      return fail(ErrorKind::kInvalid, "invalid_type", "`at_once` is a whole number.", "at_once");
    out.at_once = at_once->get_int64();
  }
  return out;
}

async::Task<void> backfill(http::Exchange& exchange, const Parts& parts, const Principal& principal) {
  auto body = co_await access::read_object(exchange);
  Result<Scheduler::BackfillRequest> request =
      body ? read_backfill(*body, principal, std::string(exchange.path_parameter("name")))
           : fail(std::move(body).error());
  Result<Backfill> made = fail(ErrorKind::kInternal, "", "");
  if (request)
    made = co_await parts.scheduler.backfill(std::move(*request));
  else
    made = fail(std::move(request).error());
  if (!made) {
    co_await access::refuse(exchange, std::move(made).error());
    co_return;
  }
  bj::object answer = shown(*made);
  co_await access::respond_json(exchange, 201, std::move(answer));
}

async::Task<void> backfills(http::Exchange& exchange, const Parts& parts, std::string project) {
  std::string name = access::parameter_of(exchange, "schedule");
  auto found = co_await parts.scheduler.backfills(std::move(project), std::move(name));
  if (!found) {
    co_await access::refuse(exchange, std::move(found).error());
    co_return;
  }
  bj::array data;
  for (const Backfill& one : *found) data.push_back(shown(one));
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> cancel(http::Exchange& exchange, const Parts& parts, std::string project) {
  std::string id(exchange.path_parameter("id"));
  auto done = co_await parts.scheduler.cancel_backfill(std::move(project), std::move(id));
  if (!done) {
    co_await access::refuse(exchange, std::move(done).error());
    co_return;
  }
  bj::object answer = shown(*done);
  co_await access::respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, const Schedules& schedules, Scheduler& scheduler,
                const Clock& clock) {
  using access::Scope;
  using http::Exchange;
  using http::Method;
  const auto parts = std::make_shared<const Parts>(Parts{schedules, scheduler, clock});
  const auto add = [&](Method method, std::string_view path, Scope scope,
                       async::Task<void> (*answer)(Exchange&, const Parts&, std::string)) {
    access::PrincipalHandler handler = [parts, answer](Exchange& exchange, const Principal& principal) {
      return answer(exchange, *parts, principal.project);
    };
    router.add(method, path, guard.protect(scope, std::move(handler)));
  };
  add(Method::kGet, "/api/v1/schedules", Scope::kRead, list);
  add(Method::kGet, "/api/v1/schedules/{name}", Scope::kRead, show);
  add(Method::kPost, "/api/v1/schedules/{name}/run", Scope::kCall, run_now);
  access::PrincipalHandler make = [parts](Exchange& exchange, const Principal& principal) {
    return backfill(exchange, *parts, principal);
  };
  router.add(Method::kPost, "/api/v1/schedules/{name}/backfills", guard.protect(Scope::kCall, std::move(make)));
  add(Method::kGet, "/api/v1/backfills", Scope::kRead, backfills);
  add(Method::kPost, "/api/v1/backfills/{id}/cancel", Scope::kCall, cancel);
}

}  // namespace fairlead::schedules
