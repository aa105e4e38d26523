// The text of messages that are rendered.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "prompts/template.h"

namespace fairlead::prompts::internal {

// Part of the text of a messages array: JSON as it is, or a template whose text becomes a JSON string.
struct Segment {
  std::string json;
  std::optional<Template> text;
  std::string place;  // of the template, for messages: "messages[0].system"
};

// The elements of a messages array, without its brackets.
struct MessageList {
  std::vector<Segment> segments;
  std::size_t count = 0;
  std::vector<std::string> parts;     // of `fit`, of each; empty: none
  std::vector<std::string> includes;  // "house-style@5", each once
  // The segments of the last message of a user's; none: both are the end.
  std::size_t user_begin = 0, user_end = 0;
  std::size_t before_user = 0;  // so many messages stand before it
};

// Appends what they are for complete variables to `out`, and the texts of their templates to `texts`, if that is not
// null. Errors: template_*.
Result<void> render(std::string_view prompt, std::span<const Segment> segments, const boost::json::object& variables,
                    std::string& out, std::string* texts = nullptr);

}  // namespace fairlead::prompts::internal
