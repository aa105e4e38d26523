#include "prompts/internal/preview.h"

#include <boost/json/array.hpp>
#include <string>

#include "platform/json/text.h"
#include "prompts/internal/renderer.h"

namespace fairlead::prompts::internal {

namespace bj = boost::json;

std::vector<resources::Example> examples(const bj::object& spec) {
  std::vector<resources::Example> out;
  const bj::value* const tests = spec.if_contains("tests");
  if (tests == nullptr || !tests->is_array()) return out;
  for (const bj::value& test : tests->get_array()) {
    std::string title = "test " + std::to_string(out.size() + 1);
    if (const bj::value* const name = test.as_object().if_contains("name"))
      title += " (" + std::string(name->as_string()) + ")";
    out.push_back({std::move(title), test.at("given").as_object()});
  }
  return out;
}

Result<bj::object> preview(std::string_view name, const bj::object& spec, const bj::object& given,
                           const resources::Catalogue& others) {
  std::vector<resources::SpecError> faults;
  const FindVersion find = [&others](std::string_view prompt, std::string_view ref) {
    return others.at("prompt", prompt, ref);
  };
  const Renderer renderer(std::string(name), read_specification(name, spec, find, faults));
  if (!faults.empty()) return fail(ErrorKind::kInvalid, "invalid_resource", faults.front().message);
  FAIRLEAD_TRY(const Variables variables, renderer.complete(given));
  const llm::ChatRequest request;
  const Situation situation{.request = &request};
  const Form& form = renderer.specification().forms[renderer.choose(variables, situation).form];
  FAIRLEAD_TRY(const Rendered rendered, renderer.render(form, variables.values, request));
  FAIRLEAD_TRY(bj::value messages, json::parse(rendered.messages + "]"));
  bj::object out;
  if (!form.variant.empty()) out["variant"] = form.variant;
  out["messages"] = std::move(messages);
  return out;
}

}  // namespace fairlead::prompts::internal
