#include "gateway/sessions/summary.h"

#include <simdjson.h>

#include <utility>

#include "base/id.h"
#include "gateway/internal/admission.h"
#include "gateway/internal/answer_text.h"
#include "gateway/internal/routed_completion.h"
#include "llm/memory.h"
#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::gateway::sessions {
namespace {

using internal::Admission;
using internal::AnswerText;
using internal::RoutedCompletion;
using internal::RoutedRequest;

// Lives on the frame of ask().
class SummaryCall {
 public:
  explicit SummaryCall(const Summary& summary)
      : summary_(summary), started_(summary.clock.steady()), admission_(summary.clock) {
    record_.started_at_us = summary.clock.unix_micros();
    record_.id = call_.id = new_id(record_.started_at_us);
    record_.project = call_.project = summary.project;
    record_.key_id = summary.key_id;
    record_.requested_model = summary.prompt;
    record_.session = call_.options.session = summary.session;
    record_.user = call_.options.user = summary.user;
    record_.tags = call_.options.tags = {"session-summary"};
    call_.loop = &summary.loop;
    call_.cancellation = &summary.cancellation;
  }

  async::Task<std::optional<std::string>> run(std::string conversation) {
    body_ = R"({"model":)" + json::quoted(summary_.prompt) + R"(,"messages":[]})";
    call_.options.variables = "{" + json::quoted(llm::kSummaryVariable) + ":" + json::quoted(conversation) + "}";
    std::optional<std::string> out;
    auto said = co_await answer();
    if (said) {
      record_.status = 200;
      out = *std::move(said);
    } else {
      record_.status = http::error_status(said.error());
      record_.error_code = said.error().code;
      record_.error_message = said.error().message;
    }
    admission_.settle(record_);
    record_.budgets = admission_.names();
    record_.duration_us = std::chrono::duration_cast<Micros>(summary_.clock.steady() - started_).count();
    if (summary_.recorder.content_enabled()) {
      record_.input_json = call_.request.messages;
      if (out) record_.output_text = *out;
    }
    summary_.recorder.record(summary_.loop.index(), std::move(record_));
    co_return out;
  }

 private:
  async::Task<Result<std::string>> answer() {
    const std::size_t size = body_.size();
    body_.append(simdjson::SIMDJSON_PADDING, '\0');
    FAIRLEAD_CO_TRY(call_.request, llm::ChatRequest::parse({body_.data(), size}));
    const Project* const project = summary_.snapshot->project(summary_.project);
    if (project == nullptr) co_return fail(ErrorKind::kNotFound, "model_not_found", "The project is gone.");
    FAIRLEAD_CO_TRY(const Resolved resolved, project->resolve("prompt:" + summary_.prompt));
    const Target& target = *resolved.target;
    record_.target_kind = call_.target_kind = target.kind;
    record_.target_name = call_.target_name = target.name;
    record_.target_version = call_.target_version = target.version;
    record_.label = resolved.label;
    for (const std::shared_ptr<llm::Stage>& stage : target.stages) {
      auto run = co_await stage->run(call_);
      if (!run) co_return fail(std::move(run).error());
    }
    record_.variant = call_.variant;
    record_.model = call_.model->name;
    record_.model_version = call_.model->version;
    auto entered = admission_.enter(project->budgets(), call_, summary_.key_name);
    if (entered && admission_.asks()) entered = co_await admission_.ask();
    if (!entered) co_return fail(std::move(entered).error());
    RoutedRequest request{.chat = call_.request,
                          .model = *call_.model,
                          .call_id = call_.id,
                          .idempotency_key = {},
                          .loop = summary_.loop,
                          .cancellation = summary_.cancellation,
                          .deadline = started_ + call_.model->timeout,
                          .tags = call_.options.tags,
                          .project = call_.project,
                          .key = summary_.key_name,
                          .admission = &admission_};
    RoutedCompletion routed(request, summary_.clock);
    auto delta = co_await routed.next();
    std::string text;
    if (delta) {
      const auto said = AnswerText::create(routed.format(), false);
      said->take(delta->wire);
      text = said->text();
    }
    routed.stop();
    routed.describe(record_);
    if (!delta) co_return fail(std::move(delta).error());
    if (text.empty()) co_return fail(ErrorKind::kUpstream, "upstream_invalid", "The summary is empty.");
    co_return text;
  }

  const Summary& summary_;
  const SteadyTime started_;
  Admission admission_;
  llm::Call call_;
  std::string body_;
  telemetry::CallRecord record_;
};

}  // namespace

async::Task<std::optional<std::string>> ask(Summary summary, std::string conversation) {
  SummaryCall call(summary);
  std::optional<std::string> text = co_await call.run(std::move(conversation));
  co_return text;
}

}  // namespace fairlead::gateway::sessions
