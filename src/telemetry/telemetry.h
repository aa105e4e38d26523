// Records and metrics of a running process: what `app` builds, starts and stops.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/guard.h"
#include "base/clock.h"
#include "base/result.h"
#include "llm/privacy.h"
#include "platform/http/server.h"
#include "telemetry/metrics.h"
#include "telemetry/recorder.h"

namespace fairlead::telemetry {

struct TelemetryOptions {
  std::string folder;                           // the data folder: spool/ and lake.duckdb are in it
  std::chrono::milliseconds flush{50};          // how long a record may wait for its write; also what kill -9 can cost
  bool strict = false;                          // durability: strict
  bool content = false;                         // record input and output
  std::chrono::hours retention{24 * 90};        // records older than that are deleted; 0: never
  std::size_t memory_bytes = 16 * 1024 * 1024;  // of records that are not on disk yet
  std::size_t lake_memory_bytes = 256 * 1024 * 1024;  // what the lake's process may use
  // The lake runs in a process of its own, started when it is needed and ended when it is not, so that a query that
  // runs wild takes nothing else with it. This is its command, {"/proc/self/exe", kLakeProcessArgument}, where the
  // program's main begins with run_lake_process(). Empty: the lake is in this process.
  std::vector<std::string> lake_command;
};

inline constexpr std::string_view kLakeProcessArgument = "lake-process";

// Made before the loops start, destroyed after they have stopped. Thread-safe where it says so.
class Telemetry {
 public:
  // `loops`: how many there will be. Opens no lake yet. Error: spool_unwritable.
  static Result<std::unique_ptr<Telemetry>> create(TelemetryOptions options, int loops, const Clock& clock);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  void start();
  // Writes out all that has been recorded, moves it into the lake if that is open, and ends the threads. While the
  // loops still run, so that those who wait for a record go on.
  void stop();

  Recorder& recorder();  // thread-safe as it says
  Metrics& metrics();

  // One question to a project's records in SQL, answered as POST /api/v1/sql does. Blocks; thread-safe.
  Result<std::string> ask(const std::string& project, const std::string& query, std::int64_t limit);

  // GET /api/v1/calls, GET /api/v1/calls/{id}, POST /v1/feedback, GET /api/v1/feedback, GET /api/v1/stats,
  // POST /api/v1/sql, GET /metrics. They refer to this object. `hiding` makes of feedback what may be kept; null: all
  // of it. It outlives the router.
  void add_routes(http::Router& router, const access::Guard& guard, const llm::Hiding* hiding = nullptr);

 private:
  class Parts;
  explicit Telemetry(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

// The main of the lake's process: true if the program was started as one, and then `exit_code` is what it ends with.
bool run_lake_process(int argc, char** argv, int& exit_code);

}  // namespace fairlead::telemetry
