#include "prompts/internal/renderer.h"

#include "prompts/internal/last_user.h"

namespace fairlead::prompts::internal {

namespace bj = boost::json;

Renderer::Renderer(std::string prompt, Specification specification)
    : prompt_(std::move(prompt)), specification_(std::move(specification)) {}

Result<Variables> Renderer::complete(bj::object given) const {
  return internal::complete(prompt_, specification_.inputs, std::move(given));
}

Chosen Renderer::choose(const Variables& variables, const Situation& situation) const {
  Choice choice = specification_.conditions.choose(variables, situation);
  return {choice.holds ? *choice.holds + 1 : 0, std::move(choice.error)};
}

Result<Rendered> Renderer::render(const Form& form, const bj::object& variables,
                                  const llm::ChatRequest& request) const {
  const MessageList& list = *form.messages;
  Rendered out{"[", list.count};
  const std::span<const Segment> all(list.segments);
  if (!form.examples) {
    FAIRLEAD_CHECK(internal::render(prompt_, all, variables, out.messages));
    return out;
  }
  FAIRLEAD_CHECK(internal::render(prompt_, all.first(list.user_begin), variables, out.messages));
  std::string rest, text;
  FAIRLEAD_CHECK(
      internal::render(prompt_, all.subspan(list.user_begin, list.user_end - list.user_begin), variables, rest, &text));
  const bool at_end = list.user_begin == all.size();
  if (at_end && list.count > 0) out.messages += ',';
  if (form.examples->chooses() && text.empty()) text = last_user_text(request);
  form.examples->append(text, out.messages);
  if (at_end) out.messages.pop_back();  // the comma
  out.messages += rest;
  FAIRLEAD_CHECK(internal::render(prompt_, all.subspan(list.user_end), variables, out.messages));
  out.count += 2 * form.examples->shown();
  return out;
}

}  // namespace fairlead::prompts::internal
