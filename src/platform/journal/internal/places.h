// Limits that runs and steps share over all nodes: who has a place under each. Within a transaction of the writer.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "platform/journal/definition.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

// One transaction's look at them. A place under `concurrency` counts while the run that it is of is the node's that
// took it, so a node that dies gives its places back by being found dead; one under `starts` counts for the period.
class Places {
 public:
  Places(store::Connection& connection, std::int64_t now) : connection_(connection), now_(now) {}

  struct Holder {
    std::string run;   // that the node has
    std::string node;  // its incarnation
    std::string of{};  // which of its steps; empty: the run itself
  };
  // A place under each of them, or under none: then it gives the lane of the first that has no room. What the holder
  // had of an earlier attempt does not stand in its way.
  Result<std::string> take(const std::string& project, std::span<const Limit> limits, const Holder& holder);
  // How many have room under it beside `but_for`.
  Result<std::int64_t> room(const std::string& project, const Limit& limit, const Holder& but_for);
  // What a step had under `concurrency`.
  static Result<void> leave(store::Connection& connection, const std::string& project, std::span<const Limit> limits,
                            const Holder& holder);

 private:
  Result<std::int64_t> taken(const std::string& lane, const Limit& limit, const Holder& but_for);
  // A step's attempt is a start each time.
  std::string part_of(const Limit& limit, const Holder& holder) const;

  store::Connection& connection_;
  std::int64_t now_;
  std::map<std::string, std::int64_t> taken_;  // by lane
};

// The lane that those under the limit share. Limits of one name share it where they count the same: so many at a time,
// or starts within one period.
std::string lane_of(const std::string& project, const Limit& limit);

// What a run counts against.
using LimitsOf = std::function<std::vector<Limit>(const Run&)>;

// Runs that were held back and have room now are due again, the highest priority first, then the oldest. Limits of
// which the node does not know the runs are left to others. It looks at so many lanes, those that come after `from`,
// and gives the last of them: the next look goes on from there. Empty: it has come to the end.
Result<std::string> let_go(store::Connection& connection, Places& places, const std::vector<std::string>& kinds,
                           const LimitsOf& limits, std::string from, std::int64_t now);
Result<bool> anything_held(store::Connection& connection);
// Whether others were held back in the lane.
Result<bool> is_waited_for(store::Connection& connection, const std::string& lane);
// Until there is room, or its deadline comes.
Result<void> hold_back(store::Connection& connection, const Run& run, const std::string& lane);
// That the run waits in these lanes, for whichever has room first; they take the place of what it waited in before.
// The first of them is `held` of its row, which is not written here.
Result<void> write_lanes(store::Connection& connection, const std::string& run, const std::set<std::string>& lanes);
// Gives back what its steps had under `concurrency`: the node lets the run go before they have done so.
Result<void> leave_all(store::Connection& connection, const std::string& project, const std::string& run);
// Whether it is not to be held back: it has been cancelled, or its deadline has come.
Result<bool> is_past_holding(store::Connection& connection, const Run& run, std::int64_t now);
// Forgets places that nobody counts any more.
Result<void> sweep_places(store::Connection& connection, std::int64_t now);

}  // namespace fairlead::journal
