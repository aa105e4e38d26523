// The recorder of a running process: loops → buffers in memory → spool.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "telemetry/internal/byte_queue.h"
#include "telemetry/internal/spool.h"
#include "telemetry/metrics.h"
#include "telemetry/recorder.h"

namespace fairlead::telemetry {

struct SpoolRecorderOptions {
  std::string folder;  // of the spool
  std::chrono::milliseconds flush{50};
  bool strict = false;
  bool content = false;
  std::size_t memory_bytes = 16 * 1024 * 1024;  // of records that are not on disk yet, all loops together
  std::int64_t segment_bytes = 4 * 1024 * 1024;
};

struct SpoolStats {
  std::uint64_t records = 0;        // given to record()
  std::uint64_t written = 0;        // of them, in the spool: at least so many
  std::uint64_t lost = 0;           // of them, dropped because memory was full
  std::uint64_t bytes_waiting = 0;  // in memory
  std::uint64_t write_errors = 0;
  std::int64_t last_write_us = 0;  // wall time; 0: none yet
};

// Made before the loops start; destroyed after they have stopped, because what it posts to them refers to it. start()
// and stop() are called by one thread.
class SpoolRecorder final : public Recorder {
 public:
  static Result<std::unique_ptr<SpoolRecorder>> create(SpoolRecorderOptions options, int loops, Metrics& metrics,
                                                       const Clock& clock);
  ~SpoolRecorder() override;

  void start();
  void stop();  // writes out everything that was recorded before; records that come after it are lost

  void record(int loop_index, const CallRecord& record) override;
  async::Task<Result<void>> record_and_wait(async::Loop& loop, CallRecord record) override;
  // On the thread of `loop`; resumes there when the feedback is durable. Errors: spool_full, spool_unwritable; then it
  // is not (and may be, later). Not cancellable.
  async::Task<Result<void>> keep(async::Loop& loop, Feedback feedback);
  bool content_enabled() const override { return options_.content; }
  bool strict() const override { return options_.strict; }

  // Blocks until what was recorded before is in the spool, or could not be written. Not from a loop.
  Result<void> flush();
  SpoolPosition written() const { return writer_->written(); }
  SpoolStats stats() const;

 private:
  struct Waiter {
    std::uint64_t position;
    std::move_only_function<void(bool durable)> resume;
  };
  // What one loop owns. `waiters` is touched on its loop alone.
  struct alignas(64) Lane {
    explicit Lane(std::size_t limit) : queue(limit) {}
    ByteQueue queue;
    std::string frame;
    std::deque<Waiter> waiters;
    async::Loop* loop = nullptr;
    std::atomic<std::uint64_t> records{0}, queued{0}, lost{0};
    std::atomic<int> waiting{0};
  };
  struct Wait;

  SpoolRecorder(SpoolRecorderOptions options, int loops, Metrics& metrics, const Clock& clock,
                std::unique_ptr<SpoolWriter> writer, int event);
  bool take(Lane& lane, int loop_index, const CallRecord& record);
  template <class Record>
  bool push(Lane& lane, const Record& record);
  async::Task<Result<void>> durable(Lane& lane);
  void kick();
  void run();
  void write_pass();
  void report(const Error& error);
  static void wake(Lane& lane, std::uint64_t position, bool durable);

  const SpoolRecorderOptions options_;
  Metrics& metrics_;
  const Clock& clock_;
  const std::unique_ptr<SpoolWriter> writer_;
  const int event_;  // eventfd: wakes the writer thread
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> kicked_{false};
  std::atomic<std::uint64_t> written_{0}, write_errors_{0};
  std::atomic<std::int64_t> last_write_us_{0};

  std::mutex mutex_;  // of the two below; never taken on a loop
  std::condition_variable passed_;
  std::uint64_t asked_ = 0, answered_ = 0;
  Error last_error_;
  bool failing_ = false;
  SteadyTime last_report_{};
  std::uint64_t lost_reported_ = 0;
};

}  // namespace fairlead::telemetry
