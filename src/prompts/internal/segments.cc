#include "prompts/internal/segments.h"

#include "platform/json/text.h"

namespace fairlead::prompts::internal {

Result<void> render(std::string_view prompt, std::span<const Segment> segments, const boost::json::object& variables,
                    std::string& out, std::string* texts) {
  for (const Segment& segment : segments) {
    out += segment.json;
    if (!segment.text) continue;
    auto text = segment.text->render(variables);
    if (!text)
      return fail(with_context(std::move(text).error(), "Prompt `" + std::string(prompt) + "`, " + segment.place));
    json::append_string(out, *text);
    if (texts != nullptr) texts->append(*text).append("\n");
  }
  return {};
}

}  // namespace fairlead::prompts::internal
