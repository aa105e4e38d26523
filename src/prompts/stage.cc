#include "prompts/stage.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "base/suggest.h"
#include "platform/json/text.h"
#include "prompts/internal/specification.h"

namespace fairlead::prompts {
namespace {

namespace bj = boost::json;
using internal::Input;

// "/a/0" behind a variable's name: ".a[0]".
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

class PromptStage final : public llm::Stage {
 public:
  PromptStage(std::string prompt, internal::Specification specification, std::shared_ptr<const llm::Model> model)
      : prompt_(std::move(prompt)), specification_(std::move(specification)), model_(std::move(model)) {
    for (const Input& input : specification_.inputs) names_.push_back(input.name);
  }

  std::string_view name() const override { return "prompt"; }

  async::Task<Result<void>> run(llm::Call& call) override { co_return apply(call); }

 private:
  Result<void> apply(llm::Call& call) const {
    FAIRLEAD_TRY(const bj::object variables, read_variables(call.options.variables));
    FAIRLEAD_TRY(std::string messages, render(variables));
    const std::size_t count = specification_.message_count + call.request.message_count;
    if (count == 0) {
      return fail(ErrorKind::kInvalid, "missing_required_parameter",
                  "Prompt `" + prompt_ + "` has no messages of its own, so `messages` must hold one at least.",
                  "messages");
    }
    append_messages(messages, call.request.messages, call.request.message_count);
    call.request.messages = call.own(std::move(messages));
    call.request.message_count = count;
    call.request.set("messages", call.request.messages);
    add_parameters(call.request);
    call.model = model_;
    return {};
  }

  Result<bj::object> read_variables(std::string_view text) const {
    bj::object variables;
    if (!text.empty()) {
      auto parsed = json::parse(text);
      if (!parsed)
        return fail(ErrorKind::kInvalid, "invalid_json", "`fairlead.variables`: " + parsed.error().message,
                    "fairlead.variables");
      if (!parsed->is_object())
        return fail(ErrorKind::kInvalid, "invalid_type", "`fairlead.variables` must be an object.",
                    "fairlead.variables");
      variables = std::move(parsed->get_object());
    }
    for (const auto& [key, value] : variables) FAIRLEAD_CHECK(check_known(key));
    for (const Input& input : specification_.inputs) {
      if (const auto* value = variables.if_contains(input.name)) {
        FAIRLEAD_CHECK(check_value(input, *value));
      } else if (input.fallback) {
        variables.emplace(input.name, *input.fallback);
      } else {
        return fail(ErrorKind::kInvalid, "missing_required_parameter",
                    "Prompt `" + prompt_ + "` needs the variable `" + input.name + "` in `fairlead.variables`.",
                    "fairlead.variables." + input.name);
      }
    }
    return variables;
  }

  Result<void> check_known(std::string_view name) const {
    if (std::ranges::find(names_, name) != names_.end()) return {};
    // Only a short word is repeated: what stands there may be anything.
    const bool shown = name.size() <= 64;
    const std::string called = shown ? " `" + std::string(name) + "`" : " of that name";
    const std::string hint = shown ? did_you_mean(name, names_) : "";
    return fail(ErrorKind::kInvalid, "unknown_variable",
                "Prompt `" + prompt_ + "` has no variable" + called + "." + hint +
                    " Declared inputs: " + internal::declared(specification_.inputs) + ".",
                shown ? "fairlead.variables." + std::string(name) : "fairlead.variables");
  }

  Result<void> check_value(const Input& input, const bj::value& value) const {
    const auto errors = input.schema.validate(value, 1);
    if (errors.empty()) return {};
    const std::string path = input.name + path_of(errors.front().pointer);
    return fail(ErrorKind::kInvalid, errors.front().keyword == "type" ? "invalid_type" : "invalid_value",
                "Variable `" + path + "` of prompt `" + prompt_ + "` " + errors.front().message + ".",
                "fairlead.variables." + path);
  }

  // The prompt's messages, "[" in front, without the "]".
  Result<std::string> render(const bj::object& variables) const {
    std::string out = "[";
    for (const internal::Segment& segment : specification_.messages) {
      out += segment.json;
      if (!segment.text) continue;
      auto text = segment.text->render(variables);
      if (!text) return fail(with_context(std::move(text).error(), "Prompt `" + prompt_ + "`, " + segment.place));
      json::append_string(out, *text);
    }
    return out;
  }

  // Adds the elements of the client's array, spliced as they were sent, and the end of the array.
  void append_messages(std::string& out, std::string_view theirs, std::size_t count) const {
    if (count > 0) {
      const std::size_t open = theirs.find('['), close = theirs.rfind(']');
      if (specification_.message_count > 0) out += ',';
      out += theirs.substr(open + 1, close - open - 1);
    }
    out += ']';
  }

  void add_parameters(llm::ChatRequest& request) const {
    // Two names for one thing: whichever the client sent counts.
    const bool has_limit = request.member("max_tokens") || request.member("max_completion_tokens");
    for (const internal::Parameter& parameter : specification_.parameters) {
      const bool is_limit = parameter.name == "max_tokens" || parameter.name == "max_completion_tokens";
      if (is_limit ? has_limit : request.member(parameter.name) != nullptr) continue;
      request.set(parameter.name, parameter.json);
      if (parameter.name == "n") request.n = std::atoi(parameter.json.c_str());
    }
  }

  std::string prompt_;
  internal::Specification specification_;
  std::shared_ptr<const llm::Model> model_;
  std::vector<std::string> names_;
};

}  // namespace

Result<std::shared_ptr<llm::Stage>> compile_prompt(const resources::Version& version, const FindModel& find_model) {
  std::vector<resources::SpecError> faults;
  internal::Specification specification = internal::read_specification(version.name, version.spec, faults);
  if (!faults.empty()) {
    return fail(ErrorKind::kInvalid, "invalid_resource",
                "Prompt `" + version.name + "`, " + faults.front().pointer + ": " + faults.front().message);
  }
  auto model = find_model(specification.model);
  if (!model) {
    return fail(
        ErrorKind::kUnavailable, "model_unavailable",
        "Prompt `" + version.name + "` names the model `" + specification.model + "`, which cannot be used now.");
  }
  return std::make_shared<PromptStage>(version.name, std::move(specification), std::move(model));
}

}  // namespace fairlead::prompts
