#include "app/runs.h"

#include <fstream>

#include "base/id.h"
#include "chains/callable.h"
#include "chains/http/routes.h"

namespace fairlead::app {
namespace {

// Of this data folder, over restarts: what a node had is taken back at once when it starts again.
std::string node_name(const std::string& data_folder, const Clock& clock) {
  const std::string path = data_folder + "/node";
  std::string name;
  std::ifstream(path) >> name;
  if (is_id(name)) return name;
  name = new_id(clock.unix_micros());
  std::ofstream(path) << name << "\n";
  return name;
}

}  // namespace

void Runs::prepare(store::Database& database, async::Runtime& loops, const gateway::SnapshotHolder& snapshots,
                   telemetry::Telemetry& telemetry, gateway::cache::Cache& cache, const Clock& clock,
                   const std::string& data_folder) {
  client_ = std::make_unique<gateway::InnerClient>(snapshots, telemetry.recorder(), cache, clock);
  chains_.set_client(*client_);
  journal::EngineOptions options;
  options.name = node_name(data_folder, clock);
  engine_ = std::make_unique<journal::Engine>(
      database, loops, clock, journal::Engine::Definitions{{chains::Chains::kKind, &chains_}}, std::move(options));
  telemetry.metrics().add("fairlead_runs_loaded", telemetry::Metrics::Type::kGauge, "Runs that this node has.",
                          [this] { return static_cast<double>(engine_ ? engine_->loaded() : 0); });
}

std::shared_ptr<llm::Stage> Runs::stage_of(const resources::Version& version) {
  return chains::make_callable(chains_, engine_, version.name, version.version);
}

void Runs::add_routes(http::Router& router, const access::Guard& guard) {
  chains::add_routes(router, guard, chains_, *engine_);
}

Result<void> Runs::start() {
  return engine_->start_blocking();
}

void Runs::stop(Millis patience) {
  if (engine_) engine_->stop_blocking(patience);
}

std::optional<Error> Runs::trouble() const {
  return engine_ ? engine_->trouble() : std::nullopt;
}

}  // namespace fairlead::app
