// What a command that waits says when Ctrl-C ends it.
#pragma once
#include <string>

namespace fairlead::cli {

// While it lives, Ctrl-C prints `line` to standard error before it ends the program as ever. One at a time.
class SaidWhenInterrupted {
 public:
  explicit SaidWhenInterrupted(const std::string& line);
  ~SaidWhenInterrupted();
  SaidWhenInterrupted(const SaidWhenInterrupted&) = delete;
  SaidWhenInterrupted& operator=(const SaidWhenInterrupted&) = delete;
};

}  // namespace fairlead::cli
