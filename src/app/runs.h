// Durable runs in this server: the chains, what their steps call, the engine that carries them on, and the schedules
// that start them, and the webhooks that are told of them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "access/guard.h"
#include "access/references.h"
#include "access/secrets.h"
#include "base/clock.h"
#include "chains/chains.h"
#include "chains/results.h"
#include "chains/tasks.h"
#include "gateway/background.h"
#include "gateway/cache/cache.h"
#include "gateway/inner_client.h"
#include "gateway/snapshot.h"
#include "platform/async/runtime.h"
#include "platform/config/settings.h"
#include "platform/http/client.h"
#include "platform/http/server.h"
#include "platform/journal/engine.h"
#include "platform/store/database.h"
#include "resources/project.h"
#include "schedules/scheduler.h"
#include "schedules/schedules.h"
#include "telemetry/telemetry.h"
#include "webhooks/sender.h"
#include "webhooks/webhooks.h"

namespace fairlead::app {

// Made and destroyed by the thread that owns the server's parts.
class Runs {
 public:
  // What is in force of the project from now on.
  void update(const resources::Project& project);
  // For calls of that version of a chain as a model.
  std::shared_ptr<llm::Stage> stage_of(const resources::Version& version);

  // All of it outlives the runs.
  struct Parts {
    store::Database& database;
    async::Runtime& loops;
    async::BlockingPool& blocking;
    const gateway::SnapshotHolder& snapshots;
    telemetry::Telemetry& telemetry;
    gateway::cache::Cache& cache;
    access::SecretService& secrets;
    gateway::Background& background;
    const Clock& clock;
    const config::Settings& settings;
    const llm::Hiding& hiding;
    http::ClientOptions client;  // of requests that steps and webhooks make
    std::function<access::CredentialSources(const std::string& project)> credentials;
  };
  // Before the loops run. Error: invalid_setting.
  Result<void> prepare(Parts parts);
  void add_routes(http::Router& router, const access::Guard& guard);
  llm::Client& client() { return *client_; }  // the way of calls from within; after prepare()
  // Takes up what was left. The loops run.
  Result<void> start();
  // Whoever waits for something to do is let go. The loops still run.
  void release();
  // Runs that are in a step have so long to end it. The loops still run.
  void stop(Millis patience);
  // Why runs wait: the store is full or away.
  std::optional<Error> trouble() const;

 private:
  void prepare_webhooks(Parts& parts);

  chains::Chains chains_;
  std::unique_ptr<gateway::InnerClient> client_;
  chains::AllowedHosts hosts_;
  std::vector<std::unique_ptr<http::Client>> http_clients_;  // one a loop
  webhooks::Webhooks webhooks_;                              // outlives the runs
  std::unique_ptr<journal::Engine> engine_;
  std::unique_ptr<chains::Results> results_;
  std::unique_ptr<chains::Tasks> tasks_;
  schedules::Schedules schedules_;
  std::unique_ptr<schedules::Scheduler> scheduler_;
  std::unique_ptr<webhooks::Sender> sender_;
  bool is_started_ = false;
  const Clock* clock_ = nullptr;
  store::Database* database_ = nullptr;
};

}  // namespace fairlead::app
