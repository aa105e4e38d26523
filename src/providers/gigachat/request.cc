#include "providers/gigachat/request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <set>

#include "providers/internal/conversation.h"

namespace fairlead::providers::gigachat {
namespace {

namespace dom = simdjson::dom;
using internal::Ask;
using internal::Form;
using internal::JsonArray;
using internal::JsonObject;
using internal::ToolChoice;
using llm::Message;
using llm::Role;

constexpr std::string_view kSays[] = {
    "tools",           "tool_choice", "tool_choice.none", "tool_choice.function", "parallel_tool_calls",
    "response_format", "json_schema", "reasoning_effort"};
constexpr internal::Language kLanguage{.vendor = "a GigaChat upstream", .says = kSays};

Result<std::string> text_of(const Message& message, const std::string& param) {
  return internal::only_text(message, param, kLanguage,
                             "it takes text only; images and files are stored with it first");
}

void add_text(JsonArray& messages, std::string_view role, std::string_view text) {
  JsonObject message;
  message.text("role", role);
  message.text("content", text);
  messages.raw(std::move(message).finish());
}

// As GigaChat makes them: a UUID. Other ids are of other models.
bool is_state_id(std::string_view id) {
  return id.size() == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-';
}

Result<std::string> call_message(const Message& message, std::size_t index, std::string_view text,
                                 const std::string& param) {
  const llm::ToolCall& call = message.tool_calls[index];
  FAIRLEAD_TRY(const std::string_view arguments, internal::call_arguments(message, index, param));
  JsonObject function, out;
  function.text("name", call.name);
  function.raw("arguments", arguments);
  out.text("role", "assistant");
  out.text("content", text);
  out.raw("function_call", std::move(function).finish());
  if (is_state_id(call.id)) out.text("functions_state_id", call.id);
  return std::move(out).finish();
}

// What a function has answered has to be the text of JSON.
std::string result_message(std::string_view name, const std::string& text) {
  dom::parser parser;
  dom::element value;
  std::string content = text;
  if (parser.parse(text).get(value) || !(value.is_object() || value.is_array())) {
    JsonObject wrapped;
    wrapped.text("result", text);
    content = std::move(wrapped).finish();
  }
  JsonObject out;
  out.text("role", "function");
  out.text("name", name);
  out.text("content", content);
  return std::move(out).finish();
}

// An assistant's calls, each followed by what came of it.
Result<void> add_calls(JsonArray& out, const std::vector<Message>& messages, std::size_t at, std::string_view text,
                       std::set<std::size_t>& used) {
  const Message& message = messages[at];
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    FAIRLEAD_TRY(const std::string call,
                 call_message(message, i, i == 0 ? text : std::string_view(), fmt::format("messages[{}]", at)));
    out.raw(call);
    for (std::size_t j = at + 1; j < messages.size() && messages[j].role == Role::kTool; ++j) {
      if (messages[j].tool_call_id != message.tool_calls[i].id || !used.insert(j).second) continue;
      FAIRLEAD_TRY(const std::string result, text_of(messages[j], fmt::format("messages[{}]", j)));
      out.raw(result_message(message.tool_calls[i].name, result));
    }
  }
  return {};
}

Result<std::string> translate_messages(const std::vector<Message>& messages) {
  std::string system;
  JsonArray out;
  std::set<std::size_t> used;  // the results that have been placed beside their calls
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const std::string param = fmt::format("messages[{}]", i);
    FAIRLEAD_TRY(const std::string text, text_of(message, param));
    switch (message.role) {
      case Role::kSystem:
      case Role::kDeveloper:
        if (!system.empty()) system += "\n\n";
        system += text;
        break;
      case Role::kUser:
        add_text(out, "user", text);
        break;
      case Role::kAssistant:
        if (message.tool_calls.empty()) add_text(out, "assistant", text);
        FAIRLEAD_CHECK(add_calls(out, messages, i, text, used));
        break;
      case Role::kTool:
        if (!used.contains(i))
          return internal::invalid_value(param + ".tool_call_id", "no call of that id comes right before it");
        break;
      case Role::kFunction:
        return kLanguage.unsupported_value(param + ".role", "the role function is of the time before tools");
    }
  }
  if (out.empty()) return kLanguage.unsupported_value("messages", "it needs a message, beside what the system says");
  if (system.empty()) return std::move(out).finish();
  JsonArray all;
  add_text(all, "system", system);
  std::string rest = std::move(out).finish();
  return std::move(all.next()) + rest.substr(1);
}

// Zero is no temperature there; what it stands for is said with top_p.
void add_sampling(JsonObject& body, const Ask& ask) {
  const llm::ChatParameters& said = ask.parameters;
  const bool greedy = said.temperature && *said.temperature <= 0;
  if (said.temperature && !greedy) body.raw("temperature", fmt::format("{}", *said.temperature));
  if (greedy) {
    body.raw("top_p", "0");
  } else if (said.top_p) {
    body.raw("top_p", fmt::format("{}", *said.top_p));
  }
  if (said.max_tokens) body.raw("max_tokens", std::to_string(*said.max_tokens));
}

void add_functions(JsonObject& body, const Ask& ask) {
  if (ask.tools.empty()) return;
  JsonArray functions;
  for (const internal::Tool& one : ask.tools) {
    JsonObject function;
    function.text("name", one.name);
    if (!one.description.empty()) function.text("description", one.description);
    function.raw("parameters", one.parameters);
    functions.raw(std::move(function).finish());
  }
  body.raw("functions", std::move(functions).finish());
  if (ask.tool_choice == ToolChoice::kNone) body.text("function_call", "none");
  if (ask.tool_choice == ToolChoice::kAuto) body.text("function_call", "auto");
  if (ask.tool_choice == ToolChoice::kNamed) {
    JsonObject name;
    name.text("name", ask.tool_name);
    body.raw("function_call", std::move(name).finish());
  }
}

}  // namespace

Result<std::string> chat_request(const llm::ChatRequest& request, std::string_view upstream_model) {
  FAIRLEAD_TRY(const Ask ask, internal::read_ask(request, kLanguage));
  FAIRLEAD_TRY(const std::string messages, translate_messages(ask.messages));
  JsonObject body;
  body.text("model", upstream_model);
  body.raw("messages", messages);
  add_sampling(body, ask);
  add_functions(body, ask);
  if (ask.form == Form::kSchema)
    body.raw("response_format", fmt::format(R"({{"type":"json_schema","schema":{},"strict":true}})", ask.schema));
  if (!ask.reasoning_effort.empty()) body.text("reasoning_effort", ask.reasoning_effort);
  for (const llm::Member& member : ask.others) body.raw(member.name, member.json);
  if (request.stream) body.raw("stream", "true");
  return std::move(body).finish();
}

}  // namespace fairlead::providers::gigachat
