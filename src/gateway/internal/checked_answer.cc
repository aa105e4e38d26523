#include "gateway/internal/checked_answer.h"

#include <cmath>
#include <utility>

#include "gateway/internal/admission.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024 * 1024;  // of an answer that is held back
constexpr std::chrono::seconds kKeepAlive{10};
constexpr std::string_view kComment = ": keep-alive\n\n";

llm::ChatRequest with_messages(const llm::ChatRequest& chat, std::string_view messages) {
  llm::ChatRequest out = chat;
  out.messages = messages;
  out.message_count = chat.message_count + 2;
  out.set("messages", messages);
  return out;
}

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
          .admission = like.admission};
}

}  // namespace

CheckedAnswer::Repair::Repair(const RoutedRequest& like, std::string new_messages, int number, const Clock& clock)
    : messages(std::move(new_messages)),
      idempotency_key(like.idempotency_key.empty()
                          ? std::string()
                          : std::string(like.idempotency_key) + "-repair-" + std::to_string(number)),
      chat(with_messages(like.chat, messages)),
      answer(with_chat(like, chat, idempotency_key), clock) {}

CheckedAnswer::CheckedAnswer(Answer& first, const RoutedRequest& request, const llm::OutputRule& rule,
                             const Clock& clock)
    : first_(first), request_(request), rule_(rule), clock_(clock), last_sent_(clock.steady()) {}

async::Task<Result<llm::Delta>> CheckedAnswer::next() {
  if (ended_) co_return llm::Delta{.wire = {}, .end = true};
  for (;;) {
    auto delta = co_await current().next();
    if (!delta) co_return fail(std::move(delta).error());
    if (held_.size() + delta->wire.size() > kMostBytes)
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
    co_await ask_again(*std::move(unfit));
  }
  ended_ = true;
  outcome_ = current().outcome();
  co_return llm::Delta{.wire = held_, .end = true};
}

// What the try before has used stays set aside beside what the next one may use.
async::Task<void> CheckedAnswer::ask_again(Unfit unfit) {
  if (current().wants_finishing()) co_await current().finish();
  current().stop();
  telemetry::CallRecord used;
  current().describe(used);
  if (request_.admission != nullptr) request_.admission->add_used(used.usage, std::llround(used.cost_usd * 1e9));
  add_tries(before_, repair_ == nullptr);
  held_.clear();
  repair_ = std::make_unique<Repair>(request_, messages_to_repair(request_.chat, unfit), failures_, clock_);
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
  add_tries(all, repair_ == nullptr);
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
}

}  // namespace fairlead::gateway::internal
