#include "gateway/internal/chat_call.h"

#include "base/id.h"
#include "platform/http/problem.h"

namespace fairlead::gateway::internal {
namespace {

std::int64_t micros_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<Micros>(to - from).count();
}

}  // namespace

ChatCall::ChatCall(http::Exchange& exchange, std::shared_ptr<const Snapshot> snapshot, const Clock& clock,
                   bool with_content)
    : exchange_(exchange),
      snapshot_(std::move(snapshot)),
      clock_(clock),
      with_content_(with_content),
      started_(clock.steady()) {
  record_.started_at_us = clock.unix_micros();
  call_.id = new_id(record_.started_at_us);
  call_.loop = &exchange.loop();
  call_.cancellation = &exchange.cancellation();
  exchange_.add_header("x-request-id", call_.id);
  exchange_.add_header("x-fairlead-call-id", call_.id);
}

Result<void> ChatCall::authenticate() {
  const http::RequestHead& head = exchange_.head();
  FAIRLEAD_TRY(principal_, snapshot_->keys->authenticate(head.header("authorization").value_or(""),
                                                         head.header("x-api-key").value_or(""), record_.started_at_us));
  if (!principal_->may(access::Scope::kCall))
    return fail(ErrorKind::kPermissionDenied, "missing_scope",
                "This key may not make calls: it lacks the scope `call`.");
  call_.project = principal_->project;
  return {};
}

async::Task<Result<void>> ChatCall::prepare() {
  auto body = co_await exchange_.read_body();
  if (!body) co_return fail(std::move(body).error());
  auto request = llm::ChatRequest::parse(*body);
  if (!request) co_return fail(std::move(request).error());
  call_.request = std::move(*request);
  record_.stream = call_.request.stream;
  record_.requested_model = shown_reference(call_.request.model);
  auto options = llm::CallOptions::parse(call_.request.fairlead);
  if (!options) co_return fail(std::move(options).error());
  call_.options = std::move(*options);

  const Project* const project = snapshot_->project(call_.project);
  if (!project)
    co_return fail(ErrorKind::kNotFound, "model_not_found",
                   "Project `" + call_.project + "` has no models yet: apply some with `fairlead apply`.", "model");
  auto resolved = project->resolve(call_.request.model);
  if (!resolved) co_return fail(std::move(resolved).error());
  const Target& target = *resolved->target;
  call_.target_kind = target.kind;
  call_.target_name = target.name;
  call_.target_version = target.version;
  call_.label = std::move(resolved->label);
  call_.model = target.model;
  if (target.kind == "model" && !call_.options.variables.empty())
    co_return fail(ErrorKind::kInvalid, "invalid_value", "A model takes no variables; they are for prompts.",
                   "fairlead.variables");
  for (const std::shared_ptr<llm::Stage>& stage : target.stages) {
    auto done = co_await stage->run(call_);
    if (!done) co_return fail(std::move(done).error());
  }
  if (call_.request.message_count == 0) {
    const bool sent = call_.request.member("messages") != nullptr;
    co_return fail(ErrorKind::kInvalid, sent ? "empty_array" : "missing_required_parameter",
                   sent ? "Invalid 'messages': empty array. Expected an array with minimum length 1."
                        : "Missing required parameter: 'messages'.",
                   "messages");
  }
  co_return Result<void>{};
}

async::Task<Result<void>> ChatCall::answer() {
  record_.gateway_us = micros_between(started_, clock_.steady());
  RoutedCompletion routed({call_.request,
                           *call_.model,
                           call_.id,
                           call_.options.idempotency_key,
                           *call_.loop,
                           *call_.cancellation,
                           started_ + call_.model->timeout,
                           llm::Format::kChat,
                           {},
                           call_.options.tags,
                           call_.project},
                          clock_);
  Result<void> done;
  if (call_.request.stream)
    done = co_await relay_stream(routed);
  else
    done = co_await relay_whole(routed);
  note_outcome(routed);
  co_return done;
}

void ChatCall::add_answer_headers(const llm::Route& route) {
  std::string target = call_.target_kind + ":" + call_.target_name + "@" + std::to_string(call_.target_version);
  exchange_.add_header("x-fairlead-target", target);
  exchange_.add_header("x-fairlead-model", call_.model->name);
  exchange_.add_header("x-fairlead-provider", route.provider->name());
}

void ChatCall::note_outcome(RoutedCompletion& routed) {
  routed.stop();
  routed.describe(record_);
}

async::Task<Result<void>> ChatCall::relay_whole(RoutedCompletion& routed) {
  auto answer = co_await routed.next();
  if (!answer) co_return fail(std::move(answer).error());
  record_.first_token_us = micros_between(started_, clock_.steady());
  record_.status = 200;
  add_answer_headers(*routed.route());
  if (with_content_) record_.output_text = answer->wire;
  auto sent = co_await exchange_.respond(200, "application/json", answer->wire);
  if (!sent) note_client_gone();
  co_return Result<void>{};
}

async::Task<Result<void>> ChatCall::relay_stream(RoutedCompletion& routed) {
  static constexpr std::string_view kDone = "data: [DONE]\n\n";
  for (;;) {
    auto delta = co_await routed.next();
    if (!delta) co_return fail(std::move(delta).error());
    if (!exchange_.answered() && (delta->end || !delta->wire.empty())) {
      add_answer_headers(*routed.route());
      exchange_.add_header("cache-control", "no-cache");
      exchange_.begin_stream(200, "text/event-stream; charset=utf-8");
      record_.status = 200;
    }
    if (record_.first_token_us < 0 && routed.outcome().content_started)
      record_.first_token_us = micros_between(started_, clock_.steady());
    if (with_content_) record_.output_text += delta->wire;
    Result<void> sent;
    if (delta->end) {
      std::string last(delta->wire);
      last += kDone;
      sent = co_await exchange_.write(last);
      if (sent) sent = co_await exchange_.finish();
    } else if (!delta->wire.empty()) {
      sent = co_await exchange_.write(delta->wire);
    }
    if (!sent) {
      note_client_gone();
      co_return Result<void>{};  // nobody is left to be told
    }
    if (delta->end) co_return Result<void>{};
  }
}

void ChatCall::note_client_gone() {
  record_.status = 499;
  record_.error_code = "client_closed";
}

async::Task<void> ChatCall::refuse(Error error) {
  record_.error_code = error.code;
  record_.error_message = error.message;
  record_.status = http_status(error.kind);
  if (exchange_.answered()) {
    // In the middle of a stream: say so in the stream, as OpenAI does, and end it without [DONE].
    std::string event = "data: " + http::error_body(error) + "\n\n";
    auto sent = co_await exchange_.write(event);
    if (sent) sent = co_await exchange_.finish();
    co_return;
  }
  if (error.kind == ErrorKind::kCancelled) co_return;  // the client has gone
  co_await http::respond_error(exchange_, std::move(error));
}

async::Task<bool> ChatCall::run() {
  auto known = authenticate();
  if (!known) {
    co_await refuse(std::move(known).error());
    co_return false;
  }
  auto prepared = co_await prepare();
  if (!prepared) {
    co_await refuse(std::move(prepared).error());
    co_return true;
  }
  auto answered = co_await answer();
  if (!answered) co_await refuse(std::move(answered).error());
  co_return true;
}

telemetry::CallRecord ChatCall::take_record() {
  record_.id = std::move(call_.id);
  record_.project = std::move(call_.project);
  record_.key_id = principal_->key_id;
  record_.duration_us = micros_between(started_, clock_.steady());
  record_.target_kind = std::move(call_.target_kind);
  record_.target_name = std::move(call_.target_name);
  record_.target_version = call_.target_version;
  record_.label = std::move(call_.label);
  record_.variant = std::move(call_.variant);
  if (call_.model && record_.model.empty()) {  // never routed
    record_.model = call_.model->name;
    record_.model_version = call_.model->version;
  }
  record_.session = std::move(call_.options.session);
  record_.user = std::move(call_.options.user);
  record_.tags = std::move(call_.options.tags);
  if (with_content_) record_.input_json = call_.request.messages;
  return std::move(record_);
}

}  // namespace fairlead::gateway::internal
