#include "chains/privacy.h"

#include <utility>

#include "chains/internal/kept.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;

bool is_needed(const Chains& chains, const async::Loop& loop, const std::string& project) {
  return chains.hiding() != nullptr && chains.hiding()->applies(loop, project);
}

std::string target_of(const std::string& chain) {
  return chain.starts_with("chain:") ? chain : "chain:" + chain;
}

llm::Kept kept_for(const Chains& chains, const journal::Run& run) {
  const auto asked = json::parse(run.asked.input);
  llm::Kept kept{.project = run.asked.project,
                 .target = "chain:" + run.asked.name + "@" + std::to_string(chains.version_of(run))};
  if (asked && asked->is_object()) kept.session = internal::account_of(asked->get_object()).session;
  return kept;
}

}  // namespace

async::Task<Result<StartRequest>> hide_start(const Chains& chains, async::Loop& loop, StartRequest start) {
  if (!is_needed(chains, loop, start.project)) co_return start;
  if (!chains.plan(start.project, start.chain)) co_return start;  // no run comes of it
  llm::Kept kept{.project = start.project,
                 .target = target_of(start.chain),
                 .json = json::to_text(start.input),
                 .session = start.session,
                 .user = start.user,
                 .names = {start.key, start.queue}};
  auto hidden = co_await chains.hiding()->hide(loop, std::move(kept));
  if (!hidden) co_return fail(std::move(hidden).error());
  FAIRLEAD_CO_TRY(bj::value input, json::parse(hidden->json));
  start.input = std::move(input.as_object());
  start.session = std::move(hidden->session);
  start.user = std::move(hidden->user);
  start.key = std::move(hidden->names[0]);
  start.queue = std::move(hidden->names[1]);
  co_return start;
}

async::Task<Result<Chains::ForkRequest>> hide_fork(const Chains& chains, async::Loop& loop, Chains::ForkRequest fork) {
  if (!is_needed(chains, loop, fork.run.asked.project)) co_return fork;
  llm::Kept kept = kept_for(chains, fork.run);
  if (!fork.chain.empty())
    kept.target = target_of(fork.chain.starts_with('@') ? fork.run.asked.name + fork.chain : fork.chain);
  kept.json = json::to_text(fork.input);
  kept.names = {fork.key};
  auto hidden = co_await chains.hiding()->hide(loop, std::move(kept));
  if (!hidden) co_return fail(std::move(hidden).error());
  FAIRLEAD_CO_TRY(bj::value input, json::parse(hidden->json));
  fork.input = std::move(input.as_object());
  fork.key = std::move(hidden->names[0]);
  co_return fork;
}

async::Task<Result<std::string>> hide_for_run(const Chains& chains, async::Loop& loop, const journal::Run& run,
                                              std::string value) {
  if (!is_needed(chains, loop, run.asked.project)) co_return value;
  llm::Kept kept = kept_for(chains, run);
  kept.json = std::move(value);
  auto hidden = co_await chains.hiding()->hide(loop, std::move(kept));
  if (!hidden) co_return fail(std::move(hidden).error());
  co_return std::move(hidden->json);
}

async::Task<Result<std::string>> hide_text_for_run(const Chains& chains, async::Loop& loop, const journal::Run& run,
                                                   std::string text) {
  if (text.empty() || !is_needed(chains, loop, run.asked.project)) co_return text;
  std::string value = json::quoted(text);
  auto hidden = co_await hide_for_run(chains, loop, run, std::move(value));
  if (!hidden) co_return hidden;
  FAIRLEAD_CO_TRY(const bj::value made, json::parse(*hidden));
  co_return std::string(made.as_string());
}

async::Task<Result<std::string>> hide_name_for_run(const Chains& chains, async::Loop& loop, const journal::Run& run,
                                                   std::string name) {
  if (name.empty() || !is_needed(chains, loop, run.asked.project)) co_return name;
  llm::Kept kept = kept_for(chains, run);
  kept.names = {std::move(name)};
  auto hidden = co_await chains.hiding()->hide(loop, std::move(kept));
  if (!hidden) co_return fail(std::move(hidden).error());
  co_return std::move(hidden->names[0]);
}

}  // namespace fairlead::chains
