// A call's answer: what its client gets, piece by piece, or why it gets none.
#include <fmt/compile.h>

#include <iterator>
#include <utility>

#include "gateway/internal/cached_answer.h"
#include "gateway/internal/call_pipeline.h"
#include "gateway/internal/checked_answer.h"
#include "gateway/internal/routed_completion.h"
#include "gateway/internal/watched_answer.h"
#include "platform/http/problem.h"

namespace fairlead::gateway::internal {
namespace {

std::int64_t count_events(std::string_view wire) {
  std::int64_t count = 0;
  for (std::size_t at = wire.find("\n\n"); at != std::string_view::npos; at = wire.find("\n\n", at + 2)) ++count;
  return count;
}

}  // namespace

async::Task<Result<void>> CallPipeline::answer() {
  record_.gateway_us = so_far_us();
  RoutedRequest request{call_.request,
                        *call_.model,
                        call_.id,
                        call_.options.idempotency_key,
                        *call_.loop,
                        *call_.cancellation,
                        started_ + call_.model->timeout};
  if (surface_.format() == llm::Format::kCountTokens) request.format = surface_.format();
  if (native_) {
    request.format = surface_.format();
    request.native = surface_call_.body.members;
  }
  request.tags = call_.options.tags;
  request.project = call_.project;
  request.key = principal_->name;
  if (no_chat_) request.no_chat = &*no_chat_;
  request.admission = &admission_;
  std::unique_ptr<llm::AnswerRewriter> watcher;
  if (privacy_) {
    request.not_to = privacy_->not_to();
    if (speaks_of_text()) watcher = privacy_->watcher(call_);
  }
  // What is kept there has been seen by nobody.
  const std::unique_ptr<CachedAnswer> cached =
      watcher ? nullptr : CachedAnswer::create(cache_, *target_, call_, request, surface_.format());
  std::optional<RoutedCompletion> routed;
  if (!cached) routed.emplace(request, clock_);
  Answer& origin = cached ? static_cast<Answer&>(*cached) : *routed;
  std::optional<WatchedAnswer> watched;
  if (watcher) watched.emplace(origin, std::move(watcher));
  Answer& first = watched ? static_cast<Answer&>(*watched) : origin;
  std::unique_ptr<CheckedAnswer> checked;  // seldom there, and large
  if (call_.output && surface_.format() != llm::Format::kCountTokens)
    checked = std::make_unique<CheckedAnswer>(first, request, call_, unfitted_ ? *unfitted_ : call_.request, clock_);
  Answer& from = checked ? *checked : first;
  Result<void> done;
  if (call_.request.stream)
    done = co_await relay_stream(from);
  else
    done = co_await relay_whole(from);
  if (from.wants_finishing()) co_await from.finish();
  routed_ = from.asked_upstream();
  note_outcome(from);
  co_return done;
}

// An answer has begun to come: how it goes out is settled.
void CallPipeline::begin_answer(const Answer& from) {
  fmt::memory_buffer target;
  fmt::format_to(std::back_inserter(target), FMT_COMPILE("{}:{}@{}"), call_.target_kind, call_.target_name,
                 call_.target_version);
  exchange_.add_header("x-fairlead-target", {target.data(), target.size()});
  if (!call_.variant.empty()) exchange_.add_header("x-fairlead-variant", call_.variant);
  exchange_.add_header("x-fairlead-model", call_.model->name);
  exchange_.add_header("x-fairlead-provider", from.provider());
  if (const std::string cached = from.cache_header(); !cached.empty()) exchange_.add_header("x-fairlead-cache", cached);
  admission_.add_headers(exchange_);
  record_.status = 200;
}

// What the client gets for a piece of the answer.
Result<std::string_view> CallPipeline::in_form(const llm::Delta& delta, const Answer& from) {
  if (!form_ && from.format() != surface_.format()) form_ = surface_.answer_form(surface_call_);
  if (recorder_.content_enabled()) {
    if (!text_) text_ = AnswerText::create(from.format(), call_.request.stream);
    text_->take(delta.wire);
  }
  if (session_) {
    session_->take(delta.wire);
    if (delta.end) session_->remember(principal_->key_id, principal_->name);
  }
  std::string_view wire = delta.wire;
  if (privacy_ && from.format() == llm::Format::kChat) {
    // The last thing that happens to it: what is kept and recorded has been taken from what the model said.
    if (!std::exchange(restores_, true)) restorer_ = privacy_->restorer(call_);
    if (restorer_) {
      if (form_) {
        if (!kept_form_) kept_form_ = surface_.answer_form(surface_call_);
        out_.clear();
        FAIRLEAD_CHECK(kept_form_->take(wire, delta.end, from.outcome(), out_));
      }
      FAIRLEAD_TRY(wire, restorer_->take(wire, delta.end));
    }
  }
  if (!form_) return wire;
  out_.clear();
  FAIRLEAD_CHECK(form_->take(wire, delta.end, from.outcome(), out_));
  return std::string_view(out_);
}

// Looks at events that go out as they came, in a format of the surface's own: how many, and whether they end
// themselves.
void CallPipeline::note_events(std::string_view wire) {
  if (form_ || surface_.format() == llm::Format::kChat) return;
  events_ += count_events(wire);
  const std::size_t end = wire.find_last_not_of("\r\n");
  done_ = done_ || (end != std::string_view::npos && wire.substr(0, end + 1).ends_with("data: [DONE]"));
}

// What must be kept before a client may see the end of its answer.
bool CallPipeline::must_wait() const {
  return recorder_.strict() || (form_ && form_->wants_keeping()) || (privacy_ && privacy_->wants_keeping());
}

async::Task<Result<void>> CallPipeline::before_the_end() {
  if (form_ && form_->wants_keeping()) {
    AnswerForm& form = kept_form_ ? *kept_form_ : *form_;
    auto kept = co_await form.keep();
    if (!kept) co_return fail(std::move(kept).error());
  }
  if (privacy_ && privacy_->wants_keeping()) {
    auto kept = co_await privacy_->keep();
    if (!kept) co_return fail(std::move(kept).error());
  }
  if (!recorder_.strict()) co_return Result<void>{};
  if (privacy_) co_await privacy_->end();
  recorded_ = true;
  complete_record();
  auto durable = co_await recorder_.record_and_wait(*call_.loop, record_);
  if (durable) co_return Result<void>{};
  co_return fail(ErrorKind::kUnavailable, "record_not_durable",
                 "The answer is held back because its record could not be written (telemetry.durability: strict): " +
                     durable.error().message);
}

async::Task<Result<void>> CallPipeline::relay_whole(Answer& from) {
  auto answer = co_await from.next();
  if (!answer) co_return fail(std::move(answer).error());
  auto body = in_form(*answer, from);
  if (!body) co_return fail(std::move(body).error());
  record_.first_token_us = so_far_us();
  note_outcome(from);
  begin_answer(from);
  if (must_wait()) {
    auto kept = co_await before_the_end();
    if (!kept) co_return fail(std::move(kept).error());
  }
  auto sent = co_await exchange_.respond(200, "application/json", *body);
  if (!sent) note_client_gone();
  co_return Result<void>{};
}

async::Task<Result<void>> CallPipeline::relay_stream(Answer& from) {
  for (;;) {
    auto delta = co_await from.next();
    if (!delta) co_return fail(std::move(delta).error());
    auto wire = in_form(*delta, from);
    if (!wire) co_return fail(std::move(wire).error());
    if (!exchange_.answered() && (delta->end || !wire->empty())) {
      begin_answer(from);
      exchange_.add_header("cache-control", "no-cache");
      exchange_.begin_stream(200, "text/event-stream; charset=utf-8");
    }
    if (record_.first_token_us < 0 && from.outcome().content_started) record_.first_token_us = so_far_us();
    Result<void> sent;
    if (delta->end) {
      note_outcome(from);
      if (must_wait()) {
        auto kept = co_await before_the_end();
        if (!kept) co_return fail(std::move(kept).error());
      }
      note_events(*wire);
      const std::string_view end = !form_ && !done_ ? surface_.stream_end() : std::string_view();
      std::string last;
      last.reserve(wire->size() + end.size());
      last.append(*wire).append(end);
      sent = co_await exchange_.finish(last);
    } else if (!wire->empty()) {
      note_events(*wire);
      sent = co_await exchange_.write(*wire);
    }
    if (!sent) {
      note_client_gone();
      co_return Result<void>{};  // nobody is left to be told
    }
    if (delta->end) co_return Result<void>{};
  }
}

// Once: when the answer has ended, before the client sees its end, or when nothing more of it is wanted.
void CallPipeline::note_outcome(Answer& from) {
  if (std::exchange(noted_, true)) return;
  from.stop();
  from.describe(record_);
  admission_.settle(record_);
}

void CallPipeline::note_client_gone() {
  record_.status = 499;
  record_.error_code = "client_closed";
}

async::Task<void> CallPipeline::refuse(Error error) {
  admission_.settle(record_);
  record_.error_code = error.code;
  record_.error_message = error.message;
  record_.status = surface_.error_status(error);
  const bool told = exchange_.answered() || error.kind != ErrorKind::kCancelled;  // else the client has gone
  if (told && !recorded_ && recorder_.strict()) {
    if (privacy_) co_await privacy_->end();
    recorded_ = true;
    complete_record();
    (void)co_await recorder_.record_and_wait(*call_.loop, record_);  // it is an error already
  }
  if (!told) co_return;
  if (exchange_.answered()) {
    // In the middle of a stream: say so in the stream, as OpenAI does, and end it without what ends a whole one.
    std::string event;
    if (form_)
      form_->fail(error, event);
    else
      event = surface_.error_event(error, call_.id, events_);
    (void)co_await exchange_.finish(event);
    co_return;
  }
  http::add_error_headers(exchange_, error);
  admission_.add_headers(exchange_);
  // Official clients try a 429 again unless they are told that it is of no use.
  if (error.code == "budget_exceeded" || error.code == "schema_failed") exchange_.add_header("x-should-retry", "false");
  const std::string body = surface_.error_body(error, call_.id);
  (void)co_await exchange_.respond(surface_.error_status(error), "application/json", body);
}

}  // namespace fairlead::gateway::internal
