// The rows of keys. Every function runs inside the caller's transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "access/key_service.h"
#include "platform/store/database.h"

namespace fairlead::access {

struct KeyRow {
  KeyInfo info;
  std::string digest;              // hex
  std::int64_t revoked_at_us = 0;  // 0: in force
};

Result<void> insert_key(store::Connection& connection, const KeyRow& row);
// All that were not revoked, oldest first; of every project if it is empty.
Result<std::vector<KeyRow>> load_keys(store::Connection& connection, const std::string& project);
Result<std::optional<KeyRow>> find_key(store::Connection& connection, const std::string& id);
Result<void> revoke_key(store::Connection& connection, const std::string& id, std::int64_t at_us);
Result<bool> any_key_ever(store::Connection& connection);

// What tells the pepper that the keys were made under from others; empty before there is one.
Result<std::string> load_pepper_check(store::Connection& connection);
Result<void> put_pepper_check(store::Connection& connection, const std::string& check);

}  // namespace fairlead::access
