// Everything that a server is made of, in the order in which it is built; taken down the other way round.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/guard.h"
#include "access/key_service.h"
#include "access/secrets.h"
#include "app/configuration.h"
#include "app/follower.h"
#include "app/hiding.h"
#include "app/runs.h"
#include "base/clock.h"
#include "budgets/ledger.h"
#include "budgets/shared_ledger.h"
#include "capacity/http/routes.h"
#include "gateway/data_plane.h"
#include "gateway/routing/state.h"
#include "gateway/snapshot.h"
#include "models/model_files.h"
#include "platform/async/runtime.h"
#include "platform/config/settings.h"
#include "platform/http/client.h"
#include "platform/http/server.h"
#include "platform/store/database.h"
#include "platform/store/folder_lock.h"
#include "prompts/stage.h"
#include "resources/service.h"
#include "safety/policy/guard.h"
#include "safety/policy/vault.h"
#include "serving/local_models.h"
#include "telemetry/telemetry.h"

namespace fairlead::app {

class ServerParts {
 public:
  // `secrets_key`: master keys of the secrets store, if the environment gave them; else empty. So the password, and
  // the pepper of keys, the
  // key of the privacy vault.
  ServerParts(config::Settings settings, SecretText secrets_key, SecretText redis_password, SecretText pepper,
              SecretText privacy_key);
  ~ServerParts();  // stop()
  ServerParts(const ServerParts&) = delete;
  ServerParts& operator=(const ServerParts&) = delete;

  // Opens the stores, makes the first key, compiles what is stored, applies `project` if it is set, and listens. Errors
  // say what to do.
  Result<void> start();
  // Lets calls in flight end, then stops everything.
  void stop();

 private:
  http::ClientOptions client_options() const;
  Result<void> open_stores();
  Result<void> open_database();
  Result<void> open_keys();
  Result<void> open_secrets();
  Result<void> open_vault();
  void follow_other_nodes();
  Result<void> share_budgets();
  Result<void> share_answers();
  Result<SecretText> redis_password() const;
  async::Task<void> forget(gateway::cache::Selection selection);
  Result<void> load_resources();
  Result<void> apply_project_folder();
  Result<void> listen();
  http::Router routes();
  Result<std::shared_ptr<const policy::Guard>> find_guard(http::Exchange& exchange, const std::string& project,
                                                          const std::string& reference) const;
  Result<std::shared_ptr<const prompts::Prompt>> find_prompt(http::Exchange& exchange, const std::string& project,
                                                             const std::string& reference) const;
  std::vector<std::shared_ptr<const budgets::Book>> books() const;  // of all projects
  async::Task<void> answer_ready(http::Exchange& exchange);
  async::Task<void> answer_unknown(http::Exchange& exchange, int status, std::string allow);
  Result<std::shared_ptr<llm::Provider>> make_provider(const resources::Version& version);
  access::CredentialSources credential_sources(const std::string& project);
  http::Client& client(async::Loop& loop) { return *clients_[static_cast<std::size_t>(loop.index())]; }

  const config::Settings settings_;
  SecretText secrets_key_;  // until the store is open
  SecretText redis_password_, pepper_, privacy_key_;
  SystemClock clock_;
  async::Runtime runtime_;
  async::BlockingPool blocking_;                        // after the loops that its work goes back to
  async::BlockingPool store_threads_;                   // beside it: a store that does not answer holds nothing else up
  std::vector<std::unique_ptr<http::Client>> clients_;  // one a loop
  std::unique_ptr<store::FolderLock> folder_;           // null: the database has its own
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<access::KeyService> keys_;
  std::unique_ptr<access::SecretService> secrets_;
  std::unique_ptr<policy::Vault> vault_;             // outlives the snapshots
  std::optional<policy::GuardParts> privacy_parts_;  // so do these
  policy::DetectorParts detector_parts_;             // and these
  std::vector<std::string> private_paths_;           // see access::CredentialSources
  std::unique_ptr<telemetry::Telemetry> telemetry_;
  std::unique_ptr<models::ModelFiles> model_files_;
  std::unique_ptr<serving::LocalModels> local_models_;
  std::unique_ptr<budgets::Ledger> ledger_;                        // outlives the snapshots
  std::unique_ptr<budgets::SharedLedger> shared_ledger_;           // null: this node is alone
  std::optional<gateway::routing::Registry> routing_;              // outlives the snapshots
  std::unique_ptr<gateway::cache::SharedAnswers> shared_answers_;  // null: this node's answers are its own
  std::optional<gateway::cache::Cache> cache_;
  std::unique_ptr<gateway::SnapshotHolder> snapshots_;
  std::optional<Hiding> hiding_;
  std::unique_ptr<Configuration> configuration_;
  Runs runs_;
  std::unique_ptr<resources::ResourceService> resources_;
  std::optional<access::Guard> guard_;
  std::unique_ptr<gateway::FileStore> file_store_;
  std::optional<gateway::DataPlane> data_plane_;
  std::optional<capacity::Routes> capacity_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace fairlead::app
