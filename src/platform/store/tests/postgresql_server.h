// Debian's PostgreSQL in a folder of its own, on a Unix socket, as an unprivileged user, for as long as a test wants
// it.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace fairlead::store {

class PostgresqlServer {
 public:
  PostgresqlServer();   // initialised and started
  ~PostgresqlServer();  // stopped, its folder removed
  PostgresqlServer(const PostgresqlServer&) = delete;
  PostgresqlServer& operator=(const PostgresqlServer&) = delete;

  void start();
  void stop(int signal);  // SIGINT: as an administrator does; SIGQUIT: at once, without writing anything more
  std::string uri(const std::string& database) const;
  std::string new_database();  // its URI

  // One for all tests of the program that change nothing of the server.
  static PostgresqlServer& shared();

 private:
  std::string folder_;
  pid_t process_ = -1;
  int databases_ = 0;
};

}  // namespace fairlead::store
