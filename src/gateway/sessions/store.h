// Sessions that are kept in the control store.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/async/task.h"
#include "platform/store/database.h"

namespace fairlead::gateway::sessions {

// A session of one prompt: two prompts share no memory, nor do two projects.
struct Key {
  std::string project, prompt, session;
  bool operator==(const Key&) const = default;
};

struct Stored {
  std::string turns;  // JSON: a list of turns, each a list of messages
  std::string summary;
  std::int64_t turn_count = 0, updated_at_us = 0, expires_at_us = 0;
};

// Thread-safe; never blocks a loop. The database outlives it.
class Store {
 public:
  explicit Store(store::Database& database) : database_(database) {}
  static std::vector<store::Migration> migrations();

  // Nothing if there is none, or its time is over.
  async::Task<Result<std::optional<Stored>>> find(Key key, std::int64_t now_us);
  // In the order of the calls. Those whose time is over go.
  async::Task<Result<void>> keep(Key key, Stored what);
  // Of every prompt. How many there were.
  async::Task<Result<std::int64_t>> remove(std::string project, std::string session);

  struct Listed {
    Key key;
    Stored what;
  };
  // The latest first; of one session alone if it is named.
  async::Task<Result<std::vector<Listed>>> list(std::string project, std::string session, std::int64_t limit,
                                                std::int64_t now_us);

 private:
  store::Database& database_;
};

}  // namespace fairlead::gateway::sessions
