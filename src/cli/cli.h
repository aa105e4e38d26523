// The command line: `fairlead <noun> <verb>` (docs/reference/cli.md).
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace fairlead::cli {

// Exit statuses of every command.
enum ExitStatus : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,  // the words of the command, or what it was given, are wrong
  kGateNotMet = 3,
};

// What `app` does for the commands that are not a conversation with a server. Each gives the exit status.
struct Hooks {
  std::function<int(const std::vector<std::string>& arguments)> serve;   // the words after `serve`
  std::function<int(const std::vector<std::string>& arguments)> worker;  // the words after `worker`
  std::string version;
};

// Runs the command and gives the exit status. `serve` and `worker` are handed over before anything else is done, so
// that no thread has been started.
int run(int argc, char** argv, const Hooks& hooks);

}  // namespace fairlead::cli
