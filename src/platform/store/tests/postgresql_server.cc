#include "platform/store/tests/postgresql_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "platform/store/internal/pg_connection.h"

namespace fairlead::store {
namespace {

namespace fs = std::filesystem;

const std::string kPrograms = "/usr/lib/postgresql/15/bin/";

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "PostgreSQL for tests: %s\n", why.c_str());
  std::abort();
}

// Whom the server runs as, since it refuses to be root; null: as who runs the test.
const passwd* other_user() {
  return geteuid() == 0 ? getpwnam("nobody") : nullptr;
}

pid_t spawn(std::vector<std::string> words, const std::string& log) {
  const passwd* const user = other_user();
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  dup2(out, 1);
  dup2(out, 2);
  if (user != nullptr && (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
    _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

PostgresqlServer::PostgresqlServer() {
  std::string pattern = (fs::temp_directory_path() / "fairlead-pg-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) give_up("no folder for it");
  folder_ = pattern;
  if (const passwd* const user = other_user();
      user != nullptr && chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0)
    give_up("its folder cannot be given to nobody");
  if (!fs::exists(kPrograms + "initdb")) give_up("postgresql-15 is not installed: run tools/deps");
  const pid_t child = spawn({kPrograms + "initdb", "--no-sync", "--auth=trust", "--username=fairlead",
                             "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata=" + folder_ + "/data"},
                            folder_ + "/log");
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) give_up("initdb failed: see " + folder_ + "/log");
  start();
}

void PostgresqlServer::start() {
  process_ = spawn({kPrograms + "postgres", "-D", folder_ + "/data", "-k", folder_, "-c", "listen_addresses="},
                   folder_ + "/log");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const PgTarget target = PgTarget::parse(uri("postgres")).value();
  while (!PgConnection::open(target)) {
    if (waitpid(process_, nullptr, WNOHANG) != 0 || std::chrono::steady_clock::now() > until)
      give_up("it does not start: see " + folder_ + "/log");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void PostgresqlServer::stop(int signal) {
  if (process_ < 0) return;
  kill(process_, signal);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

PostgresqlServer::~PostgresqlServer() {
  stop(SIGQUIT);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string PostgresqlServer::uri(const std::string& database) const {
  return "postgresql:///" + database + "?user=fairlead&host=" + folder_;
}

std::string PostgresqlServer::new_database() {
  const std::string name = "test" + std::to_string(++databases_);
  auto connection = PgConnection::open(PgTarget::parse(uri("postgres")).value()).value();
  if (!connection->run(("create database " + name).c_str())) give_up("no new database");
  return uri(name);
}

PostgresqlServer& PostgresqlServer::shared() {
  static PostgresqlServer server;
  return server;
}

}  // namespace fairlead::store
