#include <cstdio>

#include "app/serve.h"
#include "cli/cli.h"
#include "safety/pii/json.h"
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

fairlead::Result<fairlead::cli::Hooks::PrivacyScan> make_privacy_scanner(const boost::json::object& options) {
  namespace pii = fairlead::pii;
  FAIRLEAD_TRY(pii::ScannerOptions read, pii::options_of(options));
  FAIRLEAD_TRY(const std::shared_ptr<const pii::Scanner> scanner, pii::Scanner::create(std::move(read)));
  return [scanner](std::string_view text) { return pii::to_json(scanner->scan(text)); };
}

}  // namespace

int main(int argc, char** argv) {
  int exit_status = 0;
  if (fairlead::telemetry::run_lake_process(argc, argv, exit_status)) return exit_status;
  fairlead::cli::Hooks hooks;
  hooks.serve = fairlead::app::serve;
  hooks.worker = run_worker;
  hooks.privacy_scanner = make_privacy_scanner;
  hooks.version = FAIRLEAD_VERSION;
  return fairlead::cli::run(argc, argv, hooks);
}
