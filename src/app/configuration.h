// Compiles resources and keys into the snapshot that calls are served from.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "access/keys.h"
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
    // Puts a snapshot in force; called with one snapshot at a time.
    std::function<void(std::shared_ptr<const gateway::Snapshot>)> publish;
    // What local models all projects together ask for; called before `publish`.
    std::function<void(std::vector<models::LocalFile>)> want_models;
    // What is known of routes; outlives this and every snapshot.
    gateway::routing::Registry& routing;
  };
  Configuration(Parts parts, std::shared_ptr<const access::KeyTable> keys);

  // resources::ResourceService::Prepare: compiles the project; what it returns puts it in force.
  Result<std::function<void()>> prepare(const resources::Project& after);
  void set_keys(std::shared_ptr<const access::KeyTable> keys);
  std::shared_ptr<const gateway::Snapshot> snapshot() const;

 private:
  struct Compiled {
    gateway::Project project;
    std::vector<models::LocalFile> wanted;
  };
  class ModelCompiler;
  Compiled compile(const resources::Project& project);  // with mutex_ held
  std::shared_ptr<llm::Provider> provider(const resources::Version& version, std::string& fault);
  void publish();  // with mutex_ held

  Parts parts_;
  mutable std::mutex mutex_;
  std::shared_ptr<const access::KeyTable> keys_;
  std::map<std::string, Compiled> projects_;
  std::shared_ptr<const gateway::Snapshot> snapshot_;
  // An unchanged provider resource keeps its object. By project, name and digest.
  std::map<std::string, std::shared_ptr<llm::Provider>> providers_;
};

}  // namespace fairlead::app
