// Error bodies in OpenAI's form, and in the forms that its imitators use.
#pragma once
#include <simdjson.h>

#include <string_view>

#include "llm/openai_completion.h"

namespace fairlead::llm::internal {

// The error that an event or an answer with status 200 carries: the value of its "error" member.
Error error_in_answer(simdjson::dom::element error, const Secrets& secrets);

}  // namespace fairlead::llm::internal
