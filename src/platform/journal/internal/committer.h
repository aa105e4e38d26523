// What runs have to say, written in groups: many steps, one commit.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "platform/async/task.h"
#include "platform/journal/internal/blobs.h"
#include "platform/journal/points.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

// What is committed together or not at all.
struct Entry {
  std::string
      node{};  // refused (journal_fenced) once another has taken over what this incarnation had; empty: anyone's
  std::vector<Event> events{};
  std::vector<Blob> blobs{};     // of what `more` writes; those of the events are the committer's to add
  store::Database::Work more{};  // after the events, in the same transaction; it may run more than once
};

// Thread-safe. Entries are committed in the order given; those that come while a commit is on its way to the disk share
// the next one. While the store is full, busy or away, they wait for it (`trouble`), and are lost to nobody.
class Committer {
 public:
  using Done = std::function<void(Result<void>)>;  // called on the committer's thread: durable, or refused

  // `database` outlives it.
  Committer(store::Database& database, PointHook hook);
  ~Committer();  // commits what was submitted, unless the store is in trouble: then it is refused with that error
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  void submit(Entry entry, Done done);
  // Errors: journal_fenced; journal_stopped; what `more` gave.
  async::Task<Result<void>> commit(Entry entry);
  // From now on entries that the store does not take are refused with its error, and do not wait for it: the process is
  // to stop.
  void give_up();
  // What keeps the store from taking entries now.
  std::optional<Error> trouble() const;

 private:
  struct Item {
    Entry entry;
    Done done;
    Result<void> result;
  };
  void loop();
  Result<void> write_batch(std::span<Item> batch);
  Result<void> write(std::span<Item> batch);
  bool wait_for_store(Error error, std::chrono::milliseconds pause);

  store::Database& database_;
  PointHook hook_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Item> queue_;
  std::optional<Error> trouble_;
  bool stopping_ = false, giving_up_ = false;
  std::thread thread_;
};

}  // namespace fairlead::journal
