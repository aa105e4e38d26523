// Both ends of the lake's own process: the parent that asks, the child that answers.
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/code_pages.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/internal/message_channel.h"
#include "telemetry/internal/pacing.h"
#include "telemetry/internal/process.h"
#include "telemetry/telemetry.h"

extern char** environ;

namespace fairlead::telemetry {
namespace {

using std::chrono::milliseconds;

// A socket for each kind of question, so that a long one keeps no other kind waiting. In the child they are these
// descriptors.
enum Channel : std::size_t { kLoading, kReading, kAsking };
constexpr std::size_t kChannels = 3;
constexpr int kFirstDescriptor = 3;
constexpr milliseconds kPatience[kChannels] = {milliseconds(120'000), milliseconds(15'000), milliseconds(13'000)};

// Of resident memory, above which the lake is closed after a load: 45 MiB are the engine's code and one load, and each
// further one adds two or three.
constexpr std::size_t kGrowth = 56 * 1024 * 1024;
constexpr int kNice = 10;
constexpr std::chrono::nanoseconds kSlice = milliseconds(100);

// A running process and the sockets to it.
class Child {
 public:
  static Result<std::shared_ptr<Child>> start(const std::vector<std::string>& command,
                                              const LakeServiceOptions& options) {
    auto child = std::make_shared<Child>();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    std::array<int, kChannels> theirs{-1, -1, -1};
    bool made = true;
    for (std::size_t i = 0; i < kChannels && made; ++i) {
      int pair[2];
      made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0;
      if (!made) break;
      child->sockets_[i] = pair[0];
      theirs[i] = ::fcntl(pair[1], F_DUPFD_CLOEXEC, 64);  // out of the way of the descriptors that they become
      ::close(pair[1]);
      made = theirs[i] >= 0;
    }
    for (std::size_t i = 0; i < kChannels && made; ++i) {
      ::posix_spawn_file_actions_adddup2(&actions, theirs[i], kFirstDescriptor + static_cast<int>(i));
    }
    // Listening sockets and files of this process are none of its business.
    ::posix_spawn_file_actions_addclosefrom_np(&actions, kFirstDescriptor + static_cast<int>(kChannels));
    std::vector<std::string> arguments = command;
    for (auto argument :
         {options.path, options.spool, std::to_string(options.memory_bytes), std::to_string(options.lock_wait.count())})
      arguments.push_back(std::move(argument));
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // A stop from the terminal goes to the whole group: the child ends when its parent does, not before.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int error = made ? ::posix_spawn(&child->pid_, argv[0], &actions, &attributes, argv.data(), environ) : errno;
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    for (const int socket : theirs) {
      if (socket >= 0) ::close(socket);
    }
    if (error == 0) return child;
    child->pid_ = -1;
    return fail(ErrorKind::kUnavailable, "lake_error",
                std::string("The lake's process does not start: ") + std::strerror(error));
  }

  // Lets it end by itself, within reason.
  ~Child() {
    for (const int socket : sockets_) {
      if (socket >= 0) ::close(socket);
    }
    for (int i = 0; i < 1'200 && pid_ > 0; ++i) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = -1;
      } else {
        ::usleep(10'000);
      }
    }
    kill();
  }

  void kill() {
    const std::lock_guard lock(end_mutex_);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  Result<Message> call(Channel channel, const Message& request) {
    const std::lock_guard lock(mutexes_[channel]);
    FAIRLEAD_CHECK(send_message(sockets_[channel], request));
    return receive_message(sockets_[channel], kPatience[channel]);
  }

 private:
  pid_t pid_ = -1;
  std::mutex end_mutex_;
  std::array<int, kChannels> sockets_{-1, -1, -1};
  std::array<std::mutex, kChannels> mutexes_;
};

class LakeProcess final : public LakeService {
 public:
  LakeProcess(std::vector<std::string> command, LakeServiceOptions options, const Clock& clock)
      : command_(std::move(command)), options_(std::move(options)), clock_(clock) {}

  Result<LoadReport> load(SpoolPosition upto, std::int64_t limit) override {
    FAIRLEAD_TRY(const std::string text, call(kLoading, {"load", std::to_string(upto.segment),
                                                         std::to_string(upto.offset), std::to_string(limit)}));
    LoadReport report;
    long long numbers[5] = {};
    if (std::sscanf(text.c_str(), "%lld %lld %lld %lld %lld", &numbers[0], &numbers[1], &numbers[2], &numbers[3],
                    &numbers[4]) != 5)
      return broken(kLoading);
    return LoadReport{{numbers[0], numbers[1]}, numbers[2], numbers[3], numbers[4] != 0};
  }
  Result<std::string> look(Look what, std::string project, std::string url_query) override {
    return call(kReading, {"look", std::to_string(static_cast<int>(what)), std::move(project), std::move(url_query)});
  }
  Result<std::string> get(std::string project, std::string id) override {
    return call(kReading, {"get", std::move(project), std::move(id)});
  }
  Result<std::string> ask(std::string project, std::string query, std::int64_t limit) override {
    return call(kAsking, {"ask", std::move(project), std::move(query), std::to_string(limit)});
  }
  Result<std::int64_t> remove_before(std::int64_t unix_micros) override {
    FAIRLEAD_TRY(const std::string text, call(kLoading, {"remove", std::to_string(unix_micros)}));
    return std::atoll(text.c_str());
  }

  void rest() override {
    const std::lock_guard lock(mutex_);
    if (child_ != nullptr && child_.use_count() == 1 && clock_.steady() - used_ >= options_.idle) child_.reset();
  }

 private:
  Result<std::shared_ptr<Child>> running() {
    const std::lock_guard lock(mutex_);
    used_ = clock_.steady();
    if (child_ == nullptr) {
      FAIRLEAD_TRY(child_, Child::start(command_, options_));
    }
    return child_;
  }

  // What the process was asked when it died is to blame only if it was a stranger's query; the rest is asked again.
  Result<std::string> call(Channel channel, const Message& request) {
    for (int tries = 0;; ++tries) {
      FAIRLEAD_TRY(const auto child, running());
      const auto answer = child->call(channel, request);
      if (answer) return result_of(*answer);
      child->kill();
      {
        const std::lock_guard lock(mutex_);
        if (child_ == child) child_.reset();
      }
      if (answer.error().kind == ErrorKind::kTimeout || channel == kAsking || tries > 0)
        return broken(channel, answer.error().kind);
    }
  }

  static std::unexpected<Error> broken(Channel channel, ErrorKind kind = ErrorKind::kInternal) {
    if (channel != kAsking)
      return fail(ErrorKind::kUnavailable, "lake_error", "The lake's process failed; it is started again.");
    if (kind == ErrorKind::kTimeout) {
      return fail(kind, "sql_timeout", "The query took too long and was stopped. Narrow it, by time for example.",
                  "query");
    }
    return fail(ErrorKind::kTooLarge, "sql_too_large",
                "The query brought the engine down, for want of memory most likely. Narrow it.", "query");
  }

  const std::vector<std::string> command_;
  const LakeServiceOptions options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<Child> child_;
  SteadyTime used_{};
};

Result<std::string> answer(LakeService& lake, const Message& request) {
  const auto number = [&](std::size_t i) { return std::atoll(request[i].c_str()); };
  if (request[0] == "load" && request.size() == 4) {
    const Pacing pacing;
    FAIRLEAD_TRY(const LoadReport report, lake.load({number(1), number(2)}, number(3)));
    return std::to_string(report.loaded.segment) + " " + std::to_string(report.loaded.offset) + " " +
           std::to_string(report.records) + " " + std::to_string(report.damaged_bytes) + " " +
           std::to_string(static_cast<int>(report.done));
  }
  if (request[0] == "look" && request.size() == 4)
    return lake.look(static_cast<Look>(number(1)), request[2], request[3]);
  if (request[0] == "get" && request.size() == 3) return lake.get(request[1], request[2]);
  if (request[0] == "ask" && request.size() == 4) return lake.ask(request[1], request[2], number(3));
  if (request[0] == "remove" && request.size() == 2) {
    const Pacing pacing;
    FAIRLEAD_TRY(const std::int64_t removed, lake.remove_before(number(1)));
    return std::to_string(removed);
  }
  return fail(ErrorKind::kInternal, "lake_error", "The lake's process does not know `" + request[0] + "`.");
}

// What the engine's own bound does not see, the system's does: an allocation beyond it fails, at worst the process
// does.
void bound_memory(std::size_t bytes) {
  ::mallopt(M_ARENA_MAX, 2);
  long long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%lld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  const long long now = pages * ::sysconf(_SC_PAGESIZE);
  if (now <= 0 || now > (1ll << 40)) return;              // a sanitizer's shadow: terabytes of addresses
  constexpr rlim_t kStacksAndArenas = 256 * 1024 * 1024;  // addresses, of which little is used
  const rlim_t limit = static_cast<rlim_t>(now) + bytes + kStacksAndArenas;
  const rlimit bound{limit, limit};
  ::setrlimit(RLIMIT_AS, &bound);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

// Loading and questions can wait for calls. A task that asks for a long slice is preempted by all that have shorter
// ones (Linux 6.12 and later, PREEMPT_SHORT; earlier ones look at the niceness alone), for as long as they have not had
// more than their share; then they wait for a tick, or for a pause of this one (Pacing). Unlike SCHED_IDLE it gets its
// share of a core that is never idle (decision 0041).
void give_way() {
  struct {  // sched_attr of linux/sched/types.h, which does not go together with glibc's sched.h
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } attributes{sizeof attributes, SCHED_BATCH, 0, kNice, 0, static_cast<std::uint64_t>(kSlice.count()), 0, 0};
  if (::syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) ::setpriority(PRIO_PROCESS, 0, kNice);
}

}  // namespace

std::unique_ptr<LakeService> make_lake_process(std::vector<std::string> command, LakeServiceOptions options,
                                               const Clock& clock) {
  return std::make_unique<LakeProcess>(std::move(command), std::move(options), clock);
}

bool run_lake_process(int argc, char** argv, int& exit_code) {
  if (argc != 6 || argv[1] != kLakeProcessArgument) return false;
  ::signal(SIGPIPE, SIG_IGN);
  give_way();
  const auto memory = static_cast<std::size_t>(std::atoll(argv[4]));
  bound_memory(memory);
  const SystemClock clock;
  LakeServiceOptions options{argv[2], argv[3], memory / 2};
  options.lock_wait = milliseconds(std::atoll(argv[5]));
  release_code_pages();
  options.slim_bytes = resident_bytes() + kGrowth;
  const auto lake = make_local_lake(std::move(options), clock);
  {
    std::array<std::jthread, kChannels> threads;
    for (std::size_t i = 0; i < kChannels; ++i) {
      threads[i] = std::jthread([&lake, socket = kFirstDescriptor + static_cast<int>(i)] {
        for (;;) {
          const auto request = receive_message(socket, std::chrono::hours(24 * 365));
          if (!request || !send_message(socket, answer_of(answer(*lake, *request)))) return;  // the parent is gone
        }
      });
    }
  }
  exit_code = 0;
  return true;
}

}  // namespace fairlead::telemetry
