// A child process with a pipe for what it reports and one for its standard error.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::serving {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Whole lines out of a pipe that does not block.
class LineReader {
 public:
  // Reads what is there and appends the lines that it completes, cut at 500 bytes; false at the pipe's end.
  bool read(int fd, std::vector<std::string>& lines);

 private:
  std::string partial_;
};

// How a process ended: "exit status 3", "signal 9".
struct ProcessEnd {
  int exit_status = 0;
  int signal = 0;
  std::string text() const;
};

// Used by one thread, the one that starts it: a child that asks for a signal at its parent's death gets it when that
// thread ends. Destroying a process that has not ended kills it.
class WorkerProcess {
 public:
  // The child gets its report pipe as file descriptor 3, no other but the standard ones, no blocked signals, and a
  // process group of its own. Error: kUnavailable, worker_start.
  static Result<WorkerProcess> start(const std::vector<std::string>& command);
  WorkerProcess(WorkerProcess&&) noexcept = default;
  WorkerProcess& operator=(WorkerProcess&&) = delete;
  ~WorkerProcess();

  int pid() const { return pid_; }
  int end_fd() const { return end_.get(); }  // readable once the process has ended
  int report_fd() const { return report_.get(); }
  int error_fd() const { return error_.get(); }
  void signal(int number) const;      // nothing, if it has ended
  std::optional<ProcessEnd> ended();  // reaps it

 private:
  WorkerProcess() = default;
  int pid_ = -1;
  Descriptor end_, report_, error_;
};

}  // namespace fairlead::serving
