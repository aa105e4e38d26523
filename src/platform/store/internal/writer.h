// The one thread that writes.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/store/database.h"
#include "platform/store/internal/connection.h"

namespace fairlead::store {

// Thread-safe. Runs works in the order given; what has queued up while a commit was on its way to the disk shares the
// next one, each in a savepoint of its own.
class Writer {
 public:
  using Done = std::function<void(Result<void>)>;  // called on the writer's thread once it is durable, or has failed

  explicit Writer(std::unique_ptr<SqliteConnection> connection);
  ~Writer();  // finishes what was submitted

  void submit(Database::Work work, Done done);

 private:
  struct Item {
    Database::Work work;
    Done done;
    Result<void> result;
  };
  void loop();
  void commit_together(std::vector<Item>& group);
  Result<void> run_one(const Database::Work& work);

  std::unique_ptr<SqliteConnection> connection_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fairlead::store
