#include "serving/internal/chat_format.h"

#include <chat.h>
#include <json-schema-to-grammar.h>
#include <llama.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "platform/json/text.h"
#include "serving/internal/plain_text.h"
#include "serving/internal/tool_prompt.h"

namespace fairlead::serving {
namespace {

namespace bj = boost::json;

std::vector<std::string> control_tokens(const llama_vocab* vocab) {
  std::vector<std::string> out;
  const int count = llama_vocab_n_tokens(vocab);
  for (Token token = 0; token < count; ++token) {
    const int kind = llama_vocab_get_attr(vocab, token);
    if ((kind & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0)
      out.emplace_back(llama_vocab_get_text(vocab, token));
  }
  return out;
}

// Reads what a template's own format says, by the parser that llama.cpp made for it.
class TemplateReader final : public AnswerReader {
 public:
  explicit TemplateReader(const common_chat_params& parameters) : parameters_(parameters) {
    parameters_.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    if (!parameters.parser.empty()) parameters_.parser.load(parameters.parser);
  }
  ParsedAnswer read(const std::string& text, bool whole) const override {
    ParsedAnswer out;
    try {
      const common_chat_msg message = common_chat_parse(text, !whole, parameters_);
      out.content = message.content;
      out.reasoning = message.reasoning_content;
      for (const common_chat_tool_call& call : message.tool_calls)
        out.tool_calls.push_back({"", call.name, call.arguments});
    } catch (const std::exception&) {
      // What does not follow the format is an answer in words.
      if (whole) out.content = text;
    }
    return out;
  }

 private:
  common_chat_parser_params parameters_;
};

// What the answer must look like, when it is not a tool call.
struct Shape {
  bool constrained = false;
  bj::value schema;
};

Result<Shape> shape_of(const llm::ChatRequest& request) {
  Shape out;
  const llm::Member* member = request.member("response_format");
  if (member == nullptr || member->json == "null") return out;
  FAIRLEAD_TRY(const bj::value format, json::parse(member->json, 256));
  const bj::object* object = format.if_object();
  const bj::value* type = object == nullptr ? nullptr : object->if_contains("type");
  if (type == nullptr || !type->is_string() || type->get_string() == "text") return out;
  out.constrained = true;
  out.schema = bj::object{{"type", "object"}};
  if (type->get_string() != "json_schema") return out;
  const bj::value* named = object->if_contains("json_schema");
  const bj::value* schema =
      named != nullptr && named->is_object() ? named->get_object().if_contains("schema") : nullptr;
  if (schema != nullptr && !schema->is_null()) out.schema = *schema;
  return out;
}

Result<std::string> grammar_of(const bj::value& schema, std::string_view param) {
  try {
    return json_schema_to_grammar(common_json::parse(json::to_text(schema)));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kInvalid, "invalid_value",
                "Invalid schema for " + std::string(param) + ": it cannot be held to. " + error.what(),
                std::string(param));
  }
}

}  // namespace

struct ChatFormat::State {
  const LoadedModel* model;
  common_chat_templates_ptr templates;
  PlainText plain;
  bool knows_tools = false;
  bool thinks = false;

  std::string marked(std::string_view text) const { return plain.mark(text); }
  Result<std::vector<common_chat_msg>> messages(const llm::ChatRequest& request, const ToolRequest& tools) const;
  Result<common_chat_msg> message(const llm::Message& from, std::size_t index) const;
  std::vector<Token> tokens(const std::string& prompt) const;
};

ChatFormat::ChatFormat(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatFormat::~ChatFormat() = default;

Result<std::unique_ptr<ChatFormat>> ChatFormat::create(const LoadedModel& model) {
  try {
    auto state = std::make_unique<State>(
        State{&model, common_chat_templates_init(model.model(), ""), PlainText(control_tokens(model.vocab()))});
    const auto can = common_chat_templates_get_caps(state->templates.get());
    const auto has = [&](const char* name) { return can.contains(name) && can.at(name); };
    state->knows_tools = has("supports_tools") && has("supports_tool_calls");
    state->thinks = common_chat_templates_support_enable_thinking(state->templates.get());
    return std::unique_ptr<ChatFormat>(new ChatFormat(std::move(state)));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kInvalid, "model_invalid",
                std::string("The model's chat template cannot be used: ") + error.what());
  }
}

Result<common_chat_msg> ChatFormat::State::message(const llm::Message& from, std::size_t index) const {
  common_chat_msg out;
  switch (from.role) {
    case llm::Role::kSystem:
    case llm::Role::kDeveloper:
      out.role = "system";
      break;
    case llm::Role::kAssistant:
      out.role = "assistant";
      break;
    case llm::Role::kTool:
    case llm::Role::kFunction:
      out.role = "tool";
      break;
    case llm::Role::kUser:
      out.role = "user";
      break;
  }
  for (std::size_t i = 0; i < from.content.size(); ++i) {
    const llm::ContentPart& part = from.content[i];
    if (part.type != llm::ContentPart::Type::kText && part.type != llm::ContentPart::Type::kRefusal) {
      return fail(ErrorKind::kInvalid, "unsupported_value", "This local model reads text only.",
                  "messages[" + std::to_string(index) + "].content[" + std::to_string(i) + "]");
    }
    out.content += part.text;
  }
  out.content = marked(out.content);  // joined first: a token may be spread over parts
  for (const llm::ToolCall& call : from.tool_calls)
    out.tool_calls.push_back({marked(call.name), marked(call.arguments), call.id});
  out.tool_call_id = marked(from.tool_call_id);
  out.tool_name = marked(from.name);
  if (!knows_tools) {
    if (out.role == "tool") {
      out.role = "user";
      out.content = "The tool answered: " + out.content;
    }
    if (!from.tool_calls.empty()) {
      out.content += (out.content.empty() ? "" : "\n") + marked(tool_calls_text(from.tool_calls));
      out.tool_calls.clear();
    }
    out.tool_call_id.clear();
    out.tool_name.clear();
  }
  return out;
}

Result<std::vector<common_chat_msg>> ChatFormat::State::messages(const llm::ChatRequest& request,
                                                                 const ToolRequest& tools) const {
  FAIRLEAD_TRY(const auto parsed, request.parse_messages());
  if (parsed.empty()) {
    return fail(ErrorKind::kInvalid, "invalid_value",
                "Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages");
  }
  std::vector<common_chat_msg> out;
  for (std::size_t i = 0; i < parsed.size(); ++i) {
    FAIRLEAD_TRY(common_chat_msg made, message(parsed[i], i));
    out.push_back(std::move(made));
  }
  if (!knows_tools && tools.choice != ToolChoice::kNone) {
    if (out.front().role != "system") {
      common_chat_msg first;
      first.role = "system";
      out.insert(out.begin(), std::move(first));
    }
    std::string& text = out.front().content;
    text += (text.empty() ? "" : "\n\n") + marked(tool_instructions(tools));
  }
  return out;
}

std::vector<Token> ChatFormat::State::tokens(const std::string& prompt) const {
  std::vector<Token> out;
  bool first = true;
  PlainText::split(prompt, [&](std::string_view run, bool special) {
    const auto made = model->tokenise(run, first, special);
    out.insert(out.end(), made.begin(), made.end());
    first = false;
  });
  return out;
}

// Takes the last message away, to be gone on with: "continue_final_message": true, as vLLM names it.
Result<std::string> begun_answer(std::vector<common_chat_msg>& messages, bool plain) {
  constexpr const char* kParameter = "continue_final_message";
  if (!plain) {
    return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                "This local model cannot go on with an answer that has tools, a JSON Schema or reasoning.", kParameter);
  }
  if (messages.size() < 2 || messages.back().role != "assistant" || !messages.back().tool_calls.empty()) {
    return fail(ErrorKind::kInvalid, "invalid_value",
                "`continue_final_message` needs a last message of the assistant, after another message.", kParameter);
  }
  std::string begun = std::move(messages.back().content);
  messages.pop_back();
  return begun;
}

bool wants_continuation(const llm::ChatRequest& request) {
  const llm::Member* const member = request.member("continue_final_message");
  return member != nullptr && member->json == "true";
}

// What would make another answer, and cannot be done here.
Result<void> check_possible(const llm::ChatRequest& request) {
  for (const std::string_view name : {"functions", "audio", "modalities", "web_search_options"}) {
    const llm::Member* const member = request.member(name);
    if (member == nullptr || member->json == "null" || member->json == "[]") continue;
    if (name == "modalities" && member->json.find("audio") == std::string_view::npos) continue;
    return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                "Unsupported parameter: '" + std::string(name) + "' cannot be done by a local model.",
                std::string(name));
  }
  return {};
}

Result<ChatPrompt> ChatFormat::prepare(const llm::ChatRequest& request) const {
  const State& state = *state_;
  FAIRLEAD_CHECK(check_possible(request));
  FAIRLEAD_TRY(const ToolRequest tools, parse_tools(request));
  FAIRLEAD_TRY(const Shape shape, shape_of(request));
  const bool calls_tools = tools.choice != ToolChoice::kNone;
  // llama.cpp's own code for the template does the tools and the reasoning that the template knows.
  const bool by_template = state.thinks || (calls_tools && state.knows_tools);
  common_chat_templates_inputs inputs;
  FAIRLEAD_TRY(inputs.messages, state.messages(request, tools));
  std::string begun;
  if (wants_continuation(request)) {
    FAIRLEAD_TRY(begun, begun_answer(inputs.messages, !by_template && !calls_tools && !shape.constrained));
  }
  inputs.add_bos = llama_vocab_get_add_bos(state.model->vocab());
  inputs.add_eos = llama_vocab_get_add_eos(state.model->vocab());
  inputs.reasoning_format = by_template ? COMMON_REASONING_FORMAT_AUTO : COMMON_REASONING_FORMAT_NONE;
  if (calls_tools && state.knows_tools) {
    for (const Tool& tool : tools.tools)
      inputs.tools.push_back({tool.name, state.marked(tool.description), json::to_text(tool.parameters)});
    inputs.tool_choice =
        tools.choice == ToolChoice::kRequired ? COMMON_CHAT_TOOL_CHOICE_REQUIRED : COMMON_CHAT_TOOL_CHOICE_AUTO;
    inputs.parallel_tool_calls = tools.parallel;
  }
  if (by_template && shape.constrained) {
    if (auto grammar = grammar_of(shape.schema, "response_format"); !grammar) return fail(std::move(grammar).error());
    inputs.json_schema = json::to_text(shape.schema);
  }

  ChatPrompt out;
  try {
    common_chat_params made = common_chat_templates_apply(state.templates.get(), inputs);
    out.tokens = state.tokens(made.prompt + begun);
    out.stops = std::move(made.additional_stops);
    if (by_template) {
      out.reader = std::make_shared<TemplateReader>(made);
      out.grammar = std::move(made.grammar);
      out.grammar_of_template = true;
      out.grammar_lazy = made.grammar_lazy;
      out.preserved = std::move(made.preserved_tokens);
      out.generation_prompt = std::move(made.generation_prompt);
      for (const auto& trigger : made.grammar_triggers)
        out.triggers.push_back({static_cast<int>(trigger.type), trigger.value, trigger.token});
    }
  } catch (const std::exception& error) {
    return fail(ErrorKind::kInvalid, "invalid_value",
                std::string("The model's chat template refuses these messages: ") + error.what(), "messages");
  }
  if (by_template) return out;

  if (calls_tools) {
    out.reader = tool_reader();
    bj::value schema = tool_call_schema(tools);
    if (shape.constrained && tools.choice == ToolChoice::kAuto) {
      schema =
          bj::object{{"anyOf", bj::array{moved_schema(schema, "/anyOf/0"), moved_schema(shape.schema, "/anyOf/1")}}};
    } else if (tools.choice == ToolChoice::kAuto) {
      out.grammar_lazy = true;
      out.triggers.push_back(
          {COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL, R"(^\s*(\{\s*"tool_calls"[\s\S]*))", LLAMA_TOKEN_NULL});
    }
    FAIRLEAD_TRY(out.grammar, grammar_of(schema, "tools"));
  } else if (shape.constrained) {
    FAIRLEAD_TRY(out.grammar, grammar_of(shape.schema, "response_format"));
  }
  return out;
}

}  // namespace fairlead::serving
