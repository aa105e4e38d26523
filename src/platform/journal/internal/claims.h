// Which node has which runs. Each function is one transaction's work; writes are serial over all nodes of a store, and
// that is what makes a claim exclusive.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/journal/internal/places.h"
#include "platform/journal/internal/queue_limits.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

struct NodeBeat {
  std::string node;
  std::int64_t beat = 0;
};

// Makes the incarnation known; what others of its name had is due at once.
Result<void> register_node(store::Connection& connection, const std::string& name, const std::string& node,
                           std::int64_t now);
// False: another node has taken over.
Result<bool> beat(store::Connection& connection, const std::string& node);
Result<std::vector<NodeBeat>> read_nodes(store::Connection& connection);
// Takes from the node what it has, if it has been silent since `seen`. The number of runs; none if it has spoken.
Result<std::int64_t> take_over(store::Connection& connection, const NodeBeat& seen, std::int64_t now);

// Makes the incarnation unknown, and what it has due at once. The number of runs.
Result<std::int64_t> take_over_all(store::Connection& connection, const std::string& node, std::int64_t now);
Result<bool> is_registered(store::Connection& connection, const std::string& node);
Result<bool> anything_due(store::Connection& connection, std::int64_t now);

struct ClaimRequest {
  std::string node;
  std::int64_t now = 0;
  std::size_t room = 0;                        // so many at most
  std::vector<std::string> kinds;              // that it can carry on
  std::map<std::string, std::size_t> running;  // here, by project: whoever has least comes first
  LimitsOf limits;                             // of a run, but for its queue's; empty: none has any
  UserOf user;
  bool lets_go = true;    // looks first for what was held back and has room now; else nobody passes those
  std::string look_from;  // see let_go()
};
struct Claimed {
  std::vector<Run> runs;   // that were due and are the node's now; their inputs as the rows have them
  bool held_back = false;  // others were put aside for want of room: there may be more to take
  std::string look_from;   // the next time
};
// Nothing if the node has been taken over.
Result<Claimed> claim(store::Connection& connection, ClaimRequest request);

}  // namespace fairlead::journal
