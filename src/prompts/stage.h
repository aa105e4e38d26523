// A prompt at work: variables in, messages out.
#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "llm/call.h"
#include "resources/kind.h"

namespace fairlead::prompts {

// The model resource of that name, or null.
using FindModel = std::function<std::shared_ptr<const llm::Model>(std::string_view name)>;

// One version of a prompt as a stage of a call. Immutable and shared by all loops. It renders the prompt's messages
// from call.options.variables and puts them before the client's own, adds the prompt's parameters, tools and response
// format where the client sent none of its own, and sets call.model, call.output and call.fit. What it sets views the
// stage: it must outlive the call. `run` ends with kInvalid:
//   unknown_variable, missing_required_parameter, invalid_type, invalid_value   `param` names the variable
//                                                                              (`fairlead.variables.locale`)
//   template_undefined, template_type_error, template_value_error, template_limit   these variables cannot be rendered
//   missing_required_parameter with param `messages`   there is no message at all
// compile_prompt fails with kUnavailable if the model is not there, kInvalid if the spec is not one that prompt_kind()
// lets through.
Result<std::shared_ptr<llm::Stage>> compile_prompt(const resources::Version& version, const FindModel& find_model);

}  // namespace fairlead::prompts
