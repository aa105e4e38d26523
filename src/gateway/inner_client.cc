#include "gateway/inner_client.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "base/id.h"
#include "gateway/internal/admission.h"
#include "gateway/internal/cached_answer.h"
#include "gateway/internal/checked_answer.h"
#include "gateway/internal/fitting.h"
#include "gateway/internal/output_check.h"
#include "gateway/internal/routed_completion.h"
#include "gateway/internal/watched_answer.h"
#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Admission;
using internal::Answer;
using internal::CachedAnswer;
using internal::CheckedAnswer;
using internal::RoutedCompletion;
using internal::RoutedRequest;
using internal::WatchedAnswer;
using Asked = std::expected<llm::ClientAnswer, llm::ClientError>;

// Of the first choice of a whole answer in the chat form.
Result<void> read_answer(std::string_view wire, llm::ClientAnswer& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element root, choice;
  if (parser.parse(wire.data(), wire.size()).get(root) || root["choices"].at(0).get(choice))
    return fail(ErrorKind::kUpstream, "upstream_invalid", "The answer has no choice.");
  std::string_view text;
  if (!choice["message"]["content"].get(text)) answer.text = text;
  if (!choice["finish_reason"].get(text)) answer.finish_reason = text;
  simdjson::dom::array calls;
  if (!choice["message"]["tool_calls"].get(calls) && calls.size() > 0) answer.tool_calls = simdjson::minify(calls);
  return {};
}

// Providers that a model or its fallbacks may go to, and that are neither in this process nor among those.
void add_outsiders(const llm::Model& model, const std::vector<std::string>& allowed, std::vector<std::string>& out,
                   std::set<const llm::Model*>& seen) {
  if (!seen.insert(&model).second) return;
  for (const llm::Route& route : model.routes)
    if (route.provider->type() != "llama.cpp" && std::ranges::find(allowed, route.provider->name()) == allowed.end())
      out.emplace_back(route.provider->name());
  for (const auto& fallback : model.fallbacks) add_outsiders(*fallback, allowed, out, seen);
}

// Lives on the frame of ask_within().
class InnerCall {
 public:
  InnerCall(const InnerWay& way, const llm::ClientCall& asked, async::Loop& loop, async::Cancellation& cancellation)
      : way_(way), asked_(asked), started_(way.clock.steady()), admission_(way.clock) {
    record_.started_at_us = way.clock.unix_micros();
    record_.id = call_.id = new_id(record_.started_at_us);
    record_.project = call_.project = asked.project;
    record_.key_id = asked.key_id;
    call_.key_id = asked.key_id;
    call_.key_name = asked.key_name;
    record_.requested_model = asked.model.substr(0, 256);
    call_.options.session = asked.session;
    record_.session = asked.session;
    record_.user = call_.options.user = asked.user;
    record_.tags = call_.options.tags = asked.tags;
    call_.options.variables = asked.variables;
    call_.options.idempotency_key = asked.idempotency_key;
    call_.options.cache = asked.cache;
    call_.options.repair = asked.repair;
    call_.loop = &loop;
    call_.cancellation = &cancellation;
  }

  async::Task<Asked> run() {
    llm::ClientAnswer answer;
    auto done = co_await ask(answer);
    if (privacy_) co_await privacy_->end();
    record_.status = done ? 200 : http::error_status(done.error());
    if (!done) {
      record_.error_code = done.error().code;
      record_.error_message = done.error().message;
    }
    admission_.settle(record_);
    record_.budgets = admission_.names();
    record_.duration_us = std::chrono::duration_cast<Micros>(way_.clock.steady() - started_).count();
    if (privacy_) {
      record_.privacy_json = privacy_->record();
      record_.session = call_.options.session;
      record_.user = call_.options.user;
      record_.tags = call_.options.tags;
    }
    if (asked_.in_confidence) {
      record_.error_message.clear();  // an upstream's words may be those of the text
    } else if (way_.recorder.content_enabled() && is_seen_) {
      record_.input_json = call_.request.messages;
      record_.output_text = said_;
    }
    answer.call_id = record_.id;
    answer.structured = call_.output != nullptr;
    answer.usage = record_.usage;
    answer.cost = std::llround(record_.cost_usd * 1e9);
    way_.recorder.record(call_.loop->index(), record_);
    if (!done) co_return std::unexpected(llm::ClientError{std::move(done).error(), answer.call_id, answer.cost});
    co_return answer;
  }

 private:
  Result<void> read_request() {
    body_ = R"({"model":)" + json::quoted(asked_.model) + R"(,"messages":)" + asked_.messages;
    const std::size_t first = asked_.parameters.find_first_not_of(" \t\r\n{");
    if (first != std::string::npos && asked_.parameters[first] != '}')
      body_ += "," + asked_.parameters.substr(first);
    else
      body_ += "}";
    const std::size_t size = body_.size();
    body_.append(simdjson::SIMDJSON_PADDING, '\0');
    FAIRLEAD_TRY(call_.request, llm::ChatRequest::parse({body_.data(), size}));
    if (call_.request.stream)
      return fail(ErrorKind::kInvalid, "invalid_value", "A call from within is not streamed.", "stream");
    return {};
  }

  async::Task<Result<void>> resolve(const Project& project) {
    FAIRLEAD_CO_TRY(Resolved resolved, project.resolve(asked_.model));
    target_ = resolved.target;
    record_.target_kind = call_.target_kind = target_->kind;
    record_.target_name = call_.target_name = target_->name;
    record_.target_version = call_.target_version = target_->version;
    record_.label = call_.label = std::move(resolved.label);
    call_.model = target_->model;
    if (target_->privacy && !asked_.in_confidence) {
      privacy_ = target_->privacy->begin();
      auto hidden = co_await privacy_->hide(call_, call_.request.members);
      if (!hidden) co_return hidden;
      if (const llm::Member* const messages = call_.request.member("messages")) call_.request.messages = messages->json;
    }
    is_seen_ = true;
    for (const std::shared_ptr<llm::Stage>& stage : target_->stages) {
      auto run = co_await stage->run(call_);
      if (!run) co_return fail(std::move(run).error());
    }
    record_.variant = call_.variant;
    record_.variant_error = call_.variant_error;
    record_.includes = call_.includes;
    record_.model = call_.model->name;
    record_.model_version = call_.model->version;
    if (call_.fit) {
      if (call_.output) unfitted_ = call_.request;
      auto fitted = co_await internal::fit(call_, record_, started_ + call_.model->timeout);
      if (!fitted) co_return fitted;
    }
    // Whoever asks from within for JSON of a schema reads it as that: what does not fit is no answer.
    const llm::Member* const format = call_.request.member("response_format");
    if (!call_.output && format != nullptr && format->json.find("\"json_schema\"") != std::string_view::npos)
      call_.options.repair = 0;
    co_return internal::settle_output(call_);
  }

  async::Task<Result<void>> ask(llm::ClientAnswer& answer) {
    FAIRLEAD_CO_CHECK(read_request());
    const Project* const project = way_.snapshot->project(asked_.project);
    if (project == nullptr) co_return fail(ErrorKind::kNotFound, "model_not_found", "The project has no models.");
    auto resolved = co_await resolve(*project);
    if (!resolved) co_return resolved;
    auto entered = admission_.enter(project->budgets(), call_, asked_.key_name);
    if (entered && admission_.asks()) entered = co_await admission_.ask();
    if (!entered) co_return fail(std::move(entered).error());
    RoutedRequest request{.chat = call_.request,
                          .model = *call_.model,
                          .call_id = call_.id,
                          .idempotency_key = call_.options.idempotency_key,
                          .loop = *call_.loop,
                          .cancellation = *call_.cancellation,
                          .deadline = std::min(started_ + call_.model->timeout, asked_.deadline),
                          .tags = call_.options.tags,
                          .project = call_.project,
                          .key = asked_.key_name,
                          .admission = &admission_};
    std::unique_ptr<llm::AnswerRewriter> watcher;
    if (asked_.in_confidence) {
      std::set<const llm::Model*> seen;
      add_outsiders(*call_.model, *asked_.in_confidence, outsiders_, seen);
      request.not_to = outsiders_;
    }
    if (privacy_) {
      request.not_to = privacy_->not_to();
      watcher = privacy_->watcher(call_);
    }
    std::unique_ptr<CachedAnswer> cached;
    if (way_.cache != nullptr && !watcher && !asked_.in_confidence)
      cached = CachedAnswer::create(*way_.cache, *target_, call_, request, llm::Format::kChat);
    std::optional<RoutedCompletion> routed;
    if (!cached) routed.emplace(request, way_.clock);
    Answer& origin = cached ? static_cast<Answer&>(*cached) : *routed;
    std::optional<WatchedAnswer> watched;
    if (watcher) watched.emplace(origin, std::move(watcher));
    Answer& first = watched ? static_cast<Answer&>(*watched) : origin;
    std::optional<CheckedAnswer> checked;
    if (call_.output) checked.emplace(first, request, call_, unfitted_ ? *unfitted_ : call_.request, way_.clock);
    Answer& from = checked ? static_cast<Answer&>(*checked) : first;
    auto read = co_await take(from, answer);
    co_return read;
  }

  async::Task<Result<void>> take(Answer& from, llm::ClientAnswer& answer) {
    auto delta = co_await from.next();
    Result<void> read;
    if (delta) {
      record_.first_token_us = std::chrono::duration_cast<Micros>(way_.clock.steady() - started_).count();
      read = read_answer(delta->wire, answer);
      if (asked_.whole) {
        answer.wire = delta->wire;
        answer.upstream_model = from.outcome().upstream_model;
      }
      said_ = answer.text;
      if (read && privacy_) read = give_back(delta->wire, answer);
    } else {
      read = fail(std::move(delta).error());
    }
    if (from.wants_finishing()) co_await from.finish();
    from.stop();
    from.describe(record_);
    if (read && privacy_ && privacy_->wants_keeping()) read = co_await privacy_->keep();
    co_return read;
  }

  // Who asks from within gets what a client would.
  Result<void> give_back(std::string_view wire, llm::ClientAnswer& answer) {
    const std::unique_ptr<llm::AnswerRewriter> restorer = privacy_->restorer(call_);
    if (!restorer) return {};
    FAIRLEAD_TRY(const std::string_view restored, restorer->take(wire, true));
    return read_answer(restored, answer);
  }

  const InnerWay& way_;
  const llm::ClientCall& asked_;
  const SteadyTime started_;
  const Target* target_ = nullptr;
  Admission admission_;
  llm::Call call_;
  std::unique_ptr<llm::PrivacyCall> privacy_;  // null: no policy applies
  bool is_seen_ = false;                       // by them
  std::vector<std::string> outsiders_;         // providers that a call in confidence may not go to
  std::string said_;                           // by the model
  std::string body_;
  std::optional<llm::ChatRequest> unfitted_;  // before anything was left out, for a repair
  telemetry::CallRecord record_;
};

}  // namespace

async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask_within(InnerWay way, llm::ClientCall call,
                                                                           async::Loop& loop,
                                                                           async::Cancellation& cancellation) {
  InnerCall inner(way, call, loop, cancellation);
  auto answer = co_await inner.run();
  co_return answer;
}

async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> InnerClient::ask(llm::ClientCall call,
                                                                                 async::Loop& loop,
                                                                                 async::Cancellation& cancellation) {
  InnerWay way{snapshots_.current(loop), recorder_, &cache_, clock_};
  auto answer = co_await ask_within(std::move(way), std::move(call), loop, cancellation);
  co_return answer;
}

}  // namespace fairlead::gateway
