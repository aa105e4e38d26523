// What a chat-completions request asks for, typed, for the vendors that say it in other words.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::providers::internal {

struct Tool {
  std::string name, description;
  std::string parameters;  // JSON Schema of an object; that of one without members if the request gives none
  bool strict = false;
};

enum class ToolChoice : std::uint8_t { kUnsaid, kAuto, kNone, kRequired, kNamed };
enum class Form : std::uint8_t { kText, kJson, kSchema };

struct Ask {
  std::vector<llm::Message> messages;
  llm::ChatParameters parameters;
  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::kUnsaid;
  std::string tool_name;  // with kNamed
  bool one_tool_at_a_time = false;
  Form form = Form::kText;
  std::string schema, schema_name;  // with kSchema; the schema as JSON
  std::string reasoning_effort;     // empty: not said
  std::string service_tier;
  std::string user;
  std::vector<llm::Member> others;  // members that are not OpenAI's
  const llm::Member* other(std::string_view name) const;
};

// What a vendor has words for.
struct Language {
  std::string_view vendor;  // "an Anthropic upstream", as messages say it
  // Of the members that change an answer and that not all can express: "stop", "tools", "tool_choice",
  // "tool_choice.none", "tool_choice.required", "tool_choice.function", "parallel_tool_calls", "response_format",
  // "json_object", "json_schema", "reasoning_effort", "service_tier", "seed", "frequency_penalty", "presence_penalty",
  // "logprobs", "logit_bias". `parallel_tool_calls: true` is nobody's loss.
  std::span<const std::string_view> says;
  bool can_say(std::string_view feature) const;

  std::unexpected<Error> unsupported(std::string_view param, std::string_view why) const;        // of a member
  std::unexpected<Error> unsupported_value(std::string_view param, std::string_view why) const;  // of a part of one
};

// invalid_value: "Invalid 'messages[0]…': WHY."
std::unexpected<Error> invalid_value(std::string_view param, std::string_view why);

// Reads a request. What the language cannot express is kUnsupported with `param` naming the field, unless it asks for
// nothing or only advises (`store`, `metadata`, `prompt_cache_key`, `seed` …).
Result<Ask> read_ask(const llm::ChatRequest& request, const Language& language);

// data:MEDIA;base64,DATA (RFC 2397). Empty media type: it is not one.
struct DataUrl {
  std::string_view media_type, data;
};
DataUrl read_data_url(std::string_view url);

// A file that came along whole. Error: kUnsupported for one that is only named by its id.
struct File {
  std::string name, media_type, data;  // data in base64
};
Result<File> read_file_part(const llm::ContentPart& part, const Language& language, std::string_view param);

}  // namespace fairlead::providers::internal
