// One session in memory: its turns, and what was said before them.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/sessions/store.h"
#include "llm/memory.h"

namespace fairlead::gateway::sessions {

// What a call and its answer said.
struct Turn {
  std::string messages;  // JSON objects divided by commas
  std::int64_t tokens = 0;
  bool goes_on = false;  // with results of tools that the turn before asked for: it is part of that one
};

// No thread of its own. Bounded: of twice what its policy allows nothing older is kept.
class Session {
 public:
  Session() = default;
  explicit Session(const Stored& stored);

  void add(Turn turn, const llm::MemoryPolicy& policy, std::int64_t now_us);
  void clear();
  bool expired(std::int64_t now_us) const { return expires_at_us_ != 0 && expires_at_us_ <= now_us; }

  // Messages for a call: the summary, and the turns. JSON objects divided by commas; may be empty.
  std::string messages() const;
  Stored stored() const;
  std::size_t bytes() const { return bytes_; }
  std::size_t turn_count() const { return turns_.size(); }

  // The oldest turns, when there are more than the policy allows, so that half of that is left.
  struct ToSum {
    std::string conversation;  // for people and models: what was said, and the summary before it
    std::uint64_t until = 0;   // the turns before that one
  };
  std::optional<ToSum> to_sum(const llm::MemoryPolicy& policy) const;
  // What was said in the turns before `until`, which are then gone.
  void sum_up(std::string summary, std::uint64_t until);

 private:
  void drop_oldest();
  std::deque<Turn> turns_;
  std::string summary_;
  std::uint64_t first_ = 0;  // number of the oldest turn
  std::int64_t tokens_ = 0, updated_at_us_ = 0, expires_at_us_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace fairlead::gateway::sessions
