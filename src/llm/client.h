// Calls from within: by a chain, an evaluation, a session's summary. The way of a client's call, without a client.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "llm/cache.h"
#include "llm/chat.h"
#include "llm/price.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::llm {

struct ClientCall {
  std::string project;
  std::string key_id, key_name;  // on whose account
  std::string model;             // as clients name it: "support-reply@production"
  std::string messages = "[]";   // JSON
  std::string parameters{};      // further members of a chat request, a JSON object; empty: none
  std::string variables{};       // a JSON object; empty: none
  std::string session{}, user{};
  std::vector<std::string> tags{};
  std::string idempotency_key{};  // sent to the upstream
  SteadyTime deadline = SteadyTime::max();
  std::optional<CacheMode> cache{};
  std::optional<int> repair{};
  bool whole = false;  // ClientAnswer::wire is wanted
  // If it is set, a privacy policy asks about texts of which nothing has been hidden yet: no policy applies to it, no
  // cache answers it, its record has nothing of what is said, and it goes to models in this process (`llama.cpp`) and
  // to these providers alone. Error: privacy_residency.
  std::optional<std::vector<std::string>> in_confidence{};
};

struct ClientAnswer {
  std::string call_id;
  std::string text;           // of the first choice
  std::string finish_reason;  // of the first choice; empty: it said none
  std::string tool_calls;     // of the first choice, a JSON array; empty: none
  bool structured = false;    // it was asked for as JSON of a schema, and fits it
  Usage usage;
  NanoUsd cost = 0;
  std::string wire{}, upstream_model{};  // the chat.completion object as it came; only if it was wanted
};

// A call that gave no answer may have cost something: attempts that broke, answers that did not fit.
struct ClientError {
  Error error;
  std::string call_id;
  NanoUsd cost = 0;
};

// Thread-safe.
class Client {
 public:
  virtual ~Client() = default;
  // On the thread of `loop`. The call goes through everything that a client's goes through (resolution, rendering,
  // budgets, cache, routing, the check of its answer) and is recorded. Errors are those that a client would get.
  virtual async::Task<std::expected<ClientAnswer, ClientError>> ask(ClientCall call, async::Loop& loop,
                                                                    async::Cancellation& cancellation) = 0;
};

}  // namespace fairlead::llm
