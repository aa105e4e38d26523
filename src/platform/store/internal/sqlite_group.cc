#include "platform/store/internal/sqlite_group.h"

namespace fairlead::store {

// A work that fails must leave the others of its group untouched.
Result<void> SqliteGroup::run_one(const Database::Work& work) {
  FAIRLEAD_CHECK(connection_->run("savepoint work"));
  auto result = work(*connection_);
  if (!connection_->in_transaction()) return result;  // SQLite gave up the whole transaction
  const auto ended = connection_->run(result ? "release work" : "rollback to work; release work");
  if (!ended && result) return ended;
  return result;
}

void SqliteGroup::commit_together(std::span<WriteItem> group) {
  auto begun = connection_->run("begin immediate");
  if (!begun) {
    for (WriteItem& item : group) item.result = begun;
    return;
  }
  Result<void> outcome;
  for (WriteItem& item : group) {
    item.result = run_one(item.work);
    // A full disk or a failing one makes SQLite roll everything back: nothing of the group can be kept.
    if (!connection_->in_transaction()) {
      outcome = item.result ? fail(ErrorKind::kInternal, "store_error", "The transaction was ended by its own work.")
                            : item.result;
      break;
    }
  }
  if (outcome) outcome = connection_->run("commit");
  if (outcome) return;
  if (connection_->in_transaction()) (void)connection_->run("rollback");
  for (WriteItem& item : group) {
    if (item.result) item.result = outcome;
  }
}

}  // namespace fairlead::store
