#include "providers/yandexgpt/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "providers/internal/conversation.h"

namespace fairlead::providers::yandexgpt {
namespace {

using internal::Ask;
using internal::Form;
using internal::JsonArray;
using internal::JsonObject;
using internal::ToolChoice;
using llm::Message;
using llm::Role;

constexpr std::string_view kSays[] = {"tools",
                                      "tool_choice",
                                      "tool_choice.none",
                                      "tool_choice.required",
                                      "tool_choice.function",
                                      "parallel_tool_calls",
                                      "response_format",
                                      "json_object",
                                      "json_schema",
                                      "reasoning_effort"};
constexpr internal::Language kLanguage{.vendor = "a YandexGPT upstream", .says = kSays};

void add_text(JsonArray& messages, std::string_view role, std::string_view text) {
  JsonObject message;
  message.text("role", role);
  message.text("text", text);
  messages.raw(std::move(message).finish());
}

void add_list(JsonArray& messages, std::string_view role, std::string_view kind, std::string_view items,
              JsonArray list) {
  JsonObject message, inner;
  message.text("role", role);
  inner.raw(items, std::move(list).finish());
  message.raw(kind, std::move(inner).finish());
  messages.raw(std::move(message).finish());
}

Result<JsonArray> tool_calls(const Message& message, const std::string& param) {
  JsonArray calls;
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    FAIRLEAD_TRY(const std::string_view arguments, internal::call_arguments(message, i, param));
    JsonObject function;
    function.text("name", message.tool_calls[i].name);
    function.raw("arguments", arguments);
    calls.raw(R"({"functionCall":)" + std::move(function).finish() + "}");
  }
  return calls;
}

Result<std::string> translate_messages(const std::vector<Message>& messages) {
  std::map<std::string, std::string> names;  // of the functions called, by the id of the call
  JsonArray out, results;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const std::string param = fmt::format("messages[{}]", i);
    FAIRLEAD_TRY(const std::string text, internal::only_text(message, param, kLanguage, "it takes text only"));
    if (message.role == Role::kTool) {
      const auto name = names.find(message.tool_call_id);
      if (name == names.end())
        return internal::invalid_value(param + ".tool_call_id", "no call of that id comes before it");
      JsonObject result;
      result.text("name", name->second);
      result.text("content", text);
      results.raw(R"({"functionResult":)" + std::move(result).finish() + "}");
      continue;
    }
    if (!results.empty()) add_list(out, "user", "toolResultList", "toolResults", std::exchange(results, {}));
    switch (message.role) {
      case Role::kSystem:
      case Role::kDeveloper:
        add_text(out, "system", text);
        break;
      case Role::kUser:
        add_text(out, "user", text);
        break;
      case Role::kAssistant: {
        for (const llm::ToolCall& call : message.tool_calls) names[call.id] = call.name;
        if (!text.empty()) add_text(out, "assistant", text);
        if (message.tool_calls.empty()) break;
        FAIRLEAD_TRY(JsonArray calls, tool_calls(message, param));
        add_list(out, "assistant", "toolCallList", "toolCalls", std::move(calls));
        break;
      }
      default:
        return kLanguage.unsupported_value(param + ".role", "the role function is of the time before tools");
    }
  }
  if (!results.empty()) add_list(out, "user", "toolResultList", "toolResults", std::move(results));
  if (out.empty()) return kLanguage.unsupported_value("messages", "it needs a message");
  return std::move(out).finish();
}

Result<void> add_options(JsonObject& body, const Ask& ask, bool stream) {
  JsonObject options;
  options.raw("stream", stream ? "true" : "false");
  if (ask.parameters.temperature)
    options.raw("temperature", fmt::format("{}", std::clamp(*ask.parameters.temperature, 0.0, 1.0)));
  if (ask.parameters.max_tokens) options.text("maxTokens", std::to_string(*ask.parameters.max_tokens));
  if (ask.parameters.top_p && *ask.parameters.top_p < 1) return kLanguage.unsupported("top_p", "it has no such thing");
  if (!ask.reasoning_effort.empty())
    options.raw("reasoningOptions",
                fmt::format(R"({{"mode":"{}"}})", ask.reasoning_effort == "none" ? "DISABLED" : "ENABLED_HIDDEN"));
  body.raw("completionOptions", std::move(options).finish());
  return {};
}

void add_tools(JsonObject& body, const Ask& ask) {
  if (ask.tools.empty()) return;
  JsonArray tools;
  for (const internal::Tool& one : ask.tools) {
    JsonObject tool;
    tool.text("name", one.name);
    if (!one.description.empty()) tool.text("description", one.description);
    tool.raw("parameters", one.parameters);
    if (one.strict) tool.raw("strict", "true");
    tools.raw(R"({"function":)" + std::move(tool).finish() + "}");
  }
  body.raw("tools", std::move(tools).finish());
  if (ask.one_tool_at_a_time) body.raw("parallelToolCalls", "false");
  JsonObject choice;
  if (ask.tool_choice == ToolChoice::kNamed) choice.text("functionName", ask.tool_name);
  if (ask.tool_choice == ToolChoice::kNone) choice.text("mode", "NONE");
  if (ask.tool_choice == ToolChoice::kAuto) choice.text("mode", "AUTO");
  if (ask.tool_choice == ToolChoice::kRequired) choice.text("mode", "REQUIRED");
  if (!choice.empty()) body.raw("toolChoice", std::move(choice).finish());
}

}  // namespace

Result<std::string> completion_request(const llm::ChatRequest& request, std::string_view upstream_model,
                                       std::string_view folder) {
  FAIRLEAD_TRY(const Ask ask, internal::read_ask(request, kLanguage));
  FAIRLEAD_TRY(const std::string messages, translate_messages(ask.messages));
  JsonObject body;
  body.text("modelUri", upstream_model.contains("://") ? std::string(upstream_model)
                                                       : fmt::format("gpt://{}/{}", folder, upstream_model));
  FAIRLEAD_CHECK(add_options(body, ask, request.stream));
  body.raw("messages", messages);
  add_tools(body, ask);
  if (ask.form == Form::kJson) body.raw("jsonObject", "true");
  if (ask.form == Form::kSchema) body.raw("jsonSchema", R"({"schema":)" + ask.schema + "}");
  for (const llm::Member& member : ask.others) body.raw(member.name, member.json);
  return std::move(body).finish();
}

}  // namespace fairlead::providers::yandexgpt
