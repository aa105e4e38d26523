// The rows of the vault. Every function runs inside the caller's transaction.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "access/master_key.h"
#include "platform/store/database.h"

namespace fairlead::policy {

// Of one session.
struct StoredEntries {
  struct One {
    std::int64_t entry = 0;  // its number, by a digest of the original
    access::Sealed sealed;
  };
  std::string project, session;
  std::int64_t expires_at_us = 0, now_us = 0;
  std::size_t up_to = 0;  // entries of the session that are in the store when these are
  std::vector<One> rows;
};

std::vector<store::Migration> vault_migrations();

// Adds them, moves the session's end, and deletes sessions whose time is over.
Result<void> put_entries(store::Connection& connection, const StoredEntries& what);
// Fills the end and the rows of `what.project` and `what.session` that is not over at `what.now_us`; else it stays
// empty.
Result<void> load_entries(store::Connection& connection, StoredEntries& what);
// How many there were.
Result<std::int64_t> remove_entries(store::Connection& connection, const std::string& project,
                                    const std::string& session);
Result<void> each_session(store::Connection& connection,
                          const std::function<void(const std::string& project, const std::string& session)>& each);

}  // namespace fairlead::policy
