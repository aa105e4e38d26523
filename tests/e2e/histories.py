"""Whether what clients saw of a register could have happened one after another (Herlihy and Wing, "Linearizability", 1990).

The server says in which order it made the writes, and no two write the same value, so that four rules are enough: the writes form one
chain, that chain agrees with the clocks of who waited for whom, a read sees a write that had begun and that no finished write had
replaced, and of two reads, one after the other, the later sees the same write or a later one.
"""

from bisect import bisect_left
from dataclasses import dataclass


@dataclass(frozen=True)
class Write:
    invoked: float
    returned: float
    order: int  # by the server
    before: object  # the value that it says it replaced
    value: object


@dataclass(frozen=True)
class Read:
    invoked: float
    returned: float
    value: object


def fault(initial, writes, reads):
    """What could not have happened, or None."""
    writes = sorted(writes, key=lambda one: one.order)
    value = initial
    for write in writes:
        if write.before != value:
            return f"{write} replaced {write.before}, and the write before it left {value}"
        value = write.value
    latest_begin = float("-inf")
    for write in writes:
        if write.returned < latest_begin:
            return f"{write} had returned before a write began that the server put before it"
        latest_begin = max(latest_begin, write.invoked)
    place = {initial: 0} | {write.value: index for index, write in enumerate(writes, 1)}
    # finished[i]: when the first of the writes from the i-th on had returned; a read that begins later cannot see one before it.
    finished = [float("inf")] * (len(writes) + 2)
    for index in range(len(writes), 0, -1):
        finished[index] = min(finished[index + 1], writes[index - 1].returned)
    for read in reads:
        at = place.get(read.value)
        if at is None:
            return f"{read} saw what nobody wrote"
        if at > 0 and writes[at - 1].invoked > read.returned:
            return f"{read} saw a write that had not begun: {writes[at - 1]}"
        if finished[at + 1] < read.invoked:
            return f"{read} saw a value that had been replaced before it began"
    by_return = sorted(reads, key=lambda one: one.returned)
    returns, furthest, best = [one.returned for one in by_return], [], 0
    for read in by_return:
        best = max(best, place[read.value])
        furthest.append(best)
    for read in reads:
        earlier = bisect_left(returns, read.invoked)
        if earlier and furthest[earlier - 1] > place[read.value]:
            return f"{read} saw an older value than a read that had returned before it began"
    return None
