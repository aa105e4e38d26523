// Providers that do as they are told, and what comes of a call to them.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/internal/routed_completion.h"
#include "gateway/routing/state.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// What a provider does with one call.
struct Script {
  std::optional<Error> refuse{};       // instead of an answer
  std::vector<std::string> deltas{};   // the last one ends the answer
  std::optional<Error> break_after{};  // after all deltas, instead of the end
  bool hang_before = false;            // says nothing until it is cancelled
  int hang_after = -1;                 // the same, after so many deltas
  Millis wait_before{0};               // before any of that
  llm::Usage usage{.input = 10, .output = 4, .reported = true};
};

struct Call {
  std::string messages, idempotency_key, body{};
  llm::Format format = llm::Format::kChat;
};

// Does one script a call, the last one again and again.
class ScriptedProvider final : public llm::Provider {
 public:
  explicit ScriptedProvider(std::string name, std::vector<Script> scripts = {})
      : name_(std::move(name)), scripts_(scripts.begin(), scripts.end()) {}
  std::string_view name() const override { return name_; }
  std::string_view type() const override { return "scripted"; }
  bool speaks(llm::Format format) const override { return format == spoken; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override;
  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override;

  llm::Prefill continues(std::string_view /*upstream_model*/) const override { return prefill; }

  std::optional<llm::Format> spoken;
  llm::Prefill prefill = llm::Prefill::kNone;
  std::vector<Call> calls;
  int cancelled = 0;  // calls that were hanging then

 private:
  async::Task<Result<std::unique_ptr<llm::Completion>>> answer(llm::CallContext context);
  std::string name_;
  std::deque<Script> scripts_;
};

Error unreachable();
Error rate_limited(std::int64_t retry_after_ms = 0);

// `{"role"…}` apart, chunks of one choice in OpenAI's form, with that content.
std::string chunk(std::string_view content);
// A script that streams those pieces and ends properly.
Script streams(std::vector<std::string> pieces);

struct Answered {
  std::string wire;
  std::optional<Error> error;
  std::vector<telemetry::Attempt> attempts;
  telemetry::CallRecord record;
};

// US dollars a million tokens of whatever kind.
llm::Prices flat(double input_usd, double output_usd);

// A model over scripted providers, called on a loop of its own.
class Bench {
 public:
  explicit Bench(std::vector<std::shared_ptr<ScriptedProvider>> providers);
  Answered ask(std::string body = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})",
               std::vector<std::string> tags = {});
  Answered stream() { return ask(R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})"); }
  // After a change of `model`'s routes.
  void attach() { registry.attach("p", *model); }

  ManualClock clock;
  Registry registry{clock, 7, 2};
  std::shared_ptr<llm::Model> model = std::make_shared<llm::Model>();
  std::string idempotency_key;
  llm::Format format = llm::Format::kChat;
  std::vector<llm::Member> native;
  std::optional<Error> no_chat;  // if set, why there is no chat
  internal::Admission* admission = nullptr;
  // Called on the loop before each read of the answer.
  std::function<void()> before_next = [] {};
  async::Cancellation* cancellation = nullptr;  // of the call in progress
  Millis cancel_after{0};                       // if not 0: so long after it began
};

}  // namespace fairlead::gateway::routing
