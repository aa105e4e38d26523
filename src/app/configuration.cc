#include "app/configuration.h"

#include "app/log.h"
#include "providers/kind.h"

namespace fairlead::app {
namespace {

std::string identity_of(const resources::Version& version, const std::map<std::string, std::int64_t>& secrets) {
  std::string out = version.digest;
  for (const resources::SecretReference& one : providers::secret_references(version.spec)) {
    const auto found = secrets.find(one.name);
    out += "\n" + version.project + "/" + one.name + "@" + std::to_string(found == secrets.end() ? 0 : found->second);
  }
  return out;
}

}  // namespace

Configuration::Configuration(Parts parts, std::shared_ptr<const access::KeyTable> keys)
    : parts_(std::move(parts)), keys_(std::move(keys)) {
  auto first = std::make_shared<gateway::Snapshot>();
  first->keys = keys_;
  snapshot_ = std::move(first);
}

std::shared_ptr<const gateway::Snapshot> Configuration::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void Configuration::set_keys(std::shared_ptr<const access::KeyTable> keys) {
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  publish();
}

void Configuration::publish() {
  auto next = std::make_shared<gateway::Snapshot>();
  next->keys = keys_;
  std::vector<models::LocalFile> wanted;
  for (const auto& [name, compiled] : projects_) {
    next->projects.emplace(name, compiled.result.project);
    wanted.insert(wanted.end(), compiled.result.wanted.begin(), compiled.result.wanted.end());
  }
  snapshot_ = std::move(next);
  parts_.want_models(std::move(wanted));
  parts_.publish(snapshot_);
}

Result<MadeProvider> Configuration::provider(const resources::Version& version, std::string identity) {
  MadeProvider& kept = providers_[version.project + "/" + version.name];
  if (kept.provider && kept.identity == identity) return kept;
  auto made = parts_.make_provider(version);
  if (made) {
    kept = {std::move(identity), std::move(*made), version.digest, {}};
    return kept;
  }
  // A provider that only the store keeps from being made is neither lost nor at fault.
  if (made.error().code.starts_with("store_")) return fail(std::move(made).error());
  const std::string& reason = made.error().message;
  kept = {{},
          nullptr,
          version.digest,
          reason.starts_with("Provider `") ? reason : "Provider `" + version.name + "`: " + reason};
  kLog.warning("provider cannot be used", {{"provider", version.name}, {"reason", made.error().message}});
  return kept;
}

Result<MadeProviders> Configuration::make_providers(const resources::Project& project, const SecretVersions& secrets) {
  MadeProviders out;
  for (const auto& [key, resource] : project.resources) {
    if (key.first != "provider") continue;
    const resources::Version& version = *resource.versions.at(resource.in_force());
    FAIRLEAD_TRY(MadeProvider made, provider(version, identity_of(version, secrets)));
    out.emplace(resource.name, std::move(made));
  }
  return out;
}

Result<Configuration::Compiled> Configuration::compile(const resources::Project& source) {
  FAIRLEAD_TRY(SecretVersions secrets, parts_.secret_versions(source.name));
  FAIRLEAD_TRY(const MadeProviders providers, make_providers(source, secrets));
  const auto before = projects_.find(source.name);
  const CompiledProject* const known = before == projects_.end() ? nullptr : &before->second.result;
  return Compiled{
      source,
      compile_project(source, providers, known,
                      {parts_.routing, parts_.clock, parts_.chain_stage, parts_.privacy, std::move(secrets)}),
      secrets_changed_[source.name]};
}

// Null if the project has no budgets.
Result<std::shared_ptr<const budgets::Book>> Configuration::book_of(const resources::Project& project) {
  std::vector<budgets::Definition> definitions;
  for (const auto& [key, resource] : project.resources) {
    if (key.first != "budget") continue;
    const resources::Version& version = *resource.versions.at(resource.in_force());
    FAIRLEAD_TRY(budgets::Definition definition,
                 budgets::Definition::of(project.name, version.name, version.version, version.spec));
    definitions.push_back(std::move(definition));
  }
  if (definitions.empty()) return nullptr;
  return std::make_shared<const budgets::Book>(project.name, std::move(definitions), parts_.ledger);
}

Result<std::function<void()>> Configuration::prepare(const resources::Project& after) {
  const std::lock_guard lock(mutex_);
  FAIRLEAD_TRY(auto book, book_of(after));
  FAIRLEAD_TRY(Compiled first, compile(after));
  auto compiled = std::make_shared<Compiled>(std::move(first));
  // What is stored was let through once.
  if (compiled->result.fault && projects_.contains(after.name)) return fail(*compiled->result.fault);
  compiled->result.project.set_budgets(std::move(book));
  return [this, compiled] {
    const std::lock_guard lock(mutex_);
    const std::string name = compiled->source.name;
    // A secret that changed since then is not put back to what it was.
    if (compiled->secrets_seen != secrets_changed_[name]) {
      if (auto again = compile(compiled->source)) {
        again->result.project.set_budgets(compiled->result.project.book());
        *compiled = std::move(*again);
      }
    }
    if (const budgets::Book* const budgets = compiled->result.project.budgets())
      budgets->adopt(parts_.clock.unix_micros());
    projects_.insert_or_assign(name, std::move(*compiled));
    publish();
  };
}

Result<void> Configuration::refresh_secrets(const std::string& project) {
  const std::lock_guard lock(mutex_);
  ++secrets_changed_[project];
  const auto found = projects_.find(project);
  if (found == projects_.end()) return {};
  FAIRLEAD_TRY(Compiled again, compile(found->second.source));
  again.result.project.set_budgets(found->second.result.project.book());
  found->second = std::move(again);
  publish();
  return {};
}

}  // namespace fairlead::app
