#include "providers/gemini/request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <set>

#include "providers/gemini/contents.h"
#include "providers/internal/ask.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::gemini {
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
                                      "tool_choice.none",
                                      "tool_choice.required",
                                      "tool_choice.function",
                                      "response_format",
                                      "json_object",
                                      "json_schema",
                                      "reasoning_effort",
                                      "frequency_penalty",
                                      "presence_penalty"};
constexpr internal::Language kLanguage{.vendor = "a Gemini upstream", .says = kSays};

void add_tools(JsonObject& body, const Ask& ask) {
  if (ask.tools.empty()) return;
  JsonArray declarations;
  for (const internal::Tool& one : ask.tools) {
    JsonObject tool;
    tool.text("name", one.name);
    if (!one.description.empty()) tool.text("description", one.description);
    tool.raw("parametersJsonSchema", one.parameters);
    declarations.raw(std::move(tool).finish());
  }
  body.raw("tools", R"([{"functionDeclarations":)" + std::move(declarations).finish() + "}]");
  if (ask.tool_choice == ToolChoice::kUnsaid) return;
  JsonObject config;
  config.text("mode", ask.tool_choice == ToolChoice::kNone   ? "NONE"
                      : ask.tool_choice == ToolChoice::kAuto ? "AUTO"
                                                             : "ANY");
  if (ask.tool_choice == ToolChoice::kNamed) {
    JsonArray names;
    names.text(ask.tool_name);
    config.raw("allowedFunctionNames", std::move(names).finish());
  }
  body.raw("toolConfig", R"({"functionCallingConfig":)" + std::move(config).finish() + "}");
}

// https://ai.google.dev/gemini-api/docs/thinking: a level since Gemini 3, a budget of tokens before; the budgets are
// those of Google's own OpenAI surface.
Result<std::string> thinking_config(std::string_view effort, std::string_view model) {
  if (model.contains("gemini-2")) {
    if (effort == "none") return std::string(R"({"thinkingBudget":0})");
    const int budget = effort == "minimal" || effort == "low" ? 1024 : effort == "medium" ? 8192 : 24576;
    return fmt::format(R"({{"includeThoughts":true,"thinkingBudget":{}}})", budget);
  }
  if (effort == "none")
    return kLanguage.unsupported("reasoning_effort", "it cannot be kept from thinking; `minimal` is the least");
  const std::string_view level = effort == "xhigh" ? "high" : effort;
  return fmt::format(R"({{"includeThoughts":true,"thinkingLevel":"{}"}})", level);
}

// The config in the making, which remembers what it holds.
class Config {
 public:
  void raw(std::string_view name, std::string_view json) {
    if (names_.emplace(name).second) object_.raw(name, json);
  }
  void number(std::string_view name, std::optional<double> value) {
    if (value) raw(name, fmt::format("{}", *value));
  }
  bool empty() const { return names_.empty(); }
  std::string finish() && { return std::move(object_).finish(); }

 private:
  JsonObject object_;
  std::set<std::string, std::less<>> names_;
};

Result<void> add_config(JsonObject& body, const Ask& ask, std::string_view model) {
  const llm::ChatParameters& said = ask.parameters;
  Config config;
  config.number("temperature", said.temperature);
  config.number("topP", said.top_p);
  config.number("frequencyPenalty", said.frequency_penalty);
  config.number("presencePenalty", said.presence_penalty);
  if (said.max_tokens) config.raw("maxOutputTokens", std::to_string(*said.max_tokens));
  if (said.seed) config.raw("seed", std::to_string(*said.seed));
  JsonArray stop;
  for (const std::string& one : said.stop) stop.text(one);
  if (!stop.empty()) config.raw("stopSequences", std::move(stop).finish());
  if (ask.form != Form::kText) config.raw("responseMimeType", R"("application/json")");
  if (ask.form == Form::kSchema) config.raw("responseJsonSchema", ask.schema);
  if (!ask.reasoning_effort.empty()) {
    constexpr std::string_view kEfforts[] = {"none", "minimal", "low", "medium", "high", "xhigh"};
    if (std::ranges::find(kEfforts, ask.reasoning_effort) == std::end(kEfforts))
      return kLanguage.unsupported("reasoning_effort", "it must be one of none, minimal, low, medium, high and xhigh");
    FAIRLEAD_TRY(const std::string thinking, thinking_config(ask.reasoning_effort, model));
    config.raw("thinkingConfig", thinking);
  }
  if (const llm::Member* own = ask.other("generationConfig"); own != nullptr) {
    dom::parser parser;
    dom::object object;
    if (parser.parse(own->json.data(), own->json.size()).get_object().get(object))
      return internal::invalid_value("generationConfig", "it must be an object");
    for (const dom::key_value_pair member : object) config.raw(member.key, simdjson::minify(member.value));
  }
  if (!config.empty()) body.raw("generationConfig", std::move(config).finish());
  return {};
}

}  // namespace

Result<std::string> generate_request(const llm::ChatRequest& request, std::string_view upstream_model) {
  FAIRLEAD_TRY(const Ask ask, internal::read_ask(request, kLanguage));
  const bool wants_signatures = !upstream_model.contains("gemini-2") && !upstream_model.contains("gemini-1");
  FAIRLEAD_TRY(const Contents contents,
               translate_contents(ask.messages, request.messages, wants_signatures, kLanguage));
  JsonObject body;
  if (!contents.system.empty()) body.raw("systemInstruction", contents.system);
  body.raw("contents", contents.contents);
  add_tools(body, ask);
  FAIRLEAD_CHECK(add_config(body, ask, upstream_model));
  for (const llm::Member& member : ask.others)
    if (member.name != "generationConfig") body.raw(member.name, member.json);
  return std::move(body).finish();
}

}  // namespace fairlead::providers::gemini
