#include "prompts/internal/renderer.h"

#include <algorithm>

#include "base/suggest.h"
#include "platform/json/text.h"

namespace fairlead::prompts::internal {

namespace bj = boost::json;

Renderer::Renderer(std::string prompt, Specification specification)
    : prompt_(std::move(prompt)), specification_(std::move(specification)) {
  for (const Input& input : specification_.inputs) names_.push_back(input.name);
}

Result<Variables> Renderer::complete(bj::object variables) const {
  const std::size_t sent = variables.size();
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
  return Variables{std::move(variables), sent};
}

Result<void> Renderer::check_known(std::string_view name) const {
  if (std::ranges::find(names_, name) != names_.end()) return {};
  // Only a short word is repeated: what stands there may be anything.
  const bool shown = name.size() <= 64;
  const std::string called = shown ? " `" + std::string(name) + "`" : " of that name";
  const std::string hint = shown ? did_you_mean(name, names_) : "";
  return fail(ErrorKind::kInvalid, "unknown_variable",
              "Prompt `" + prompt_ + "` has no variable" + called + "." + hint +
                  " Declared inputs: " + declared(specification_.inputs) + ".",
              shown ? "fairlead.variables." + std::string(name) : "fairlead.variables");
}

Result<void> Renderer::check_value(const Input& input, const bj::value& value) const {
  const auto errors = input.schema.validate(value, 1);
  if (errors.empty()) return {};
  const std::string path = input.name + path_of(errors.front().pointer);
  return fail(ErrorKind::kInvalid, errors.front().keyword == "type" ? "invalid_type" : "invalid_value",
              "Variable `" + path + "` of prompt `" + prompt_ + "` " + errors.front().message + ".",
              "fairlead.variables." + path);
}

Chosen Renderer::choose(const Variables& variables, const Situation& situation) const {
  Choice choice = specification_.conditions.choose(variables, situation);
  return {choice.holds ? *choice.holds + 1 : 0, std::move(choice.error)};
}

Result<std::string> Renderer::render(const Form& form, const bj::object& variables) const {
  std::string out = "[";
  for (const Segment& segment : form.messages->segments) {
    out += segment.json;
    if (!segment.text) continue;
    auto text = segment.text->render(variables);
    if (!text) return fail(with_context(std::move(text).error(), "Prompt `" + prompt_ + "`, " + segment.place));
    json::append_string(out, *text);
  }
  return out;
}

}  // namespace fairlead::prompts::internal
