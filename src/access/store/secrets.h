// The rows of secrets. Every function runs inside the caller's transaction.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "access/master_key.h"
#include "access/secrets.h"
#include "platform/store/database.h"

namespace fairlead::access {

struct SecretRow {
  std::string project, name;
  std::int64_t version = 0;
  Sealed sealed;  // an empty box: it was removed, and the next version counts on from here
  std::string set_by;
  std::int64_t set_at_us = 0;
};

// Those that were not removed, by project and name; of every project if it is empty.
Result<std::vector<SecretRow>> load_secrets(store::Connection& connection, const std::string& project);
Result<std::optional<SecretRow>> find_secret(store::Connection& connection, const std::string& project,
                                             const std::string& name);  // a removed one too
Result<void> put_secret(store::Connection& connection, const SecretRow& row);

// MasterKey::check() of the key that all rows are sealed under; empty if there are none.
Result<std::string> load_key_check(store::Connection& connection);
Result<void> put_key_check(store::Connection& connection, const std::string& check);  // empty: takes it away

}  // namespace fairlead::access
