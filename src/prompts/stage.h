// A prompt at work: variables in, messages out.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "llm/call.h"
#include "prompts/includes.h"
#include "resources/kind.h"

namespace fairlead::prompts {

// The model resource of that name, or null.
using FindModel = std::function<std::shared_ptr<const llm::Model>(std::string_view name)>;

// One version of a prompt as a stage of a call. Immutable and shared by all loops. It renders the prompt's messages
// from call.options.variables, in the form of the first variant whose condition holds, and puts them before the
// client's own, adds the prompt's parameters, tools and response format where the client sent none of its own, and sets
// call.model, call.output and call.fit, and call.variant and call.includes where there are some. What it sets views the
// stage: it must outlive the call. `run` ends with kInvalid:
//   unknown_variable, missing_required_parameter, invalid_type, invalid_value   `param` names the variable
//                                                                              (`fairlead.variables.locale`)
//   template_undefined, template_type_error, template_value_error, template_limit   these variables cannot be rendered
//   missing_required_parameter with param `messages`   there is no message at all
class Prompt : public llm::Stage {
 public:
  // What that call would become at that time, and why: the answer of `POST /api/v1/explain`. Errors as of `run`. For
  // people: it is not quick.
  virtual Result<boost::json::object> explain(const llm::Call& call, std::int64_t now_us) const = 0;
  // "house-style@5": what any of its forms includes.
  virtual std::vector<std::string> includes() const = 0;
  // Those that calls of it go to: its own, then that of each variant. Not empty.
  virtual const std::vector<std::shared_ptr<const llm::Model>>& models() const = 0;
};

// A version that is read, with all that it includes, and compiled but for its models. Immutable; it is what takes time,
// and serves every stage of that version while what it includes stays the same.
class ReadPrompt;

// Error: kInvalid if the spec is not one that prompt_kind() lets through, with code invalid_include if it could be one
// with other prompts around it.
Result<std::shared_ptr<const ReadPrompt>> read_prompt(const resources::Version& version,
                                                      const FindVersion& find_version);
// Whether reading that version again would give the same.
bool is_as_read(const ReadPrompt& prompt, const FindVersion& find_version);

// `clock` outlives the stage. Error: kUnavailable if a model is not there.
Result<std::shared_ptr<Prompt>> compile_prompt(std::shared_ptr<const ReadPrompt> prompt, const FindModel& find_model,
                                               const Clock& clock);
// Both at once.
Result<std::shared_ptr<Prompt>> compile_prompt(const resources::Version& version, const FindModel& find_model,
                                               const FindVersion& find_version, const Clock& clock);

}  // namespace fairlead::prompts
