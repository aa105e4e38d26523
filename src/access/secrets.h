// Secrets: credentials of a project that its resources name, and nobody reads back (docs/reference/secrets.md).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/keys.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::access {

struct SecretUser {
  std::string kind, name;  // of the resource
};

struct SecretInfo {
  std::string name;
  std::int64_t version = 0;
  std::string set_by;
  std::int64_t set_at_us = 0;
  std::vector<SecretUser> used_by;
};

// Where the master key is found.
struct MasterKeySource {
  SecretText text;    // the keys themselves, divided by commas or newlines; empty: they are in `path`
  std::string path;   // one a line. The first is the one to use, the others are older ones
  bool owned = true;  // the file is Fairlead's: made when it is needed, written anew by rekey()
  std::string name;   // for messages: "FAIRLEAD_SECRETS_KEY", or the path
};

// `[a-z0-9][a-z0-9._-]{0,62}`
bool is_secret_name(std::string_view text);

// Of the project, sorted. Inside the caller's transaction.
Result<std::vector<std::string>> secret_names(store::Connection& connection, const std::string& project);

// Thread-safe.
class SecretService {
 public:
  // Which resources of a project name which secrets, by the secret's name. Called inside a transaction.
  using Users =
      std::function<Result<std::map<std::string, std::vector<SecretUser>>>(store::Connection&, const std::string&)>;

  // Its tables are among KeyService::migrations(). A master key that is missing, malformed or another one is no error:
  // it is logged, and what needs it fails with secrets_locked until a start with the right one. Finishes a rotation
  // that was interrupted, or that the source asks for. `database`, `pool` and `clock` outlive the service. Errors: the
  // store's.
  static Result<std::unique_ptr<SecretService>> open(store::Database& database, async::BlockingPool& pool,
                                                     const Clock& clock, MasterKeySource source);
  ~SecretService();

  // Both before the first change. The listener puts a project's new values in force, and is called before the change is
  // answered, on a thread that may block.
  void set_users(Users users);
  void on_change(std::function<void(const std::string& project)> listener);

  // For who makes providers, on a thread that may block and outside of transactions. Errors: secret_not_found,
  // secrets_locked, secret_damaged.
  Result<SecretText> value_blocking(const std::string& project, const std::string& name);
  // The version of each secret of the project: a value stays the same for as long as its version does.
  Result<std::map<std::string, std::int64_t>> versions_blocking(const std::string& project);

  // All are about secrets of `admin`'s project. Errors: invalid_secret_name, invalid_secret_value, secrets_locked.
  async::Task<Result<SecretInfo>> set(std::string name, SecretText value, Principal admin);
  async::Task<Result<std::vector<SecretInfo>>> list(Principal admin);  // by name
  // The version that was removed. Errors: secret_not_found, secret_in_use unless `force`.
  async::Task<Result<std::int64_t>> remove(std::string name, bool force, Principal admin);
  // Encrypts every secret of every project under a new master key, all or none; gives how many. Errors:
  // permission_denied (an admin of kHomeProject may), secrets_key_external, secrets_key_shared (several nodes have it),
  // secrets_locked, secret_damaged.
  async::Task<Result<std::int64_t>> rekey(Principal admin);

 private:
  class Impl;
  explicit SecretService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::access
