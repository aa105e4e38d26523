#include "providers/anthropic/request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "platform/json/text.h"
#include "providers/anthropic/messages.h"

namespace fairlead::providers::anthropic {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kDefaultMaxTokens = 4096;  // the Messages API has no default of its own
constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

std::unexpected<Error> unsupported(std::string_view param, std::string_view why) {
  return fail(ErrorKind::kUnsupported, "unsupported_parameter",
              fmt::format("Unsupported parameter: '{}' cannot be expressed for an Anthropic upstream: {}.", param, why),
              std::string(param));
}

bool contains(std::initializer_list<std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

bool is_nothing(std::string_view json) {
  return contains({"null", "false", "0", "0.0", "{}", "[]"}, json);
}

std::string_view text_of(dom::object object, std::string_view name) {
  std::string_view value;
  return object.at_key(name).get_string().get(value) ? std::string_view() : value;
}

// A body in the making: members, one after another.
class Body {
 public:
  std::string& member(std::string_view name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    text_ += "\":";
    return text_;
  }
  std::string finish() && { return std::move(text_) + "}"; }

 private:
  std::string text_;
};

Result<void> add_tools(Body& body, dom::element value) {
  dom::array tools;
  if (value.get_array().get(tools)) return {};
  std::string& out = body.member("tools");
  out += '[';
  std::size_t index = 0;
  for (const dom::element one : tools) {
    dom::object tool, function;
    if (one.get_object().get(tool) || tool.at_key("function").get_object().get(function))
      return unsupported(fmt::format("tools[{}]", index), "only function tools are");
    if (index++ > 0) out += ',';
    out += R"({"name":)";
    json::append_string(out, text_of(function, "name"));
    if (const std::string_view description = text_of(function, "description"); !description.empty()) {
      out += R"(,"description":)";
      json::append_string(out, description);
    }
    out += R"(,"input_schema":)";
    dom::element parameters;
    if (!function.at_key("parameters").get(parameters) && parameters.is_object()) {
      out += simdjson::minify(parameters);
    } else {
      out += kNoParameters;
    }
    bool strict = false;
    if (!function.at_key("strict").get_bool().get(strict) && strict) out += R"(,"strict":true)";
    out += '}';
  }
  out += ']';
  return {};
}

// `choice` may be null: then only parallel_tool_calls is said.
Result<std::string> tool_choice(const dom::element* choice, bool one_at_a_time) {
  std::string out = R"({"type":"auto")";
  if (choice != nullptr && choice->is_string()) {
    const std::string_view word = choice->get_string().value_unsafe();
    if (word == "none") return std::string(R"({"type":"none"})");
    if (word == "required") out = R"({"type":"any")";
  } else if (choice != nullptr && choice->is_object()) {
    const dom::object object = choice->get_object().value_unsafe();
    dom::object function;
    if (object.at_key("function").get_object().get(function))
      return unsupported("tool_choice", "only a function, or one of none, auto and required, is");
    out = R"({"type":"tool","name":)";
    json::append_string(out, text_of(function, "name"));
  }
  if (one_at_a_time) out += R"(,"disable_parallel_tool_use":true)";
  return out + "}";
}

// What goes into output_config: the schema that the answer must have, and how much thought it is worth.
struct OutputConfig {
  std::string format, effort;
};

Result<void> read_response_format(dom::element value, OutputConfig& config) {
  dom::object format, described;
  if (value.get_object().get(format)) return {};
  const std::string_view type = text_of(format, "type");
  if (type == "text") return {};
  dom::element schema;
  if (type != "json_schema" || format.at_key("json_schema").get_object().get(described) ||
      described.at_key("schema").get(schema))
    return unsupported("response_format", "it needs a schema; use type json_schema");
  config.format = fmt::format(R"({{"type":"json_schema","schema":{}}})", simdjson::minify(schema));
  return {};
}

Result<void> read_effort(dom::element value, OutputConfig& config) {
  std::string_view effort;
  if (value.get_string().get(effort)) return {};
  if (effort == "none" || effort == "minimal") effort = "low";
  if (!contains({"low", "medium", "high", "xhigh", "max"}, effort))
    return unsupported("reasoning_effort", "it must be one of low, medium, high and xhigh");
  config.effort = effort;
  return {};
}

Result<void> add_service_tier(Body& body, dom::element value) {
  std::string_view tier;
  if (value.get_string().get(tier)) return {};
  if (tier != "auto" && tier != "default") return unsupported("service_tier", "it must be auto or default");
  body.member("service_tier") += tier == "auto" ? R"("auto")" : R"("standard_only")";
  return {};
}

// Members that change the answer in ways that the Messages API has no words for.
Result<void> refuse_inexpressible(const llm::ChatRequest& request) {
  if (request.n > 1) return unsupported("n", "it gives one answer to a request");
  for (const llm::Member& member : request.members) {
    if (is_nothing(member.json)) continue;
    if (contains({"logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "functions",
                  "function_call", "audio", "web_search_options", "moderation"},
                 member.name)) {
      return unsupported(member.name, "it has no such thing");
    }
    if (member.name == "modalities" && member.json.find("audio") != std::string_view::npos)
      return unsupported("modalities", "it answers in text only");
  }
  return {};
}

constexpr std::string_view kNotPassed[] = {
    // translated below
    "model", "messages", "fairlead", "stream", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
    "tools", "tool_choice", "parallel_tool_calls", "user", "safety_identifier", "response_format", "reasoning_effort",
    "service_tier", "output_config",
    // refused above, unless they ask for nothing
    "n", "logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "functions",
    "function_call", "audio", "web_search_options", "modalities", "moderation",
    // advice, or the business of OpenAI's own services
    "seed", "stream_options", "store", "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention",
    "prompt_cache_options", "verbosity"};

Result<void> add_sampling(Body& body, const llm::ChatRequest& request) {
  const llm::ChatParameters parameters = llm::ChatParameters::of(request);
  body.member("max_tokens") += std::to_string(parameters.max_tokens.value_or(kDefaultMaxTokens));
  if (parameters.temperature)
    body.member("temperature") += fmt::format("{}", std::clamp(*parameters.temperature, 0.0, 1.0));
  if (parameters.top_p) body.member("top_p") += fmt::format("{}", *parameters.top_p);
  if (!parameters.stop.empty()) {
    std::string& out = body.member("stop_sequences");
    char separator = '[';
    for (const std::string& one : parameters.stop) {
      out += separator;
      json::append_string(out, one);
      separator = ',';
    }
    out += ']';
  }
  return {};
}

void add_output_config(Body& body, const OutputConfig& config, std::string_view own) {
  if (config.format.empty() && config.effort.empty()) {
    if (!own.empty()) body.member("output_config") += own;
    return;
  }
  std::string& out = body.member("output_config");
  out += '{';
  if (!config.format.empty()) out += R"("format":)" + config.format;
  if (!config.effort.empty()) out += fmt::format(R"({}"effort":"{}")", config.format.empty() ? "" : ",", config.effort);
  out += '}';
}

}  // namespace

Result<std::string> messages_request(const llm::ChatRequest& request, std::string_view upstream_model) {
  FAIRLEAD_CHECK(refuse_inexpressible(request));
  Body body;
  json::append_string(body.member("model"), upstream_model);
  FAIRLEAD_TRY(const Conversation conversation, translate_messages(request));
  if (!conversation.system.empty()) body.member("system") += conversation.system;
  body.member("messages") += conversation.messages;
  FAIRLEAD_CHECK(add_sampling(body, request));

  OutputConfig config;
  std::string_view own_config, user;
  bool one_at_a_time = false;
  std::string choice;
  dom::parser parser;
  for (const llm::Member& member : request.members) {
    if (member.json == "null") continue;
    if (std::ranges::find(kNotPassed, member.name) == std::end(kNotPassed)) {
      body.member(member.name) += member.json;
      continue;
    }
    dom::element value;
    if (!contains({"tools", "tool_choice", "parallel_tool_calls", "user", "safety_identifier", "response_format",
                   "reasoning_effort", "service_tier", "output_config"},
                  member.name) ||
        parser.parse(member.json.data(), member.json.size()).get(value)) {
      continue;
    }
    if (member.name == "tools") FAIRLEAD_CHECK(add_tools(body, value));
    if (member.name == "tool_choice") {
      FAIRLEAD_TRY(choice, tool_choice(&value, request.member("parallel_tool_calls") != nullptr &&
                                                   request.member("parallel_tool_calls")->json == "false"));
    }
    if (member.name == "parallel_tool_calls") one_at_a_time = member.json == "false";
    if (member.name == "user" || (member.name == "safety_identifier" && user.empty())) user = member.json;
    if (member.name == "response_format") FAIRLEAD_CHECK(read_response_format(value, config));
    if (member.name == "reasoning_effort") FAIRLEAD_CHECK(read_effort(value, config));
    if (member.name == "service_tier") FAIRLEAD_CHECK(add_service_tier(body, value));
    if (member.name == "output_config") own_config = member.json;
  }
  if (choice.empty() && one_at_a_time && request.member("tools") != nullptr) {
    FAIRLEAD_TRY(choice, tool_choice(nullptr, true));
  }
  if (!choice.empty()) body.member("tool_choice") += choice;
  if (!user.empty()) body.member("metadata") += fmt::format(R"({{"user_id":{}}})", user);
  add_output_config(body, config, own_config);
  if (request.stream) body.member("stream") += "true";
  return std::move(body).finish();
}

}  // namespace fairlead::providers::anthropic
