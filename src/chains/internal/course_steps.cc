// What the steps of a chain do.
#include <algorithm>
#include <utility>

#include "chains/internal/course.h"
#include "chains/internal/http_step.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;
using journal::Effect;
using journal::EffectFailed;
using journal::StepError;
using journal::StepResult;
using Why = journal::StepError::Why;

namespace {

Error deadline_error() {
  return {ErrorKind::kTimeout, "deadline_exceeded", "The run did not end by its deadline."};
}

// An answer that did not fit, or made no sense, may fit another time.
journal::FailureClass class_of(const Error& error) {
  if (error.code == "schema_failed" || error.code == "upstream_invalid") return journal::FailureClass::kBadOutput;
  return journal::class_of(error);
}

std::expected<Effect, EffectFailed> read_answer(llm::ClientAnswer answer) {
  if (!answer.structured) return Effect{json::quoted(answer.text), answer.cost};
  if (json::parse(answer.text)) return Effect{std::move(answer.text), answer.cost};
  return std::unexpected(EffectFailed{journal::FailureClass::kBadOutput,
                                      {ErrorKind::kUpstream, "invalid_output", "The answer is not JSON."},
                                      answer.cost});
}

}  // namespace

struct Course::Mapping {
  const bj::array items;
  std::vector<std::string> outputs;  // JSON; empty: it failed
  std::size_t next = 0;
  std::int64_t failures = 0, may_fail = 0;
  std::optional<StepError> stop;
};

async::Task<StepResult> Course::do_map(const StepPlan& step, bj::array items) {
  const std::size_t count = items.size();
  Mapping mapping{.items = std::move(items), .outputs = std::vector<std::string>(count), .stop = {}};
  mapping.may_fail = may_fail(step, count);
  async::TaskGroup elements(execution_.loop().executor());
  for (std::size_t i = 0; i < std::min(step.at_once, count); ++i) elements.spawn(do_elements(step, mapping));
  co_await elements.join();
  if (mapping.stop) co_return std::unexpected(std::move(*mapping.stop));
  std::string out = "[";
  for (const std::string& one : mapping.outputs) {
    if (out.size() > 1) out += ',';
    out += one.empty() ? "null" : one;
  }
  co_return out + "]";
}

// Takes one element after another until there are none, or no more of them may fail.
async::Task<void> Course::do_elements(const StepPlan& step, Mapping& mapping) {
  while (mapping.next < mapping.items.size() && !mapping.stop) {
    const std::size_t at = mapping.next++;
    Scope scope;
    scope.item = &mapping.items[at];
    scope.index = static_cast<std::int64_t>(at);
    std::string name = step.name + "[" + std::to_string(at) + "]";
    auto result = co_await do_once(step, std::move(name), scope);
    if (result) {
      mapping.outputs[at] = std::move(*result);
    } else if (result.error().why != Why::kFailed) {
      mapping.stop = std::move(result).error();
    } else if (++mapping.failures > mapping.may_fail && !mapping.stop) {
      mapping.stop = std::move(result).error();
    }
    if (step.cost > 0 && execution_.spent_on(step.name + "[").sum >= step.cost && mapping.next < mapping.items.size() &&
        !mapping.stop) {
      mapping.stop = StepError{
          Why::kFailed,
          {ErrorKind::kExhausted, "cost_exceeded", "Step `" + step.name + "` has cost what it may: its `cost`."}};
    }
  }
}

async::Task<StepResult> Course::do_until(const StepPlan& step) {
  bj::value output;
  for (std::int64_t turn = 0;; ++turn) {
    Scope scope;
    scope.turn = turn;
    scope.output = &output;
    std::string name = step.name + "#" + std::to_string(turn + 1);
    auto result = co_await do_once(step, std::move(name), scope);
    if (!result) co_return result;
    auto value = json::parse(*result);
    if (!value) co_return failed(std::move(value).error());
    output = std::move(*value);
    scope.turn = turn + 1;
    const auto enough = holds(step.until, scope);
    if (!enough) co_return failed(enough.error());
    if (*enough || turn + 1 == step.at_most) co_return result;
    if (step.cost > 0 && execution_.spent_on(step.name + "#").sum >= step.cost) co_return result;
  }
}

async::Task<StepResult> Course::do_once(const StepPlan& step, std::string name, Scope scope) {
  if (late()) co_return failed(deadline_error());
  StepResult result;
  if (step.reuse.count() > 0 && results_ != nullptr)
    result = co_await reuse_or_do(step, std::move(name), scope);
  else
    result = co_await do_anew(step, std::move(name), scope);
  if (late() && (!result || step.does == Does::kSleep)) {
    if (result || result.error().why == Why::kFailed) co_return failed(deadline_error());
  }
  co_return result;
}

async::Task<StepResult> Course::do_anew(const StepPlan& step, std::string name, Scope scope) {
  StepResult result;
  switch (step.does) {
    case Does::kPrompt:
    case Does::kModel:
      result = co_await call_model(step, std::move(name), scope);
      break;
    case Does::kTransform:
      result = co_await transform(step, std::move(name), scope);
      break;
    case Does::kChain:
      result = co_await start_chain(step, std::move(name), scope);
      break;
    case Does::kHttp:
      result = co_await request(step, std::move(name), scope);
      break;
    case Does::kApprove:
      result = co_await approve(step, std::move(name), scope);
      break;
    case Does::kTask:
      result = co_await put_task(step, std::move(name), scope);
      break;
    case Does::kAgent:
      result = co_await do_agent(step, std::move(name), scope);
      break;
    case Does::kSwitch:
      result = co_await do_case(step, std::move(name), scope);
      break;
    case Does::kSleep:
      result = co_await execution_.sleep(std::move(name), left(step.length, scope));
      break;
    case Does::kReceive: {
      std::string signal = step.target, ask;
      result =
          co_await execution_.receive(std::move(name), std::move(signal), left(step.within, scope), std::move(ask));
      break;
    }
  }
  co_return result;
}

async::Task<StepResult> Course::do_case(const StepPlan& step, std::string name, Scope scope) {
  for (const StepPlan& one : step.bodies) {
    if (one.when) {
      const auto wanted = holds(one.when, scope);
      if (!wanted) co_return failed(wanted.error());
      if (!*wanted) continue;
    }
    auto result = co_await do_once(one, std::move(name), scope);
    co_return result;
  }
  co_return execution_.note(std::move(name), "null");
}

// Made again after a crash, as often as need be: it has no effect.
async::Task<StepResult> Course::transform(const StepPlan& step, std::string name, Scope scope) {
  auto made = make(*step.value, scope);
  if (!made) co_return failed(std::move(made).error());
  co_return execution_.note(std::move(name), std::move(*made));
}

async::Task<StepResult> Course::approve(const StepPlan& step, std::string name, Scope scope) {
  auto question = make(*step.value, scope);
  if (!question) co_return failed(std::move(question).error());
  std::string signal = "approve:" + name;
  auto result =
      co_await execution_.receive(std::move(name), std::move(signal), left(step.within, scope), std::move(*question));
  co_return result;
}

async::Task<StepResult> Course::start_chain(const StepPlan& step, std::string name, Scope scope) {
  if (execution_.knows(name)) {  // it has been started; which version and with what is settled
    journal::RunRequest none;
    auto result = co_await execution_.child(std::move(name), std::move(none));
    co_return result;
  }
  bj::object input;
  if (step.input) {
    auto made = make_value(*step.input, scope);
    if (!made) co_return failed(std::move(made).error());
    if (!made->is_object())
      co_return failed({ErrorKind::kInvalid, "invalid_type", "`input` of step `" + step.name + "` is no object."});
    input = std::move(made->as_object());
  }
  auto request = pin_(execution_.run().asked.project, step.target, std::move(input), account_);
  if (!request) co_return failed(std::move(request).error());
  if (const std::int64_t deadline = execution_.run().asked.deadline;
      deadline > 0 && execution_.compensating().empty() && (request->deadline == 0 || request->deadline > deadline))
    request->deadline = deadline;
  auto result = co_await execution_.child(std::move(name), std::move(*request));
  co_return result;
}

Result<llm::ClientCall> Course::make_call(const StepPlan& step, const Scope& scope) {
  llm::ClientCall call;
  call.project = execution_.run().asked.project;
  call.key_id = account_.key_id;
  call.key_name = account_.key_name;
  call.session = account_.session;
  call.user = account_.user;
  call.model = (step.does == Does::kPrompt ? "prompt:" : "model:") + step.target;
  call.tags = {"run:" + execution_.run().id};
  if (step.variables) {
    FAIRLEAD_TRY(call.variables, make(*step.variables, scope));
  }
  if (step.parameters) {
    FAIRLEAD_TRY(call.parameters, make(*step.parameters, scope));
  }
  if (step.messages) {
    FAIRLEAD_TRY(const bj::value messages, make_value(*step.messages, scope));
    const bool is_text = messages.is_string();
    call.messages =
        is_text ? R"([{"role":"user","content":)" + json::to_text(messages) + "}]" : json::to_text(messages);
  }
  return call;
}

std::vector<std::string> Course::calls_of(const std::string& reference) const {
  constexpr std::string_view kPrompt = "prompt:", kModel = "model:";
  std::vector<std::string> out{reference.substr(0, reference.find('@'))};
  if (!out[0].starts_with(kPrompt)) return out;
  std::string model = model_of_(execution_.run().asked.project, out[0].substr(kPrompt.size()));
  model = model.substr(0, model.find('@'));
  if (model.empty()) return out;
  out.push_back(model.starts_with(kModel) ? model : std::string(kModel) + model);
  return out;
}

void Course::set_bounds(journal::Step& asked, const StepPlan& step, const Scope& scope) const {
  asked.retry = step.retry;
  const auto elements = execution_.spent_on(step.name + "["), turns = execution_.spent_on(step.name + "#");
  if (step.cost > 0) {
    // What the other elements and turns have cost is no more to be had.
    const std::int64_t own = asked.name == step.name ? 0 : execution_.cost_of(asked.name);
    const std::int64_t others = elements.sum + turns.sum - own - scope.spent_before;
    const std::int64_t rest = std::max<std::int64_t>(1, step.cost - others);
    if (asked.retry.cost == 0 || asked.retry.cost > rest) asked.retry.cost = rest;
  }
  // An attempt of which the end is not known may have cost as much as the dearest one of its kind.
  asked.most_cost = std::max(elements.dearest, turns.dearest);
  asked.uncertain = step.uncertain;
  asked.timeout = step.timeout;
  const Micros rest = left(Micros(0), scope);
  if (rest.count() == 0) return;
  const Millis most = std::chrono::ceil<Millis>(rest);
  asked.timeout = asked.timeout.count() > 0 ? std::min(asked.timeout, most) : most;
  asked.retry.within = asked.retry.within.count() > 0 ? std::min(asked.retry.within, most) : most;
}

async::Task<StepResult> Course::call_model(const StepPlan& step, std::string name, Scope scope) {
  auto call = make_call(step, scope);
  if (!call) co_return failed(std::move(call).error());
  journal::Step asked;
  asked.name = std::move(name);
  set_bounds(asked, step, scope);
  asked.input =
      json::to_text(bj::object{{"model", call->model}, {"messages", call->messages}, {"variables", call->variables}});
  asked.calls = calls_of(call->model);
  asked.work = [this, call = std::move(*call)](journal::Attempt attempt) {
    return ask(call, std::move(attempt), read_answer);
  };
  auto result = co_await execution_.step(std::move(asked));
  co_return result;
}

async::Task<StepResult> Course::request(const StepPlan& step, std::string name, Scope scope) {
  auto made = make_value(*step.value, scope);
  if (!made) co_return failed(std::move(made).error());
  auto read = read_http_request(*made);
  if (!read) co_return failed(std::move(read).error());
  read->project = execution_.run().asked.project;
  journal::Step asked;
  asked.name = std::move(name);
  set_bounds(asked, step, scope);
  asked.input =
      json::to_text(bj::object{{"method", http::to_string(read->method)}, {"url", read->url}, {"body", read->body}});
  if (std::string host = host_of(read->url); !host.empty()) asked.calls = {"host:" + host};
  asked.work = [this, sent = std::move(*read)](journal::Attempt attempt) { return send(sent, std::move(attempt)); };
  auto result = co_await execution_.step(std::move(asked));
  co_return result;
}

// What came back is people's data as much as what a caller sends.
async::Task<std::expected<Effect, EffectFailed>> Course::send(HttpRequest request, journal::Attempt attempt) {
  auto answer = co_await send_http(http_, std::move(request), execution_.loop(), std::move(attempt));
  if (!keeping_.is_needed()) co_return answer;
  std::string& text = answer ? answer->output : answer.error().error.message;
  std::string came = text;
  auto kept = co_await keeping_.keep(std::move(came), answer.has_value());
  if (kept) {
    text = std::move(*kept);
  } else if (answer) {
    Error& error = kept.error();
    error.message = "What it answered is not kept: " + error.message;
    const auto failure = journal::class_of(error);
    co_return std::unexpected(EffectFailed{failure, std::move(error), answer->cost});
  } else {
    text = "It failed, and what it said is not kept: " + kept.error().message;
  }
  co_return answer;
}

async::Task<std::expected<Effect, EffectFailed>> Course::ask(llm::ClientCall call, journal::Attempt attempt,
                                                             Read read) {
  call.idempotency_key = attempt.key;
  call.tags.push_back("step:" + attempt.step);
  auto answer = co_await client_.ask(std::move(call), execution_.loop(), attempt.cancellation);
  if (!answer) {
    llm::ClientError& told = answer.error();
    const bool timed_out = attempt.cancellation.requested() && attempt.cancellation.reason() == ErrorKind::kTimeout;
    const auto failure = timed_out ? journal::FailureClass::kTimeout : class_of(told.error);
    co_return std::unexpected(EffectFailed{failure, std::move(told.error), told.cost});
  }
  co_return read(std::move(*answer));
}

}  // namespace fairlead::chains::internal
