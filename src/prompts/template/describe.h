// Values as text.
#pragma once
#include <string>
#include <string_view>

#include "prompts/template/context.h"

namespace fairlead::prompts::jinja {

// For messages: "a string", "an integer", "none".
std::string_view type_name(Value value);
// " Did you mean `name`?" for a member that `of` does not have, or "".
std::string suggestion_for(Value of, std::string_view member);

// As Python's str() and repr(). False: the context has failed.
bool write_text(Context& context, Text& out, Value value);
bool write_repr(Context& context, Text& out, Value value);
// The value itself if it is a string, else its str().
Value to_text(Context& context, Value value);

// JSON as Python's json.dumps(…, ensure_ascii=False) writes it; `indent` spaces a level, or on one line if negative.
bool write_json(Context& context, Text& out, Value value, int indent, int level = 0);

}  // namespace fairlead::prompts::jinja
