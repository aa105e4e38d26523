#include "platform/store/internal/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace fairlead::store {
namespace {

constexpr std::size_t kGroup = 256;  // bounds how long the first of a group waits

}  // namespace

Writer::Writer(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)), thread_([this] { loop(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::submit(Database::Work work, Done done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({std::move(work), std::move(done), {}});
  }
  wake_.notify_one();
}

void Writer::loop() {
  std::vector<Item> group;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroup));
      std::move(queue_.begin(), end, std::back_inserter(group));
      queue_.erase(queue_.begin(), end);
    }
    commit_together(group);
    for (Item& item : group) {
      item.work = nullptr;  // what it owned is gone before the caller goes on
      item.done(std::move(item.result));
    }
    group.clear();
  }
}

// A work that fails must leave the others of its group untouched.
Result<void> Writer::run_one(const Database::Work& work) {
  FAIRLEAD_CHECK(connection_->run("savepoint work"));
  auto result = work(*connection_);
  if (!connection_->in_transaction()) return result;  // SQLite gave up the whole transaction
  const auto ended = connection_->run(result ? "release work" : "rollback to work; release work");
  if (!ended && result) return ended;
  return result;
}

void Writer::commit_together(std::vector<Item>& group) {
  auto begun = connection_->run("begin immediate");
  if (!begun) {
    for (Item& item : group) item.result = begun;
    return;
  }
  Result<void> outcome;
  for (Item& item : group) {
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
  for (Item& item : group) {
    if (item.result) item.result = outcome;
  }
}

}  // namespace fairlead::store
