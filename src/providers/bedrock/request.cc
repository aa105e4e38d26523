#include "providers/bedrock/request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "providers/anthropic/thinking.h"
#include "providers/bedrock/messages.h"
#include "providers/internal/ask.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::bedrock {
namespace {

namespace dom = simdjson::dom;
using internal::Ask;
using internal::Form;
using internal::JsonArray;
using internal::JsonObject;
using internal::ToolChoice;

constexpr std::string_view kSays[] = {"stop",
                                      "tools",
                                      "tool_choice",
                                      "tool_choice.required",
                                      "tool_choice.function",
                                      "response_format",
                                      "json_schema",
                                      "reasoning_effort",
                                      "service_tier"};
constexpr internal::Language kLanguage{.vendor = "a Bedrock upstream", .says = kSays};

constexpr std::string_view kOwn[] = {"guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables",
                                     "additionalModelResponseFieldPaths"};

void add_inference_config(JsonObject& body, const Ask& ask) {
  JsonObject config;
  if (ask.parameters.max_tokens) config.raw("maxTokens", std::to_string(*ask.parameters.max_tokens));
  if (ask.parameters.temperature) config.raw("temperature", fmt::format("{}", *ask.parameters.temperature));
  if (ask.parameters.top_p) config.raw("topP", fmt::format("{}", *ask.parameters.top_p));
  JsonArray stop;
  for (const std::string& one : ask.parameters.stop) stop.text(one);
  if (!stop.empty()) config.raw("stopSequences", std::move(stop).finish());
  if (!config.empty()) body.raw("inferenceConfig", std::move(config).finish());
}

void add_tools(JsonObject& body, const Ask& ask) {
  if (ask.tools.empty()) return;
  JsonArray tools;
  for (const internal::Tool& one : ask.tools) {
    JsonObject tool;
    tool.text("name", one.name);
    if (!one.description.empty()) tool.text("description", one.description);
    tool.raw("inputSchema", R"({"json":)" + one.parameters + "}");
    if (one.strict) tool.raw("strict", "true");
    tools.raw(R"({"toolSpec":)" + std::move(tool).finish() + "}");
  }
  JsonObject config;
  config.raw("tools", std::move(tools).finish());
  if (ask.tool_choice == ToolChoice::kAuto) config.raw("toolChoice", R"({"auto":{}})");
  if (ask.tool_choice == ToolChoice::kRequired) config.raw("toolChoice", R"({"any":{}})");
  if (ask.tool_choice == ToolChoice::kNamed) {
    JsonObject name;
    name.text("name", ask.tool_name);
    config.raw("toolChoice", R"({"tool":)" + std::move(name).finish() + "}");
  }
  body.raw("toolConfig", std::move(config).finish());
}

void add_output_config(JsonObject& body, const Ask& ask) {
  if (ask.form != Form::kSchema) return;
  JsonObject schema;
  schema.text("schema", ask.schema);  // a text, not an object
  if (!ask.schema_name.empty()) schema.text("name", ask.schema_name);
  body.raw("outputConfig", fmt::format(R"({{"textFormat":{{"type":"json_schema","structure":{{"jsonSchema":{}}}}}}})",
                                       std::move(schema).finish()));
}

// How much to think is said in each family's own words.
Result<void> add_effort(JsonObject& fields, const Ask& ask, std::string_view model) {
  if (ask.reasoning_effort.empty()) return {};
  if (model.contains("openai.")) {
    fields.text("reasoning_effort", ask.reasoning_effort);
    return {};
  }
  if (!model.contains("anthropic."))
    return kLanguage.unsupported("reasoning_effort", fmt::format("{} has its own words for it; send those", model));
  constexpr std::int64_t kDefaultMaxTokens = 4096;
  FAIRLEAD_TRY(const anthropic::Thinking thinking,
               anthropic::thinking_for(ask, ask.parameters.max_tokens.value_or(kDefaultMaxTokens), model, kLanguage));
  if (!thinking.thinking.empty()) fields.raw("thinking", thinking.thinking);
  if (!thinking.effort.empty() && ask.other("output_config") == nullptr)
    fields.raw("output_config", fmt::format(R"({{"effort":"{}"}})", thinking.effort));
  return {};
}

Result<void> add_model_fields(JsonObject& body, const Ask& ask, std::string_view model) {
  JsonObject fields;
  FAIRLEAD_CHECK(add_effort(fields, ask, model));
  for (const llm::Member& member : ask.others) {
    if (std::ranges::find(kOwn, member.name) != std::end(kOwn)) {
      body.raw(member.name, member.json);
    } else if (member.name == "additionalModelRequestFields") {
      dom::parser parser;
      dom::object object;
      if (parser.parse(member.json.data(), member.json.size()).get_object().get(object))
        return internal::invalid_value(member.name, "it must be an object");
      for (const dom::key_value_pair one : object) fields.raw(one.key, simdjson::minify(one.value));
    } else {
      fields.raw(member.name, member.json);
    }
  }
  if (!fields.empty()) body.raw("additionalModelRequestFields", std::move(fields).finish());
  return {};
}

}  // namespace

Result<std::string> converse_request(const llm::ChatRequest& request, std::string_view upstream_model) {
  FAIRLEAD_TRY(const Ask ask, internal::read_ask(request, kLanguage));
  FAIRLEAD_TRY(const internal::Conversation conversation, translate_messages(ask.messages, kLanguage));
  JsonObject body;
  if (!conversation.system.empty()) body.raw("system", conversation.system);
  body.raw("messages", conversation.messages);
  add_inference_config(body, ask);
  add_tools(body, ask);
  add_output_config(body, ask);
  if (!ask.service_tier.empty() && ask.service_tier != "auto") {
    JsonObject tier;
    tier.text("type", ask.service_tier);
    body.raw("serviceTier", std::move(tier).finish());
  }
  FAIRLEAD_CHECK(add_model_fields(body, ask, upstream_model));
  return std::move(body).finish();
}

}  // namespace fairlead::providers::bedrock
