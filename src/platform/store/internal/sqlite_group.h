// Works committed together to a SQLite file.
#pragma once
#include <memory>
#include <utility>

#include "platform/store/internal/sqlite_connection.h"
#include "platform/store/internal/writer.h"

namespace fairlead::store {

class SqliteGroup final : public GroupCommit {
 public:
  explicit SqliteGroup(std::unique_ptr<SqliteConnection> connection) : connection_(std::move(connection)) {}
  void commit_together(std::span<WriteItem> group) override;

 private:
  Result<void> run_one(const Database::Work& work);
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace fairlead::store
