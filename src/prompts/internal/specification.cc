#include "prompts/internal/specification.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <ranges>

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

std::string path_of(std::string_view pointer) {
  std::string out;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string_view part = pointer.substr(0, end);
    const bool number = !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    out += number ? "[" + std::string(part) + "]" : "." + std::string(part);
    pointer.remove_prefix(end);
  }
  return out;
}

namespace {

constexpr const char* kDefault = "default";
constexpr std::string_view kExamplesPart = "examples";

// Two names for one thing.
bool is_limit(std::string_view parameter) {
  return parameter == "max_tokens" || parameter == "max_completion_tokens";
}

class Reader {
 public:
  Reader(std::string_view name, const bj::object& spec, const FindVersion& find,
         std::vector<resources::SpecError>& faults)
      : name_(name), spec_(spec), find_(find), faults_(faults) {}

  Specification read() {
    read_inputs();
    read_fit();
    out_.conditions = Conditions(out_.inputs);
    out_.forms.push_back(read_form(spec_, "", nullptr));
    if (const auto* variants = spec_.if_contains("variants"); variants && variants->is_array()) {
      const bj::array& all = variants->get_array();
      if (!all.empty()) out_.forms.front().variant = kDefault;
      for (std::size_t i = 0; i < all.size(); ++i) read_variant(all[i], "/variants/" + std::to_string(i));
    }
    check_fit();
    return std::move(out_);
  }

 private:
  void fault(std::string pointer, std::string message) { faults_.push_back({std::move(pointer), std::move(message)}); }

  void read_inputs() {
    const auto* inputs = spec_.if_contains("input");
    if (!inputs || !inputs->is_object()) return;
    for (const auto& [name, schema] : inputs->get_object())
      if (auto input = read_input(name, schema, "/input/" + std::string(name), faults_))
        out_.inputs.push_back(*std::move(input));
  }

  void read_variant(const bj::value& value, const std::string& at) {
    const bj::object* const variant = value.if_object();
    const auto* name = variant ? variant->if_contains("name") : nullptr;
    const auto* when = variant ? variant->if_contains("when") : nullptr;
    if (!name || !name->is_string() || !when || !when->is_string())
      return fault(at, "a variant has a `name` and a `when`.");
    Form form = read_form(*variant, at, &out_.forms.front());
    form.variant = name->get_string();
    if (form.variant == kDefault) fault(at + "/name", "`default` is the prompt itself: choose another name.");
    if (std::ranges::find(out_.forms | std::views::drop(1), form.variant, &Form::variant) != out_.forms.end())
      fault(at + "/name", "there is another variant `" + form.variant + "`.");
    if (auto wrong = out_.conditions.add(form.variant, when->get_string(), at + "/when"))
      faults_.push_back(*std::move(wrong));
    out_.forms.push_back(std::move(form));
  }

  // What stands in `spec`, at the pointer `at`; the rest is as in `base`, if that is not null.
  Form read_form(const bj::object& spec, const std::string& at, const Form* base) {
    Form out = base ? *base : Form{};
    if (const auto* model = spec.if_contains("model"); model && model->is_string()) out.model = model->get_string();
    if (const auto* messages = spec.if_contains("messages"); messages && messages->is_array())
      out.messages = std::make_shared<const MessageList>(
          read_messages(messages->get_array(), at + "/messages", {name_, spec_, find_, fit_}, out_.inputs, faults_));
    if (!out.messages) out.messages = std::make_shared<const MessageList>();
    read_form_examples(spec, at, out);
    std::vector<Parameter> given;
    read_parameters(spec, at, given);
    read_tools(spec, given);
    read_output(spec, at, given, out);
    for (Parameter& parameter : given) {
      std::erase_if(out.parameters, [&](const Parameter& one) {
        return one.name == parameter.name || (is_limit(one.name) && is_limit(parameter.name));
      });
      out.parameters.push_back(std::move(parameter));
    }
    if (const auto* tools = spec.if_contains("tools"); tools && tools->is_array() && tools->get_array().empty())
      std::erase_if(out.parameters, [](const Parameter& one) { return one.name == "tools"; });
    if (const auto n = std::ranges::find(out.parameters, "n", &Parameter::name);
        out.output && n != out.parameters.end() && n->json != "1")
      fault(at + "/parameters/n", "an answer that is repaired is one: leave `n` or `output.repair` out.");
    out.fit = fit_rule(out);
    return out;
  }

  // They stand beside messages: with messages of its own, a variant has the prompt's examples rendered anew.
  void read_form_examples(const bj::object& spec, const std::string& at, Form& out) {
    const bj::value* examples = spec.if_contains("examples");
    const std::string pointer = (examples ? at : "") + "/examples";
    if (!examples && spec.if_contains("messages")) examples = spec_.if_contains("examples");
    if (examples) out.examples = read_examples(*examples, pointer, name_, *out.messages, out_.inputs, faults_);
  }

  void read_parameters(const bj::object& spec, const std::string& at, std::vector<Parameter>& out) {
    const auto* parameters = spec.if_contains("parameters");
    if (!parameters || !parameters->is_object()) return;
    static const std::vector<std::string> kReserved = {"model",          "messages", "tools", "stream",
                                                       "stream_options", "fairlead", "user"};
    for (const auto& [key, value] : parameters->get_object()) {
      const std::string name(key);
      const std::string pointer = at + "/parameters/" + name;
      if (std::ranges::find(kReserved, name) != kReserved.end()) {
        fault(pointer, "`" + name + "` is not a parameter of a prompt.");
        continue;
      }
      // What is not known is passed on, unless it looks like a slip.
      const auto& known = known_parameters();
      const std::string hint = std::ranges::find(known, name) == known.end() ? did_you_mean(name, known) : "";
      if (!hint.empty()) fault(pointer, "unknown parameter `" + name + "`." + hint);
      out.push_back({name, json::to_text(value)});
    }
  }

  void read_tools(const bj::object& spec, std::vector<Parameter>& out) {
    const auto* tools = spec.if_contains("tools");
    if (tools && tools->is_array() && !tools->get_array().empty()) out.push_back({"tools", json::to_text(*tools)});
  }

  void read_output(const bj::object& spec, const std::string& at, std::vector<Parameter>& out, Form& form) {
    const auto* output = spec.if_contains("output");
    const auto* schema = output && output->is_object() ? output->get_object().if_contains("schema") : nullptr;
    if (!schema) return;
    if (std::ranges::find(out, "response_format", &Parameter::name) != out.end()) {
      fault(at + "/parameters/response_format",
            "`output` already says what the answer looks like: leave one of the two out.");
    }
    auto compiled = compile_schema(*schema, at + "/output/schema", faults_);
    if (!compiled) return;
    if (const auto* repair = output->get_object().if_contains("repair"); repair && repair->is_number())
      form.output = std::make_shared<const llm::OutputRule>(*std::move(compiled), repair->to_number<int>());
    // OpenAI's rule for the name: letters, digits, _ and -, at most 64.
    std::string name(name_.substr(0, 64));
    for (char& c : name) {
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
    }
    std::string format = R"({"type":"json_schema","json_schema":{"name":)";
    json::append_string(format, name.empty() ? "answer" : name);
    format += R"(,"strict":true,"schema":)" + json::to_text(*schema) + "}}";
    out.push_back({"response_format", std::move(format)});
  }

  void read_fit() {
    const auto* fit = spec_.if_contains("fit");
    fits_ = fit && fit->is_array();
    if (!fits_) return;
    for (const bj::value& part : fit->get_array())
      if (part.is_string()) fit_.emplace_back(part.get_string());
  }

  // Of the messages as they go out, with examples among them.
  std::shared_ptr<const llm::FitRule> fit_rule(const Form& form) const {
    if (!fits_) return nullptr;
    llm::FitRule rule{.order = fit_, .parts = form.messages->parts};
    if (form.examples) {
      const bool named = std::ranges::find(fit_, kExamplesPart) != fit_.end();
      rule.parts.insert(rule.parts.begin() + static_cast<std::ptrdiff_t>(form.messages->before_user),
                        2 * form.examples->shown(), named ? std::string(kExamplesPart) : std::string());
      if (named && form.examples->chooses()) rule.rising = kExamplesPart;  // the nearest stands last
    }
    return std::make_shared<const llm::FitRule>(std::move(rule));
  }

  // A part that nothing is of is a slip.
  void check_fit() {
    std::vector<std::string> parts{std::string(llm::kHistoryPart)};
    for (const Form& form : out_.forms)
      if (form.fit) parts.insert(parts.end(), form.fit->parts.begin(), form.fit->parts.end());
    for (std::size_t i = 0; i < fit_.size(); ++i) {
      if (std::ranges::find(parts, fit_[i]) != parts.end()) continue;
      fault("/fit/" + std::to_string(i), "no message has `part: " + fit_[i] + "`." + did_you_mean(fit_[i], parts));
    }
  }

  std::string_view name_;
  const bj::object& spec_;
  const FindVersion& find_;
  std::vector<resources::SpecError>& faults_;
  bool fits_ = false;             // there is a `fit`
  std::vector<std::string> fit_;  // in its order
  Specification out_;
};

}  // namespace

Specification read_specification(std::string_view name, const bj::object& spec, const FindVersion& find,
                                 std::vector<resources::SpecError>& faults) {
  return Reader(name, spec, find, faults).read();
}

}  // namespace fairlead::prompts::internal
