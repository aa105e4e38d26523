#include "cli/internal/interrupted.h"

#include <unistd.h>

#include <csignal>

namespace fairlead::cli {
namespace {

std::string line_when_interrupted;

void say_and_end(int signal) {  // nothing but what a handler may call
  const auto written = write(STDERR_FILENO, line_when_interrupted.data(), line_when_interrupted.size());
  static_cast<void>(written);
  raise(signal);
}

}  // namespace

SaidWhenInterrupted::SaidWhenInterrupted(const std::string& line) {
  line_when_interrupted = "\n" + line + "\n";
  struct sigaction action {};
  action.sa_handler = say_and_end;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);  // the second one ends the program
  sigaction(SIGINT, &action, nullptr);
}

SaidWhenInterrupted::~SaidWhenInterrupted() {
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace fairlead::cli
