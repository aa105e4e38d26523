// What a model is asked, whatever the surface.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "gateway/routing/timer.h"
#include "llm/provider.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"

namespace fairlead::gateway::internal {

class Admission;

// What it views outlives the answer.
struct RoutedRequest {
  const llm::ChatRequest& chat;
  const llm::Model& model;
  std::string_view call_id, idempotency_key;
  async::Loop& loop;
  async::Cancellation& cancellation;
  SteadyTime deadline;
  // The request as it came, for a route whose provider speaks that format: passed on untouched. Empty: by `chat` alone.
  llm::Format format = llm::Format::kChat;
  std::span<const llm::Member> native{};
  std::span<const std::string> tags{};  // of the request, for the routes' conditions and priorities
  std::string_view project{};           // whose it is, for a fair share of an upstream
  std::string_view key{};               // the name of the key that called, for priorities
  // If set, why `chat` has only `model` and `stream`, so that only those can be asked who take `native`.
  const Error* no_chat = nullptr;
  // Of a shadow: one try of one route, and it stands in nobody's way.
  bool is_shadow = false;
  Admission* admission = nullptr;         // sets aside what each try may use; null: nobody asks
  routing::Alarms* alarms = nullptr;      // where time is simulated
  std::span<const std::string> not_to{};  // providers that it may not go to
};

}  // namespace fairlead::gateway::internal
