#include "telemetry/telemetry.h"

#include "telemetry/http/routes.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/internal/loader.h"
#include "telemetry/internal/spool_recorder.h"

namespace fairlead::telemetry {
namespace {

// For the lake's process of a server that was killed to end, as far as whoever asks has the patience.
constexpr std::chrono::milliseconds kLockWait{10'000};

std::unique_ptr<LakeService> make_lake(const TelemetryOptions& options, const std::string& spool, const Clock& clock) {
  LakeServiceOptions lake{options.folder + "/lake.duckdb", spool, options.lake_memory_bytes};
  if (options.lake_command.empty()) return make_local_lake(std::move(lake), clock);
  lake.lock_wait = kLockWait;
  return make_lake_process(options.lake_command, std::move(lake), clock);
}

}  // namespace

class Telemetry::Parts {
 public:
  Parts(const TelemetryOptions& options, std::unique_ptr<Metrics> counts, std::unique_ptr<SpoolRecorder> spool_recorder,
        const Clock& clock)
      : metrics(std::move(counts)),
        recorder(std::move(spool_recorder)),
        lake(make_lake(options, options.folder + "/spool", clock)),
        loader({.spool = options.folder + "/spool", .retention = options.retention}, *recorder, *lake, clock),
        routes(*recorder, *lake, loader, *metrics, clock) {
    using enum Metrics::Type;
    const auto count = [](auto value) { return static_cast<double>(value); };
    metrics->add("fairlead_records_total", kCounter, "Records that were made, of calls and of feedback.",
                 [=, this] { return count(recorder->stats().records); });
    metrics->add("fairlead_records_lost_total", kCounter,
                 "Records that were dropped because they could not be written.",
                 [=, this] { return count(recorder->stats().lost); });
    metrics->add("fairlead_records_loaded_total", kCounter, "Records that this process brought into the lake.",
                 [=, this] { return count(loader.stats().loaded); });
    metrics->add("fairlead_records_waiting_bytes", kGauge, "Records in memory that are not on disk yet.",
                 [=, this] { return count(recorder->stats().bytes_waiting); });
    metrics->add("fairlead_spool_bytes", kGauge,
                 "Records on disk that are not in the lake yet, and those not yet deleted.",
                 [=, this] { return count(loader.stats().spool_bytes); });
    metrics->add("fairlead_spool_lag_seconds", kGauge, "For how long records have waited to get into the lake.",
                 [=, this] { return count(loader.stats().behind_us) / 1e6; });
    metrics->add("fairlead_spool_errors_total", kCounter, "Writes to the spool that failed; they are tried again.",
                 [=, this] { return count(recorder->stats().write_errors); });
    metrics->add("fairlead_lake_errors_total", kCounter, "Loads into the lake that failed; they are tried again.",
                 [=, this] { return count(loader.stats().errors); });
  }

  // In the order of what depends on what.
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<SpoolRecorder> recorder;
  std::unique_ptr<LakeService> lake;
  Loader loader;
  Routes routes;
};

Result<std::unique_ptr<Telemetry>> Telemetry::create(TelemetryOptions options, int loops, const Clock& clock) {
  auto metrics = std::make_unique<Metrics>(loops, clock);
  SpoolRecorderOptions spool;
  spool.folder = options.folder + "/spool";
  spool.flush = options.flush;
  spool.strict = options.strict;
  spool.content = options.content;
  spool.memory_bytes = options.memory_bytes;
  FAIRLEAD_TRY(auto recorder, SpoolRecorder::create(std::move(spool), loops, *metrics, clock));
  return std::unique_ptr<Telemetry>(
      new Telemetry(std::make_unique<Parts>(options, std::move(metrics), std::move(recorder), clock)));
}

Telemetry::Telemetry(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Telemetry::~Telemetry() {
  stop();
}

void Telemetry::start() {
  parts_->recorder->start();
  parts_->loader.start();
}

void Telemetry::stop() {
  parts_->recorder->stop();
  parts_->loader.stop();
}

Recorder& Telemetry::recorder() {
  return *parts_->recorder;
}
Metrics& Telemetry::metrics() {
  return *parts_->metrics;
}
Result<std::string> Telemetry::ask(const std::string& project, const std::string& query, std::int64_t limit) {
  static_cast<void>(parts_->loader.freshen());  // reported there; an answer that lacks the newest is better than none
  return parts_->lake->ask(project, query, limit);
}
void Telemetry::add_routes(http::Router& router, const access::Guard& guard, const llm::Hiding* hiding) {
  parts_->routes.add(router, guard, hiding);
}

}  // namespace fairlead::telemetry
