// The worker: a process that holds one model and answers chat requests to it over a Unix socket.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::serving {

struct WorkerOptions {
  std::string model;   // path of the GGUF file
  std::string name;    // the `model` of its answers; empty: the file's name
  std::string socket;  // path of the Unix socket to listen on
  int threads = 0;     // 0: one a core
  int slots = 4;       // answers at the same time
  int context = 0;     // tokens a call may have; 0: the model's own, at most 4096
  int queue = 64;      // requests that may wait for a slot
  int status_fd = -1;  // a pipe on which it reports: "loading 0.40", "ready 4096", "failed WHY", a line each
  int parent = 0;      // process id; if given, the worker ends with it
};

// The words of a command line, after the command's own, and back. Error: invalid_arguments.
std::vector<std::string> worker_arguments(const WorkerOptions& options);
Result<WorkerOptions> parse_worker_arguments(const std::vector<std::string>& arguments);

// POST /v1/chat/completions and /v1/embeddings in OpenAI's form; POST /count/chat and /count/embeddings, which
// take the same and answer {"input_tokens": 17}; GET /health. Returns the exit status: 0 after SIGTERM,
// 3 if the model cannot be loaded. Calls in flight at a SIGTERM get five seconds. To be called first thing in main(),
// before any thread is started.
int worker_main(const WorkerOptions& options);

}  // namespace fairlead::serving
