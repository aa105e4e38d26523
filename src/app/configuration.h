// Compiles resources and keys into the snapshot that calls are served from.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "access/keys.h"
#include "app/compiler.h"
#include "base/clock.h"
#include "budgets/ledger.h"
#include "gateway/routing/state.h"
#include "gateway/snapshot.h"
#include "models/kind.h"
#include "resources/project.h"
#include "resources/service.h"

namespace fairlead::app {

// Thread-safe; off the call path.
class Configuration {
 public:
  struct Parts {
    // Builds the provider of a resource; an error becomes the fault of what depends on it, not of the apply.
    std::function<Result<std::shared_ptr<llm::Provider>>(const resources::Version& version)> make_provider;
    // The versions of a project's secrets by name; a provider that names one is made anew when its version changes.
    std::function<Result<std::map<std::string, std::int64_t>>(const std::string& project)> secret_versions;
    // Puts a snapshot in force; called with one snapshot at a time.
    std::function<void(std::shared_ptr<const gateway::Snapshot>)> publish;
    // What local models all projects together ask for; called before `publish`.
    std::function<void(std::vector<models::LocalFile>)> want_models;
    // What is known of routes; outlives this and every snapshot.
    gateway::routing::Registry& routing;
    // Of what budgets have spent; outlives this and every snapshot.
    budgets::Ledger& ledger;
    const Clock& clock;
    // See CompilerParts.
    std::function<std::shared_ptr<llm::Stage>(const resources::Version& version)> chain_stage{};
    const policy::GuardParts* privacy = nullptr;
  };
  Configuration(Parts parts, std::shared_ptr<const access::KeyTable> keys);

  // resources::ResourceService::Prepare: compiles the project; what it returns puts it in force.
  Result<std::function<void()>> prepare(const resources::Project& after);
  void set_keys(std::shared_ptr<const access::KeyTable> keys);
  // Puts the project's secrets in force as they are now. If the store cannot say, all stays as it is: the store's
  // error.
  Result<void> refresh_secrets(const std::string& project);
  std::shared_ptr<const gateway::Snapshot> snapshot() const;

 private:
  struct Compiled {
    resources::Project source;
    CompiledProject result;
    std::uint64_t secrets_seen = 0;  // of secrets_changed_, when it was compiled
  };
  // With mutex_ held, both. Errors: the store's, if it does not give what they are made from.
  Result<Compiled> compile(const resources::Project& project);
  using SecretVersions = std::map<std::string, std::int64_t>;
  Result<MadeProviders> make_providers(const resources::Project& project, const SecretVersions& secrets);
  Result<std::shared_ptr<const budgets::Book>> book_of(const resources::Project& project);
  Result<MadeProvider> provider(const resources::Version& version, std::string identity);
  void publish();  // with mutex_ held

  Parts parts_;
  mutable std::mutex mutex_;
  std::shared_ptr<const access::KeyTable> keys_;
  std::map<std::string, Compiled> projects_;
  std::shared_ptr<const gateway::Snapshot> snapshot_;
  // A provider resource keeps its object while neither it nor a secret that it names changes. By project and name.
  std::map<std::string, MadeProvider> providers_;
  std::map<std::string, std::uint64_t> secrets_changed_;  // how often, by project
};

}  // namespace fairlead::app
