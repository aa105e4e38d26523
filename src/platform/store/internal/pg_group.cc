#include "platform/store/internal/pg_group.h"

#include <algorithm>

namespace fairlead::store {

void PgGroup::run_one(WriteItem& item, bool is_alone) {
  if (!is_alone) connection_->defer("savepoint work");
  item.result = item.work(*connection_);
  if (item.result && connection_->has_failed()) item.result = fail(connection_->failure());
  if (connection_->is_lost() || is_alone) return;
  if (!item.result) connection_->defer("rollback to work");
  connection_->defer("release work");
}

void PgGroup::commit_together(std::span<WriteItem> group) {
  if (connection_ && !connection_->is_alive()) connection_.reset();
  if (!connection_) {
    auto made = pool_.connect();
    if (!made) {
      for (WriteItem& item : group) item.result = fail(made.error());
      return;
    }
    connection_ = *std::move(made);
  }
  connection_->defer("begin");
  connection_->defer(kTakeTurn);
  Result<void> outcome;
  for (WriteItem& item : group) {
    run_one(item, group.size() == 1);
    if (connection_->is_lost()) {
      outcome = fail(connection_->failure());
      break;
    }
  }
  const bool any = std::ranges::any_of(group, [](const WriteItem& item) { return item.result.has_value(); });
  const bool announced = connection_->take_announced();
  if (outcome && any) {
    if (announced) connection_->defer(kAnnounce);
    outcome = connection_->commit();
  }
  if (!any || !outcome) connection_->rollback();
  if (connection_->is_lost()) connection_.reset();
  if (outcome) return;
  for (WriteItem& item : group) {
    if (item.result) item.result = outcome;
  }
}

}  // namespace fairlead::store
