// The local models that the configuration wants, each in a worker process of its own, kept running.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/http/client.h"

namespace fairlead::serving {

struct WantedModel {
  std::string file;                 // name of the GGUF file; the `upstream_model` of calls
  std::vector<std::string> sha256;  // every digest that a route asks for, hex; none: any file will do
};

enum class ModelState : std::uint8_t {
  kLoading,     // the worker reads the file, or its digest is being checked
  kReady,       // answers
  kRestarting,  // the worker died and is started again
  kFailed,  // cannot be served as it is: missing, damaged, another file than wanted. Tried again when the file changes
};
std::string_view to_string(ModelState state);

struct ModelStatus {
  std::string file;
  ModelState state = ModelState::kLoading;
  double progress = 0;                         // of loading, 0…1
  std::int64_t context = 0;                    // tokens that a call may have, once it was ready
  std::string message;                         // why it failed or restarts
  std::shared_ptr<const http::Origin> origin;  // where to call it, once ready
};

// A part of the process, as /readyz shows it.
struct PartState {
  std::string name;  // "model smollm2-135m-instruct-q4_1.gguf"
  bool ready = false;
  std::string state;  // "loading", "ready", "restarting", "failed"
  double progress = 0;
  std::string message;
};

struct LocalModelsOptions {
  std::string run_folder;                               // for sockets; made with mode 0700
  std::vector<std::string> worker_command;              // program and first arguments: {"/proc/self/exe", "worker"}
  int threads = 0, slots = 4, context = 0, queue = 64;  // of each worker, as WorkerOptions
  // The path of a model file. The error's message is what calls to the model and /readyz say.
  std::function<Result<std::string>(const std::string& file)> locate;
  // SHA-256 of the file, hex; may take long, runs on a thread of its own, gives up when `cancelled` becomes true. Only
  // called when a digest is wanted. Thread-safe.
  std::function<Result<std::string>(const std::string& path, const std::atomic<bool>& cancelled)> digest;
};

// Thread-safe, but for its making and end.
class LocalModels {
 public:
  // Starts the thread that supervises; no worker yet. Error: the folder cannot be made.
  static Result<std::unique_ptr<LocalModels>> start(LocalModelsOptions options);
  ~LocalModels();  // stop()
  LocalModels(const LocalModels&) = delete;
  LocalModels& operator=(const LocalModels&) = delete;

  // From now on these and no others run. Returns at once.
  void want(std::vector<WantedModel> models);

  // Null: not wanted. Never waits.
  std::shared_ptr<const ModelStatus> find(const std::string& file) const;
  std::vector<PartState> states() const;

  // Ends the workers: SIGTERM, and SIGKILL after `patience`. Returns when none is left; again does nothing.
  void stop(std::chrono::milliseconds patience = std::chrono::milliseconds(6'000));

 private:
  class Supervisor;
  explicit LocalModels(std::unique_ptr<Supervisor> supervisor);
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace fairlead::serving
