#include "serving/internal/tool_prompt.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/suggest.h"
#include "platform/json/text.h"

namespace fairlead::serving {
namespace {

namespace bj = boost::json;

constexpr std::string_view kMember = "\"tool_calls\"";

const bj::value* find(const bj::value& value, std::string_view name) {
  const bj::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

std::string text_of(const bj::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<void> apply_choice(const bj::value& choice, ToolRequest& out) {
  const std::string word = text_of(&choice);
  if (word == "none") {
    out.choice = ToolChoice::kNone;
  } else if (word == "required") {
    out.choice = ToolChoice::kRequired;
  } else if (const bj::value* function = find(choice, "function")) {
    const std::string name = text_of(find(*function, "name"));
    std::vector<std::string> names;
    for (const Tool& tool : out.tools) names.push_back(tool.name);
    std::erase_if(out.tools, [&](const Tool& tool) { return tool.name != name; });
    if (out.tools.empty()) {
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "tool_choice names `" + name + "`, which is not among the tools." + did_you_mean(name, names),
                  "tool_choice");
    }
    out.choice = ToolChoice::kRequired;
  } else if (const bj::value* allowed = find(choice, "allowed_tools")) {
    std::vector<Tool> kept;
    const bj::value* list = find(*allowed, "tools");
    for (const Tool& tool : out.tools) {
      if (list == nullptr || !list->is_array()) break;
      for (const bj::value& entry : list->get_array()) {
        const bj::value* function = find(entry, "function");
        if (function != nullptr && text_of(find(*function, "name")) == tool.name) {
          kept.push_back(tool);
          break;
        }
      }
    }
    out.tools = std::move(kept);
    out.choice = text_of(find(*allowed, "mode")) == "required" ? ToolChoice::kRequired : ToolChoice::kAuto;
  } else if (word.empty()) {
    return fail(ErrorKind::kInvalid, "unsupported_value", "A local model calls function tools only.", "tool_choice");
  }
  return {};
}

class ToolReader final : public AnswerReader {
 public:
  ParsedAnswer read(const std::string& text, bool whole) const override {
    ParsedAnswer out;
    if (!may_be_tool_calls(text)) {
      out.content = text;
      return out;
    }
    if (!whole) return out;
    auto parsed = json::parse(text);
    const bj::value* calls = parsed ? find(*parsed, "tool_calls") : nullptr;
    if (calls == nullptr || !calls->is_array()) {
      out.content = text;
      return out;
    }
    for (const bj::value& call : calls->get_array()) {
      const bj::value* arguments = find(call, "arguments");
      out.tool_calls.push_back(
          {"", text_of(find(call, "name")), arguments == nullptr ? "{}" : json::to_text(*arguments)});
    }
    return out;
  }
};

void move_references(bj::value& value, std::string_view pointer) {
  if (bj::array* array = value.if_array()) {
    for (bj::value& element : *array) move_references(element, pointer);
  } else if (bj::object* object = value.if_object()) {
    for (auto& member : *object) {
      bj::string* text = member.value().if_string();
      if (member.key() == "$ref" && text != nullptr && text->starts_with("#")) {
        const std::string moved = "#" + std::string(pointer) + std::string(text->subview(1));
        *text = moved;
      } else {
        move_references(member.value(), pointer);
      }
    }
  }
}

}  // namespace

Result<ToolRequest> parse_tools(const llm::ChatRequest& request) {
  ToolRequest out;
  const llm::Member* member = request.member("tools");
  if (member == nullptr || member->json == "null") return out;
  FAIRLEAD_TRY(const bj::value tools, json::parse(member->json, 256));
  if (!tools.is_array()) return out;
  for (std::size_t i = 0; i < tools.get_array().size(); ++i) {
    const bj::value* function = find(tools.get_array()[i], "function");
    if (function == nullptr) {
      return fail(ErrorKind::kInvalid, "unsupported_value", "A local model calls function tools only.",
                  "tools[" + std::to_string(i) + "]");
    }
    const bj::value* parameters = find(*function, "parameters");
    bj::value schema = parameters != nullptr && parameters->is_object() && !parameters->get_object().empty()
                           ? *parameters
                           : bj::value(bj::object{{"type", "object"}, {"properties", bj::object()}});
    out.tools.push_back({text_of(find(*function, "name")), text_of(find(*function, "description")), std::move(schema)});
  }
  if (out.tools.empty()) return out;
  out.choice = ToolChoice::kAuto;
  if (const llm::Member* parallel = request.member("parallel_tool_calls")) out.parallel = parallel->json != "false";
  if (const llm::Member* choice = request.member("tool_choice"); choice != nullptr && choice->json != "null") {
    FAIRLEAD_TRY(const bj::value value, json::parse(choice->json, 256));
    FAIRLEAD_CHECK(apply_choice(value, out));
  }
  if (out.tools.empty()) out.choice = ToolChoice::kNone;
  return out;
}

std::string tool_instructions(const ToolRequest& request) {
  std::string out =
      "You can call these tools. Each line is a tool's name, what it does, and the JSON Schema of its arguments:\n";
  for (const Tool& tool : request.tools) {
    out += "- " + tool.name + ": " + tool.description + " " + json::to_text(tool.parameters) + "\n";
  }
  out += "To call ";
  out += request.parallel ? "tools" : "a tool";
  out += ", answer with this JSON and nothing else: {\"tool_calls\": [{\"name\": \"…\", \"arguments\": {…}}]}\n";
  out += request.choice == ToolChoice::kRequired ? "You must call a tool now."
                                                 : "Call a tool only if you need it to answer.";
  return out;
}

bj::value moved_schema(const bj::value& schema, std::string_view pointer) {
  bj::value out = schema;
  move_references(out, pointer);
  return out;
}

bj::value tool_call_schema(const ToolRequest& request) {
  bj::array kinds;
  for (const Tool& tool : request.tools) {
    const std::string at =
        "/properties/tool_calls/items/anyOf/" + std::to_string(kinds.size()) + "/properties/arguments";
    kinds.push_back(bj::object{{"type", "object"},
                               {"properties", bj::object{{"name", bj::object{{"const", tool.name}}},
                                                         {"arguments", moved_schema(tool.parameters, at)}}},
                               {"required", bj::array{"name", "arguments"}},
                               {"additionalProperties", false}});
  }
  bj::object list{{"type", "array"}, {"items", bj::object{{"anyOf", std::move(kinds)}}}, {"minItems", 1}};
  if (!request.parallel) list["maxItems"] = 1;
  return bj::object{{"type", "object"},
                    {"properties", bj::object{{"tool_calls", std::move(list)}}},
                    {"required", bj::array{"tool_calls"}},
                    {"additionalProperties", false}};
}

std::string tool_calls_text(std::span<const llm::ToolCall> calls) {
  std::string out = "{\"tool_calls\": [";
  for (const llm::ToolCall& call : calls) {
    if (out.back() != '[') out += ", ";
    out += "{\"name\": " + json::quoted(call.name) +
           ", \"arguments\": " + (call.arguments.empty() ? "{}" : call.arguments) + "}";
  }
  return out + "]}";
}

bool may_be_tool_calls(std::string_view text) {
  const auto skip_space = [&] { text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size())); };
  skip_space();
  if (text.empty()) return true;
  if (text.front() != '{') return false;
  text.remove_prefix(1);
  skip_space();
  return text.substr(0, kMember.size()) == kMember.substr(0, text.size());
}

std::shared_ptr<const AnswerReader> tool_reader() {
  return std::make_shared<ToolReader>();
}

}  // namespace fairlead::serving
