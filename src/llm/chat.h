// A chat in the words of the OpenAI chat-completions format, which is Fairlead's own inside: other surfaces and vendors
// are translated to and from it.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::llm {

// Tokens of one answer, by how they are priced. `output` includes `reasoning`; `input` includes `cached_input` and
// `cache_write`.
struct Usage {
  std::int64_t input = 0;
  std::int64_t cached_input = 0;
  std::int64_t cache_write = 0;
  std::int64_t cache_write_1h = 0;  // of these, what is kept for an hour, where that has a price of its own
  std::int64_t output = 0;
  std::int64_t reasoning = 0;
  bool reported = false;  // by the upstream, not estimated here
};

enum class Role : std::uint8_t { kSystem, kDeveloper, kUser, kAssistant, kTool, kFunction };
std::string_view to_string(Role role);

struct ContentPart {
  enum class Type : std::uint8_t { kText, kImageUrl, kInputAudio, kFile, kRefusal };
  Type type = Type::kText;
  std::string text;  // the text, the refusal, or the image's URL (https: or data:)
  std::string json;  // the whole part as sent; for what has no member here
};

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text as the model wrote it; may be malformed
};

struct Message {
  Role role = Role::kUser;
  std::vector<ContentPart> content;  // empty: content was null or absent
  std::string name;
  std::vector<ToolCall> tool_calls;  // of an assistant
  std::string tool_call_id;          // of a tool
  std::string text() const;          // its text parts, joined
};

// One top-level member of a request's body, as views into it: the name decoded, the value as raw JSON.
struct Member {
  std::string_view name;
  std::string_view json;
};

// A request to POST /v1/chat/completions, checked against the OpenAI contract: types, ranges, required members, the
// shape of each message. Unknown members are kept. Views point into the body that was parsed, or into what a stage put
// in its place; both outlive the call.
struct ChatRequest {
  // `body` must be followed by 64 readable bytes (simdjson's padding). Errors: kInvalid with `param` naming the field
  // (`messages[1].role`), code invalid_json, invalid_type, invalid_value, missing_required_parameter, or
  // unsupported_value. Nesting deeper than 256 is invalid_json. `messages` may be absent or empty; only the resolved
  // target knows whether that will do.
  static Result<ChatRequest> parse(std::span<char> body);

  std::vector<Member> members;  // in the order sent
  std::string model;
  std::string_view messages;  // raw JSON array, or "[]"
  std::size_t message_count = 0;
  std::string_view fairlead;  // raw JSON object, or empty
  bool stream = false;
  bool include_usage = false;  // stream_options.include_usage
  int n = 1;

  const Member* member(std::string_view name) const;
  // Adds or replaces a member; `json` must outlive the request.
  void set(std::string_view name, std::string_view json);
  void remove(std::string_view name);

  // Typed views of what the body says, for those who translate. They repeat no check that parse() made.
  Result<std::vector<Message>> parse_messages() const;

  // The JSON text of the body: every member as it was sent, in its order.
  std::string to_json() const;
};

// The sampling parameters of a request, typed. Absent members are empty.
struct ChatParameters {
  std::optional<double> temperature, top_p, min_p, frequency_penalty, presence_penalty, repeat_penalty;
  std::optional<std::int64_t> max_tokens;  // max_completion_tokens, else max_tokens
  std::optional<std::int64_t> seed, top_k;
  std::vector<std::string> stop;
  bool logprobs = false;
  int top_logprobs = 0;
  std::map<std::int32_t, double> logit_bias;
  static ChatParameters of(const ChatRequest& request);
};

}  // namespace fairlead::llm
