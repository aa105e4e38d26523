#include "prompts/internal/specification.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/suggest.h"
#include "platform/json/text.h"
#include "prompts/internal/messages.h"

namespace fairlead::prompts::internal {

namespace bj = boost::json;

std::string declared(const std::vector<Input>& inputs) {
  std::string names;
  for (const Input& input : inputs) names += (names.empty() ? "" : ", ") + input.name;
  return names.empty() ? "none" : names;
}

const std::vector<std::string>& known_parameters() {
  static const std::vector<std::string> kNames = {"temperature",
                                                  "top_p",
                                                  "max_tokens",
                                                  "max_completion_tokens",
                                                  "stop",
                                                  "seed",
                                                  "presence_penalty",
                                                  "frequency_penalty",
                                                  "logit_bias",
                                                  "logprobs",
                                                  "top_logprobs",
                                                  "n",
                                                  "top_k",
                                                  "min_p",
                                                  "repeat_penalty",
                                                  "reasoning_effort",
                                                  "verbosity",
                                                  "tool_choice",
                                                  "parallel_tool_calls",
                                                  "response_format",
                                                  "metadata",
                                                  "service_tier",
                                                  "store",
                                                  "prediction"};
  return kNames;
}

namespace {

class Reader {
 public:
  Reader(std::string_view name, const bj::object& spec, std::vector<resources::SpecError>& faults)
      : name_(name), spec_(spec), faults_(faults) {}

  Specification read() {
    if (const auto* model = spec_.if_contains("model"); model && model->is_string()) out_.model = model->get_string();
    read_inputs();
    if (const auto* messages = spec_.if_contains("messages"); messages && messages->is_array()) {
      read_messages(messages->get_array(), out_, faults_);
    }
    read_parameters();
    read_tools();
    read_output();
    read_fit();
    return std::move(out_);
  }

 private:
  void fault(std::string pointer, std::string message) { faults_.push_back({std::move(pointer), std::move(message)}); }

  // The schema, or nothing after a fault at `pointer` or inside of it.
  std::optional<json::Schema> compile(const bj::value& schema, const std::string& pointer) {
    auto compiled = json::Schema::compile(schema);
    if (compiled) return std::move(*compiled);
    fault(pointer + compiled.error().param, compiled.error().message);
    return std::nullopt;
  }

  void read_inputs() {
    const auto* inputs = spec_.if_contains("input");
    if (!inputs || !inputs->is_object()) return;
    for (const auto& [name, schema] : inputs->get_object()) {
      const std::string pointer = "/input/" + std::string(name);
      auto compiled = compile(schema, pointer);
      if (!compiled) continue;
      std::optional<bj::value> fallback;
      if (const auto* given = schema.is_object() ? schema.get_object().if_contains("default") : nullptr) {
        fallback = *given;
        for (const json::SchemaError& error : compiled->validate(*given, 1)) {
          fault(pointer + "/default",
                "the default of `" + std::string(name) + "` does not fit its own schema: " + error.message);
        }
      }
      out_.inputs.push_back({std::string(name), std::move(*compiled), std::move(fallback)});
    }
  }

  void read_parameters() {
    const auto* parameters = spec_.if_contains("parameters");
    if (!parameters || !parameters->is_object()) return;
    static const std::vector<std::string> kReserved = {"model",          "messages", "tools", "stream",
                                                       "stream_options", "fairlead", "user"};
    for (const auto& [key, value] : parameters->get_object()) {
      const std::string name(key);
      const std::string pointer = "/parameters/" + name;
      if (std::ranges::find(kReserved, name) != kReserved.end()) {
        fault(pointer, "`" + name + "` is not a parameter of a prompt.");
        continue;
      }
      // What is not known is passed on, unless it looks like a slip.
      const auto& known = known_parameters();
      const std::string hint = std::ranges::find(known, name) == known.end() ? did_you_mean(name, known) : "";
      if (!hint.empty()) fault(pointer, "unknown parameter `" + name + "`." + hint);
      out_.parameters.push_back({name, json::to_text(value)});
    }
  }

  void read_tools() {
    const auto* tools = spec_.if_contains("tools");
    if (tools && tools->is_array() && !tools->get_array().empty())
      out_.parameters.push_back({"tools", json::to_text(*tools)});
  }

  void read_output() {
    const auto* output = spec_.if_contains("output");
    const auto* schema = output && output->is_object() ? output->get_object().if_contains("schema") : nullptr;
    if (!schema) return;
    if (std::ranges::find(out_.parameters, "response_format", &Parameter::name) != out_.parameters.end()) {
      fault("/parameters/response_format",
            "`output` already says what the answer looks like: leave one of the two out.");
    }
    auto compiled = compile(*schema, "/output/schema");
    if (!compiled) return;
    if (const auto* repair = output->get_object().if_contains("repair"); repair && repair->is_number()) {
      out_.output = std::make_shared<const llm::OutputRule>(*std::move(compiled), repair->to_number<int>());
      const auto n = std::ranges::find(out_.parameters, "n", &Parameter::name);
      if (n != out_.parameters.end() && n->json != "1")
        fault("/parameters/n", "an answer that is repaired is one: leave `n` or `output.repair` out.");
    }
    // OpenAI's rule for the name: letters, digits, _ and -, at most 64.
    std::string name(name_.substr(0, 64));
    for (char& c : name) {
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
    }
    std::string format = R"({"type":"json_schema","json_schema":{"name":)";
    json::append_string(format, name.empty() ? "answer" : name);
    format += R"(,"strict":true,"schema":)" + json::to_text(*schema) + "}}";
    out_.parameters.push_back({"response_format", std::move(format)});
  }

  void read_fit() {
    const auto* fit = spec_.if_contains("fit");
    llm::FitRule rule;
    if (fit && fit->is_array()) {
      for (const bj::value& part : fit->get_array())
        if (part.is_string()) rule.order.emplace_back(part.get_string());
    }
    for (std::size_t i = 0; i < out_.parts.size(); ++i) {
      const std::string& part = out_.parts[i];
      if (part.empty() || std::ranges::find(rule.order, part) != rule.order.end()) continue;
      fault("/messages/" + std::to_string(i) + "/part",
            "`fit` does not name the part `" + part + "`." + did_you_mean(part, rule.order));
    }
    if (!fit) return;
    for (std::size_t i = 0; i < rule.order.size(); ++i) {
      if (rule.order[i] != llm::kHistoryPart && std::ranges::find(out_.parts, rule.order[i]) == out_.parts.end())
        fault("/fit/" + std::to_string(i),
              "no message has `part: " + rule.order[i] + "`." + did_you_mean(rule.order[i], out_.parts));
    }
    rule.parts = out_.parts;
    out_.fit = std::make_shared<const llm::FitRule>(std::move(rule));
  }

  std::string_view name_;
  const bj::object& spec_;
  std::vector<resources::SpecError>& faults_;
  Specification out_;
};

}  // namespace

Specification read_specification(std::string_view name, const bj::object& spec,
                                 std::vector<resources::SpecError>& faults) {
  return Reader(name, spec, faults).read();
}

}  // namespace fairlead::prompts::internal
