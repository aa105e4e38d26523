#include "chains/http/control_routes.h"

#include <utility>

#include "access/audit.h"
#include "access/control_plane.h"
#include "chains/http/answers.h"
#include "chains/privacy.h"
#include "platform/async/task_group.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using access::Principal;
using journal::Run;
using journal::RunState;

constexpr std::int64_t kMost = 1'000;  // runs of one bulk action
constexpr std::size_t kAtOnce = 16;    // of them
constexpr std::size_t kMostSkipped = 255;

struct ControlParts {
  Chains& chains;
  journal::Engine& engine;
  store::Database& database;
  const Clock& clock;
};

// A body, or none.
async::Task<Result<bj::object>> read_optional_object(http::Exchange& exchange) {
  auto body = co_await exchange.read_body();
  if (!body) co_return fail(std::move(body).error());
  if (body->empty()) co_return bj::object();
  auto parsed = json::parse(std::string_view(body->data(), body->size()));
  if (!parsed) co_return fail(std::move(parsed).error());
  if (!parsed->is_object()) co_return fail(ErrorKind::kInvalid, "invalid_type", "The body must be a JSON object.");
  co_return std::move(parsed->get_object());
}

Result<std::string> short_string(const bj::object& body, std::string_view name) {
  FAIRLEAD_TRY(const auto text, access::optional_string(body, name));
  if (text && text->size() > kMostSkipped)
    return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(name) + "` is longer than 255 bytes.",
                std::string(name));
  return text.value_or("");
}

async::Task<void> respond(http::Exchange& exchange, int status, Result<bj::object> answer) {
  if (answer)
    co_await access::respond_json(exchange, status, std::move(*answer));
  else
    co_await access::refuse(exchange, std::move(answer).error());
}

async::Task<Result<Run>> find_run_of(http::Exchange& exchange, const ControlParts& parts, std::string project) {
  std::string id(exchange.path_parameter("id"));
  auto run = co_await parts.engine.find(std::move(project), std::move(id));
  co_return run;
}

async::Task<Result<bj::object>> do_retry(http::Exchange& exchange, const ControlParts& parts,
                                         const Principal& principal) {
  auto body = co_await read_optional_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_CHECK(access::only_members(*body, {"deadline", "id"}));
  journal::RetryRequest request;
  FAIRLEAD_CO_TRY(request.deadline, read_time(*body, "deadline"));
  FAIRLEAD_CO_TRY(request.id, short_string(*body, "id"));
  auto run = co_await find_run_of(exchange, parts, principal.project);
  if (!run) co_return fail(std::move(run).error());
  request.project = principal.project;
  request.run = run->id;
  request.by = principal.name;
  auto id = co_await hide_name_for_run(parts.chains, exchange.loop(), *run, std::move(request.id));
  if (!id) co_return fail(std::move(id).error());
  request.id = std::move(*id);
  auto retried = co_await parts.engine.retry(std::move(request));
  if (!retried) co_return fail(std::move(retried).error());
  co_return shown_run(parts.chains, *retried);
}

async::Task<void> retry(http::Exchange& exchange, const ControlParts& parts, const Principal& principal) {
  auto answer = co_await do_retry(exchange, parts, principal);
  co_await respond(exchange, 202, std::move(answer));
}

Result<Chains::ForkRequest> read_fork(const bj::object& body, const Principal& principal) {
  FAIRLEAD_CHECK(access::only_members(body, {"from", "input", "chain", "key", "deadline"}));
  Chains::ForkRequest request;
  request.key_id = principal.key_id;
  request.key_name = principal.name;
  FAIRLEAD_TRY(request.from, access::required_string(body, "from"));
  FAIRLEAD_TRY(request.chain, short_string(body, "chain"));
  FAIRLEAD_TRY(request.key, short_string(body, "key"));
  FAIRLEAD_TRY(request.deadline, read_time(body, "deadline"));
  if (const bj::value* const input = body.if_contains("input")) {
    if (!input->is_object()) return fail(ErrorKind::kInvalid, "invalid_type", "`input` is an object.", "input");
    request.input = input->get_object();
  }
  return request;
}

struct Forked {
  bj::object answer;
  bool existed = false;
};

async::Task<Result<Forked>> do_fork(http::Exchange& exchange, const ControlParts& parts, const Principal& principal) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_TRY(auto request, read_fork(*body, principal));
  auto run = co_await find_run_of(exchange, parts, principal.project);
  if (!run) co_return fail(std::move(run).error());
  std::string id = run->id;
  request.run = std::move(*run);
  auto hidden = co_await hide_fork(parts.chains, exchange.loop(), std::move(request));
  if (!hidden) co_return fail(std::move(hidden).error());
  const auto made = std::make_shared<Chains::Fork>();
  journal::Engine::Reading work = [&chains = parts.chains, request = std::move(*hidden), made](
                                      const Run& run, std::span<const journal::Event> history) -> Result<void> {
    Chains::ForkRequest asked = request;
    asked.run = run;
    FAIRLEAD_TRY(*made, chains.fork(std::move(asked), history));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await parts.engine.read(principal.project, std::move(id), std::move(work)));
  auto started = co_await parts.engine.start_with(std::move(made->request), std::move(made->history));
  if (!started) co_return fail(std::move(started).error());
  Forked out{shown_run(parts.chains, started->run), started->existed};
  out.answer["copied"] = bj::array(made->steps.begin(), made->steps.end());
  co_return out;
}

async::Task<void> fork(http::Exchange& exchange, const ControlParts& parts, const Principal& principal) {
  auto forked = co_await do_fork(exchange, parts, principal);
  if (!forked) {
    co_await access::refuse(exchange, std::move(forked).error());
    co_return;
  }
  const int status = forked->existed ? 200 : 201;
  co_await access::respond_json(exchange, status, std::move(forked->answer));
}

async::Task<Result<journal::Moved>> move_run(const ControlParts& parts, Run run, std::string to, std::string by,
                                             bool dry_run) {
  FAIRLEAD_CO_TRY(std::string digest, parts.chains.digest_of(run, to));
  journal::MoveRequest request{.project = run.asked.project,
                               .run = run.id,
                               .by = std::move(by),
                               .digest = std::move(digest),
                               .to = std::move(to),
                               .dry_run = dry_run};
  auto moved = co_await parts.engine.move(std::move(request));
  co_return moved;
}

async::Task<Result<bj::object>> do_move(http::Exchange& exchange, const ControlParts& parts,
                                        const Principal& principal) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_CHECK(access::only_members(*body, {"to"}));
  FAIRLEAD_CO_TRY(std::string to, access::required_string(*body, "to"));
  auto run = co_await find_run_of(exchange, parts, principal.project);
  if (!run) co_return fail(std::move(run).error());
  auto moved = co_await move_run(parts, std::move(*run), std::move(to), principal.name, false);
  if (!moved) co_return fail(std::move(moved).error());
  bj::object answer = shown_run(parts.chains, moved->run);
  if (moved->moving) answer["moving"] = true;
  co_return answer;
}

async::Task<void> move(http::Exchange& exchange, const ControlParts& parts, const Principal& principal) {
  auto answer = co_await do_move(exchange, parts, principal);
  const int status = answer && answer->contains("moving") ? 202 : 200;
  co_await respond(exchange, status, std::move(answer));
}

// --- many at once

enum class Action : std::uint8_t { kCancel, kRetry, kMove };

struct Bulk {
  Action action = Action::kCancel;
  std::string word;  // of it
  journal::RunFilter filter;
  bj::object filter_told;
  std::string to;
  std::int64_t deadline = 0;
  bool dry_run = false;
};

Result<void> read_filter(const bj::object& body, Bulk& bulk) {
  const bj::value* const value = body.if_contains("filter");
  if (value == nullptr || !value->is_object() || value->get_object().empty())
    return fail(ErrorKind::kInvalid, "missing_required_parameter",
                "`filter` says which runs: {\"state\": \"failed\"}; {\"state\": \"all\"} is every one.", "filter");
  const bj::object& from = value->get_object();
  FAIRLEAD_CHECK(access::only_members(from, {"state", "chain", "parent", "since", "until"}));
  FAIRLEAD_TRY(const auto state, access::optional_string(from, "state"));
  FAIRLEAD_TRY(const auto chain, access::optional_string(from, "chain"));
  FAIRLEAD_TRY(const auto parent, access::optional_string(from, "parent"));
  FAIRLEAD_TRY(bulk.filter.since, read_time(from, "since"));
  FAIRLEAD_TRY(bulk.filter.until, read_time(from, "until"));
  bulk.filter.name = chain.value_or("");
  bulk.filter.parent = parent.value_or("");
  if (state && *state != "all") {
    bulk.filter.state = journal::run_state(*state);
    if (!bulk.filter.state)
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "`state` is one of queued, running, waiting, succeeded, failed, cancelled, all.", "filter.state");
  }
  bulk.filter_told = from;
  return {};
}

Result<Bulk> read_bulk(const bj::object& body, const Principal& principal) {
  FAIRLEAD_CHECK(access::only_members(body, {"action", "filter", "dry_run", "to", "deadline", "limit"}));
  Bulk bulk;
  FAIRLEAD_TRY(bulk.word, access::required_string(body, "action"));
  if (bulk.word != "cancel" && bulk.word != "retry" && bulk.word != "move")
    return fail(ErrorKind::kInvalid, "invalid_value", "`action` is cancel, retry or move.", "action");
  bulk.action = bulk.word == "cancel" ? Action::kCancel : bulk.word == "retry" ? Action::kRetry : Action::kMove;
  FAIRLEAD_CHECK(read_filter(body, bulk));
  bulk.filter.project = principal.project;
  bulk.filter.kind = Chains::kKind;
  FAIRLEAD_TRY(const auto to, access::optional_string(body, "to"));
  FAIRLEAD_TRY(bulk.deadline, read_time(body, "deadline"));
  bulk.to = to.value_or("");
  if (bulk.to.empty() == (bulk.action == Action::kMove))
    return fail(ErrorKind::kInvalid, "invalid_value", "`to` says where runs are moved: it goes with the action move.",
                "to");
  if (bulk.deadline > 0 && bulk.action != Action::kRetry)
    return fail(ErrorKind::kInvalid, "invalid_value", "`deadline` goes with the action retry.", "deadline");
  if (const bj::value* const dry = body.if_contains("dry_run")) {
    if (!dry->is_bool()) return fail(ErrorKind::kInvalid, "invalid_type", "`dry_run` is true or false.", "dry_run");
    bulk.dry_run = dry->get_bool();
  }
  bulk.filter.most = kMost;
  if (const bj::value* const limit = body.if_contains("limit")) {
    if (!limit->is_int64() || limit->get_int64() < 1 || limit->get_int64() > kMost)
      return fail(ErrorKind::kInvalid, "invalid_value", "`limit` is a whole number from 1 to 1000.", "limit");
    bulk.filter.most = limit->get_int64();
  }
  return bulk;
}

// One run; why not, if it is refused.
async::Task<Result<void>> act(const ControlParts& parts, const Bulk& bulk, Run run, std::string by) {
  if (bulk.action == Action::kRetry) {
    journal::RetryRequest request{.project = run.asked.project,
                                  .run = run.id,
                                  .by = std::move(by),
                                  .deadline = bulk.deadline,
                                  .dry_run = bulk.dry_run};
    auto retried = co_await parts.engine.retry(std::move(request));
    if (!retried) co_return fail(std::move(retried).error());
  } else if (bulk.action == Action::kMove) {
    std::string to = bulk.to;
    auto moved = co_await move_run(parts, std::move(run), std::move(to), std::move(by), bulk.dry_run);
    if (!moved) co_return fail(std::move(moved).error());
  } else if (finished(run.state)) {
    co_return fail(ErrorKind::kConflict, "run_finished",
                   "The run has " + std::string(journal::to_string(run.state)) + ": there is nothing to cancel.");
  } else if (!bulk.dry_run) {
    auto cancelled = co_await parts.engine.cancel(run.asked.project, run.id, std::move(by));
    if (!cancelled) co_return fail(std::move(cancelled).error());
  }
  co_return Result<void>();
}

struct Progressing {
  const std::vector<Run>& runs;
  std::vector<bj::object> answers;
  std::size_t next = 0, done = 0;
};

async::Task<void> act_on_each(const ControlParts& parts, const Bulk& bulk, std::string by, Progressing& progress) {
  while (progress.next < progress.runs.size()) {
    const std::size_t at = progress.next++;
    Run run = progress.runs[at];
    bj::object line{{"id", run.id},
                    {"chain", run.asked.name},
                    {"version", parts.chains.version_of(run)},
                    {"state", journal::to_string(run.state)}};
    const auto did = co_await act(parts, bulk, std::move(run), by);
    line["ok"] = did.has_value();
    if (!did) {
      line["code"] = did.error().code;
      line["message"] = did.error().message;
    }
    progress.done += did.has_value();
    progress.answers[at] = std::move(line);
  }
}

async::Task<Result<void>> note_bulk(const ControlParts& parts, const Bulk& bulk, const Principal& principal,
                                    std::size_t done, std::size_t refused) {
  access::AuditEntry entry;
  entry.at_us = parts.clock.unix_micros();
  entry.project = principal.project;
  entry.actor = access::Actor::of(principal);
  entry.action = "bulk_" + bulk.word;
  entry.kind = "run";
  entry.detail = {{"filter", bulk.filter_told}, {"done", done}, {"refused", refused}};
  if (!bulk.to.empty()) entry.detail["to"] = bulk.to;
  store::Database::Work work = [entry](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto id, access::append_audit(connection, entry));
    (void)id;
    return {};
  };
  auto written = co_await parts.database.write(std::move(work));
  co_return written;
}

async::Task<Result<bj::object>> do_bulk(http::Exchange& exchange, const ControlParts& parts,
                                        const Principal& principal) {
  if (!principal.may(access::Scope::kRead))
    co_return fail(ErrorKind::kPermissionDenied, "insufficient_scope",
                   "What many runs are, takes a key with the scope `read` as well.");
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_TRY(const Bulk bulk, read_bulk(*body, principal));
  journal::RunFilter filter = bulk.filter;
  ++filter.most;  // to see whether there are more
  filter.brief = true;
  auto runs = co_await parts.engine.list(std::move(filter));
  if (!runs) co_return fail(std::move(runs).error());
  const bool more = runs->size() > static_cast<std::size_t>(bulk.filter.most);
  if (more) runs->pop_back();
  Progressing progress{.runs = *runs, .answers = std::vector<bj::object>(runs->size())};
  async::TaskGroup workers(exchange.loop().executor());
  for (std::size_t i = 0; i < std::min(kAtOnce, runs->size()); ++i)
    workers.spawn(act_on_each(parts, bulk, principal.name, progress));
  co_await workers.join();
  const std::size_t refused = runs->size() - progress.done;
  if (!bulk.dry_run) FAIRLEAD_CO_CHECK(co_await note_bulk(parts, bulk, principal, progress.done, refused));
  bj::array data;
  for (bj::object& line : progress.answers) data.push_back(std::move(line));
  co_return bj::object{{"action", bulk.word},   {"dry_run", bulk.dry_run}, {"matched", runs->size()}, {"more", more},
                       {"done", progress.done}, {"refused", refused},      {"data", std::move(data)}};
}

async::Task<void> bulk(http::Exchange& exchange, const ControlParts& parts, const Principal& principal) {
  auto answer = co_await do_bulk(exchange, parts, principal);
  co_await respond(exchange, 200, std::move(answer));
}

}  // namespace

void add_control_routes(http::Router& router, const access::Guard& guard, Chains& chains, journal::Engine& engine,
                        store::Database& database, const Clock& clock) {
  const auto parts = std::make_shared<const ControlParts>(ControlParts{chains, engine, database, clock});
  using Handler = async::Task<void> (*)(http::Exchange&, const ControlParts&, const Principal&);
  const auto add = [&](std::string_view path, Handler handler) {
    router.add(http::Method::kPost, path,
               guard.protect(access::Scope::kCall, [parts, handler](http::Exchange& exchange, const Principal& who) {
                 return handler(exchange, *parts, who);
               }));
  };
  add("/api/v1/runs/{id}/retry", retry);
  add("/api/v1/runs/{id}/fork", fork);
  add("/api/v1/runs/{id}/move", move);
  add("/api/v1/runs/bulk", bulk);
}

}  // namespace fairlead::chains
