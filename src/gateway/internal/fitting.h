// Messages that are left out so that a call fits its model's window: docs/reference/prompts.md.
#pragma once
#include "base/clock.h"
#include "base/result.h"
#include "llm/call.h"
#include "llm/fit_rule.h"
#include "platform/async/task.h"
#include "telemetry/record.h"

namespace fairlead::gateway::internal {

// By `call.fit`, if it is set and the window is known. What is left out goes into the record. May ask a local model's
// worker to count. Error: kInvalid, context_length_exceeded.
async::Task<Result<void>> fit(llm::Call& call, telemetry::CallRecord& record, SteadyTime deadline);

// The same for `chat`, which is the call's own with other messages: those of the call before any was left out, and
// `behind` more, which stay.
async::Task<Result<void>> fit(llm::Call& call, llm::ChatRequest& chat, std::size_t behind,
                              telemetry::CallRecord& record, SteadyTime deadline);

}  // namespace fairlead::gateway::internal
