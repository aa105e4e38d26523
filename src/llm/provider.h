// The port to whatever answers: a vendor's API or a local model.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"
#include "llm/price.h"
#include "llm/routing.h"
#include "llm/shadow.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::llm {

// How a request and its answer are written. All but the Anthropic two are OpenAI's.
enum class Format : std::uint8_t {
  kChat,         // POST /v1/chat/completions
  kCompletions,  // POST /v1/completions
  kResponses,    // POST /v1/responses
  kEmbeddings,   // POST /v1/embeddings
  kModerations,  // POST /v1/moderations
  kMessages,     // Anthropic's POST /v1/messages
  kCountTokens,  // Anthropic's POST /v1/messages/count_tokens
};

// What goes along with every request to a provider. All that it views outlives the completion.
struct CallContext {
  std::string_view upstream_model;  // the model's name at the provider
  std::string_view call_id;
  std::string_view idempotency_key;  // sent upstream where the vendor knows such a thing; may be empty
  async::Loop& loop;
  async::Cancellation& cancellation;
  std::chrono::steady_clock::time_point deadline;
};

// A chat for any provider. `request` outlives the completion.
struct ChatCall {
  const ChatRequest& request;  // final: rendered, `model` and `fairlead` still as the client sent them
  CallContext context;
};

// A request for a provider that speaks its format: passed on as the client wrote it, unknown members too, but for
// `model`, which becomes the upstream's, and `fairlead`, which stays here. The body is a JSON object; nothing more has
// been checked. `members` outlive the completion.
struct NativeCall {
  Format format;
  std::span<const Member> members;
  bool stream;
  CallContext context;
};

// What a read of an answer in progress brought.
struct Delta {
  // While streaming: whole server-sent events in OpenAI form, ready for the wire, "data: {chunk}\n\n" one after
  // another, without the final "data: [DONE]\n\n". Otherwise the whole chat.completion object, in one piece. May be
  // empty. Valid until the next call of next(). Of a NativeCall: the same in that format, with all of its events, the
  // [DONE] of completions too.
  std::string_view wire;
  bool end = false;  // nothing follows; `wire` may still hold the last bytes
};

// What is known of an answer when it has ended, or of as much of it as came.
struct Outcome {
  Usage usage;
  std::string finish_reason;     // of the first choice: stop, length, tool_calls, content_filter, function_call
  std::string upstream_model;    // as the upstream names what answered
  std::string upstream_id;       // its id for the answer
  bool content_started = false;  // a chunk with content, a tool call or a refusal has been seen
};

// An answer in progress. Destroying it before its end cancels the upstream call. Loop-affine.
class Completion {
 public:
  virtual ~Completion() = default;
  // With `request.stream`, usage always arrives (providers ask for it upstream): the chunk that carries nothing but
  // usage is put into `wire` only if the client asked with stream_options.include_usage, and then has "choices": [].
  // Errors as Provider::chat; after one, outcome() says what had come.
  virtual async::Task<Result<Delta>> next() = 0;
  virtual const Outcome& outcome() const = 0;
};

// A configured upstream. Made per configuration snapshot, shared by all loops, immutable or thread-safe; keeps what
// belongs to a loop (connections) by loop.index().
class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;  // of the provider resource
  virtual std::string_view type() const = 0;  // "openai", "anthropic", "llama.cpp"
  // Whether call() takes that format. Every provider takes chats, by chat().
  virtual bool speaks(Format /*format*/) const { return false; }
  // Whether that model goes on with an answer that is begun, and how it is asked to.
  virtual Prefill continues(std::string_view /*upstream_model*/) const { return Prefill::kNone; }
  // Tokens of input and output together that a call to that model may have; 0: it does not know.
  virtual std::int64_t window(std::string_view /*upstream_model*/) const { return 0; }
  // Sends the request and returns when the upstream has accepted it (for HTTP: a 2xx head). Errors keep the upstream's
  // message and never hold a credential:
  //   kInvalid       the upstream refused the request (400, 404, 409, 413, 422); code and param as it gave them
  //   kUnauthenticated, kPermissionDenied → kUpstream with code upstream_auth: the fault is the operator's, not the
  //   caller's kExhausted     429: code rate_limit_exceeded or insufficient_quota kTimeout       upstream_timeout
  //   kUnavailable   unreachable, 503, 529, a local model that is loading or has died
  //   kUpstream      5xx, or an answer that makes no sense (upstream_invalid)
  //   kUnsupported   the request holds what this provider cannot express; `param` names the field
  //   kCancelled
  virtual async::Task<Result<std::unique_ptr<Completion>>> chat(ChatCall call) = 0;
  // The same for a format that it speaks. Of others: kUnsupported.
  virtual async::Task<Result<std::unique_ptr<Completion>>> call(NativeCall call);
  // Tokens of a request's input by the model's own tokeniser, its template applied. `members` outlive it. Error:
  // kUnsupported where it cannot be asked, else those of chat().
  virtual async::Task<Result<std::int64_t>> count(Format format, std::span<const Member> members, CallContext context);
};

// Where a route's prices are from.
enum class PricesFrom : std::uint8_t {
  kUnknown,  // nobody states them: not free, where money is asked for
  kRoute,    // its own `prices`
  kModel,    // the model's
  kFile,     // the price list that comes with the program
  kLocal,    // it runs here, and nobody bills it: all are 0
};
std::string_view to_string(PricesFrom from);

struct Route {
  std::shared_ptr<Provider> provider;
  std::string upstream_model;
  RouteConditions when{};
  double weight = 1;                   // for Strategy::kWeighted; 0: only when the others fail
  std::optional<Prefill> continues{};  // instead of what its provider says
  std::optional<Prices> prices{};      // in force; none: not known
  PricesFrom prices_from = PricesFrom::kUnknown;
  std::string prices_as_of{};  // "2026-11-20", of kFile
  // Tokens of input and output together, and of output alone; 0: not known. By the model's card, else the price list.
  std::int64_t context_length = 0, max_output_tokens = 0;
  bool instructs_schema = false;  // a JSON Schema goes into the instructions: the model there cannot be held to one
};

// A model resource, ready to be called.
struct Model {
  std::string name;
  int version = 0;
  std::string digest;
  std::vector<Route> routes;                   // in order of preference; never empty
  std::chrono::milliseconds timeout{600'000};  // for the whole call
  RoutingPolicy routing{};
  std::vector<std::shared_ptr<const Model>> fallbacks{};  // models that answer when no route can; no cycle
  std::optional<ShadowPolicy> shadow{};
  std::shared_ptr<RouterState> state{};  // null: nothing is remembered between calls
};

}  // namespace fairlead::llm
