#include "serving/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <thread>

#include "platform/async/runtime.h"
#include "platform/http/problem.h"
#include "platform/http/server.h"
#include "serving/internal/logger.h"
#include "serving/internal/worker_service.h"

namespace fairlead::serving {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};
constexpr int kCannotLoad = 3;

// The pipe to the process that started this one.
class StatusPipe {
 public:
  explicit StatusPipe(int fd) : fd_(fd) {
    if (fd_ >= 0) fcntl(fd_, F_SETFD, FD_CLOEXEC);
  }
  void report(std::string line) {
    if (fd_ < 0) return;
    for (char& c : line) {
      if (c == '\n') c = ' ';
    }
    line += '\n';
    // A reader that has gone is not missed: the process is about to end with it.
    if (write(fd_, line.data(), line.size()) < 0) fd_ = -1;
  }

 private:
  int fd_;
};

bool end_with_parent(int parent) {
  if (parent == 0) return true;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;  // it may have died before the line above
}

// Loads the model and then decodes until it is stopped.
class DecodeThread {
 public:
  DecodeThread(const WorkerOptions& options, WorkerService& service, StatusPipe& status)
      : options_(options), service_(service), status_(status), thread_([this] { run(); }) {}
  ~DecodeThread() { stop(); }
  void stop() {
    stopping_ = true;
    if (Serving* serving = ready_.load(); serving && serving->scheduler) serving->scheduler->stop();
    if (thread_.joinable()) thread_.join();
  }
  int exit_status() const { return exit_status_; }

 private:
  void run() {
    if (auto loaded = load(); !loaded) {
      if (stopping_) return;
      if (options_.status_fd < 0) kLog.error("the model cannot be loaded", {{"reason", loaded.error().message}});
      status_.report("failed " + loaded.error().message);
      exit_status_ = kCannotLoad;
      kill(getpid(), SIGTERM);
      return;
    }
    ready_ = &serving_;
    service_.set_serving(&serving_);
    status_.report("ready " + std::to_string(serving_.model->limits().context));
    if (!stopping_ && serving_.scheduler) serving_.scheduler->run();
  }

  Result<void> load() {
    int reported = -1;
    const auto on_progress = [&](float progress) {
      service_.set_progress(progress);
      if (const int percent = static_cast<int>(progress * 100); percent >= reported + 5) {
        reported = percent;
        status_.report("loading " + std::to_string(progress));
      }
      return !stopping_.load();
    };
    const ModelSettings settings{options_.model, options_.threads, options_.slots, options_.context};
    FAIRLEAD_TRY(serving_.model, LoadedModel::load(settings, on_progress));
    serving_.embedding.threads =
        options_.threads > 0 ? options_.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    if (options_.context > 0) serving_.embedding.context = options_.context;
    if (!serving_.model->writes()) return {};
    FAIRLEAD_TRY(serving_.format, ChatFormat::create(*serving_.model));
    serving_.scheduler =
        std::make_unique<Scheduler>(*serving_.model, Scheduler::Options{static_cast<std::size_t>(options_.queue)});
    return {};
  }

  const WorkerOptions& options_;
  WorkerService& service_;
  StatusPipe& status_;
  Serving serving_;
  std::atomic<Serving*> ready_{nullptr};
  std::atomic<bool> stopping_{false};
  std::atomic<int> exit_status_{0};
  std::thread thread_;
};

int serve(const WorkerOptions& options, const sigset_t& signals) {
  StatusPipe status(options.status_fd);
  async::Runtime runtime(1);
  const std::string name =
      options.name.empty() ? std::filesystem::path(options.model).filename().string() : options.name;
  WorkerService service(name, runtime.loop(0));
  unlink(options.socket.c_str());
  http::ServerOptions http;
  http.address = "unix:" + options.socket;
  http.limits.body_bytes = 256 * 1024 * 1024;  // the gateway has set its own limit already
  http.limits.connections = 4096;
  http.error_body = [](int status, std::string_view code, std::string_view message) {
    return http::error_body(status, code, message);
  };
  auto server = http::Server::listen(runtime, std::move(http), service.router());
  if (!server) {
    status.report("failed " + server.error().message);
    return kCannotLoad;
  }
  runtime.start();
  (*server)->start();
  DecodeThread decoding(options, service, status);
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->drain(decoding.exit_status() == 0 ? kPatience : std::chrono::milliseconds(100));
  decoding.stop();
  runtime.stop();
  unlink(options.socket.c_str());
  return decoding.exit_status();
}

Result<int> number(const std::string& name, const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorKind::kInvalid, "invalid_arguments", name + " wants a number, not `" + text + "`.");
  }
  return value;
}

}  // namespace

std::vector<std::string> worker_arguments(const WorkerOptions& options) {
  return {"--model",     options.model,
          "--name",      options.name,
          "--socket",    options.socket,
          "--threads",   std::to_string(options.threads),
          "--slots",     std::to_string(options.slots),
          "--context",   std::to_string(options.context),
          "--queue",     std::to_string(options.queue),
          "--status-fd", std::to_string(options.status_fd),
          "--parent",    std::to_string(options.parent)};
}

Result<WorkerOptions> parse_worker_arguments(const std::vector<std::string>& arguments) {
  WorkerOptions out;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (i + 1 == arguments.size()) return fail(ErrorKind::kInvalid, "invalid_arguments", name + " wants a value.");
    const std::string& value = arguments[i + 1];
    int* integer = name == "--threads"     ? &out.threads
                   : name == "--slots"     ? &out.slots
                   : name == "--context"   ? &out.context
                   : name == "--queue"     ? &out.queue
                   : name == "--status-fd" ? &out.status_fd
                   : name == "--parent"    ? &out.parent
                                           : nullptr;
    std::string* text = name == "--model"    ? &out.model
                        : name == "--name"   ? &out.name
                        : name == "--socket" ? &out.socket
                                             : nullptr;
    if (integer != nullptr) {
      FAIRLEAD_TRY(*integer, number(name, value));
    } else if (text != nullptr) {
      *text = value;
    } else {
      return fail(ErrorKind::kInvalid, "invalid_arguments", "unknown argument `" + name + "`");
    }
  }
  if (out.model.empty() || out.socket.empty())
    return fail(ErrorKind::kInvalid, "invalid_arguments", "--model and --socket are needed.");
  return out;
}

int worker_main(const WorkerOptions& options) {
  if (!end_with_parent(options.parent)) return 0;
  // Ctrl-C on a terminal reaches the whole group; the process that started this one decides when to stop.
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return serve(options, signals);
}

}  // namespace fairlead::serving
