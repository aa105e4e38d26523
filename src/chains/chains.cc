#include "chains/chains.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "base/suggest.h"
#include "chains/internal/course.h"
#include "chains/internal/kept.h"
#include "chains/privacy.h"
#include "llm/reference.h"
#include "platform/journal/execution.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;

constexpr log::Logger kLog{"chains"};
constexpr Millis kUntilInForce{500};

template <class Callable>
Callable callable_of(const resources::Resource& resource) {
  Callable out;
  for (const auto& [number, version] : resource.versions) out.digests[std::to_string(number)] = version->digest;
  const auto add = [&](const std::string& reference, int number) {
    const auto found = resource.versions.find(number);
    if (found == resource.versions.end()) return;
    out.digests[reference] = found->second->digest;
    if (reference.empty()) out.model = json::text_member(found->second->spec, "model");
  };
  for (const auto& [label, number] : resource.labels) add(label, number);
  add("", resource.in_force());
  return out;
}

}  // namespace

Chains::Chains() : durations_(std::make_unique<internal::Durations>()) {}
Chains::~Chains() = default;

std::shared_ptr<const Chains::Project> Chains::project(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = projects_.find(name);
  return found == projects_.end() ? nullptr : found->second;
}

void Chains::update(const resources::Project& project) {
  const auto before = this->project(project.name);
  auto next = std::make_shared<Project>();
  for (const auto& [key, resource] : project.resources) {
    if (resource.kind == kKind || resource.kind == "prompt" || resource.kind == "model")
      next->callables.emplace(resource.kind + ":" + resource.name, callable_of<Callable>(resource));
    if (resource.kind != kKind) continue;
    const Chain* known = nullptr;
    if (before) {
      const auto found = before->chains.find(resource.name);
      if (found != before->chains.end()) known = &found->second;
    }
    Chain chain;
    chain.labels = resource.labels;
    chain.in_force = resource.in_force();
    for (const auto& [number, version] : resource.versions) {
      chain.digests.emplace(number, version->digest);
      if (known != nullptr && known->by_digest.contains(version->digest)) {
        chain.by_digest.emplace(version->digest, known->by_digest.at(version->digest));
        continue;
      }
      internal::Faults faults;
      auto plan = std::make_shared<const internal::Plan>(internal::read_plan(version->spec, {}, faults));
      if (faults.empty())
        chain.by_digest.emplace(version->digest, Version{number, std::move(plan)});
      else
        kLog.error(
            "a version cannot be compiled",
            {{"chain", resource.name}, {"version", number}, {"at", faults[0].pointer}, {"fault", faults[0].message}});
    }
    next->chains.emplace(resource.name, std::move(chain));
  }
  const std::lock_guard lock(mutex_);
  projects_[project.name] = std::move(next);
}

Result<Chains::Found> Chains::find(const std::string& project_name, const std::string& text) const {
  const llm::Reference reference = llm::Reference::parse(text);
  const std::string name(reference.name);
  const auto in = project(project_name);
  const auto not_found = [&] {
    std::vector<std::string> names;
    if (in)
      for (const auto& [one, chain] : in->chains) names.push_back(one);
    const std::string shown = resources::is_name(name) ? " `" + name + "`" : "";
    return fail(ErrorKind::kNotFound, "model_not_found",
                "There is no chain" + shown + " in this project." + did_you_mean(name, names), "chain");
  };
  if (!in || (!reference.kind.empty() && reference.kind != kKind)) return not_found();
  const auto chain = in->chains.find(name);
  if (chain == in->chains.end()) return not_found();
  FAIRLEAD_TRY(const int number, number_of(chain->second, name, reference.version));
  const auto digest = chain->second.digests.find(number);
  if (digest == chain->second.digests.end() || !chain->second.by_digest.contains(digest->second))
    return fail(ErrorKind::kNotFound, "version_not_found",
                "The chain `" + name + "` has no version " + std::to_string(number) + ".", "chain");
  return Found{name, digest->second, chain->second.by_digest.at(digest->second).plan};
}

Result<int> Chains::number_of(const Chain& chain, const std::string& name, std::string_view version) {
  if (version.empty()) return chain.in_force;
  int number = 0;
  const char* const end = version.data() + version.size();
  const auto parsed = std::from_chars(version.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  const auto label = chain.labels.find(version);
  if (label != chain.labels.end()) return label->second;
  return fail(ErrorKind::kNotFound, "label_not_found", "The chain `" + name + "` has no label of that name.", "chain");
}

Result<journal::RunRequest> Chains::request(StartRequest start) const {
  FAIRLEAD_TRY(const Found found, find(start.project, start.chain));
  FAIRLEAD_TRY(bj::object input, internal::complete_input(*found.plan, std::move(start.input)));
  journal::RunRequest out;
  out.project = start.project;
  out.kind = kKind;
  out.name = found.name;
  out.digest = found.digest;
  out.input = internal::kept_input(std::move(input), {start.key_id, start.key_name, start.session, start.user});
  out.key = std::move(start.key);
  out.queue = std::move(start.queue);
  out.author = start.key_name;
  out.priority = start.priority;
  out.deadline = start.deadline;
  out.due = start.due;
  out.within = found.plan->deadline.count();
  return out;
}

Result<std::shared_ptr<const internal::Plan>> Chains::plan(const std::string& project,
                                                           const std::string& reference) const {
  FAIRLEAD_TRY(Found found, find(project, reference));
  return std::move(found.plan);
}

Chains::MissingInputs Chains::missing_inputs(const std::string& project, const std::string& reference,
                                             const bj::object& given) const {
  MissingInputs out;
  const auto found = find(project, reference);
  if (!found) return out;
  for (const internal::Field& field : found->plan->input) {
    out.takes_messages |= field.name == "messages";
    if (!field.fallback && !given.contains(field.name)) out.names.push_back(field.name);
  }
  return out;
}

std::string Chains::version_of_called(const std::string& project_name, std::string_view kind,
                                      const std::string& reference) const {
  const auto in = project(project_name);
  const llm::Reference read = llm::Reference::parse(reference);
  if (!in) return {};
  const auto found = in->callables.find(std::string(kind) + ":" + std::string(read.name));
  if (found == in->callables.end()) return {};
  const auto digest = found->second.digests.find(read.version);
  std::string out = digest == found->second.digests.end() ? std::string() : digest->second;
  if (!found->second.model.empty()) out += "/" + version_of_called(project_name, "model", found->second.model);
  return out;
}

std::shared_ptr<const internal::Plan> Chains::plan_of(const journal::Run& run) const {
  return plan_of(run, run.asked.digest);
}

std::shared_ptr<const internal::Plan> Chains::plan_of(const journal::Run& run, const std::string& digest) const {
  const auto in = project(run.asked.project);
  if (!in) return nullptr;
  const auto chain = in->chains.find(run.asked.name);
  if (chain == in->chains.end()) return nullptr;
  const auto version = chain->second.by_digest.find(digest);
  return version == chain->second.by_digest.end() ? nullptr : version->second.plan;
}

std::vector<journal::Limit> Chains::limits(const journal::Run& run) const {
  std::vector<journal::Limit> out;
  const auto in = project(run.asked.project);
  if (!in) return out;
  const auto chain = in->chains.find(run.asked.name);
  if (chain == in->chains.end()) return out;
  const auto digest = chain->second.digests.find(chain->second.in_force);
  const auto version = digest == chain->second.digests.end() ? chain->second.by_digest.end()
                                                             : chain->second.by_digest.find(digest->second);
  if (version == chain->second.by_digest.end()) return out;
  for (const internal::LimitPlan& limit : version->second.plan->limits) {
    std::string name = "chain " + run.asked.name;
    if (limit.per == "key") name += ", key " + run.asked.author;
    if (limit.per == "user") name += ", user " + user_of(run);
    if (limit.concurrency > 0) out.push_back({.name = name, .concurrency = limit.concurrency});
    if (limit.starts > 0) out.push_back({.name = name, .starts = limit.starts, .period = limit.period.count()});
  }
  return out;
}

std::string Chains::user_of(const journal::Run& run) const {
  const auto kept = json::parse(run.asked.input);
  return kept && kept->is_object() ? internal::account_of(kept->get_object()).user : std::string();
}

int Chains::version_of(const journal::Run& run) const {
  const auto in = project(run.asked.project);
  if (!in) return 0;
  const auto chain = in->chains.find(run.asked.name);
  if (chain == in->chains.end()) return 0;
  const auto version = chain->second.by_digest.find(run.asked.digest);
  return version == chain->second.by_digest.end() ? 0 : version->second.number;
}

async::Task<journal::Outcome> Chains::advance(journal::Execution& execution) {
  const journal::Run& run = execution.run();
  auto plan = plan_of(run);
  auto kept = json::parse(run.asked.input);
  if (!plan) {  // applied through another node a moment ago, and not in force here yet
    kLog.warning("a run waits for its chain",
                 {{"run", run.id}, {"chain", run.asked.name}, {"digest", run.asked.digest}});
    journal::Outcome later;
    later.again = kUntilInForce;
    co_return later;
  }
  if (!kept || !kept->is_object()) {
    journal::Outcome out;
    out.end = journal::Outcome::End::kFailed;
    out.error = {ErrorKind::kInternal, "store_corrupt", "The input of run `" + run.id + "` cannot be read."};
    co_return out;
  }
  bj::object& fields = kept->as_object();
  internal::Account account = internal::account_of(fields);
  bj::value input = internal::input_of(fields, *plan);
  const internal::PinChain pin = [this](const std::string& project, const std::string& reference, bj::object given,
                                        const internal::Account& who) {
    StartRequest start;
    start.project = project;
    start.chain = reference;
    start.input = std::move(given);
    start.key_id = who.key_id;
    start.key_name = who.key_name;
    start.session = who.session;
    start.user = who.user;
    return request(std::move(start));
  };
  const internal::ModelOf model_of = [this](const std::string& of_project, const std::string& prompt) {
    const auto in = project(of_project);
    if (!in) return std::string();
    const auto found = in->callables.find("prompt:" + prompt);
    return found == in->callables.end() ? std::string() : found->second.model;
  };
  const internal::VersionOf version_of = [this](const std::string& project, internal::Does does,
                                                const std::string& reference) {
    return version_of_called(project, internal::kind_called(does), reference);
  };
  const internal::Keeping keeping{
      [this, &execution] {
        return hiding_ != nullptr && hiding_->applies(execution.loop(), execution.run().asked.project);
      },
      [this, &execution](std::string text, bool is_json) {
        return is_json ? hide_for_run(*this, execution.loop(), execution.run(), std::move(text))
                       : hide_text_for_run(*this, execution.loop(), execution.run(), std::move(text));
      }};
  internal::Course course(execution, std::move(plan), std::move(account), std::move(input), *client_, http_, pin,
                          version_of, model_of, results_, *durations_, keeping);
  journal::Outcome outcome = co_await course.run();
  co_return outcome;
}

}  // namespace fairlead::chains
