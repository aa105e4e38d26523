#include "gateway/internal/watched_answer.h"

#include <utility>

namespace fairlead::gateway::internal {

async::Task<Result<llm::Delta>> WatchedAnswer::next() {
  auto delta = co_await first_.next();
  if (!delta) co_return fail(std::move(delta).error());
  auto seen = watcher_->take(delta->wire, delta->end);
  if (!seen) co_return fail(std::move(seen).error());
  co_return llm::Delta{.wire = *seen, .end = delta->end};
}

}  // namespace fairlead::gateway::internal
