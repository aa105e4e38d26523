#include "chains/http/task_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <memory>
#include <utility>

#include "access/control_plane.h"
#include "base/iso_time.h"
#include "chains/privacy.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using access::Principal;

constexpr std::size_t kMostNames = 100, kLongestName = 255, kMostProgress = 4'096, kMostOutput = 4 * 1024 * 1024;
constexpr std::int64_t kWait = 20, kLongestWait = 60;  // seconds

struct TaskParts {
  const Chains& chains;
  journal::Engine& engine;
  Tasks& tasks;
  const Clock& clock;
};

bj::value json_of(const std::string& text) {
  auto value = json::parse(text);
  return value ? std::move(*value) : bj::value(text);
}

Result<std::string> short_text(const bj::object& body, const char* member, const char* otherwise) {
  FAIRLEAD_TRY(const auto text, access::optional_string(body, member));
  if (text && (text->empty() || text->size() > kLongestName))
    return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(member) + "` has 1 to 255 bytes.", member);
  return text.value_or(otherwise);
}

Result<Tasks::PollRequest> read_poll(const bj::object& body, const Principal& principal, SteadyTime now) {
  FAIRLEAD_CHECK(access::only_members(body, {"tasks", "worker", "wait_s"}));
  Tasks::PollRequest request;
  request.project = principal.project;
  FAIRLEAD_TRY(request.worker, short_text(body, "worker", principal.name.c_str()));
  const bj::value* const names = body.if_contains("tasks");
  if (names == nullptr)
    return fail(ErrorKind::kInvalid, "missing_required_parameter", "`tasks` is required: the kinds of work.", "tasks");
  const bool is_list = names->is_array() && !names->get_array().empty() && names->get_array().size() <= kMostNames;
  if (!is_list || !std::ranges::all_of(names->get_array(), [](const bj::value& name) { return name.is_string(); }))
    return fail(ErrorKind::kInvalid, "invalid_type", "`tasks` is a list of 1 to 100 names.", "tasks");
  for (const bj::value& name : names->get_array()) request.names.emplace_back(name.get_string());
  std::int64_t wait = kWait;
  if (const bj::value* const given = body.if_contains("wait_s")) {
    if (!given->is_int64() || given->get_int64() < 0 || given->get_int64() > kLongestWait)
      return fail(ErrorKind::kInvalid, "invalid_value", "`wait_s` is a whole number from 0 to 60.", "wait_s");
    wait = given->get_int64();
  }
  request.until = now + std::chrono::seconds(wait);
  return request;
}

async::Task<void> poll(http::Exchange& exchange, const TaskParts& parts, const Principal& principal) {
  auto body = co_await access::read_object(exchange);
  Result<Tasks::PollRequest> request =
      body ? read_poll(*body, principal, parts.clock.steady()) : fail(std::move(body).error());
  if (!request) {
    co_await access::refuse(exchange, std::move(request).error());
    co_return;
  }
  auto task = co_await parts.tasks.poll(std::move(*request), exchange.loop(), exchange.cancellation());
  if (!task) {
    co_await access::refuse(exchange, std::move(task).error());
    co_return;
  }
  if (!*task) {
    co_await exchange.respond(204, "application/json", std::string_view());
    co_return;
  }
  const Task& taken = **task;
  bj::object answer{{"id", Tasks::lease_name(taken)},
                    {"task", taken.name},
                    {"input", json_of(taken.input)},
                    {"key", taken.key},
                    {"attempt", taken.leases},
                    {"lease_s", static_cast<double>(taken.lease_us) / 1e6},
                    {"run", taken.run},
                    {"step", taken.step}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<Result<std::string>> hide_of_task(const TaskParts& parts, async::Loop& loop, const Task& task,
                                              std::string value) {
  auto run = co_await parts.engine.find(task.project, task.run);
  if (!run) co_return fail(std::move(run).error());
  auto hidden = co_await hide_for_run(parts.chains, loop, *run, std::move(value));
  co_return hidden;
}

// While the request lasts.
KeepOfTask keep_of(http::Exchange& exchange, const TaskParts& parts, const std::string& project) {
  async::Loop& loop = exchange.loop();
  if (parts.chains.hiding() == nullptr || !parts.chains.hiding()->applies(loop, project)) return {};
  return [&parts, &loop](const Task& task, std::string value) {
    return hide_of_task(parts, loop, task, std::move(value));
  };
}

async::Task<Result<bj::object>> do_heartbeat(http::Exchange& exchange, const TaskParts& parts, std::string project) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_CHECK(access::only_members(*body, {"progress"}));
  std::string progress, id(exchange.path_parameter("id"));
  if (const bj::value* const given = body->if_contains("progress")) progress = json::to_text(*given);
  if (progress.size() > kMostProgress)
    co_return fail(ErrorKind::kInvalid, "invalid_value", "`progress` has at most 4 KiB.", "progress");
  KeepOfTask keep = keep_of(exchange, parts, project);
  auto beat = co_await parts.tasks.heartbeat(std::move(project), std::move(id), std::move(progress), std::move(keep));
  if (!beat) co_return fail(std::move(beat).error());
  bj::object answer{{"lease_s", static_cast<double>(beat->lease.count()) / 1e6}};
  if (beat->refused)
    answer["progress_refused"] = bj::object{{"code", beat->refused->code}, {"message", beat->refused->message}};
  co_return answer;
}

async::Task<Result<bj::object>> do_complete(http::Exchange& exchange, const TaskParts& parts, std::string project) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_CHECK(access::only_members(*body, {"output"}));
  bj::value output;
  if (const bj::value* const given = body->if_contains("output")) output = *given;
  if (json::to_text(output).size() > kMostOutput)
    co_return fail(ErrorKind::kInvalid, "invalid_value", "`output` has at most 4 MiB.", "output");
  std::string id(exchange.path_parameter("id"));
  KeepOfTask keep = keep_of(exchange, parts, project);
  auto done = co_await parts.tasks.complete(std::move(project), std::move(id), std::move(output), std::move(keep));
  if (!done) co_return fail(std::move(done).error());
  co_return bj::object{{"accepted", true}};
}

async::Task<Result<bj::object>> do_fail(http::Exchange& exchange, const TaskParts& parts, std::string project) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_CHECK(access::only_members(*body, {"class", "code", "message"}));
  FAIRLEAD_CO_TRY(const std::string word, short_text(*body, "class", "transient"));
  FAIRLEAD_CO_TRY(std::string code, short_text(*body, "code", "task_failed"));
  FAIRLEAD_CO_TRY(const auto given, access::optional_string(*body, "message"));
  const auto failure = journal::failure_class(word);
  if (!failure)
    co_return fail(ErrorKind::kInvalid, "invalid_value",
                   "`class` is transient, rate_limit, timeout, bad_output or permanent.", "class");
  std::string message = given.value_or("The worker could not do it.");
  message.resize(json::valid_utf8_prefix(std::string_view(message).substr(0, kMostProgress)));
  std::string id(exchange.path_parameter("id"));
  KeepOfTask keep = keep_of(exchange, parts, project);
  auto done = co_await parts.tasks.fail_with(std::move(project), std::move(id), *failure, std::move(code),
                                             std::move(message), std::move(keep));
  if (!done) co_return fail(std::move(done).error());
  co_return bj::object{{"accepted", true}};
}

using DoTask = async::Task<Result<bj::object>> (*)(http::Exchange&, const TaskParts&, std::string);

async::Task<void> answer_task(http::Exchange& exchange, const TaskParts& parts, std::string project, DoTask what) {
  auto answer = co_await what(exchange, parts, std::move(project));
  if (answer)
    co_await access::respond_json(exchange, 200, std::move(*answer));
  else
    co_await access::refuse(exchange, std::move(answer).error());
}

async::Task<void> list_tasks(http::Exchange& exchange, const TaskParts& parts, std::string project) {
  Tasks::Filter filter;
  filter.project = std::move(project);
  filter.name = access::parameter_of(exchange, "task");
  filter.run = access::parameter_of(exchange, "run");
  auto limit = access::limit_of(exchange, 50, 1'000);
  if (!limit) {
    co_await access::refuse(exchange, std::move(limit).error());
    co_return;
  }
  filter.most = static_cast<std::int64_t>(*limit);
  auto tasks = co_await parts.tasks.list(std::move(filter));
  if (!tasks) {
    co_await access::refuse(exchange, std::move(tasks).error());
    co_return;
  }
  const std::int64_t now = parts.clock.unix_micros();
  bj::array data;
  for (const Task& task : *tasks) {
    const bool is_leased = task.leased_until > now;
    bj::object one{{"task", task.name},      {"run", task.run},
                   {"step", task.step},      {"state", is_leased ? "leased" : "waiting"},
                   {"attempt", task.leases}, {"posted_at", iso8601(task.posted_at)}};
    if (is_leased) {
      one["worker"] = task.worker;
      one["leased_until"] = iso8601(task.leased_until);
    }
    if (!task.progress.empty()) one["progress"] = json_of(task.progress);
    data.push_back(std::move(one));
  }
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_task_routes(http::Router& router, const access::Guard& guard, const Chains& chains, journal::Engine& engine,
                     Tasks& tasks, const Clock& clock) {
  using access::Scope;
  const auto parts = std::make_shared<const TaskParts>(TaskParts{chains, engine, tasks, clock});
  router.add(http::Method::kPost, "/api/v1/tasks/poll",
             guard.protect(Scope::kWork, [parts](http::Exchange& exchange, const Principal& principal) {
               return poll(exchange, *parts, principal);
             }));
  const auto add = [&](std::string_view path, DoTask what) {
    router.add(http::Method::kPost, path,
               guard.protect(Scope::kWork, [parts, what](http::Exchange& exchange, const Principal& principal) {
                 return answer_task(exchange, *parts, principal.project, what);
               }));
  };
  add("/api/v1/tasks/{id}/heartbeat", do_heartbeat);
  add("/api/v1/tasks/{id}/complete", do_complete);
  add("/api/v1/tasks/{id}/fail", do_fail);
  router.add(http::Method::kGet, "/api/v1/tasks",
             guard.protect(Scope::kRead, [parts](http::Exchange& exchange, const Principal& principal) {
               return list_tasks(exchange, *parts, principal.project);
             }));
}

}  // namespace fairlead::chains
