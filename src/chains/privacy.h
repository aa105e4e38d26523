// What may be kept of what comes to runs: privacy policies (docs/reference/policies.md).
#pragma once
#include <string>

#include "base/result.h"
#include "chains/chains.h"
#include "llm/privacy.h"
#include "platform/async/runtime.h"
#include "platform/journal/run.h"

namespace fairlead::chains {

// Each gives what it was given where `chains` has no policies or none applies. Errors: those of llm::Hiding.

// Of a run that is about to be started.
async::Task<Result<StartRequest>> hide_start(const Chains& chains, async::Loop& loop, StartRequest start);
// Of a fork: what it replaces, with the pseudonyms of the run's session, by the policies of the chain that it is to be
// of.
async::Task<Result<Chains::ForkRequest>> hide_fork(const Chains& chains, async::Loop& loop, Chains::ForkRequest fork);
// A value that comes to a run, as JSON: by the policies of its chain, with the pseudonyms of its session.
async::Task<Result<std::string>> hide_for_run(const Chains& chains, async::Loop& loop, const journal::Run& run,
                                              std::string value);
// The same of a text, and of a name by which a program knows something.
async::Task<Result<std::string>> hide_text_for_run(const Chains& chains, async::Loop& loop, const journal::Run& run,
                                                   std::string text);
async::Task<Result<std::string>> hide_name_for_run(const Chains& chains, async::Loop& loop, const journal::Run& run,
                                                   std::string name);

}  // namespace fairlead::chains
