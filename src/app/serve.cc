#include "app/serve.h"

#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/log.h"
#include "app/server_parts.h"
#include "base/code_pages.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "platform/config/settings.h"

namespace fairlead::app {
namespace {

void say(const Error& error) {
  std::fprintf(stderr, "fairlead: %s\n", error.message.c_str());
}

// A block of this size goes back to the system as soon as it is freed. Left to itself, glibc raises the bound to the
// largest block that was freed, 32 MiB at most, and keeps what a few large answers took for as long as the process
// runs.
void give_back_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
}

// The settings file is fairlead.yaml of the project's folder, if a project is named and has one.
Result<config::Settings> load_settings(const std::vector<std::string>& arguments) {
  config::Sources sources;
  FAIRLEAD_TRY(sources.flags, config::parse_flags(arguments));
  sources.environment = config::process_environment();
  FAIRLEAD_TRY(const config::Settings without_file, config::load(sources));
  const std::string path = without_file.project + "/fairlead.yaml";
  if (without_file.project.empty() || !std::filesystem::exists(path)) return without_file;
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  sources.file_name = path;
  sources.file_text = text.str();
  return config::load(sources);
}

// The variable's value, and no longer a part of the environment: neither a worker nor /proc/PID/environ has it.
// To be called before there are threads.
SecretText take_variable(const char* name) {
  char* const value = std::getenv(name);
  if (value == nullptr) return {};
  SecretText out(value);
  wipe(value, out.size());  // where the kernel put it
  unsetenv(name);
  return out;
}

log::Level level_of(const std::string& text) {
  if (text == "debug") return log::Level::kDebug;
  if (text == "warning") return log::Level::kWarning;
  if (text == "error") return log::Level::kError;
  return log::Level::kInfo;
}

}  // namespace

int serve(const std::vector<std::string>& arguments) {
  give_back_memory();
  SecretText secrets_key = take_variable("FAIRLEAD_SECRETS_KEY");
  SecretText redis_password = take_variable("FAIRLEAD_REDIS_PASSWORD");
  SecretText pepper = take_variable("FAIRLEAD_PEPPER");
  SecretText privacy_key = take_variable("FAIRLEAD_PRIVACY_KEY");
  auto settings = load_settings(arguments);
  (void)take_variable("FAIRLEAD_STORE");  // it may hold a password
  if (!settings) {
    say(settings.error());
    return cli::kUsage;
  }
  log::configure(level_of(settings->log.level),
                 settings->log.format == "json" ? log::Format::kJson : log::Format::kText);

  // Blocked before the first thread is made, so that every thread inherits it and only sigwait() below sees them.
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  ServerParts parts(std::move(*settings), std::move(secrets_key), std::move(redis_password), std::move(pepper),
                    std::move(privacy_key));
  if (auto started = parts.start(); !started) {
    say(started.error());
    return started.error().kind == ErrorKind::kInvalid ? cli::kUsage : cli::kFailed;
  }
  release_code_pages();
  int signal = 0;
  sigwait(&stops, &signal);
  kLog.info("stopping", {{"signal", signal}});
  // A second signal ends the process at once.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &stops, nullptr);
  parts.stop();
  kLog.info("stopped");
  return cli::kDone;
}

}  // namespace fairlead::app
