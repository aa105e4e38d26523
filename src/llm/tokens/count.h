// How many tokens a request puts in, and a text is: docs/reference/tokens.md.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "llm/chat.h"
#include "llm/provider.h"
#include "platform/async/task.h"

namespace fairlead::llm {

enum class CountedBy : std::uint8_t {
  kTokenizer,  // the model's own, its template applied
  kRanks,      // published byte-pair ranks, and what is published of how chats are wrapped
  kEstimate,   // from bytes
};
std::string_view to_string(CountedBy by);

struct TokenCount {
  std::int64_t likely = 0;
  // What a provider may bill for the input is never more. It is what a reservation takes.
  std::int64_t most = 0;
  CountedBy by = CountedBy::kEstimate;
};

// `most` of a request to which a provider adds what cannot be seen here (a file by its id, a stored conversation, what
// a search finds), on a route whose context length is not known: no model's context is longer.
inline constexpr std::int64_t kLongestContext = 10'000'000;

// A request as one route will get it: a chat's members, or those of another format that its provider speaks.
struct CountedRequest {
  Format format = Format::kChat;
  std::span<const Member> members;  // valid JSON
};

// By bytes: a token for each one at most, as every tokenizer that works on bytes or falls back to them keeps to.
// Looks at each byte once and allocates nothing, unless there are attachments. For the path of a call.
TokenCount estimate_input(const CountedRequest& request, const Route& route);

// By ranks where they are published for the route's model and the request has at most 256 KiB, else as estimate_input.
// Of a newer OpenAI model, of which nothing is published, `likely` is by those of its family.
TokenCount count_input(const CountedRequest& request, const Route& route);

// The same, but asks the model's own tokenizer where it can be asked (a local model); if that fails, does without.
// `request` outlives it.
async::Task<TokenCount> count_input_exactly(CountedRequest request, const Route& route, CallContext context);

// Of a text that a model wrote.
std::int64_t count_text(std::string_view text, const Route& route);

}  // namespace fairlead::llm
