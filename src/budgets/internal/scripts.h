// What Redis does for budgets that nodes share: each script is one step.
#pragma once
#include "platform/shared/redis.h"

namespace fairlead::budgets::internal {

// In Redis, all below "fairlead:budgets:", and packed by MessagePack:
//   a:KEY      one meter: {g, p, e, s, r} of a window (which one it is, the period's words, its end, spent, reserved),
//              {g = 'b', p, f, r} of a bucket (full again at f), {g = 'c', r} of calls at a time. Times are unix
//              microseconds, by Redis's clock.
//   r:MEMBER   what the member has set aside: id → {{key, g, amount, limit, refill} or false, …}, or "done" when it is
//              settled, until the member is known to know it: else what is lost were not to be told from what is done
//   x:MEMBER   the same of a member that is dead: it is spent, until the truth is told
//   members    MEMBER by the end of its lease; gen: its connection in force; seq: its last batch of add
//   meta       epoch, and open: from when on hard budgets are answered for in it
//
// A limit is eight arguments: key; 'w', 'b' or 'c'; whether it is of requests; the period's words; the window's end;
// amount; limit; refill in µs.

// member, generation, run id, grace in µs, lease in µs, number of open ids, then for each: id, number of limits,
// limits. What the member has set aside is from then on what is listed, and nothing of an older connection counts any
// more. Returns now, epoch, µs until hard budgets are answered for.
extern const shared::Script kJoin;
// member, generation, lease, ids that it knows to be settled. Keeps the member alive, and spends what dead ones had set
// aside. Returns whether it was known (1), now, µs until hard budgets are answered for.
extern const shared::Script kBeat;
// A node's name, with a dot. What its members had set aside is spent, and they are dead. Returns how many were not yet.
extern const shared::Script kBury;
// member, generation, id, id of an earlier step of the call whose requests are now spent (or ''), whether requests of
// this one are spent at once, number of limits, limits. Takes all or none. Returns
//   1, now, then spent and window's end (or when it is full) of each limit, then those of the earlier step's requests
//   0, now, place of the limit that refuses, spent, reserved, window's end or when it is full, µs to wait
//   -1: the connection is not in force; -2, µs: too early in the epoch; -3, now: a window's end has passed
extern const shared::Script kTake;
// member, id, then place and truth of each limit that is settled. What is not listed of it must have been. Returns
// spent and end of each, as kTake does; nothing if it was settled before, or its member was dead.
extern const shared::Script kSettle;
// member, number of the batch, number of limits, limits. Spends without asking; a batch counts once. Returns spent and
// end of each, as kTake does.
extern const shared::Script kAdd;
// number of meters, then for each: key, 'w' or 'b', window's end or when it is full, spent. At least that is spent.
extern const shared::Script kSeed;

}  // namespace fairlead::budgets::internal
