// Moves what the spool holds into the lake.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/internal/spool_recorder.h"

namespace fairlead::telemetry {

struct LoaderOptions {
  std::string spool;                       // folder
  std::chrono::milliseconds every{250};    // how often it looks whether there is something to do
  std::chrono::milliseconds wait{30'000};  // how long records may wait for there to be enough of them, unless one asks
  std::int64_t enough = kLoadRecords;      // to be loaded at the least cost
  std::chrono::hours retention{0};
};

struct LoaderStats {
  std::uint64_t loaded = 0;  // records
  std::uint64_t errors = 0;
  std::uint64_t spool_bytes = 0;  // on disk
  std::int64_t behind_us = 0;     // since the last moment at which everything was in the lake; 0: it is
};

// Thread-safe but for start() and stop(), which one thread calls.
class Loader {
 public:
  Loader(LoaderOptions options, SpoolRecorder& recorder, LakeService& lake, const Clock& clock);
  ~Loader();
  void start();
  void stop();  // loads a last time

  // Blocks until what was recorded before is in the lake. An error has been logged and counted; the lake can be asked
  // all the same, and then answers with what it has.
  Result<void> freshen();
  LoaderStats stats() const;

 private:
  void run();
  void load_if_due();
  // With load_mutex_ held.
  Result<void> load(SpoolPosition upto, std::int64_t limit);
  Result<void> load_enough(std::int64_t records);
  Result<void> load_everything();
  void keep_retention();
  void report(const Error& error);

  const LoaderOptions options_;
  SpoolRecorder& recorder_;
  LakeService& lake_;
  const Clock& clock_;
  const SpoolPosition began_;  // before it is what earlier processes left
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::mutex load_mutex_;
  SpoolPosition loaded_;
  std::int64_t loaded_here_ = 0;  // records of this process
  SteadyTime due_at_{};           // when everything is to be loaded, however little it is
  std::int64_t looked_at_us_;     // when it was last seen how far the spool goes
  bool failing_ = false;
  SteadyTime last_report_{}, next_retention_{};
  std::atomic<std::uint64_t> records_{0}, errors_{0};
  std::atomic<std::int64_t> fresh_at_us_{0};
};

}  // namespace fairlead::telemetry
