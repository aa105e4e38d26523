#include "gateway/internal/checked_answer.h"

#include <cmath>
#include <utility>

#include "gateway/internal/admission.h"
#include "gateway/internal/fitting.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kMostHeldBytes = 64 * 1024 * 1024;  // of an answer that is held back
constexpr std::chrono::seconds kKeepAlive{10};
constexpr std::size_t kRepairMessages = 2;  // the answer that does not fit, and what is wrong with it
constexpr std::string_view kComment = ": keep-alive\n\n";

RoutedRequest with_chat(const RoutedRequest& like, const llm::ChatRequest& chat, std::string_view idempotency_key) {
  return {.chat = chat,
          .model = like.model,
          .call_id = like.call_id,
          .idempotency_key = idempotency_key,
          .loop = like.loop,
          .cancellation = like.cancellation,
          .deadline = like.deadline,
          .tags = like.tags,
          .project = like.project,
          .key = like.key,
          .admission = like.admission,
          .not_to = like.not_to};
}

// The client sees that it is none of its messages that are too long.
Error of_repair(Error error) {
  if (error.code == "context_length_exceeded")
    error.message = "The model's answer does not fit its schema, and there is no room to ask again: " + error.message;
  return error;
}

}  // namespace

CheckedAnswer::Repair::Repair(const RoutedRequest& like, llm::ChatRequest of_chat, int number, const Clock& clock)
    : idempotency_key(like.idempotency_key.empty()
                          ? std::string()
                          : std::string(like.idempotency_key) + "-repair-" + std::to_string(number)),
      chat(std::move(of_chat)),
      answer(with_chat(like, chat, idempotency_key), clock) {}

CheckedAnswer::CheckedAnswer(Answer& first, const RoutedRequest& request, llm::Call& call, llm::ChatRequest whole,
                             const Clock& clock)
    : first_(first),
      request_(request),
      call_(call),
      whole_(std::move(whole)),
      rule_(*call.output),
      clock_(clock),
      last_sent_(clock.steady()) {}

async::Task<Result<llm::Delta>> CheckedAnswer::next() {
  if (ended_) co_return llm::Delta{.wire = {}, .end = true};
  for (;;) {
    auto delta = co_await current().next();
    if (!delta) co_return fail(repair_ ? of_repair(std::move(delta).error()) : std::move(delta).error());
    if (held_.size() + delta->wire.size() > kMostHeldBytes)
      co_return fail(ErrorKind::kUpstream, "upstream_too_large", "The upstream's answer is too large.");
    held_ += delta->wire;
    if (!delta->end) {
      const SteadyTime now = clock_.steady();
      if (now - last_sent_ < kKeepAlive) continue;
      last_sent_ = now;
      co_return llm::Delta{.wire = kComment, .end = false};
    }
    FAIRLEAD_CO_TRY(auto unfit, find_unfit(rule_, held_, request_.chat.stream));
    if (!unfit) break;
    ++failures_;
    if (failures_ > rule_.repairs) co_return fail(failed(*unfit));
    auto asked = co_await ask_again(*std::move(unfit));
    if (!asked) co_return fail(of_repair(std::move(asked).error()));
  }
  ended_ = true;
  outcome_ = current().outcome();
  co_return llm::Delta{.wire = held_, .end = true};
}

// What the try before has used stays set aside beside what the next one may use.
async::Task<Result<void>> CheckedAnswer::ask_again(Unfit unfit) {
  if (current().wants_finishing()) co_await current().finish();
  current().stop();
  telemetry::CallRecord used;
  current().describe(used);
  if (request_.admission != nullptr) request_.admission->add_used(used.usage, std::llround(used.cost_usd * 1e9));
  add_tries(before_, repair_ == nullptr);
  held_.clear();
  is_counted_ = true;
  llm::ChatRequest chat = request_.chat;
  chat.messages = call_.own(messages_to_repair(whole_, unfit));
  chat.message_count = whole_.message_count + kRepairMessages;
  chat.set("messages", chat.messages);
  left_out_ = {};
  auto fitted = co_await fit(call_, chat, kRepairMessages, left_out_, request_.deadline);
  if (!fitted) co_return fitted;
  repair_ = std::make_unique<Repair>(request_, std::move(chat), failures_, clock_);
  is_counted_ = false;
  co_return Result<void>{};
}

Error CheckedAnswer::failed(const Unfit& unfit) const {
  std::string what = "The model's answer does not fit the JSON Schema that was asked for: " + unfit.first + ".";
  if (rule_.repairs > 0) what += " It was asked " + std::to_string(rule_.repairs + 1) + " times.";
  return {ErrorKind::kUpstream, "schema_failed", std::move(what)};
}

// Adds what came of the current tries.
void CheckedAnswer::add_tries(telemetry::CallRecord& record, bool first) const {
  auto attempts = std::move(record.attempts);
  const llm::Usage usage = record.usage;
  const double cost_usd = record.cost_usd;
  current().describe(record);
  if (first) return;
  for (telemetry::Attempt& attempt : record.attempts) {
    if (attempt.reason.empty()) attempt.reason = "repair";
    attempts.push_back(std::move(attempt));
  }
  record.attempts = std::move(attempts);
  record.cost_usd += cost_usd;
  add(record.usage, usage);
  record.usage.reported = record.usage.reported && usage.reported;
}

void CheckedAnswer::describe(telemetry::CallRecord& record) const {
  telemetry::CallRecord all = before_;
  if (!is_counted_) add_tries(all, repair_ == nullptr);
  record.model = all.model;
  record.model_version = all.model_version;
  record.attempts = std::move(all.attempts);
  record.usage = all.usage;
  record.cost_usd = all.cost_usd;
  record.provider = all.provider;
  record.upstream_model = all.upstream_model;
  record.upstream_id = all.upstream_id;
  record.finish_reason = all.finish_reason;
  record.cache = all.cache;
  record.schema_failures = failures_;
  if (left_out_.trimmed_tokens > 0) {
    record.trimmed_tokens = left_out_.trimmed_tokens;
    record.trimmed_json = left_out_.trimmed_json;
  }
}

}  // namespace fairlead::gateway::internal
