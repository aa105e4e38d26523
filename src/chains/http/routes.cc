#include "chains/http/routes.h"

#include <charconv>
#include <memory>
#include <span>
#include <utility>

#include "access/control_plane.h"
#include "base/iso_time.h"
#include "chains/http/answers.h"
#include "chains/internal/progress.h"
#include "chains/privacy.h"
#include "chains/rate.h"
#include "llm/price.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using access::Principal;
using journal::Event;
using journal::Run;
using journal::Signal;

constexpr std::int64_t kPage = 1'000;  // events of one answer
constexpr std::chrono::milliseconds kLook{500}, kKeepAlive{15'000};
constexpr std::string_view kSent = "sent:";  // of the ids of signals, those that came with them

struct Parts {
  Chains& chains;
  journal::Engine& engine;
};

bj::value parsed(const std::string& text) {
  auto value = json::parse(text);
  return value ? std::move(*value) : bj::value(text);
}

bj::object shown(const Parts& parts, const Run& run) {
  return shown_run(parts.chains, run);
}

Result<StartRequest> read_start(const bj::object& body, const Principal& principal) {
  FAIRLEAD_CHECK(
      access::only_members(body, {"chain", "input", "key", "queue", "priority", "deadline", "due", "session", "user"}));
  StartRequest start;
  start.project = principal.project;
  start.key_id = principal.key_id;
  start.key_name = principal.name;
  FAIRLEAD_TRY(start.chain, access::required_string(body, "chain"));
  FAIRLEAD_TRY(const auto key, access::optional_string(body, "key"));
  FAIRLEAD_TRY(const auto queue, access::optional_string(body, "queue"));
  FAIRLEAD_TRY(const auto session, access::optional_string(body, "session"));
  FAIRLEAD_TRY(const auto user, access::optional_string(body, "user"));
  start.key = key.value_or("");
  start.queue = queue.value_or("");
  start.session = session.value_or("");
  start.user = user.value_or("");
  if (start.key.size() > 255)
    return fail(ErrorKind::kInvalid, "invalid_value", "`key` is longer than 255 bytes.", "key");
  FAIRLEAD_TRY(start.deadline, read_time(body, "deadline"));
  FAIRLEAD_TRY(start.due, read_time(body, "due"));
  if (const bj::value* const priority = body.if_contains("priority")) {
    if (!priority->is_int64() || priority->get_int64() < -100 || priority->get_int64() > 100)
      return fail(ErrorKind::kInvalid, "invalid_value", "`priority` is a whole number from -100 to 100.", "priority");
    start.priority = priority->get_int64();
  }
  if (const bj::value* const input = body.if_contains("input")) {
    if (!input->is_object()) return fail(ErrorKind::kInvalid, "invalid_type", "`input` is an object.", "input");
    start.input = input->get_object();
  }
  return start;
}

async::Task<void> start(http::Exchange& exchange, const Parts& parts, const Principal& principal) {
  auto body = co_await access::read_object(exchange);
  Result<StartRequest> read = body ? read_start(*body, principal) : fail(std::move(body).error());
  if (read) {
    auto hidden = co_await hide_start(parts.chains, exchange.loop(), std::move(*read));
    read = std::move(hidden);
  }
  Result<journal::RunRequest> request = read ? parts.chains.request(std::move(*read)) : fail(std::move(read).error());
  if (!request) {
    co_await access::refuse(exchange, std::move(request).error());
    co_return;
  }
  auto started = co_await parts.engine.start(std::move(*request));
  if (!started) {
    co_await access::refuse(exchange, std::move(started).error());
    co_return;
  }
  bj::object answer = shown(parts, started->run);
  const int status = started->existed ? 200 : 201;
  co_await access::respond_json(exchange, status, std::move(answer));
}

async::Task<void> list(http::Exchange& exchange, const Parts& parts, std::string project) {
  journal::RunFilter filter;
  filter.project = std::move(project);
  filter.kind = Chains::kKind;
  filter.name = access::parameter_of(exchange, "chain");
  filter.parent = access::parameter_of(exchange, "parent");
  filter.before = access::parameter_of(exchange, "before");
  const std::string state = access::parameter_of(exchange, "state");
  filter.state = journal::run_state(state);
  Result<std::size_t> limit = access::limit_of(exchange, 50, kPage);
  if (limit && !state.empty() && !filter.state)
    limit = fail(ErrorKind::kInvalid, "invalid_value",
                 "`state` is one of queued, running, waiting, succeeded, failed, cancelled.", "state");
  if (!limit) {
    co_await access::refuse(exchange, std::move(limit).error());
    co_return;
  }
  filter.most = static_cast<std::int64_t>(*limit);
  auto runs = co_await parts.engine.list(std::move(filter));
  if (!runs) {
    co_await access::refuse(exchange, std::move(runs).error());
    co_return;
  }
  bj::array data;
  for (const Run& run : *runs) data.push_back(shown(parts, run));
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

// All of it, as text: a long history takes long.
std::string shown_whole(const Chains& chains, Run run, std::span<const Event> events) {
  if (!finished(run.state)) {
    run.cost = 0;
    for (const Event& event : events) run.cost += event.cost;
  }
  bj::object answer = shown_run(chains, run);
  const bj::value kept = parsed(run.asked.input);
  if (kept.is_object() && kept.get_object().contains("input")) answer["input"] = kept.get_object().at("input");
  answer["steps"] = internal::progress_of(events, chains.steps_of(run, events));
  if (run.state == journal::RunState::kSucceeded) answer["output"] = parsed(run.output);
  if (auto late = internal::late_of(events); !late.empty()) answer["late"] = std::move(late);
  return json::to_text(answer);
}

async::Task<void> show(http::Exchange& exchange, const Parts& parts, std::string project) {
  std::string id(exchange.path_parameter("id"));
  const auto text = std::make_shared<std::string>();
  journal::Engine::Reading look = [text, &chains = parts.chains](const Run& run, std::span<const Event> events) {
    *text = shown_whole(chains, run, events);
    return Result<void>();
  };
  const auto read = co_await parts.engine.read(std::move(project), std::move(id), std::move(look));
  if (!read) {
    co_await access::refuse(exchange, read.error());
    co_return;
  }
  const auto answered = co_await exchange.respond(200, "application/json", *text);
  (void)answered;  // a client that has gone wants no answer
}

Result<std::int64_t> after_of(http::Exchange& exchange) {
  std::string text = access::parameter_of(exchange, "after");
  if (text.empty()) text = std::string(exchange.head().header("last-event-id").value_or(""));
  std::int64_t after = 0;
  if (text.empty()) return after;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), after);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || after < 0)
    return fail(ErrorKind::kInvalid, "invalid_value", "`after` is the number of an event.", "after");
  return after;
}

std::string wire_of(const Event& event) {
  return "id: " + std::to_string(event.sequence) + "\nevent: " + std::string(journal::to_string(event.kind)) +
         "\ndata: " + json::to_text(internal::shown(event)) + "\n\n";
}

// The history as it grows, until the run has ended or the client has gone.
async::Task<void> follow(http::Exchange& exchange, const Parts& parts, std::string project, std::string id,
                         std::int64_t after) {
  exchange.add_header("cache-control", "no-cache");
  exchange.begin_stream(200, "text/event-stream; charset=utf-8");
  journal::Listeners::Listening listening(parts.engine.listeners(), id, exchange.loop());
  const async::Cancellation::Registration gone(
      exchange.cancellation(), [](void* self) { static_cast<async::Bell*>(self)->ring(); }, &listening.bell());
  auto told = std::chrono::steady_clock::now();
  while (!exchange.cancellation().requested()) {
    auto events = co_await parts.engine.history(project, id, after, kPage);
    if (!events) break;
    std::string wire;
    bool ended = false;
    for (const Event& event : *events) {
      wire += wire_of(event);
      after = event.sequence;
      ended = event.kind == journal::EventKind::kFinished;
    }
    const auto now = std::chrono::steady_clock::now();
    if (wire.empty() && now - told > kKeepAlive) wire = ": still there\n\n";
    if (!wire.empty()) {
      told = now;
      const auto sent = co_await exchange.write(wire);
      if (!sent) co_return;
    }
    if (ended) {  // unless somebody retries it
      auto run = co_await parts.engine.find(project, id);
      if (!run || finished(run->state)) break;
    }
    if (events->empty()) co_await listening.bell().wait_until(now + kLook);
  }
  co_await exchange.finish();
}

async::Task<void> events(http::Exchange& exchange, const Parts& parts, std::string project) {
  std::string id(exchange.path_parameter("id"));
  auto after = after_of(exchange);
  Result<Run> run = fail(ErrorKind::kInternal, "", "");
  if (after) run = co_await parts.engine.find(project, std::move(id));
  if (!after || !run) {
    co_await access::refuse(exchange, after ? std::move(run).error() : std::move(after).error());
    co_return;
  }
  const bool stream = exchange.head().header("accept").value_or("").find("text/event-stream") != std::string_view::npos;
  if (stream) {
    co_await follow(exchange, parts, std::move(project), run->id, *after);
    co_return;
  }
  auto found = co_await parts.engine.history(std::move(project), run->id, *after, kPage);
  if (!found) {
    co_await access::refuse(exchange, std::move(found).error());
    co_return;
  }
  bj::array data;
  for (const Event& event : *found) data.push_back(internal::shown(event));
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

// As it came; what may be kept of it is made of it by hide_signal().
Result<Signal> read_signal(const bj::object& body, const Principal&) {
  FAIRLEAD_CHECK(access::only_members(body, {"name", "data", "id"}));
  Signal signal;
  FAIRLEAD_TRY(signal.name, access::required_string(body, "name"));
  FAIRLEAD_TRY(const auto id, access::optional_string(body, "id"));
  signal.id = id ? std::string(kSent) + *id : "";
  const bool reserved = signal.name.find(':') != std::string::npos || signal.name == "cancel";
  if (signal.name.empty() || signal.name.size() > 63 || reserved)
    return fail(ErrorKind::kInvalid, "invalid_value", "`name` is the name that a step waits for.", "name");
  if (const bj::value* const data = body.if_contains("data")) signal.data = json::to_text(*data);
  return signal;
}

Result<Signal> read_approval(const bj::object& body, const Principal& principal) {
  FAIRLEAD_CHECK(access::only_members(body, {"step", "approved", "comment"}));
  FAIRLEAD_TRY(const std::string step, access::required_string(body, "step"));
  FAIRLEAD_TRY(const auto comment, access::optional_string(body, "comment"));
  const bj::value* const approved = body.if_contains("approved");
  if (approved == nullptr || !approved->is_bool())
    return fail(ErrorKind::kInvalid, "missing_required_parameter", "`approved` is true or false.", "approved");
  Signal signal;
  signal.name = signal.id = "approve:" + step;
  signal.data =
      json::to_text(bj::object{{"approved", *approved}, {"by", principal.name}, {"comment", comment.value_or("")}});
  return signal;
}

Result<Signal> read_resolution(const bj::object& body, const Principal& principal) {
  FAIRLEAD_CHECK(access::only_members(body, {"step", "then", "output"}));
  FAIRLEAD_TRY(const std::string step, access::required_string(body, "step"));
  FAIRLEAD_TRY(const std::string then, access::required_string(body, "then"));
  if (then != "retry" && then != "done" && then != "fail")
    return fail(ErrorKind::kInvalid, "invalid_value", "`then` is retry, done or fail.", "then");
  Signal signal;
  signal.name = "resolve:" + step;
  bj::object data{{"then", then}, {"by", principal.name}};
  if (const bj::value* const output = body.if_contains("output")) data["output"] = *output;
  signal.data = json::to_text(data);
  return signal;
}

// Whether a step of the run asks for what the signal says.
bool is_asked(std::span<const Event> events, const std::string& signal) {
  bool asked = false;
  for (const Event& event : events) {
    const bool resolves = signal == "resolve:" + event.step;
    if (event.kind == journal::EventKind::kWait) asked |= signal == "approve:" + event.step;
    if (event.kind == journal::EventKind::kUncertain && resolves)
      asked = event.data.find("\"ask\"") != std::string::npos;
    const bool over = event.kind == journal::EventKind::kResult || event.kind == journal::EventKind::kFailure ||
                      event.kind == journal::EventKind::kIntent;
    if (over && (resolves || signal == "approve:" + event.step)) asked = false;
  }
  return asked;
}

// What people have said in it; not who they are to this server, nor how the journal reads it.
async::Task<Result<void>> hide_signal(const Parts& parts, async::Loop& loop, const Run& run, Signal& signal) {
  if (parts.chains.hiding() == nullptr || !parts.chains.hiding()->applies(loop, run.asked.project))
    co_return Result<void>();
  if (signal.id.starts_with(kSent)) {
    std::string id = signal.id.substr(kSent.size());
    auto hidden = co_await hide_name_for_run(parts.chains, loop, run, std::move(id));
    if (!hidden) co_return fail(std::move(hidden).error());
    signal.id = std::string(kSent) + *hidden;
  }
  if (signal.data.empty()) co_return Result<void>();
  FAIRLEAD_CO_TRY(bj::value data, json::parse(signal.data));
  const std::string_view member = signal.name.starts_with("approve:")   ? "comment"
                                  : signal.name.starts_with("resolve:") ? "output"
                                                                        : "";
  bj::value* said = &data;
  if (!member.empty()) said = data.as_object().if_contains(member);
  if (said == nullptr) co_return Result<void>();
  std::string text = json::to_text(*said);
  auto hidden = co_await hide_for_run(parts.chains, loop, run, std::move(text));
  if (!hidden) co_return fail(std::move(hidden).error());
  FAIRLEAD_CO_TRY(*said, json::parse(*hidden));
  signal.data = json::to_text(data);
  co_return Result<void>();
}

using ReadSignal = Result<Signal> (*)(const bj::object&, const Principal&);

async::Task<Result<void>> deliver(http::Exchange& exchange, const Parts& parts, const Principal& principal,
                                  ReadSignal read, bool must_be_asked) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  FAIRLEAD_CO_TRY(Signal signal, read(*body, principal));
  std::string id(exchange.path_parameter("id"));
  auto run = co_await parts.engine.find(principal.project, std::move(id));
  if (!run) co_return fail(std::move(run).error());
  signal.run = run->id;
  if (must_be_asked && !finished(run->state)) {
    auto events = co_await parts.engine.history(principal.project, run->id, 0, INT64_MAX);
    if (!events) co_return fail(std::move(events).error());
    if (!is_asked(*events, signal.name))
      co_return fail(ErrorKind::kConflict, "not_asked",
                     "No step `" + signal.name.substr(signal.name.find(':') + 1) +
                         "` asks for this now. What the run waits for: fairlead runs show " + run->id,
                     "step");
  }
  FAIRLEAD_CO_CHECK(co_await hide_signal(parts, exchange.loop(), *run, signal));
  auto sent = co_await parts.engine.signal(principal.project, std::move(signal));
  co_return sent;
}

async::Task<void> answer_signal(http::Exchange& exchange, const Parts& parts, const Principal& principal,
                                ReadSignal read, bool must_be_asked) {
  auto done = co_await deliver(exchange, parts, principal, read, must_be_asked);
  if (!done) {
    co_await access::refuse(exchange, std::move(done).error());
    co_return;
  }
  bj::object answer{{"accepted", true}};
  co_await access::respond_json(exchange, 202, std::move(answer));
}

async::Task<void> cancel(http::Exchange& exchange, const Parts& parts, const Principal& principal) {
  std::string id(exchange.path_parameter("id"));
  auto run = co_await parts.engine.find(principal.project, std::move(id));
  Result<void> done;
  if (run)
    done = co_await parts.engine.cancel(principal.project, run->id, principal.name);
  else
    done = fail(run.error());
  if (!done) {
    co_await access::refuse(exchange, std::move(done).error());
    co_return;
  }
  bj::object answer{{"id", run->id}, {"accepted", !finished(run->state)}};
  co_await access::respond_json(exchange, 202, std::move(answer));
}

bj::object shown_queue(const journal::Queue& queue) {
  bj::object out{{"name", queue.name}, {"paused", queue.paused}, {"concurrency", queue.concurrency}};
  if (queue.draining) out["draining"] = true;
  if (queue.starts > 0) out["rate"] = rate_text(queue.starts, Micros(queue.period));
  if (!queue.per.empty()) out["per"] = queue.per;
  return out;
}

async::Task<void> list_queues(http::Exchange& exchange, const Parts& parts, std::string project) {
  auto queues = co_await parts.engine.queues(std::move(project));
  if (!queues) {
    co_await access::refuse(exchange, std::move(queues).error());
    co_return;
  }
  bj::array data;
  for (const journal::Queue& queue : *queues) {
    bj::object one = shown_queue(queue);
    one["running"] = queue.running;
    one["due"] = queue.due;
    data.push_back(std::move(one));
  }
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

Result<journal::Queue> read_queue(const bj::object& body, std::string project, std::string name) {
  FAIRLEAD_CHECK(access::only_members(body, {"paused", "draining", "concurrency", "rate", "per"}));
  journal::Queue queue;
  queue.project = std::move(project);
  queue.name = std::move(name);
  const std::size_t colon = queue.name.find(':');
  const std::string of = colon == std::string::npos ? "" : queue.name.substr(0, colon);
  const bool is_of_steps = of == "model" || of == "prompt" || of == "host";
  if (!resources::is_name(is_of_steps ? queue.name.substr(colon + 1) : queue.name))
    return fail(ErrorKind::kInvalid, "invalid_value",
                "A queue's name is 1 to 63 lower-case letters, digits, `.`, `_` or `-`; that of one for steps such a "
                "name behind `model:`, `prompt:` or `host:`.",
                "name");
  for (const auto& [member, flag] : {std::pair("paused", &queue.paused), std::pair("draining", &queue.draining)}) {
    const bj::value* const value = body.if_contains(member);
    if (value == nullptr) continue;
    if (!value->is_bool())
      return fail(ErrorKind::kInvalid, "invalid_type", "`" + std::string(member) + "` is true or false.", member);
    *flag = value->get_bool();
  }
  if (const bj::value* const most = body.if_contains("concurrency")) {
    if (!most->is_int64() || most->get_int64() < 0)
      return fail(ErrorKind::kInvalid, "invalid_value", "`concurrency` is a whole number; 0: any number of runs.",
                  "concurrency");
    queue.concurrency = most->get_int64();
  }
  FAIRLEAD_TRY(const auto rate, access::optional_string(body, "rate"));
  if (rate) {
    const auto read = read_rate(*rate);
    if (!read) return fail(ErrorKind::kInvalid, "invalid_value", std::string("`rate`: ") + kRateForm, "rate");
    queue.starts = read->starts;
    queue.period = read->period.count();
  }
  FAIRLEAD_TRY(const auto per, access::optional_string(body, "per"));
  queue.per = per.value_or("");
  if (!queue.per.empty() && queue.per != "key" && queue.per != "user" && queue.per != "chain")
    return fail(ErrorKind::kInvalid, "invalid_value", "`per` is `key`, `user` or `chain`.", "per");
  if (!queue.per.empty() && queue.concurrency == 0 && queue.starts == 0)
    return fail(ErrorKind::kInvalid, "invalid_value",
                "`per` says of whom `concurrency` or `rate` is: give one of them.", "per");
  if (is_of_steps && queue.draining)
    return fail(ErrorKind::kInvalid, "invalid_value", "A queue of steps has nothing to drain: pause it.", "draining");
  return queue;
}

async::Task<void> set_queue(http::Exchange& exchange, const Parts& parts, std::string project) {
  auto body = co_await access::read_object(exchange);
  std::string name(exchange.path_parameter("name"));
  Result<journal::Queue> queue =
      body ? read_queue(*body, std::move(project), std::move(name)) : fail(std::move(body).error());
  Result<void> done;
  if (queue)
    done = co_await parts.engine.set_queue(*queue);
  else
    done = fail(queue.error());
  if (!done) {
    co_await access::refuse(exchange, std::move(done).error());
    co_return;
  }
  bj::object answer = shown_queue(*queue);
  co_await access::respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, Chains& chains, journal::Engine& engine) {
  using access::Scope;
  using http::Exchange;
  const auto parts = std::make_shared<const Parts>(Parts{chains, engine});
  const auto add = [&](http::Method method, std::string_view path, Scope scope, access::PrincipalHandler handler) {
    router.add(method, path, guard.protect(scope, std::move(handler)));
  };
  const auto add_signal = [&](std::string_view path, Scope scope, ReadSignal read, bool must_be_asked) {
    add(http::Method::kPost, path, scope, [parts, read, must_be_asked](Exchange& exchange, const Principal& principal) {
      return answer_signal(exchange, *parts, principal, read, must_be_asked);
    });
  };
  add(http::Method::kPost, "/api/v1/runs", Scope::kCall,
      [parts](Exchange& exchange, const Principal& principal) { return start(exchange, *parts, principal); });
  add(http::Method::kGet, "/api/v1/runs", Scope::kRead,
      [parts](Exchange& exchange, const Principal& principal) { return list(exchange, *parts, principal.project); });
  add(http::Method::kGet, "/api/v1/runs/{id}", Scope::kRead,
      [parts](Exchange& exchange, const Principal& principal) { return show(exchange, *parts, principal.project); });
  add(http::Method::kGet, "/api/v1/runs/{id}/events", Scope::kRead,
      [parts](Exchange& exchange, const Principal& principal) { return events(exchange, *parts, principal.project); });
  add_signal("/api/v1/runs/{id}/signals", Scope::kCall, read_signal, false);
  add_signal("/api/v1/runs/{id}/approvals", Scope::kApprove, read_approval, true);
  add_signal("/api/v1/runs/{id}/resolutions", Scope::kApprove, read_resolution, true);
  add(http::Method::kGet, "/api/v1/queues", Scope::kRead, [parts](Exchange& exchange, const Principal& principal) {
    return list_queues(exchange, *parts, principal.project);
  });
  add(http::Method::kPut, "/api/v1/queues/{name}", Scope::kWrite,
      [parts](Exchange& exchange, const Principal& principal) {
        return set_queue(exchange, *parts, principal.project);
      });
  add(http::Method::kPost, "/api/v1/runs/{id}/cancel", Scope::kCall,
      [parts](Exchange& exchange, const Principal& principal) { return cancel(exchange, *parts, principal); });
}

}  // namespace fairlead::chains
