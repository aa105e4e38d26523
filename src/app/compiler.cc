#include "app/compiler.h"

#include <algorithm>

#include "base/digest.h"
#include "llm/cache.h"
#include "llm/memory.h"
#include "safety/policy/kind.h"

namespace fairlead::app {
namespace {

using Model = std::shared_ptr<const llm::Model>;
using Target = std::shared_ptr<const gateway::Target>;
using resources::Resource;
using resources::Version;

const Version& version_in_force(const Resource& resource) {
  return *resource.versions.at(resource.in_force());
}

bool has_label(const Resource& resource, int version) {
  return std::ranges::any_of(resource.labels, [version](const auto& label) { return label.second == version; });
}

// Versions of one name and number: in this process they are one object, unless they were read from the store anew.
bool is_same(const Version& a, const Version& b) {
  return &a == &b || (a.digest == b.digest && a.created_at_us == b.created_at_us);
}

std::shared_ptr<gateway::Target> target_of(const Version& version) {
  auto target = std::make_shared<gateway::Target>();
  target->kind = version.kind;
  target->name = version.name;
  target->version = version.version;
  target->created_at_s = version.created_at_us / 1'000'000;
  return target;
}

Target broken(const Version& version, std::string fault) {
  auto target = target_of(version);
  target->fault = std::move(fault);
  return target;
}

struct Caching {
  std::optional<llm::CachePolicy> policy;
  Model embedding{};
  std::string answers_as{};
};

class Compiler {
 public:
  Compiler(const resources::Project& source, const MadeProviders& providers, const CompiledProject* before,
           const CompilerParts& parts)
      : source_(source), providers_(providers), before_(before), parts_(parts) {
    out_.project = gateway::Project(source.name);
  }

  CompiledProject compile() {
    read_policies();
    add_all("model", [this](const Resource& resource, CompiledVersion& version) { add_model(resource, version); });
    add_all("prompt", [this](const Resource& resource, CompiledVersion& version) { add_prompt(resource, version); });
    if (parts_.chain_stage) add_all("chain", [this](const Resource&, CompiledVersion& version) { add_chain(version); });
    return std::move(out_);
  }

 private:
  template <class Add>
  void add_all(std::string_view kind, Add add) {
    for (const auto& [key, resource] : source_.resources) {
      if (key.first != kind) continue;
      gateway::Addressable& addressable = out_.project.add(resource.kind, resource.name);
      addressable.labels = resource.labels;
      auto& compiled = out_.versions[key];
      for (const auto& [number, version] : resource.versions) {
        CompiledVersion& one = compiled.emplace_hint(compiled.end(), number, CompiledVersion{})->second;
        one.source = version;
        add(resource, one);
        guard(one);
        addressable.versions.emplace_hint(addressable.versions.end(), number, one.target);
      }
    }
  }

  void read_policies() {
    if (parts_.privacy == nullptr) return;
    std::string stamp;
    std::vector<policy::Definition> definitions;
    for (const auto& [key, resource] : source_.resources) {
      if (key.first != "policy") continue;
      const Version& version = version_in_force(resource);
      auto definition = policy::Definition::of(version.name, version.version, version.spec);
      if (!definition) {
        out_.fault = definition.error();
        policy_fault_ = "Policy `" + version.name + "` cannot be used: " + definition.error().message;
        continue;
      }
      stamp += version.name + "@" + std::to_string(version.version) + " " + version.digest + "\n";
      for (const resources::SecretReference& one : policy::secret_references(version.spec)) {
        const auto secret = parts_.secrets.find(one.name);
        stamp += one.name + "@" + std::to_string(secret == parts_.secrets.end() ? 0 : secret->second) + "\n";
      }
      definitions.push_back(*std::move(definition));
    }
    if (definitions.empty() && policy_fault_.empty()) return;
    out_.project.set_has_privacy(true);
    if (before_ != nullptr && before_->policies && before_->policies->stamp() == stamp)
      out_.policies = before_->policies;
    else
      out_.policies =
          std::make_shared<policy::Book>(source_.name, std::move(stamp), std::move(definitions), *parts_.privacy);
    if (!policy_fault_.empty()) return;
    if (auto all = out_.policies->guard_of_all())
      out_.project.set_all_policies(*std::move(all));
    else
      out_.fault = all.error();
  }

  // Puts the policies that apply to it before a target that is new, or under others than before.
  void guard(CompiledVersion& one) {
    std::shared_ptr<const llm::Privacy> wanted;
    if (!policy_fault_.empty()) {  // rather no calls than calls that nothing is kept from
      one.target = broken(*one.source, policy_fault_);
      return;
    }
    if (out_.policies && one.target->fault.empty()) {
      std::vector<Model> models;
      if (one.target->model) models.push_back(one.target->model);
      if (one.stage) models.insert(models.end(), one.stage->models().begin(), one.stage->models().end());
      auto made = out_.policies->guard(one.target->kind == "prompt" ? one.target->name : std::string(), models);
      if (!made) {
        out_.fault = made.error();
        one.target = broken(*one.source, "A policy cannot be used: " + made.error().message);
        return;
      }
      wanted = *std::move(made);
    }
    if (one.target->privacy == wanted) return;
    auto target = std::make_shared<gateway::Target>(*one.target);
    target->privacy = std::move(wanted);
    one.target = std::move(target);
  }

  // What became of that version the last time; null if it is another one.
  const CompiledVersion* kept(const Version& version) const {
    if (before_ == nullptr) return nullptr;
    const auto resource = before_->versions.find({version.kind, version.name});
    if (resource == before_->versions.end()) return nullptr;
    const auto found = resource->second.find(version.version);
    return found != resource->second.end() && is_same(*found->second.source, version) ? &found->second : nullptr;
  }

  std::shared_ptr<llm::Provider> provider(std::string_view name) const {
    const auto found = providers_.find(name);
    return found == providers_.end() ? nullptr : found->second.provider;
  }

  // The model that a bare name stands for; null if there is none or it cannot be used. Models are compiled when they
  // are asked for, so that a fallback is there before what falls back to it.
  Model model_in_force(std::string_view name) {
    const auto known = in_force_.find(name);
    if (known != in_force_.end()) return known->second ? known->second->value_or(nullptr) : nullptr;
    const Resource* const resource = source_.find("model", name);
    return resource ? model_of(*resource, version_in_force(*resource)).value_or(nullptr) : nullptr;
  }

  Result<Model> model_of(const Resource& resource, const Version& version) {
    if (version.version != resource.in_force()) return make_model(version);
    // Not known yet: one that is asked for while it is being compiled leads back to itself.
    const auto [entry, is_new] = in_force_.try_emplace(version.name);
    if (!is_new && entry->second) return *entry->second;
    Result<Model> made = make_model(version);
    in_force_[version.name] = made;
    return made;
  }

  Result<Model> make_model(const Version& version) {
    if (const CompiledVersion* const old = kept(version); old && is_as_it_was(old->target->model.get()))
      return old->target->model;
    const auto find_provider = [this](std::string_view name) { return provider(name); };
    const auto find_model = [this](std::string_view name) { return model_in_force(name); };
    FAIRLEAD_TRY(auto made, models::compile_model(version, find_provider, find_model));
    const auto identity = [this](const llm::Provider& one) {
      const auto found = providers_.find(one.name());
      return found == providers_.end() ? std::string(one.name()) : found->second.identity;
    };
    parts_.routing.attach(source_.name, *made, identity);
    return made;
  }

  // Whether all that it was compiled from is there still.
  bool is_as_it_was(const llm::Model* model) {
    if (model == nullptr) return false;
    return std::ranges::all_of(model->routes,
                               [&](const llm::Route& one) { return provider(one.provider->name()) == one.provider; }) &&
           std::ranges::all_of(model->fallbacks, [&](const Model& one) { return model_in_force(one->name) == one; });
  }

  void add_model(const Resource& resource, CompiledVersion& out) {
    const Version& version = *out.source;
    auto model = model_of(resource, version);
    if (!model) {
      out.target = broken(version, fault_of(model.error()));
      return;
    }
    // Only what a bare name reaches keeps a worker; older versions share it when they name the same file.
    if (version.version == resource.in_force())
      for (models::LocalFile& file : models::local_files(version.spec)) out_.wanted.push_back(std::move(file));
    if (const CompiledVersion* const old = kept(version);
        old && old->target->model == *model && embeds_as_it_did(*old->target)) {
      out.target = old->target;
      return;
    }
    auto target = target_of(version);
    target->model = *model;
    set_caching(*target, caching(llm::cache_of(version.spec), **model));
    out.target = std::move(target);
  }

  // Says why a provider is missing rather than that it is.
  std::string fault_of(const Error& error) const {
    std::string fault = error.message;
    for (const auto& [name, made] : providers_)
      if (!made.fault.empty() && fault.contains("`" + name + "`")) fault = made.fault;
    return fault;
  }

  void add_prompt(const Resource& resource, CompiledVersion& out) {
    const Version& version = *out.source;
    const prompts::FindVersion find_prompt = [this](std::string_view name, std::string_view ref) {
      return source_.at("prompt", name, ref);
    };
    const CompiledVersion* const old = kept(version);
    if (old && old->read && prompts::is_as_read(*old->read, find_prompt)) {
      out.read = old->read;
      if (old->stage && goes_where_it_went(*old)) {
        out.stage = old->stage;
        out.target = old->target;
        return;
      }
    } else {
      auto read = prompts::read_prompt(version, find_prompt);
      if (!read) {
        if (read.error().code == "invalid_include" && has_label(resource, version.version)) out_.fault = read.error();
        out.target = broken(version, std::move(read).error().message);
        return;
      }
      out.read = *std::move(read);
    }
    const auto find_model = [this](std::string_view name) { return model_in_force(name); };
    auto stage = prompts::compile_prompt(out.read, find_model, parts_.clock);
    if (!stage) {
      out.target = broken(version, std::move(stage).error().message);
      return;
    }
    out.stage = *std::move(stage);
    out.target = prompt_target(version, out.stage);
  }

  void add_chain(CompiledVersion& out) {
    if (const CompiledVersion* const old = kept(*out.source)) {
      out.target = old->target;
      return;
    }
    auto target = target_of(*out.source);
    target->stages.push_back(parts_.chain_stage(*out.source));
    out.target = std::move(target);
  }

  // For a prompt that is read as it was.
  bool goes_where_it_went(const CompiledVersion& old) {
    return std::ranges::all_of(old.stage->models(),
                               [&](const Model& one) { return model_in_force(one->name) == one; }) &&
           embeds_as_it_did(*old.target);
  }

  bool embeds_as_it_did(const gateway::Target& target) {
    if (!target.cache || !target.cache->semantic || target.cache->semantic->embedding.empty()) return true;
    return model_in_force(target.cache->semantic->embedding) == target.embedding;
  }

  Target prompt_target(const Version& version, const std::shared_ptr<prompts::Prompt>& stage) {
    auto target = target_of(version);
    if (auto policy = llm::shadow_of(version.spec))
      target->shadow = {*std::move(policy), parts_.routing.shadow(source_.name, "prompt:" + version.name)};
    set_caching(*target, caching_of(version, *stage));
    target->memory = llm::memory_of(version.spec);
    target->stages.push_back(stage);
    return target;
  }

  Caching caching_of(const Version& version, const prompts::Prompt& prompt) {
    const Model& model = prompt.models().front();
    auto policy = llm::cache_of(version.spec);
    if (!policy) policy = llm::cache_of(version_in_force(*source_.find("model", model->name)).spec);
    Caching made = caching(std::move(policy), *model);
    for (const Model& other : prompt.models())
      if (other != model) made.answers_as += " " + answers_as(*other);
    for (const std::string& one : prompt.includes()) made.answers_as += " " + one;
    return made;
  }

  Caching caching(std::optional<llm::CachePolicy> policy, const llm::Model& model) {
    Caching made{.policy = std::move(policy), .answers_as = answers_as(model)};
    if (made.policy && made.policy->semantic && !made.policy->semantic->embedding.empty())
      made.embedding = model_in_force(made.policy->semantic->embedding);
    // Vectors of two models are not to be compared.
    if (made.embedding) made.answers_as += " " + answers_as(*made.embedding);
    return made;
  }

  static void set_caching(gateway::Target& target, Caching caching) {
    target.cache = std::move(caching.policy);
    target.embedding = std::move(caching.embedding);
    target.answers_as = std::move(caching.answers_as);
  }

  // What the answers of a model depend on besides the request.
  std::string answers_as(const llm::Model& model) const {
    std::string text = model.name + "@" + std::to_string(model.version) + " " + model.digest;
    for (const llm::Route& route : model.routes) {
      const auto found = providers_.find(route.provider->name());
      text += "\n";
      text += found == providers_.end() ? std::string(route.provider->name()) : found->second.digest;
    }
    for (const auto& fallback : model.fallbacks) text += "\n" + answers_as(*fallback);
    return sha256_hex(text);
  }

  const resources::Project& source_;
  const MadeProviders& providers_;
  const CompiledProject* const before_;
  const CompilerParts& parts_;
  CompiledProject out_;
  std::string policy_fault_;
  std::map<std::string, std::optional<Result<Model>>, std::less<>> in_force_;
};

}  // namespace

CompiledProject compile_project(const resources::Project& source, const MadeProviders& providers,
                                const CompiledProject* before, const CompilerParts& parts) {
  return Compiler(source, providers, before, parts).compile();
}

}  // namespace fairlead::app
