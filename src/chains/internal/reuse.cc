// Results that are taken instead of doing the same again.
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "chains/internal/course.h"
#include "chains/results.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;
using journal::StepResult;

namespace {

constexpr log::Logger kReuseLog{"chains"};

}  // namespace

// Of what the step does, with what, and of which version of what it calls.
Result<std::string> Course::digest_of(const StepPlan& step, const std::string& name, const Scope& scope) {
  // A run that has been started for it stays on its version.
  const bool is_started = step.does == Does::kChain && execution_.knows(name);
  bj::object made{{"does", static_cast<int>(step.does)},
                  {"target", step.target},
                  {"version", is_started ? execution_.child_digest(name)
                                         : version_of_(execution_.run().asked.project, step.does, step.target)}};
  const std::pair<const char*, const std::optional<Template>*> given[] = {{"value", &step.value},
                                                                          {"variables", &step.variables},
                                                                          {"messages", &step.messages},
                                                                          {"parameters", &step.parameters},
                                                                          {"input", &step.input}};
  for (const auto& [name, from] : given) {
    if (!*from) continue;
    FAIRLEAD_TRY(bj::value value, make_value(**from, scope));
    made[name] = std::move(value);
  }
  if (step.output_schema) made["output"] = *step.output_schema;
  if (keeping_.is_needed()) made["session"] = account_.session;  // whose pseudonyms may be in it
  return sha256_hex(json::to_text(made));
}

async::Task<StepResult> Course::reuse_or_do(const StepPlan& step, std::string name, Scope scope) {
  if (execution_.ended(name)) co_return execution_.note(std::move(name), "null");  // as it did
  auto digest = digest_of(step, name, scope);
  const bool is_new = !execution_.knows(name);
  if (!digest) co_return failed(std::move(digest).error());
  const std::string project = execution_.run().asked.project;
  if (is_new) {
    std::string its_project = project, its_digest = *digest;
    auto kept = co_await results_->find(std::move(its_project), std::move(its_digest), step.reuse);
    if (kept && *kept) co_return execution_.reuse(std::move(name), (*kept)->output, (*kept)->run, (*kept)->step);
    if (!kept) kReuseLog.warning("results cannot be looked for", {{"message", kept.error().message}});
  }
  std::string its_name = name;
  auto result = co_await do_anew(step, std::move(its_name), scope);
  if (!result) co_return result;
  KeptResult kept{execution_.run().id, std::move(name), *result};
  std::string its_project = project;
  const auto done = co_await results_->keep(std::move(its_project), std::move(*digest), std::move(kept), step.reuse);
  if (!done) kReuseLog.warning("a result was not kept for reuse", {{"message", done.error().message}});
  co_return result;
}

}  // namespace fairlead::chains::internal
