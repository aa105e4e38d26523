// Works committed together to a PostgreSQL.
#pragma once
#include <memory>

#include "platform/store/internal/pg_pool.h"
#include "platform/store/internal/writer.h"

namespace fairlead::store {

// The transactions of all processes follow one another, by a lock that each takes at its beginning. What a transaction
// needs around its works travels with their statements: a work of one statement alone takes two round trips.
class PgGroup final : public GroupCommit {
 public:
  explicit PgGroup(PgPool& pool) : pool_(pool) {}
  void commit_together(std::span<WriteItem> group) override;

 private:
  void run_one(WriteItem& item, bool is_alone);
  PgPool& pool_;
  std::unique_ptr<PgConnection> connection_;
};

}  // namespace fairlead::store
