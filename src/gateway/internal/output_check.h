// What an answer is checked for, and whether it is that: docs/reference/structured-output.md.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/call.h"
#include "llm/output_rule.h"

namespace fairlead::gateway::internal {

// Settles `call.output` when its stages have run: a prompt's own, or the schema that the request brings, if the request
// says how often to repair. Errors: kInvalid with param fairlead.repair, response_format or n.
Result<void> settle_output(llm::Call& call);

// An answer that does not fit.
struct Unfit {
  std::string text;    // of the answer
  std::string faults;  // for the model, one a line
  std::string first;   // for people: the first of them, with nothing of the answer's values
};
// Of a whole chat answer in wire form; nothing: it fits, or is none that is checked (tool calls, a refusal, what a
// content filter ended). Error: upstream_invalid.
Result<std::optional<Unfit>> find_unfit(const llm::OutputRule& rule, std::string_view wire, bool stream);

// `request` with the answer that does not fit, and what is wrong with it, as its last messages. A JSON array.
std::string messages_to_repair(const llm::ChatRequest& request, const Unfit& unfit);

}  // namespace fairlead::gateway::internal
