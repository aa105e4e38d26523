#include "app/runs.h"

#include <fstream>

#include "app/log.h"
#include "app/run_events.h"
#include "base/id.h"
#include "chains/callable.h"
#include "chains/http/control_routes.h"
#include "chains/http/graph_routes.h"
#include "chains/http/routes.h"
#include "chains/http/task_routes.h"
#include "schedules/http/routes.h"
#include "webhooks/http/routes.h"

namespace fairlead::app {
namespace {

constexpr std::int64_t kLearnedRuns = 200, kLearnedSpans = 20'000;

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

Result<void> Runs::prepare(Parts parts) {
  client_ =
      std::make_unique<gateway::InnerClient>(parts.snapshots, parts.telemetry.recorder(), parts.cache, parts.clock);
  chains_.set_client(*client_);
  chains_.set_hiding(parts.hiding);
  clock_ = &parts.clock;
  database_ = &parts.database;
  chains::HttpCalls calls;
  auto hosts = chains::AllowedHosts::parse(parts.settings.chains.hosts);
  if (!hosts) return fail(with_context(std::move(hosts).error(), "the setting `chains.hosts`"));
  hosts_ = *hosts;
  calls.hosts = std::move(*hosts);
  parts.client.public_only = parts.settings.chains.internal != "true";
  for (int i = 0; i < parts.loops.size(); ++i) {
    FAIRLEAD_TRY(auto client, http::Client::create(parts.loops.loop(i), parts.blocking, parts.client));
    http_clients_.push_back(std::move(client));
  }
  calls.client = [this](async::Loop& loop) -> http::Client& {
    return *http_clients_[static_cast<std::size_t>(loop.index())];
  };
  calls.secret = [&pool = parts.blocking, &secrets = parts.secrets](std::string project, std::string name) {
    return pool.run([&secrets, project = std::move(project), name = std::move(name)] {
      return secrets.value_blocking(project, name);
    });
  };
  chains_.set_http(std::move(calls));
  results_ = std::make_unique<chains::Results>(parts.database, parts.clock);
  chains_.set_results(*results_);
  journal::EngineOptions options;
  options.retention = parts.settings.runs.retention;
  options.largest_value = parts.settings.runs.largest_value;
  options.name = node_name(parts.settings.data, parts.clock);
  options.telling.wants = [this](const journal::Run& run) { return webhooks_.any(run.asked.project); };
  options.telling.what = [this](const journal::Run& run, const journal::Event& event) -> store::Database::Work {
    const auto told = event_of(run, event, [this](const journal::Run& of) { return chains_.version_of(of); });
    return told ? webhooks_.outgoing(*told) : store::Database::Work();
  };
  engine_ = std::make_unique<journal::Engine>(
      parts.database, parts.loops, parts.clock,
      journal::Engine::Definitions{{chains::Chains::kKind, &chains_}, {gateway::Background::kKind, &parts.background}},
      std::move(options));
  parts.background.set_runs(*engine_, [this](const std::string& reference, const llm::Call& call) {
    return chains::run_of_call(chains_, reference, call);
  });
  tasks_ = std::make_unique<chains::Tasks>(parts.database, *engine_, parts.clock);
  scheduler_ = std::make_unique<schedules::Scheduler>(schedules::Scheduler::Parts{.database = parts.database,
                                                                                  .schedules = schedules_,
                                                                                  .chains = chains_,
                                                                                  .engine = *engine_,
                                                                                  .clock = parts.clock},
                                                      parts.loops.loop(0));
  prepare_webhooks(parts);
  parts.telemetry.metrics().add("fairlead_runs_loaded", telemetry::Metrics::Type::kGauge, "Runs that this node has.",
                                [this] { return static_cast<double>(engine_ ? engine_->loaded() : 0); });
  parts.telemetry.metrics().add(
      "fairlead_runs_late_total", telemetry::Metrics::Type::kCounter,
      "Runs that this node saw were going to miss their deadline.", [this] {
        std::vector<telemetry::Metrics::Sample> samples;
        for (const auto& late : chains_.late())
          samples.push_back({{{"project", late.project}, {"chain", late.chain}}, static_cast<double>(late.runs)});
        return samples;
      });
  return {};
}

void Runs::prepare_webhooks(Parts& parts) {
  const auto allows = [this](const http::Origin& origin) -> Result<void> {
    if (hosts_.allows(origin)) return {};
    return fail(
        ErrorKind::kPermissionDenied, "host_not_allowed",
        "`" + origin.host_header + "` is not among the hosts that may be reached: see the setting `chains.hosts`.");
  };
  const auto secret = [&pool = parts.blocking, credentials = parts.credentials](std::string project,
                                                                                std::string reference) {
    return pool.run([credentials, project = std::move(project), reference = std::move(reference)] {
      return access::read_reference("The webhook", reference, credentials(project));
    });
  };
  sender_ = std::make_unique<webhooks::Sender>(webhooks::Sender::Parts{.database = parts.database,
                                                                       .webhooks = webhooks_,
                                                                       .clock = parts.clock,
                                                                       .client = *http_clients_[0],
                                                                       .allows = allows,
                                                                       .secret = secret,
                                                                       .retention = parts.settings.runs.retention},
                                               parts.loops.loop(0));
  parts.telemetry.metrics().add(
      "fairlead_webhook_attempts_total", telemetry::Metrics::Type::kCounter,
      "Attempts of this node to tell webhooks: delivered, retried later, failed for good.", [this] {
        std::vector<telemetry::Metrics::Sample> samples;
        for (const auto& one : sender_->counts())
          samples.push_back({{{"project", one.project}, {"webhook", one.webhook}, {"outcome", one.outcome}},
                             static_cast<double>(one.attempts)});
        return samples;
      });
}

void Runs::update(const resources::Project& project) {
  webhooks_.update(project);
  chains_.update(project);
  schedules_.update(project);  // after what they start
}

std::shared_ptr<llm::Stage> Runs::stage_of(const resources::Version& version) {
  return chains::make_callable(chains_, engine_, version.name, version.version);
}

void Runs::add_routes(http::Router& router, const access::Guard& guard) {
  chains::add_routes(router, guard, chains_, *engine_);
  chains::add_control_routes(router, guard, chains_, *engine_, *database_, *clock_);
  chains::add_graph_routes(router, guard, chains_);
  chains::add_task_routes(router, guard, chains_, *engine_, *tasks_, *clock_);
  schedules::add_routes(router, guard, schedules_, *scheduler_, *clock_);
  webhooks::add_routes(router, guard, webhooks_, *sender_);
}

Result<void> Runs::start() {
  if (const auto spans = engine_->spans_blocking(chains::Chains::kKind, kLearnedRuns, kLearnedSpans))
    chains_.learn(*spans);
  else
    kLog.warning("what steps take is not known yet", {{"message", spans.error().message}});
  FAIRLEAD_CHECK(engine_->start_blocking());
  scheduler_->start_blocking();
  sender_->start_blocking();
  is_started_ = true;
  return {};
}

void Runs::release() {
  if (tasks_) tasks_->stop();
}

void Runs::stop(Millis patience) {
  if (is_started_) scheduler_->stop_blocking();
  if (engine_) engine_->stop_blocking(patience);
  if (is_started_) sender_->stop_blocking(patience);
  is_started_ = false;
}

std::optional<Error> Runs::trouble() const {
  return engine_ ? engine_->trouble() : std::nullopt;
}

}  // namespace fairlead::app
