// The one thread that writes.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "platform/store/database.h"

namespace fairlead::store {

struct WriteItem {
  Database::Work work;
  Result<void> result;
};

// An engine's way to commit works together, each in a savepoint of its own. Called by one thread.
class GroupCommit {
 public:
  virtual ~GroupCommit() = default;
  // Runs the works in their order and sets their results.
  virtual void commit_together(std::span<WriteItem> group) = 0;
};

// Thread-safe. Runs works in the order given; what has queued up while a commit was on its way to the disk shares the
// next one.
class Writer {
 public:
  using Done = std::function<void(Result<void>)>;  // called on the writer's thread once it is durable, or has failed

  explicit Writer(std::unique_ptr<GroupCommit> engine);
  ~Writer();  // finishes what was submitted

  void submit(Database::Work work, Done done);

 private:
  void loop();

  std::unique_ptr<GroupCommit> engine_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<WriteItem, Done>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fairlead::store
