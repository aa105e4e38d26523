#include "app/hiding.h"

#include <utility>

namespace fairlead::app {
namespace {

// Null: no policy counts.
Result<std::shared_ptr<const llm::Privacy>> policies_of(const gateway::Project& project, const std::string& target) {
  if (!target.empty()) {
    if (const auto found = project.find(target)) {
      if (found->target->fault.empty()) return found->target->privacy;
      return fail(ErrorKind::kUnavailable, "model_unavailable", found->target->fault);
    }
  }
  if (project.all_policies()) return project.all_policies();
  return fail(ErrorKind::kUnavailable, "privacy_unavailable",
              "The privacy policies of this project cannot be used, and nothing is kept that they have not seen.");
}

}  // namespace

bool Hiding::applies(const async::Loop& loop, const std::string& project) const {
  const gateway::Project* const found = snapshots_.current(loop)->project(project);
  return found != nullptr && found->has_privacy();
}

async::Task<Result<llm::Kept>> Hiding::hide(async::Loop& loop, llm::Kept kept) const {
  const std::shared_ptr<const gateway::Snapshot> snapshot = snapshots_.current(loop);  // the next may lack the project
  const gateway::Project* const project = snapshot->project(kept.project);
  if (project == nullptr || !project->has_privacy()) co_return kept;
  FAIRLEAD_CO_TRY(const std::shared_ptr<const llm::Privacy> policies, policies_of(*project, kept.target));
  if (!policies) co_return kept;
  async::Cancellation cancellation;
  llm::Call call;
  call.project = kept.project;
  call.loop = &loop;
  call.cancellation = &cancellation;
  call.options.variables = std::move(kept.json);
  call.options.session = kept.session;
  call.options.user = std::move(kept.user);
  call.options.tags = std::move(kept.names);
  // Answers are rewritten where there are pseudonyms to give back.
  if (call.options.session.empty() && kept.find_session && policies->rewrites_answers()) {
    std::string found = co_await kept.find_session();
    call.options.session = std::move(found);
  }
  const std::unique_ptr<llm::PrivacyCall> hiding = policies->begin();
  auto hidden = co_await hiding->hide(call, {});
  if (hidden && hiding->wants_keeping()) hidden = co_await hiding->keep();
  co_await hiding->end();
  if (!hidden) co_return fail(std::move(hidden).error());
  kept.json = std::move(call.options.variables);
  if (!kept.session.empty()) kept.session = std::move(call.options.session);
  kept.user = std::move(call.options.user);
  kept.names = std::move(call.options.tags);
  co_return kept;
}

}  // namespace fairlead::app
