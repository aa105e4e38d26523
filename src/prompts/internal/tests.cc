#include "prompts/internal/tests.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/iso_time.h"
#include "llm/chat.h"
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
      "user": {"type": "string", "maxLength": 256},
      "session": {"type": "string", "maxLength": 256},
      "tags": {"type": "array", "maxItems": 32, "items": {"type": "string", "maxLength": 64}},
      "now": {"type": "string", "format": "date-time"},
      "message": {"type": "string"},
      "expect": {
        "anyOf": [
          {"type": "object", "required": ["error"], "additionalProperties": false, "properties": {"error": {"type": "string"}}},
          {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": {
              "variant": {"type": "string"},
              "contains": {"type": ["string", "array"], "items": {"type": "string"}},
              "lacks": {"type": ["string", "array"], "items": {"type": "string"}}
            }
          },
          {
            "type": "array",
            "minItems": 1,
            "items": {
              "type": "object",
              "minProperties": 1,
              "maxProperties": 1,
              "propertyNames": {"enum": ["system", "developer", "user", "assistant", "tool", "variant"]},
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

std::vector<std::string> texts_of(const bj::value* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return {std::string(value->get_string())};
  std::vector<std::string> out;
  for (const bj::value& one : value->as_array()) out.emplace_back(one.as_string());
  return out;
}

struct Outcome {
  std::string variant;
  std::vector<Message> messages;
};

std::string text_at(const bj::object& test, std::string_view member) {
  const bj::value* const found = test.if_contains(member);
  return found != nullptr ? std::string(found->as_string()) : std::string();
}

Result<Outcome> rendered_for(const Renderer& prompt, const bj::object& test, std::int64_t now_us) {
  FAIRLEAD_TRY(const Variables variables, prompt.complete(test.at("given").as_object()));
  const std::string user = text_at(test, "user"), session = text_at(test, "session");
  const std::vector<std::string> tags = texts_of(test.if_contains("tags"));
  std::string message;
  llm::ChatRequest request;
  if (test.contains("message")) {
    message = R"([{"role":"user","content":)" + json::quoted(text_at(test, "message")) + "}]";
    request.messages = message;
    request.message_count = 1;
  }
  if (test.contains("now")) {
    const auto now = parse_iso_time(text_at(test, "now"));
    if (!now) return fail(ErrorKind::kInvalid, "invalid_time", "`now` is a time such as 2026-11-26T14:02:00Z.");
    now_us = *now;
  }
  const Situation situation{.user = user, .session = session, .tags = tags, .now_us = now_us, .request = &request};
  const Form& form = prompt.specification().forms[prompt.choose(variables, situation).form];
  FAIRLEAD_TRY(const internal::Rendered own, prompt.render(form, variables.values, request));
  FAIRLEAD_TRY(const bj::value messages, json::parse(own.messages + "]"));
  Outcome out{form.variant.empty() ? "default" : form.variant, {}};
  for (const bj::value& one : messages.as_array())
    out.messages.push_back({std::string(one.at("role").as_string()), text_of(one)});
  return out;
}

class Expectation {
 public:
  // An empty role: of all messages.
  Expectation(std::string_view role, const std::vector<Message>& messages)
      : called_(role.empty() ? "message" : std::string(role) + " message") {
    for (const Message& message : messages) {
      if (role.empty() || message.role == role) texts_.push_back(&message.text);
    }
  }

  // What is wrong, or nothing.
  std::optional<std::string> fault(const bj::value& expected) const {
    if (texts_.empty()) return "there is no " + called_;
    if (expected.is_string()) {
      const std::string_view whole = expected.get_string();
      if (std::ranges::any_of(texts_, [&](const std::string* text) { return *text == whole; })) return std::nullopt;
      return "no " + called_ + " is " + shown(whole) + "; there is: " + all();
    }
    for (const std::string& part : texts_of(expected.get_object().if_contains("contains"))) {
      if (!has(part)) return "no " + called_ + " contains `" + part + "`; there is: " + all();
    }
    for (const std::string& part : texts_of(expected.get_object().if_contains("lacks"))) {
      if (has(part)) return "a " + called_ + " contains `" + part + "`; there is: " + all();
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

  std::string called_;
  std::vector<const std::string*> texts_;
};

std::optional<std::string> variant_fault(const Outcome& rendered, const bj::value& wanted) {
  if (wanted.is_string() && rendered.variant == wanted.get_string()) return std::nullopt;
  return "the variant is `" + rendered.variant + "`" +
         (wanted.is_string() ? ", not `" + std::string(wanted.get_string()) + "`" : "");
}

// "test 2 (a locale that we do not have): "
std::string title(std::size_t number, const bj::object& test) {
  const bj::value* const name = test.if_contains("name");
  return "test " + std::to_string(number) +
         (name != nullptr ? " (" + std::string(name->as_string()) + ")" : std::string()) + ": ";
}

// Of one line of `expect`.
std::optional<std::string> fault_of(const Outcome& rendered, std::string_view key, const bj::value& expected) {
  return key == "variant" ? variant_fault(rendered, expected) : Expectation(key, rendered.messages).fault(expected);
}

void check_error(const Result<Outcome>& rendered, std::string_view wanted, const std::string& pointer,
                 const std::string& called, std::vector<resources::SpecError>& faults) {
  if (rendered) {
    faults.push_back({pointer, called + "it is not refused, though `" + std::string(wanted) + "` is expected"});
  } else if (rendered.error().code != wanted) {
    faults.push_back(
        {pointer, called + "it is refused with `" + rendered.error().code + "`: " + rendered.error().message});
  }
}

void run_test(const Renderer& prompt, const bj::object& test, std::size_t index, std::int64_t now_us,
              std::vector<resources::SpecError>& faults) {
  const std::string pointer = "/tests/" + std::to_string(index), called = title(index + 1, test);
  const auto rendered = rendered_for(prompt, test, now_us);
  const bj::value& expect = test.at("expect");
  if (const bj::value* const error = expect.is_object() ? expect.get_object().if_contains("error") : nullptr)
    return check_error(rendered, error->as_string(), pointer + "/expect/error", called, faults);
  if (!rendered) {
    faults.push_back({pointer + "/given", called + rendered.error().message});
    return;
  }
  const auto add = [&](const std::string& at, const std::optional<std::string>& fault) {
    if (fault) faults.push_back({pointer + "/expect" + at, called + *fault});
  };
  if (expect.is_object()) {
    if (const bj::value* const variant = expect.get_object().if_contains("variant"))
      add("/variant", variant_fault(*rendered, *variant));
    if (expect.get_object().size() > expect.get_object().count("variant"))
      add("", Expectation("", rendered->messages).fault(expect));
    return;
  }
  std::size_t line = 0;
  for (const bj::value& one : expect.as_array()) {
    const auto& [key, expected] = *one.as_object().begin();
    add("/" + std::to_string(line++) + "/" + std::string(key), fault_of(*rendered, key, expected));
  }
}

}  // namespace

void run_tests(const Renderer& prompt, const bj::array& tests, std::vector<resources::SpecError>& faults) {
  const std::int64_t now_us = SystemClock().unix_micros();
  for (std::size_t i = 0; i < tests.size(); ++i) run_test(prompt, tests[i].as_object(), i, now_us, faults);
}

}  // namespace fairlead::prompts::internal
