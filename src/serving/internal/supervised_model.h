// The life of one wanted model: its file, the check of its digest, its worker, restarts.
#pragma once
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "serving/internal/worker_process.h"
#include "serving/local_models.h"

namespace fairlead::serving {

using SteadyTime = std::chrono::steady_clock::time_point;

// SHA-256 of a file, worked out beside everything else.
class DigestCheck {
 public:
  // `on_done` is called on the check's own thread.
  DigestCheck(const LocalModelsOptions& options, std::string path, std::function<void()> on_done);
  ~DigestCheck();                                     // gives up and waits
  std::optional<Result<std::string>> result() const;  // nothing: not known yet

 private:
  mutable std::mutex mutex_;
  std::optional<Result<std::string>> result_;
  std::atomic<bool> cancelled_{false};
  std::thread thread_;
};

// Belongs to the supervisor's thread. Every member function is followed by a look at status().
class SupervisedModel {
 public:
  SupervisedModel(const LocalModelsOptions& options, WantedModel wanted, std::string socket,
                  std::function<void()> wake);

  // Whether this still serves what is wanted now; takes over the digests.
  void want(const WantedModel& wanted);
  // Reads what the worker says, notices its end, starts what is due. Returns when to look again at the latest.
  SteadyTime step(SteadyTime now);
  // Asks the worker to end, and makes it do so after `patience`. step() goes on until stopped().
  void stop(SteadyTime now, std::chrono::milliseconds patience);
  bool stopped() const { return stopping_ && !process_; }
  // Descriptors that say when step() is due.
  void add_descriptors(std::vector<int>& out) const;
  const ModelStatus& status() const { return status_; }

 private:
  void start(SteadyTime now);
  void read_worker();
  void hear(const std::string& report);
  void worker_ended(const ProcessEnd& end, SteadyTime now);
  void check_digest();
  void refuse(std::string message);  // failed, until the file changes
  bool file_changed() const;
  void become(ModelState state, std::string message = {});

  const LocalModelsOptions& options_;
  WantedModel wanted_;
  std::string socket_;
  std::function<void()> wake_;
  ModelStatus status_;
  std::shared_ptr<const http::Origin> origin_;

  std::string path_;
  struct stat file_ {};
  bool located_ = false;
  std::unique_ptr<DigestCheck> check_;
  std::optional<WorkerProcess> process_;
  LineReader reports_, errors_;
  std::string failure_;  // what the worker said before it ended
  bool worker_ready_ = false;
  int attempts_ = 0;  // starts since it was last well
  SteadyTime next_start_{};
  SteadyTime ready_since_{};
  bool stopping_ = false;
  SteadyTime kill_at_ = SteadyTime::max();
};

}  // namespace fairlead::serving
