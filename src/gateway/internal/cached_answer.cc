#include "gateway/internal/cached_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gateway/internal/admission.h"
#include "gateway/internal/output_check.h"
#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kMostFlightBytes = 64 * 1024 * 1024;  // of an answer in flight

// docs/reference/cache.md says how good that is.
constexpr double kThreshold = 0.95;

using cache::AnswerShape;
using cache::Asked;
using cache::Flight;
using cache::KeptAnswer;

bool keeps(llm::Format format) {
  return format == llm::Format::kChat || format == llm::Format::kCompletions || format == llm::Format::kMessages ||
         format == llm::Format::kResponses;
}

std::optional<llm::CachePolicy> policy_of(const Target& target, const llm::Call& call) {
  if (!target.cache && !call.options.cache) return std::nullopt;
  llm::CachePolicy out = target.cache.value_or(llm::CachePolicy{});
  if (out.mode == llm::CacheMode::kOff) return std::nullopt;
  if (call.options.cache) out.mode = *call.options.cache;
  if (out.mode == llm::CacheMode::kOff || (out.per_user && call.options.user.empty())) return std::nullopt;
  return out;
}

// A request for a native stream says it in text alone.
bool asks_for_usage(const RoutedRequest& request) {
  if (request.chat.include_usage) return true;
  for (const llm::Member& member : request.native) {
    if (member.name != "stream_options") continue;
    std::string text(member.json);
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    return text.find(R"("include_usage":true)") != text.npos;
  }
  return false;
}

// Of an answer to /v1/embeddings with one input, brought to unit length; empty if there is none.
llm::Embedding embedding_in(std::string_view wire) {
  llm::Embedding out;
  const auto document = Document::parse(wire);
  if (!document) return out;
  simdjson::dom::array numbers;
  if (document->root()["data"].at(0)["embedding"].get_array().get(numbers)) return out;
  for (const Element one : numbers) {
    double number = 0;
    if (one.get_double().get(number)) return {};
    out.push_back(static_cast<float>(number));
  }
  const float length = std::sqrt(llm::similarity(out.data(), out.data(), out.size()));
  for (float& one : out) one = length > 0 ? one / length : 0;
  return out;
}

// Whether it is the first caller's own, so that another one may fare better: its time was up, or it was not let to any
// route.
bool is_own_fault(const Error& error, const RoutedCompletion& routed) {
  return error.kind == ErrorKind::kCancelled || error.code == "call_timeout" || routed.attempts().empty();
}

}  // namespace

std::unique_ptr<CachedAnswer> CachedAnswer::create(cache::Cache& cache, const Target& target, const llm::Call& call,
                                                   const RoutedRequest& request, llm::Format surface) {
  if (target.kind == "chain") return nullptr;  // its run may do more than answer
  const std::optional<llm::CachePolicy> policy = policy_of(target, call);
  if (!policy || !cache.enabled() || !keeps(surface)) return nullptr;
  const bool is_prompt = target.kind == "prompt";
  std::string prompt;
  if (is_prompt) prompt = target.name + "@" + std::to_string(target.version) + "/" + call.variant;
  const cache::KeyParts parts{.project = call.project,
                              .user = policy->per_user ? std::string_view(call.options.user) : std::string_view(),
                              .prompt = prompt,
                              .answers_as = target.answers_as,
                              .model = request.model,
                              .tags = request.tags,
                              .stream = request.chat.stream,
                              .format = surface,
                              .members = request.native.empty() ? std::span(request.chat.members) : request.native};
  cache::Key key = cache::key_of(parts, policy->semantic.has_value());
  Asked asked{.key = key.exact,
              .owner = {call.project, is_prompt ? target.name : std::string(), request.model.name},
              .mode = policy->mode,
              .ttl = policy->ttl,
              .streamed = request.chat.stream};
  const bool by_model = policy->semantic && !policy->semantic->embedding.empty();
  if (!key.question.empty() && (!by_model || target.embedding)) {
    asked.meaning = {key.group, by_model ? llm::Embedding() : llm::embed_by_words(key.question)};
    asked.threshold = static_cast<float>(policy->semantic->threshold > 0 ? policy->semantic->threshold : kThreshold);
  }
  const AnswerShape shape{.stream = request.chat.stream, .include_usage = asks_for_usage(request)};
  auto embedding = by_model && asked.meaning ? target.embedding : nullptr;
  return std::make_unique<CachedAnswer>(cache, std::move(asked), request, shape, std::move(embedding),
                                        std::move(key.question), call.output);
}

CachedAnswer::CachedAnswer(cache::Cache& cache, Asked asked, const RoutedRequest& request, AnswerShape shape,
                           std::shared_ptr<const llm::Model> embedding, std::string question,
                           std::shared_ptr<const llm::OutputRule> output)
    : cache_(cache),
      asked_(std::move(asked)),
      request_(request),
      shape_(shape),
      embedding_(std::move(embedding)),
      question_(std::move(question)),
      output_(std::move(output)),
      flying_(request.loop.executor()) {}

async::Task<Result<llm::Delta>> CachedAnswer::next() {
  for (;;) {
    if (!looked_up_) co_await look_up();
    if (ended_) co_return llm::Delta{.wire = {}, .end = true};
    if (kept_) co_return deliver(*kept_);
    if (!reader_) {
      auto delta = co_await routed_->next();
      co_return delta;
    }
    auto piece = co_await read();
    if (!piece) co_return fail(std::move(piece).error());
    if (*piece) co_return **piece;
    reader_.reset();  // the first caller has come to nothing by its own fault
    looked_up_ = false;
  }
}

async::Task<void> CachedAnswer::look_up() {
  looked_up_ = true;
  if (embedding_ && asked_.meaning->embedding.empty()) {
    if (llm::reads(asked_.mode)) {  // an equal call's answer needs no embedding
      Asked equal = asked_;
      equal.mode = llm::CacheMode::kRead;
      cache::Found found = co_await cache_.look_up(request_.loop, std::move(equal));
      if (take(std::move(found))) co_return;
    }
    co_await embed();
  }
  Asked asked = asked_;
  cache::Found found = co_await cache_.look_up(request_.loop, std::move(asked));
  if (!take(std::move(found))) routed_.emplace(request_, cache_.clock());
}

// Whether there is something to read.
bool CachedAnswer::take(cache::Found found) {
  kept_ = std::move(found.answer);
  similarity_ = found.similarity;
  if (!found.stamp.empty()) asked_.stamp = std::move(found.stamp);
  if (found.flight) reader_.emplace(found.flight, request_.loop);
  if (found.leads) lead(std::move(found.flight));
  return kept_ || reader_;
}

// Without one, if the model gives none, the call finds and leaves answers to equal calls alone.
async::Task<void> CachedAnswer::embed() {
  const std::string model = json::quoted(embedding_->name), input = json::quoted(question_);
  const llm::Member members[] = {{"model", model}, {"input", input}};
  const llm::ChatRequest none;
  const Error no_chat{ErrorKind::kUnsupported, "unsupported_by_model", "It gives no embeddings.", "model"};
  const RoutedRequest request{none,
                              *embedding_,
                              request_.call_id,
                              {},
                              request_.loop,
                              request_.cancellation,
                              std::min(request_.deadline, cache_.clock().steady() + embedding_->timeout),
                              llm::Format::kEmbeddings,
                              members,
                              request_.tags,
                              request_.project,
                              request_.key,
                              &no_chat,
                              false,
                              request_.admission,
                              nullptr,
                              request_.not_to};
  RoutedCompletion routed(request, cache_.clock());
  auto answer = co_await routed.next();
  if (answer) asked_.meaning->embedding = embedding_in(answer->wire);
  routed.stop();
  embedding_cost_ += routed.cost();
  if (request_.admission != nullptr) request_.admission->add_used(routed.usage(), routed.cost());
  for (telemetry::Attempt attempt : routed.attempts()) {
    attempt.model = embedding_->name;
    attempt.reason = "embedding";
    embedding_attempts_.push_back(std::move(attempt));
  }
}

// A chat's stream is asked for without its usage chunk: who wants one gets it from what is known at the end.
void CachedAnswer::lead(std::shared_ptr<Flight> flight) {
  leads_ = true;
  chat_ = request_.chat;
  chat_->include_usage = false;
  const RoutedRequest flown{*chat_,
                            request_.model,
                            request_.call_id,
                            request_.idempotency_key,
                            request_.loop,
                            flight->cancellation(),
                            request_.deadline,
                            request_.format,
                            request_.native,
                            request_.tags,
                            request_.project,
                            request_.key,
                            request_.no_chat,
                            false,
                            request_.admission,
                            nullptr,
                            request_.not_to};
  routed_.emplace(flown, cache_.clock());
  flying_.spawn(fly(std::move(flight)));
}

async::Task<void> CachedAnswer::fly(std::shared_ptr<Flight> flight) {
  std::string all;
  for (bool begun = false;;) {
    auto delta = co_await routed_->next();
    if (delta && all.size() + delta->wire.size() > kMostFlightBytes)
      delta = fail(ErrorKind::kUpstream, "upstream_too_large", "The upstream's answer is too large.");
    if (!delta) {
      routed_->stop();
      const bool own = is_own_fault(delta.error(), *routed_);
      flight->fail(std::move(delta).error(), own);
      cache_.settle(request_.loop, asked_, std::move(flight), nullptr);
      co_return;
    }
    if (!begun && (delta->end || !delta->wire.empty())) {
      begun = true;
      flight->begin(what_came());
    }
    all += delta->wire;
    flight->append(delta->wire, routed_->outcome().content_started);
    if (delta->end) break;
  }
  auto answer = std::make_shared<KeptAnswer>(what_came());
  answer->wire = std::move(all);
  flight->end(answer);
  const bool keep = is_kept(*answer);
  cache_.settle(request_.loop, asked_, std::move(flight), keep ? std::move(answer) : nullptr);
}

bool CachedAnswer::is_kept(const KeptAnswer& answer) const {
  // One that another route went on with may be two that do not fit.
  const auto is_continued = [](const telemetry::Attempt& attempt) { return attempt.reason == "continuation"; };
  if (std::ranges::any_of(routed_->attempts(), is_continued) || !is_complete(answer)) return false;
  if (!output_) return true;
  const auto unfit = find_unfit(*output_, answer.wire, answer.streamed);
  return unfit && !*unfit;
}

KeptAnswer CachedAnswer::what_came() const {
  KeptAnswer out;
  out.format = routed_->format();
  out.streamed = shape_.stream;
  out.has_usage = out.format == llm::Format::kCompletions && shape_in(out.format).include_usage;
  out.outcome = routed_->outcome();
  out.provider = routed_->provider();
  out.model = routed_->model().name;
  out.model_version = routed_->model().version;
  out.made_at_us = cache_.clock().unix_micros();
  return out;
}

// The next of what the flight brings; nothing if it was released.
async::Task<Result<std::optional<llm::Delta>>> CachedAnswer::read() {
  Flight& flight = reader_->flight();
  bool as_it_comes = flight.streamed() && shape_.stream;
  if (as_it_comes) {
    auto bytes = co_await reader_->next(request_.deadline, request_.cancellation);
    if (!bytes) co_return fail(std::move(bytes).error());
    const KeptAnswer& from = reader_->from();
    as_it_comes = from.format == llm::Format::kChat || from.has_usage == shape_in(from.format).include_usage;
    if (as_it_comes && !bytes->empty()) {
      if (outcome_.upstream_model.empty()) outcome_ = from.outcome;
      outcome_.content_started = reader_->content_started();
      co_return std::optional(llm::Delta{.wire = *bytes, .end = false});
    }
  }
  auto waited = co_await reader_->wait_for_end(request_.deadline, request_.cancellation);
  if (!waited) co_return fail(std::move(waited).error());
  switch (flight.state()) {
    case Flight::State::kReleased:
      if (!leads_) co_return std::optional<llm::Delta>();
      [[fallthrough]];
    case Flight::State::kFailed:
    case Flight::State::kRunning:
      co_return fail(flight.error());
    case Flight::State::kEnded:
      break;
  }
  const KeptAnswer& answer = *flight.answer();
  if (!as_it_comes || !reader_->has_read()) {  // or another node's, which is whole
    auto delivered = deliver(answer);
    if (!delivered) co_return fail(std::move(delivered).error());
    co_return std::optional(*delivered);
  }
  ended_ = true;
  outcome_ = answer.outcome;
  written_.clear();
  if (shape_in(answer.format).include_usage && !answer.has_usage)
    written_ = cache::usage_event(answer.wire, answer.outcome.usage);
  co_return std::optional(llm::Delta{.wire = written_, .end = true});
}

// All of it, at once.
Result<llm::Delta> CachedAnswer::deliver(const KeptAnswer& answer) {
  ended_ = true;
  outcome_ = answer.outcome;
  const AnswerShape shape = shape_in(answer.format);
  if (is_written_as(answer, shape)) return llm::Delta{.wire = answer.wire, .end = true};
  FAIRLEAD_TRY(written_, written_as(answer, shape));
  return llm::Delta{.wire = written_, .end = true};
}

// An answer that is put into the surface's own form has its usage from the outcome.
AnswerShape CachedAnswer::shape_in(llm::Format format) const {
  const bool by_chunk =
      format == request_.format && (format == llm::Format::kChat || format == llm::Format::kCompletions);
  return {.stream = shape_.stream, .include_usage = shape_.stream && shape_.include_usage && by_chunk};
}

const KeptAnswer& CachedAnswer::source() const {
  return kept_ ? *kept_ : reader_->from();
}

const llm::Outcome& CachedAnswer::outcome() const {
  return reader_ || kept_ || !routed_ ? outcome_ : routed_->outcome();
}

llm::Format CachedAnswer::format() const {
  return reader_ || kept_ ? source().format : routed_ ? routed_->format() : llm::Format::kChat;
}

std::string_view CachedAnswer::provider() const {
  return reader_ || kept_ ? std::string_view(source().provider) : routed_->provider();
}

void CachedAnswer::stop() {
  if (routed_) routed_->stop();
}

// The flight goes on for those who read it.
async::Task<void> CachedAnswer::finish() {
  if (reader_) reader_->leave();
  co_await flying_.join();
}

void CachedAnswer::describe(telemetry::CallRecord& record) const {
  record.cache = word();
  record.usage.reported = true;  // nothing was used
  if (routed_) routed_->describe(record);
  record.attempts.insert(record.attempts.begin(), embedding_attempts_.begin(), embedding_attempts_.end());
  record.cost_usd += llm::usd(embedding_cost_);
  if (routed_) return;
  if (!kept_ && !(reader_ && reader_->has_read()) && !ended_) return;
  const KeptAnswer& from = source();
  record.model = from.model;
  record.model_version = from.model_version;
  record.provider = from.provider;
  record.upstream_model = from.outcome.upstream_model;
  record.upstream_id = from.outcome.upstream_id;
  record.finish_reason = outcome_.finish_reason;
}

std::string_view CachedAnswer::word() const {
  if (routed_) return "miss";
  return kept_ ? (similarity_ > 0 ? "semantic" : "hit") : reader_ ? "shared" : "";
}

std::string CachedAnswer::cache_header() const {
  std::string out(word());
  if (!kept_) return out;
  const std::int64_t age_s = (cache_.clock().unix_micros() - kept_->made_at_us) / 1'000'000;
  out += fmt::format("; age={}", std::max<std::int64_t>(0, age_s));
  if (similarity_ > 0) out += fmt::format("; similarity={:.2f}", std::floor(similarity_ * 100) / 100);
  return out;
}

}  // namespace fairlead::gateway::internal
