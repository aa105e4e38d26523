// The command line: `fairlead <noun> <verb>` (docs/reference/cli.md).
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::cli {

// Exit statuses of every command.
enum ExitStatus : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,  // the words of the command, or what it was given, are wrong
  kGateNotMet = 3,
};

// What `app` does for the commands that are not a conversation with a server; `serve` and `worker` give the exit
// status.
struct Hooks {
  std::function<int(const std::vector<std::string>& arguments)> serve;   // the words after `serve`
  std::function<int(const std::vector<std::string>& arguments)> worker;  // the words after `worker`
  // What finds personal data as these members of POST /api/v1/privacy/scan ask for: a text's spans.
  using PrivacyScan = std::function<boost::json::array(std::string_view text)>;
  std::function<Result<PrivacyScan>(const boost::json::object& options)> privacy_scanner;
  std::string version;
};

// Runs the command and gives the exit status. `serve` and `worker` are handed over before anything else is done, so
// that no thread has been started.
int run(int argc, char** argv, const Hooks& hooks);

}  // namespace fairlead::cli
