"""dbos_load.py URI RUNS STEPS AT_ONCE: the same load as journal_load steps, on DBOS. Prints one JSON object."""

import concurrent.futures
import json
import sys
import time

from dbos import DBOS

uri, runs, steps, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
DBOS(config={"name": "load", "system_database_url": uri, "log_level": "ERROR"})
latencies = []


@DBOS.step()
def one(place):
    return {"ok": True}


@DBOS.workflow()
def run(count):
    for place in range(count):
        begun = time.perf_counter()
        one(place)
        latencies.append(time.perf_counter() - begun)


DBOS.launch()
run(1)
latencies.clear()
begun = time.perf_counter()
with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
    for done in [pool.submit(run, steps) for _ in range(runs)]:
        done.result()
seconds = time.perf_counter() - begun
latencies.sort()
at = lambda share: latencies[int(share * (len(latencies) - 1))] * 1e6 if latencies else 0  # noqa: E731
row = {"runs": runs, "steps": steps, "at_once": at_once, "runs_per_second": runs / seconds, "steps_per_second": runs * steps / seconds}
print(json.dumps(row | {"p50_us": at(0.5), "p99_us": at(0.99)}))
DBOS.destroy()
