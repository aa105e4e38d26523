// A chain that is called as a model (docs/reference/chains.md, "Called as a model").
#pragma once
#include <memory>
#include <string>

#include "chains/chains.h"
#include "llm/call.h"
#include "platform/journal/engine.h"
#include "platform/journal/run.h"

namespace fairlead::chains {

// The request of a run of that version ("digest@3") for a call. Errors: as of Chains::request(), with the call's fields
// as `param`.
Result<journal::RunRequest> run_of_call(const Chains& chains, const std::string& reference, const llm::Call& call);

// A stage for calls of that version of a chain: it sets call.model to one whose answer is the output of a run, which
// the call starts. Immutable; `chains` and what `engine` points to outlive the calls, before which it is set.
std::shared_ptr<llm::Stage> make_callable(Chains& chains, const std::unique_ptr<journal::Engine>& engine,
                                          std::string name, int version);

}  // namespace fairlead::chains
