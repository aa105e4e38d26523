#include "prompts/internal/tests.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "platform/json/text.h"

namespace fairlead::prompts::internal {

namespace bj = boost::json;

const std::string_view kTestsSchema = R"json({
  "type": "array",
  "maxItems": 100,
  "items": {
    "type": "object",
    "required": ["given", "expect"],
    "additionalProperties": false,
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 200},
      "given": {"type": "object"},
      "expect": {
        "anyOf": [
          {"type": "object", "required": ["error"], "additionalProperties": false, "properties": {"error": {"type": "string"}}},
          {
            "type": "array",
            "minItems": 1,
            "items": {
              "type": "object",
              "minProperties": 1,
              "maxProperties": 1,
              "propertyNames": {"enum": ["system", "developer", "user", "assistant", "tool"]},
              "additionalProperties": {
                "anyOf": [
                  {"type": "string"},
                  {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": false,
                    "properties": {
                      "contains": {"type": ["string", "array"], "items": {"type": "string"}},
                      "lacks": {"type": ["string", "array"], "items": {"type": "string"}}
                    }
                  }
                ]
              }
            }
          }
        ]
      }
    }
  }
})json";

namespace {

constexpr std::size_t kShown = 120;  // bytes of a text in a fault

std::string shown(std::string_view text) {
  if (text.size() <= kShown) return json::quoted(text);
  return json::quoted(text.substr(0, json::valid_utf8_prefix(text.substr(0, kShown)))) + "…";
}

struct Message {
  std::string role, text;
};

// The text of a message's content: itself, or that of its parts.
std::string text_of(const bj::value& message) {
  const bj::value* const content = message.get_object().if_contains("content");
  if (content == nullptr) return {};
  if (content->is_string()) return std::string(content->get_string());
  std::string out;
  if (!content->is_array()) return out;
  for (const bj::value& part : content->get_array()) {
    const bj::value* const text = part.is_object() ? part.get_object().if_contains("text") : nullptr;
    if (text != nullptr && text->is_string()) out += std::string_view(text->get_string());
  }
  return out;
}

Result<std::vector<Message>> messages_for(const Renderer& prompt, const bj::object& given) {
  FAIRLEAD_TRY(const bj::object variables, prompt.complete(given));
  FAIRLEAD_TRY(const std::string rendered, prompt.render(variables));
  FAIRLEAD_TRY(const bj::value messages, json::parse(rendered + "]"));
  std::vector<Message> out;
  for (const bj::value& message : messages.as_array())
    out.push_back({std::string(message.at("role").as_string()), text_of(message)});
  return out;
}

std::vector<std::string> texts_of(const bj::value* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return {std::string(value->get_string())};
  std::vector<std::string> out;
  for (const bj::value& one : value->as_array()) out.emplace_back(one.as_string());
  return out;
}

class Expectation {
 public:
  Expectation(std::string_view role, const std::vector<Message>& messages) : role_(role) {
    for (const Message& message : messages) {
      if (message.role == role) texts_.push_back(&message.text);
    }
  }

  // What is wrong, or nothing.
  std::optional<std::string> fault(const bj::value& expected) const {
    if (texts_.empty()) return "there is no " + role_ + " message";
    if (expected.is_string()) {
      const std::string_view whole = expected.get_string();
      if (std::ranges::any_of(texts_, [&](const std::string* text) { return *text == whole; })) return std::nullopt;
      return "no " + role_ + " message is " + shown(whole) + "; there is: " + all();
    }
    for (const std::string& part : texts_of(expected.get_object().if_contains("contains"))) {
      if (!has(part)) return "no " + role_ + " message contains `" + part + "`; there is: " + all();
    }
    for (const std::string& part : texts_of(expected.get_object().if_contains("lacks"))) {
      if (has(part)) return "a " + role_ + " message contains `" + part + "`; there is: " + all();
    }
    return std::nullopt;
  }

 private:
  bool has(std::string_view part) const {
    return std::ranges::any_of(texts_, [&](const std::string* text) { return text->find(part) != std::string::npos; });
  }
  std::string all() const {
    std::string out;
    for (const std::string* text : texts_) out += (out.empty() ? "" : ", ") + shown(*text);
    return out;
  }

  std::string role_;
  std::vector<const std::string*> texts_;
};

// "test 2 (a locale that we do not have): "
std::string title(std::size_t number, const bj::object& test) {
  const bj::value* const name = test.if_contains("name");
  return "test " + std::to_string(number) +
         (name != nullptr ? " (" + std::string(name->as_string()) + ")" : std::string()) + ": ";
}

void run_test(const Renderer& prompt, const bj::object& test, std::size_t index,
              std::vector<resources::SpecError>& faults) {
  const std::string pointer = "/tests/" + std::to_string(index), called = title(index + 1, test);
  const auto messages = messages_for(prompt, test.at("given").as_object());
  const bj::value& expect = test.at("expect");
  if (expect.is_object()) {
    const std::string_view wanted = expect.at("error").as_string();
    if (messages) {
      faults.push_back(
          {pointer + "/expect/error", called + "it is not refused, though `" + std::string(wanted) + "` is expected"});
    } else if (messages.error().code != wanted) {
      faults.push_back({pointer + "/expect/error",
                        called + "it is refused with `" + messages.error().code + "`: " + messages.error().message});
    }
    return;
  }
  if (!messages) {
    faults.push_back({pointer + "/given", called + messages.error().message});
    return;
  }
  const bj::array& expectations = expect.as_array();
  for (std::size_t i = 0; i < expectations.size(); ++i) {
    const auto& [role, expected] = *expectations[i].as_object().begin();
    if (const auto fault = Expectation(role, *messages).fault(expected))
      faults.push_back({pointer + "/expect/" + std::to_string(i) + "/" + std::string(role), called + *fault});
  }
}

}  // namespace

void run_tests(const Renderer& prompt, const bj::array& tests, std::vector<resources::SpecError>& faults) {
  for (std::size_t i = 0; i < tests.size(); ++i) run_test(prompt, tests[i].as_object(), i, faults);
}

}  // namespace fairlead::prompts::internal
