#include "providers/internal/ask.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "providers/internal/json_reader.h"

namespace fairlead::providers::internal {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

// Members that every vendor's request is made of, or that are not for the upstream.
constexpr std::string_view kOfAll[] = {
    "model",       "messages", "fairlead", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "temperature", "top_p"};
// Members that change the answer, as far as they do not ask for nothing.
constexpr std::string_view kWeighty[] = {"stop",
                                         "tools",
                                         "tool_choice",
                                         "response_format",
                                         "reasoning_effort",
                                         "service_tier",
                                         "frequency_penalty",
                                         "presence_penalty",
                                         "logprobs",
                                         "top_logprobs",
                                         "logit_bias",
                                         "functions",
                                         "function_call",
                                         "audio",
                                         "web_search_options",
                                         "moderation",
                                         "n"};
// Advice, or the business of OpenAI's own services. `parallel_tool_calls` and `modalities` have checks of their own.
constexpr std::string_view kAdvice[] = {"seed",
                                        "store",
                                        "metadata",
                                        "prediction",
                                        "prompt_cache_key",
                                        "prompt_cache_retention",
                                        "prompt_cache_options",
                                        "verbosity",
                                        "user",
                                        "safety_identifier",
                                        "parallel_tool_calls",
                                        "modalities"};

bool contains(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

bool asks_for_nothing(const llm::Member& member) {
  constexpr std::string_view kNothing[] = {"null", "false", "0", "0.0", "{}", "[]"};
  if (member.name == "n") return member.json == "1" || member.json == "null";
  if (member.name == "web_search_options") return member.json == "null";  // an empty one asks for a search
  if (member.name == "service_tier" && (member.json == R"("auto")" || member.json == R"("default")")) return true;
  return contains(kNothing, member.json);
}

Result<void> read_tools(dom::element value, const Language& language, Ask& ask) {
  dom::array tools;
  if (value.get_array().get(tools)) return {};
  for (const dom::element one : tools) {
    dom::object tool, function;
    if (one.get_object().get(tool) || tool.at_key("function").get_object().get(function))
      return language.unsupported(fmt::format("tools[{}]", ask.tools.size()), "only function tools are");
    Tool& added = ask.tools.emplace_back();
    added.name = text_of(function, "name");
    added.description = text_of(function, "description");
    dom::element parameters;
    const bool given = !function.at_key("parameters").get(parameters) && parameters.is_object();
    added.parameters = given ? simdjson::minify(parameters) : std::string(kNoParameters);
    bool strict = false;
    added.strict = !function.at_key("strict").get_bool().get(strict) && strict;
  }
  return {};
}

Result<void> read_tool_choice(dom::element value, const Language& language, Ask& ask) {
  std::string_view word, feature;
  if (!value.get_string().get(word)) {
    if (word == "none") ask.tool_choice = ToolChoice::kNone, feature = "tool_choice.none";
    if (word == "auto") ask.tool_choice = ToolChoice::kAuto;
    if (word == "required") ask.tool_choice = ToolChoice::kRequired, feature = "tool_choice.required";
  } else {
    dom::object object, function;
    if (value.get_object().get(object) || object.at_key("function").get_object().get(function))
      return language.unsupported("tool_choice", "only a function, or one of none, auto and required, is");
    ask.tool_choice = ToolChoice::kNamed;
    ask.tool_name = text_of(function, "name");
    feature = "tool_choice.function";
  }
  if (!feature.empty() && !language.can_say(feature))
    return language.unsupported("tool_choice", word.empty() ? std::string("it cannot be told which tool to call")
                                                            : fmt::format("it has no `{}`", word));
  return {};
}

Result<void> read_response_format(dom::element value, const Language& language, Ask& ask) {
  dom::object format, described;
  if (value.get_object().get(format)) return {};
  const std::string_view type = text_of(format, "type");
  if (type == "text") return {};
  if (type == "json_object" && language.can_say("json_object")) {
    ask.form = Form::kJson;
    return {};
  }
  dom::element schema;
  if (type != "json_schema" || format.at_key("json_schema").get_object().get(described) ||
      described.at_key("schema").get(schema))
    return language.unsupported("response_format", language.can_say("json_schema")
                                                       ? "it needs a schema; use type json_schema"
                                                       : "it answers in text only");
  if (!language.can_say("json_schema"))
    return language.unsupported("response_format", "it knows no schema; use type json_object");
  ask.form = Form::kSchema;
  ask.schema = simdjson::minify(schema);
  ask.schema_name = text_of(described, "name");
  return {};
}

// One member that is OpenAI's.
Result<void> read_member(const llm::Member& member, const Language& language, Ask& ask) {
  if (member.name == "modalities" && member.json.find("audio") != std::string_view::npos)
    return language.unsupported("modalities", "it answers in text only");
  if (member.name == "parallel_tool_calls" && member.json == "false") {
    if (!language.can_say("parallel_tool_calls") && !ask.tools.empty())
      return language.unsupported("parallel_tool_calls", "it cannot be told to call one tool at a time");
    ask.one_tool_at_a_time = true;
  }
  if (contains(kWeighty, member.name)) {
    if (asks_for_nothing(member)) return {};
    const std::string_view feature = member.name == "top_logprobs" ? "logprobs" : member.name;
    const bool says_nothing = member.name == "response_format" && member.json.find("\"text\"") != member.json.npos;
    if (!says_nothing && !language.can_say(feature))
      return language.unsupported(member.name,
                                  member.name == "n" ? "it gives one answer to a request" : "it has no such thing");
  }
  dom::parser parser;
  dom::element value;
  if (parser.parse(member.json.data(), member.json.size()).get(value)) return {};
  std::string_view text;
  const bool is_text = !value.get_string().get(text);
  if (member.name == "tools") return read_tools(value, language, ask);
  if (member.name == "tool_choice") return read_tool_choice(value, language, ask);
  if (member.name == "response_format") return read_response_format(value, language, ask);
  if (member.name == "reasoning_effort" && is_text) ask.reasoning_effort = text;
  if (member.name == "service_tier" && is_text) ask.service_tier = text;
  if (is_text && (member.name == "user" || (member.name == "safety_identifier" && ask.user.empty()))) ask.user = text;
  return {};
}

}  // namespace

bool Language::can_say(std::string_view feature) const {
  return contains(says, feature);
}

std::unexpected<Error> Language::unsupported(std::string_view param, std::string_view why) const {
  return fail(ErrorKind::kUnsupported, "unsupported_parameter",
              fmt::format("Unsupported parameter: '{}' cannot be expressed for {}: {}.", param, vendor, why),
              std::string(param));
}

std::unexpected<Error> Language::unsupported_value(std::string_view param, std::string_view why) const {
  return fail(ErrorKind::kUnsupported, "unsupported_value",
              fmt::format("'{}' cannot be expressed for {}: {}.", param, vendor, why), std::string(param));
}

std::unexpected<Error> invalid_value(std::string_view param, std::string_view why) {
  return fail(ErrorKind::kInvalid, "invalid_value", fmt::format("Invalid '{}': {}.", param, why), std::string(param));
}

const llm::Member* Ask::other(std::string_view name) const {
  const auto found = std::ranges::find(others, name, &llm::Member::name);
  return found == others.end() ? nullptr : &*found;
}

Result<Ask> read_ask(const llm::ChatRequest& request, const Language& language) {
  Ask ask;
  FAIRLEAD_TRY(ask.messages, request.parse_messages());
  ask.parameters = llm::ChatParameters::of(request);
  // Tools first: what else is said of them depends on there being any.
  if (const llm::Member* tools = request.member("tools"); tools != nullptr && tools->json != "null")
    FAIRLEAD_CHECK(read_member(*tools, language, ask));
  for (const llm::Member& member : request.members) {
    if (member.json == "null" || member.name == "tools" || contains(kOfAll, member.name)) continue;
    if (contains(kWeighty, member.name) || contains(kAdvice, member.name)) {
      FAIRLEAD_CHECK(read_member(member, language, ask));
    } else {
      ask.others.push_back(member);
    }
  }
  return ask;
}

DataUrl read_data_url(std::string_view url) {
  const std::size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) return {};
  std::string_view head = url.substr(5, comma - 5);
  if (!head.ends_with(";base64")) return {};
  head.remove_suffix(7);
  return {head.substr(0, head.find(';')), url.substr(comma + 1)};
}

Result<File> read_file_part(const llm::ContentPart& part, const Language& language, std::string_view param) {
  dom::parser parser;
  dom::object file;
  std::string_view content;
  if (parser.parse(part.json).at_key("file").get_object().get(file) ||
      file.at_key("file_data").get_string().get(content))
    return language.unsupported_value(param, "a file must come along as file_data");
  const DataUrl data = read_data_url(content);
  if (data.media_type.empty())
    return invalid_value(fmt::format("{}.file.file_data", param), "it must be a data: URL in base64");
  return File{.name = std::string(text_of(file, "filename")),
              .media_type = std::string(data.media_type),
              .data = std::string(data.data)};
}

}  // namespace fairlead::providers::internal
