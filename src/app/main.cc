#include <cstdio>

#include "app/serve.h"
#include "cli/cli.h"
#include "serving/worker.h"
#include "telemetry/telemetry.h"

namespace {

int run_worker(const std::vector<std::string>& arguments) {
  auto options = fairlead::serving::parse_worker_arguments(arguments);
  if (!options) {
    std::fprintf(stderr, "fairlead worker: %s\n", options.error().message.c_str());
    return fairlead::cli::kUsage;
  }
  return fairlead::serving::worker_main(*options);
}

}  // namespace

int main(int argc, char** argv) {
  int exit_status = 0;
  if (fairlead::telemetry::run_lake_process(argc, argv, exit_status)) return exit_status;
  fairlead::cli::Hooks hooks;
  hooks.serve = fairlead::app::serve;
  hooks.worker = run_worker;
  hooks.version = FAIRLEAD_VERSION;
  return fairlead::cli::run(argc, argv, hooks);
}
