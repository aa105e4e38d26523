#include "providers/anthropic/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "providers/anthropic/messages.h"
#include "providers/anthropic/thinking.h"
#include "providers/internal/ask.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::anthropic {
namespace {

using internal::Ask;
using internal::Form;
using internal::JsonArray;
using internal::JsonObject;
using internal::ToolChoice;

constexpr std::int64_t kDefaultMaxTokens = 4096;  // the Messages API has no default of its own

constexpr std::string_view kSays[] = {"stop",
                                      "tools",
                                      "tool_choice",
                                      "tool_choice.none",
                                      "tool_choice.required",
                                      "tool_choice.function",
                                      "parallel_tool_calls",
                                      "response_format",
                                      "json_schema",
                                      "reasoning_effort",
                                      "service_tier"};
constexpr internal::Language kLanguage{.vendor = "an Anthropic upstream", .says = kSays};

void add_tools(JsonObject& body, const Ask& ask) {
  JsonArray tools;
  for (const internal::Tool& one : ask.tools) {
    JsonObject tool;
    tool.text("name", one.name);
    if (!one.description.empty()) tool.text("description", one.description);
    tool.raw("input_schema", one.parameters);
    if (one.strict) tool.raw("strict", "true");
    tools.raw(std::move(tool).finish());
  }
  if (!tools.empty()) body.raw("tools", std::move(tools).finish());
}

void add_tool_choice(JsonObject& body, const Ask& ask) {
  if (ask.tool_choice == ToolChoice::kUnsaid && (!ask.one_tool_at_a_time || ask.tools.empty())) return;
  JsonObject choice;
  switch (ask.tool_choice) {
    case ToolChoice::kNone:
      choice.text("type", "none");
      break;
    case ToolChoice::kRequired:
      choice.text("type", "any");
      break;
    case ToolChoice::kNamed:
      choice.text("type", "tool");
      choice.text("name", ask.tool_name);
      break;
    case ToolChoice::kUnsaid:
    case ToolChoice::kAuto:
      choice.text("type", "auto");
      break;
  }
  if (ask.one_tool_at_a_time && ask.tool_choice != ToolChoice::kNone) choice.raw("disable_parallel_tool_use", "true");
  body.raw("tool_choice", std::move(choice).finish());
}

void add_sampling(JsonObject& body, const Ask& ask) {
  body.raw("max_tokens", std::to_string(ask.parameters.max_tokens.value_or(kDefaultMaxTokens)));
  if (ask.parameters.temperature)
    body.raw("temperature", fmt::format("{}", std::clamp(*ask.parameters.temperature, 0.0, 1.0)));
  if (ask.parameters.top_p) body.raw("top_p", fmt::format("{}", *ask.parameters.top_p));
  JsonArray stop;
  for (const std::string& one : ask.parameters.stop) stop.text(one);
  if (!stop.empty()) body.raw("stop_sequences", std::move(stop).finish());
}

}  // namespace

Result<std::string> messages_request(const llm::ChatRequest& request, std::string_view upstream_model) {
  FAIRLEAD_TRY(const Ask ask, internal::read_ask(request, kLanguage));
  FAIRLEAD_TRY(const internal::Conversation conversation, translate_messages(ask.messages, kLanguage));
  JsonObject body, config;
  body.text("model", upstream_model);
  if (!conversation.system.empty()) body.raw("system", conversation.system);
  body.raw("messages", conversation.messages);
  add_sampling(body, ask);
  add_tools(body, ask);
  add_tool_choice(body, ask);
  if (!ask.user.empty()) {
    JsonObject metadata;
    metadata.text("user_id", ask.user);
    body.raw("metadata", std::move(metadata).finish());
  }
  if (ask.form == Form::kSchema)
    config.raw("format", fmt::format(R"({{"type":"json_schema","schema":{}}})", ask.schema));
  FAIRLEAD_TRY(const Thinking thinking,
               thinking_for(ask, ask.parameters.max_tokens.value_or(kDefaultMaxTokens), upstream_model, kLanguage));
  if (!thinking.thinking.empty()) body.raw("thinking", thinking.thinking);
  if (!thinking.effort.empty()) config.text("effort", thinking.effort);
  if (ask.service_tier == "auto" || ask.service_tier == "default") {
    body.text("service_tier", ask.service_tier == "auto" ? "auto" : "standard_only");
  } else if (!ask.service_tier.empty()) {
    return kLanguage.unsupported("service_tier", "it must be auto or default");
  }
  for (const llm::Member& member : ask.others)
    if (member.name != "output_config" || config.empty()) body.raw(member.name, member.json);
  if (!config.empty()) body.raw("output_config", std::move(config).finish());
  if (request.stream) body.raw("stream", "true");
  return std::move(body).finish();
}

}  // namespace fairlead::providers::anthropic
