#include "serving/internal/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace fairlead::serving {
namespace {

constexpr int kReportFd = 3;
constexpr std::size_t kLineLimit = 500;

struct Pipe {
  Descriptor read, write;
  static Result<Pipe> make() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      return fail(ErrorKind::kUnavailable, "worker_start",
                  std::string("No pipe could be made: ") + std::strerror(errno));
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    Pipe out;
    out.read = Descriptor(ends[0]);
    out.write = Descriptor(ends[1]);
    return out;
  }
};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

bool LineReader::read(int fd, std::vector<std::string>& lines) {
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    for (const char c : std::string_view(buffer, static_cast<std::size_t>(count))) {
      if (c == '\n') {
        lines.push_back(std::move(partial_));
        partial_.clear();
      } else if (partial_.size() < kLineLimit) {
        partial_ += c;
      }
    }
  }
}

std::string ProcessEnd::text() const {
  if (signal == 0) return "exit status " + std::to_string(exit_status);
  const char* name = sigabbrev_np(signal);
  return "signal " + std::to_string(signal) + (name == nullptr ? "" : std::string(" (SIG") + name + ")");
}

Result<WorkerProcess> WorkerProcess::start(const std::vector<std::string>& command) {
  FAIRLEAD_TRY(Pipe report, Pipe::make());
  FAIRLEAD_TRY(Pipe error, Pipe::make());
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // Both pipes may stand where the child wants them to be: the second goes through a number that is free.
  const int spare = 100;
  posix_spawn_file_actions_adddup2(&actions, report.write.get(), spare);
  posix_spawn_file_actions_adddup2(&actions, error.write.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, spare, kReportFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kReportFd + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) sigaddset(&usual, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  WorkerProcess out;
  const int code = posix_spawn(&out.pid_, arguments.front(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) {
    out.pid_ = -1;
    return fail(ErrorKind::kUnavailable, "worker_start",
                "The worker could not be started: " + std::string(std::strerror(code)));
  }
  out.end_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, out.pid_, 0)));
  out.report_ = std::move(report.read);
  out.error_ = std::move(error.read);
  return out;
}

WorkerProcess::~WorkerProcess() {
  if (pid_ < 0 || end_.get() < 0) return;
  if (ended()) return;
  signal(SIGKILL);
  siginfo_t info{};
  waitid(P_PIDFD, static_cast<id_t>(end_.get()), &info, WEXITED);
}

void WorkerProcess::signal(int number) const {
  if (pid_ > 0) syscall(SYS_pidfd_send_signal, end_.get(), number, nullptr, 0);
}

std::optional<ProcessEnd> WorkerProcess::ended() {
  if (pid_ < 0) return ProcessEnd{};
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(end_.get()), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
    return std::nullopt;
  pid_ = -1;
  if (info.si_code == CLD_EXITED) return ProcessEnd{info.si_status, 0};
  return ProcessEnd{0, info.si_status};
}

}  // namespace fairlead::serving
