// How a model chooses among its routes, and what it does when one fails: the words of docs/reference/models.md as
// values. What they mean is done in gateway/routing.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::llm {

enum class Strategy : std::uint8_t { kOrder, kWeighted, kLeastLatency, kCheapest };

// How a route is asked to go on with an answer that another one began: by a last message of the assistant, and …
enum class Prefill : std::uint8_t {
  kNone,                  // it cannot
  kLastMessage,           // nothing more: Anthropic, llama-server
  kContinueFinalMessage,  // the members that vLLM and SGLang want; Fairlead's own workers too
  kPrefix,                // "prefix": true in that message: DeepSeek, Mistral
};

// Which requests a route takes. What is not named does not matter.
struct RouteConditions {
  std::optional<bool> stream, tools, images, json_schema;
  std::vector<std::string> tags;                                   // one of them at least
  std::optional<std::int64_t> min_input_tokens, max_input_tokens;  // estimated
  bool any() const {
    return stream || tools || images || json_schema || !tags.empty() || min_input_tokens || max_input_tokens;
  }
};

// Of one try; 0: not bounded, but for the whole call's timeout.
struct TryTimeouts {
  std::chrono::milliseconds whole{0};
  std::chrono::milliseconds first_token{0};     // of a stream: to the first content
  std::chrono::milliseconds between_tokens{0};  // of a stream: between two pieces of it
  bool any() const { return whole.count() > 0 || first_token.count() > 0 || between_tokens.count() > 0; }
};

// When a route is left alone for a while: `error_rate` of at least `calls` within `window` failed.
struct BreakerPolicy {
  double error_rate = 0.5;  // over 1: never
  int calls = 10;
  std::chrono::milliseconds window{30'000};
  std::chrono::milliseconds pause{5'000};  // the first; each further one is twice as long
  std::chrono::milliseconds longest_pause{120'000};
};

// A second try beside one whose first token takes long, on the next route; the first to answer is the answer.
struct HedgePolicy {
  double share = 0;                    // of a model's calls that may have one at most; 0: none
  double percentile = 0.95;            // of the model's recent calls have had their first token by then
  std::chrono::milliseconds after{0};  // that long instead, if it is not 0
};

// How many calls may be in flight to each upstream of a model, and how others wait.
struct ConcurrencyPolicy {
  int max = 0;      // 0: no bound, and nobody waits
  int queue = 100;  // calls that may wait
  std::chrono::milliseconds wait{5'000};
  std::vector<std::pair<std::string, int>> priorities{};      // of calls with that tag; 0 without
  std::vector<std::pair<std::string, int>> key_priorities{};  // of calls by the key of that name
};

// Values for a model that says nothing are those of models::compile_model; these here do nothing at all.
struct RoutingPolicy {
  Strategy strategy = Strategy::kOrder;
  int retries = 0;  // further tries of one route after a passing fault
  TryTimeouts timeouts{};
  BreakerPolicy breaker{};
  HedgePolicy hedge{};
  ConcurrencyPolicy concurrency{};
  bool continue_streams = false;     // a stream that breaks midway goes on over another route
  bool continue_tool_calls = false;  // and one that breaks within a tool call
};

// What the router keeps of a model's routes between calls; its own, and opaque to everyone else.
class RouterState {
 public:
  virtual ~RouterState() = default;
};

}  // namespace fairlead::llm
