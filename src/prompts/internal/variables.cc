#include "prompts/internal/variables.h"

#include <algorithm>

#include "base/suggest.h"
#include "prompts/internal/specification.h"

namespace fairlead::prompts::internal {
namespace {

namespace bj = boost::json;

Result<void> check_known(const std::string& prompt, const std::vector<Input>& inputs, std::string_view name) {
  if (std::ranges::find(inputs, name, &Input::name) != inputs.end()) return {};
  std::vector<std::string> names;
  for (const Input& input : inputs) names.push_back(input.name);
  // Only a short word is repeated: what stands there may be anything.
  const bool shown = name.size() <= 64;
  const std::string called = shown ? " `" + std::string(name) + "`" : " of that name";
  const std::string hint = shown ? did_you_mean(name, names) : "";
  return fail(
      ErrorKind::kInvalid, "unknown_variable",
      "Prompt `" + prompt + "` has no variable" + called + "." + hint + " Declared inputs: " + declared(inputs) + ".",
      shown ? "fairlead.variables." + std::string(name) : "fairlead.variables");
}

Result<void> check_value(const std::string& prompt, const Input& input, const bj::value& value) {
  const auto errors = input.schema.validate(value, 1);
  if (errors.empty()) return {};
  const std::string path = input.name + path_of(errors.front().pointer);
  return fail(ErrorKind::kInvalid, errors.front().keyword == "type" ? "invalid_type" : "invalid_value",
              "Variable `" + path + "` of prompt `" + prompt + "` " + errors.front().message + ".",
              "fairlead.variables." + path);
}

}  // namespace

Result<Variables> complete(std::string_view prompt_name, const std::vector<Input>& inputs, bj::object given) {
  const std::string prompt(prompt_name);
  const std::size_t sent = given.size();
  for (const auto& [key, value] : given) FAIRLEAD_CHECK(check_known(prompt, inputs, key));
  for (const Input& input : inputs) {
    if (const auto* value = given.if_contains(input.name)) {
      FAIRLEAD_CHECK(check_value(prompt, input, *value));
    } else if (input.fallback) {
      given.emplace(input.name, *input.fallback);
    } else {
      return fail(ErrorKind::kInvalid, "missing_required_parameter",
                  "Prompt `" + prompt + "` needs the variable `" + input.name + "` in `fairlead.variables`.",
                  "fairlead.variables." + input.name);
    }
  }
  return Variables{std::move(given), sent};
}

}  // namespace fairlead::prompts::internal
