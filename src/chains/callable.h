// A chain that is called as a model (docs/reference/chains.md, "Called as a model").
#pragma once
#include <memory>
#include <string>

#include "chains/chains.h"
#include "llm/call.h"
#include "platform/journal/engine.h"

namespace fairlead::chains {

// A stage for calls of that version of a chain: it sets call.model to one whose answer is the output of a run, which
// the call starts. Immutable; `chains` and `engine` outlive the calls.
std::shared_ptr<llm::Stage> make_callable(Chains& chains, journal::Engine& engine, std::string name, int version);

}  // namespace fairlead::chains
