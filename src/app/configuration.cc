#include "app/configuration.h"

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "base/log.h"
#include "llm/cache.h"
#include "llm/memory.h"
#include "prompts/stage.h"
#include "providers/kind.h"

namespace fairlead::app {
namespace {

constexpr log::Logger kLog{"app"};

const resources::Version& version_in_force(const resources::Resource& resource) {
  return *resource.versions.at(resource.in_force());
}

std::shared_ptr<const gateway::Target> broken(const resources::Version& version, std::string fault) {
  auto target = std::make_shared<gateway::Target>();
  target->kind = version.kind;
  target->name = version.name;
  target->version = version.version;
  target->created_at_s = version.created_at_us / 1'000'000;
  target->fault = std::move(fault);
  return target;
}

bool is_of_store(const Error& error) {
  return error.code.starts_with("store_");
}

bool has_label(const resources::Resource& resource, int version) {
  return std::ranges::any_of(resource.labels, [version](const auto& label) { return label.second == version; });
}

struct Caching {
  std::optional<llm::CachePolicy> policy;
  std::shared_ptr<const llm::Model> embedding{};
  std::string answers_as{};
};

std::shared_ptr<const gateway::Target> working(const resources::Version& version,
                                               std::shared_ptr<const llm::Model> model,
                                               std::shared_ptr<llm::Stage> stage, Caching caching,
                                               std::optional<gateway::routing::Shadow> shadow = {},
                                               std::optional<llm::MemoryPolicy> memory = {}) {
  auto target = std::make_shared<gateway::Target>();
  target->kind = version.kind;
  target->name = version.name;
  target->version = version.version;
  target->created_at_s = version.created_at_us / 1'000'000;
  target->model = std::move(model);
  target->shadow = std::move(shadow);
  target->cache = std::move(caching.policy);
  target->memory = std::move(memory);
  target->embedding = std::move(caching.embedding);
  target->answers_as = std::move(caching.answers_as);
  if (stage) target->stages.push_back(std::move(stage));
  return target;
}

// What the answers of a model depend on besides the request. `providers`: digests of their specs, by name.
std::string answers_as(const llm::Model& model, const std::map<std::string, std::string, std::less<>>& providers) {
  std::string text = model.name + "@" + std::to_string(model.version) + " " + model.digest;
  for (const llm::Route& route : model.routes) {
    const auto found = providers.find(route.provider->name());
    text += "\n";
    text += found == providers.end() ? std::string(route.provider->name()) : found->second;
  }
  for (const auto& fallback : model.fallbacks) text += "\n" + answers_as(*fallback, providers);
  return sha256_hex(text);
}

// Whatever a provider is made from; two that are the same are one place and one account.
std::string identity_of(const resources::Version& version, const std::map<std::string, std::int64_t>& secrets) {
  std::string out = version.digest;
  for (const resources::SecretReference& one : providers::secret_references(version.spec)) {
    const auto found = secrets.find(one.name);
    out += "\n" + version.project + "/" + one.name + "@" + std::to_string(found == secrets.end() ? 0 : found->second);
  }
  return out;
}

}  // namespace

// Compiles the models of a project when they are asked for, so that a fallback is there before what falls back to it.
class Configuration::ModelCompiler {
 public:
  using Model = std::shared_ptr<const llm::Model>;
  ModelCompiler(const resources::Project& project, const models::ProviderLookup& providers,
                gateway::routing::Registry::Upstream identity, gateway::routing::Registry& routing)
      : project_(project), providers_(providers), identity_(std::move(identity)), routing_(routing) {}

  // The version that a bare name stands for; null if there is none or it cannot be used.
  Model in_force(std::string_view name) {
    const auto known = in_force_.find(name);
    if (known != in_force_.end()) return known->second ? known->second->value_or(nullptr) : nullptr;
    const resources::Resource* const resource = project_.find("model", name);
    if (!resource) return nullptr;
    const auto compiled = version(version_in_force(*resource));
    return compiled.value_or(nullptr);
  }

  Result<Model> version(const resources::Version& version) {
    const resources::Resource& resource = *project_.find("model", version.name);
    const bool is_in_force = version.version == resource.in_force();
    if (is_in_force) {
      // Not known yet: one that is asked for while it is being compiled leads back to itself.
      const auto [entry, is_new] = in_force_.try_emplace(version.name);
      if (!is_new && entry->second) return *entry->second;
    }
    auto made = models::compile_model(version, providers_, [this](std::string_view name) { return in_force(name); });
    if (made) routing_.attach(project_.name, **made, identity_);
    Result<Model> out = made ? Result<Model>(*std::move(made)) : Result<Model>(std::unexpected(made.error()));
    if (is_in_force) in_force_[version.name] = out;
    return out;
  }

 private:
  const resources::Project& project_;
  const models::ProviderLookup& providers_;
  gateway::routing::Registry::Upstream identity_;
  gateway::routing::Registry& routing_;
  std::map<std::string, std::optional<Result<Model>>, std::less<>> in_force_;
};

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
    next->projects.emplace(name, compiled.project);
    wanted.insert(wanted.end(), compiled.wanted.begin(), compiled.wanted.end());
  }
  snapshot_ = std::move(next);
  parts_.want_models(std::move(wanted));
  parts_.publish(snapshot_);
}

Configuration::MadeProvider Configuration::provider(const resources::Version& version, std::string identity,
                                                    std::string& fault, std::optional<Error>& unread) {
  MadeProvider& kept = providers_[version.project + "/" + version.name];
  if (kept.provider && kept.identity == identity) return kept;
  auto made = parts_.make_provider(version);
  if (made) {
    kept = {std::move(identity), std::move(*made)};
    return kept;
  }
  if (is_of_store(made.error())) {
    unread = made.error();
    return kept;
  }
  kept = {};
  fault = "Provider `" + version.name + "`: " + made.error().message;
  kLog.warning("provider cannot be used", {{"provider", version.name}, {"reason", made.error().message}});
  return kept;
}

Configuration::Compiled Configuration::compile(resources::Project source) {
  Compiled out{std::move(source), gateway::Project(""), {}, 0};
  const resources::Project& project = out.source;
  out.project = gateway::Project(project.name);
  out.secrets_seen = secrets_changed_[project.name];
  const auto secrets = parts_.secret_versions(project.name);
  if (!secrets) {
    out.unread = secrets.error();
    return out;
  }
  std::map<std::string, std::shared_ptr<llm::Provider>, std::less<>> providers;
  std::map<std::string, std::string, std::less<>> identities, digests;
  std::map<std::string, std::string, std::less<>> faults;  // of providers, by name
  for (const auto& [key, resource] : project.resources) {
    if (key.first != "provider") continue;
    const resources::Version& version = version_in_force(resource);
    std::string fault;
    MadeProvider made = provider(version, identity_of(version, *secrets), fault, out.unread);
    if (made.provider) providers[resource.name] = std::move(made.provider);
    identities[resource.name] = std::move(made.identity);
    digests[resource.name] = version.digest;
    if (!fault.empty()) faults[resource.name] = std::move(fault);
  }
  const models::ProviderLookup find_provider = [&](std::string_view name) -> std::shared_ptr<llm::Provider> {
    const auto found = providers.find(name);
    return found == providers.end() ? nullptr : found->second;
  };
  const auto add = [&](const resources::Resource& resource, const auto& target_of) {
    gateway::Addressable& addressable = out.project.add(resource.kind, resource.name);
    addressable.labels = resource.labels;
    for (const auto& [number, version] : resource.versions) addressable.versions[number] = target_of(*version);
  };
  const auto identity = [&](const llm::Provider& made) {
    const auto found = identities.find(made.name());
    return found == identities.end() ? std::string(made.name()) : found->second;
  };
  ModelCompiler models(project, find_provider, identity, parts_.routing);
  const auto find_model = [&](std::string_view name) { return models.in_force(name); };
  const auto caching = [&](std::optional<llm::CachePolicy> policy, const llm::Model& model) {
    Caching made{.policy = std::move(policy), .answers_as = answers_as(model, digests)};
    if (made.policy && made.policy->semantic && !made.policy->semantic->embedding.empty())
      made.embedding = find_model(made.policy->semantic->embedding);
    // Vectors of two models are not to be compared.
    if (made.embedding) made.answers_as += " " + answers_as(*made.embedding, digests);
    return made;
  };
  for (const auto& [key, resource] : project.resources) {
    if (key.first != "model") continue;
    const int in_force = resource.in_force();
    add(resource, [&](const resources::Version& version) {
      auto model = models.version(version);
      if (!model) {
        // Say why the provider is missing rather than that it is.
        std::string fault = model.error().message;
        for (const auto& [name, why] : faults)
          if (fault.find("`" + name + "`") != std::string::npos) fault = why;
        return broken(version, std::move(fault));
      }
      // Only what a bare name reaches keeps a worker; older versions share it when they name the same file.
      if (version.version == in_force)
        for (models::LocalFile& file : models::local_files(version.spec)) out.wanted.push_back(std::move(file));
      return working(version, *model, nullptr, caching(llm::cache_of(version.spec), **model));
    });
  }
  const auto caching_of = [&](const resources::Version& prompt) {
    const boost::json::value* const name = prompt.spec.if_contains("model");
    const auto model = name != nullptr && name->is_string() ? find_model(name->get_string()) : nullptr;
    auto policy = llm::cache_of(prompt.spec);
    if (!model) return Caching{std::move(policy)};
    if (const auto* const resource = project.find("model", model->name); resource && !policy)
      policy = llm::cache_of(version_in_force(*resource).spec);
    Caching made = caching(std::move(policy), *model);
    for (const std::string& one : prompts::models_of(prompt.spec))
      if (const auto other = find_model(one); other && other != model)
        made.answers_as += " " + answers_as(*other, digests);
    return made;
  };
  const prompts::FindVersion find_prompt = [&](std::string_view name, std::string_view ref) {
    return project.at("prompt", name, ref);
  };
  for (const auto& [key, prompt] : project.resources) {
    if (key.first != "prompt") continue;
    const resources::Resource& resource = prompt;
    add(resource, [&](const resources::Version& version) {
      auto stage = prompts::compile_prompt(version, find_model, find_prompt, parts_.clock);
      if (!stage) {
        if (stage.error().code == "invalid_include" && has_label(resource, version.version)) out.fault = stage.error();
        return broken(version, std::move(stage).error().message);
      }
      std::optional<gateway::routing::Shadow> shadow;
      if (auto policy = llm::shadow_of(version.spec))
        shadow = {*std::move(policy), parts_.routing.shadow(project.name, "prompt:" + version.name)};
      Caching caching = caching_of(version);
      for (const std::string& one : (*stage)->includes()) caching.answers_as += " " + one;
      return working(version, nullptr, std::move(*stage), std::move(caching), std::move(shadow),
                     llm::memory_of(version.spec));
    });
  }
  return out;
}

// Null if the project has no budgets.
Result<std::shared_ptr<const budgets::Book>> Configuration::book_of(const resources::Project& project) {
  std::vector<budgets::Definition> definitions;
  for (const auto& [key, resource] : project.resources) {
    if (key.first != "budget") continue;
    const resources::Version& version = version_in_force(resource);
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
  auto compiled = std::make_shared<Compiled>(compile(after));
  if (compiled->unread) return fail(*compiled->unread);
  // What is stored was let through once.
  if (compiled->fault && projects_.contains(after.name)) return fail(*compiled->fault);
  compiled->project.set_budgets(std::move(book));
  return [this, compiled] {
    const std::lock_guard lock(mutex_);
    const std::string name = compiled->source.name;
    // A secret that changed since then is not put back to what it was.
    if (compiled->secrets_seen != secrets_changed_[name]) {
      Compiled again = compile(compiled->source);
      again.project.set_budgets(compiled->project.book());
      if (!again.unread) *compiled = std::move(again);
    }
    if (const budgets::Book* const budgets = compiled->project.budgets()) budgets->adopt(parts_.clock.unix_micros());
    projects_.insert_or_assign(name, std::move(*compiled));
    publish();
  };
}

Result<void> Configuration::refresh_secrets(const std::string& project) {
  const std::lock_guard lock(mutex_);
  ++secrets_changed_[project];
  const auto found = projects_.find(project);
  if (found == projects_.end()) return {};
  Compiled again = compile(found->second.source);
  if (again.unread) return fail(*std::move(again.unread));
  again.project.set_budgets(found->second.project.book());
  found->second = std::move(again);
  publish();
  return {};
}

}  // namespace fairlead::app
