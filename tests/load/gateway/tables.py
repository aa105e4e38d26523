"""Every table of docs/reference/performance.md."""

import json
import platform
import statistics
import subprocess
import sys
import time

from targets import LOAD_CORE, OURS, PROXY_CORE, body

PEERS = ("portkey", "litellm")
NAMES = {"nginx": "nginx", "nginx again": "nginx again (noise)", "http": "Fairlead's HTTP room", "fairlead": "Fairlead, whole path",
         "privacy": "the same with a policy",
         "portkey": "Portkey 1.15.2", "litellm": "LiteLLM 1.106.12"}
# Closed loops: what is asked for, over how many connections.
LOADS = [(model, connections) for model in ("fixed", "events-200") for connections in (1, 32, 512)]
BUDGET_LOADS = [("events-50", 32), ("events-50-at-once", 32)]
TITLES = {"fixed": "one answer of 900 bytes", "events-200": "200 events, each its own packet", "events-50": "50 events, each its own packet",
          "events-50-at-once": "50 events in one packet"}


def measure(tool, target, model, connections, seconds, rate=0, slow=False, on=LOAD_CORE):
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
    size = 600 - len(head) - sum(len(header) + 2 for header in target.headers)
    told = {"port": target.port, "pid": target.pid, "seconds": seconds, "connections": connections, "rate": rate, "settle": target.settle}
    if slow:  # it has much to warm up; and hundreds of its streams at once take long, and are not run twice for that
        told |= {"warm": 8, "warm_up": 3, "patience": 30}
    arguments = [f"{name}={value}" for name, value in told.items()] + [f"header={header}" for header in target.headers]
    done = subprocess.run(["taskset", "-c", on, tool, "load", *arguments], input=body(model, size), capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout)
    why = f"the load of {model} over {connections} connections failed: {done.stdout}{done.stderr}"
    if not slow:
        sys.exit(why)
    say(why)
    return None


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def closed_loops(options, bench, name, loads, results):
    """Starts a target and puts every load on it."""
    nginx = name.startswith("nginx")
    for streamed in (False, True) if nginx else (None,):  # nginx is configured for one of the two
        mine = [load for load in loads if streamed is None or load[0].startswith("events-") == streamed]
        if not mine:
            continue
        with bench.start(("nginx streaming" if streamed else "nginx") if nginx else name) as target:
            for model, connections in mine:
                row = measure(options.tool, target, model, connections, options.seconds, slow=name in PEERS)
                if row is None:
                    break  # what is left under way would count in the next
                results.setdefault((name, model, connections), []).append(row)
                say(f"{name}: {model} over {connections}: {row['cpu_us']:.1f} µs, {row['per_second']:.0f} calls/s")
            results.setdefault((name, "start"), []).append(target.start_ms)
            results.setdefault((name, "idle"), []).append(target.idle_mb)


def open_loops(options, bench, rates, results):
    """Calls at random moments, at the same rate for all that can bear it, and without anything between."""
    for model in ("fixed", "events-200"):
        for name in dict.fromkeys(("direct", "nginx", *(name for name in rates if name != "nginx"))):
            if (name, model) in results:
                continue
            nginx = "nginx streaming" if model.startswith("events-") else "nginx"
            with bench.start(nginx if name == "nginx" else name) as target:
                for rate in sorted({each[model] for each in rates.values()}) if name == "direct" else [rates[name][model]]:
                    row = measure(options.tool, target, model, 32, options.seconds, rate=rate, slow=name in PEERS)
                    if row is None:
                        continue
                    results[(name, model, rate) if name == "direct" else (name, model)] = row
                    say(f"{name}: {model}, {rate:.0f} calls/s: p50 {row['p50_us']:.0f} µs, p99 {row['p99_us']:.0f} µs")


def median(results, key, what):
    return statistics.median(row[what] for row in results[key])


def all_tables(options, bench, others):
    began = time.monotonic()
    results, started = {}, time.strftime("%Y-%m-%d %H:%M")
    ours = [name for name in others if name not in PEERS]
    for round_number in range(options.rounds):
        say(f"round {round_number + 1} of {options.rounds}")
        for name in ["nginx", *ours, "nginx again"]:
            closed_loops(options, bench, name, LOADS + BUDGET_LOADS, results)
    rounds_of_peers = [name for name in others if name in PEERS]
    for name in rounds_of_peers:
        closed_loops(options, bench, name, LOADS, results)

    # The others get what Fairlead bears, half of it; a peer that cannot bear that gets half of its own.
    def half(name, model):
        rows = results.get((name, model, 32))
        return max(1, round(statistics.median(row["per_second"] for row in rows) / 2)) if rows else 1

    common = "fairlead" if "fairlead" in others else "nginx"
    rates = {name: {model: half(name if name in PEERS else common, model) for model in ("fixed", "events-200")}
             for name in ["nginx", *others]}
    open_results = {}
    open_loops(options, bench, rates, open_results)
    print_tables(options, results, open_results, rates, ["nginx", "nginx again", *others], started, time.monotonic() - began)


def ratio_to_nginx(results, name, load):
    rounds = zip(results["nginx", *load], results["nginx again", *load])
    if name == "nginx":
        return 1.0
    if name == "nginx again":
        return statistics.median(again["cpu_us"] / one["cpu_us"] for one, again in rounds)
    means = [(one["cpu_us"] + again["cpu_us"]) / 2 for one, again in rounds]
    rows = results[name, *load]
    if len(rows) == len(means):
        return statistics.median(row["cpu_us"] / mean for row, mean in zip(rows, means))
    return statistics.median(row["cpu_us"] for row in rows) / statistics.median(means)


def print_tables(options, results, open_results, rates, names, started, seconds):
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    print(f"Measured {started}, {platform.platform()}, commit {commit}: medians of {options.rounds} rounds of {options.seconds:g} s"
          f" (a peer: one), {seconds / 60:.0f} minutes in all. Proxy on core {PROXY_CORE}, load and upstream on core {LOAD_CORE}.\n")
    print("| | first answer after ms | idle MiB | MiB, most under these loads |\n|---|---|---|---|")
    for name in names:
        if name == "nginx again":
            continue
        most = max(row["resident_mb"] for key, rows in results.items() if key[0] == name and len(key) == 3 for row in rows)
        print(f"| {NAMES[name]} | {statistics.median(results[name, 'start']):.0f} | {statistics.median(results[name, 'idle']):.1f} | {most:.1f} |")
    for load in LOADS + BUDGET_LOADS:
        model, connections = load
        print(f"\n{TITLES[model]}, {connections} connection{'s' if connections > 1 else ''}, closed loop\n")
        print("| | CPU µs a call | of it lake | calls a second | p50 µs | p99 µs | CPU to nginx |\n|---|---|---|---|---|---|---|")
        for name in names:
            if (name, *load) not in results:
                if name not in PEERS or load in LOADS:
                    print(f"| {NAMES[name]} | not all calls were answered | | | | | |")
                continue
            value = {key: median(results, (name, *load), key) for key in ("cpu_us", "children_cpu_us", "per_second", "p50_us", "p99_us")}
            lake = f"{value['children_cpu_us']:.1f}" if name in OURS else ""
            print(f"| {NAMES[name]} | {value['cpu_us']:.1f} | {lake} | {value['per_second']:,.0f} | {value['p50_us']:,.0f}"
                  f" | {value['p99_us']:,.0f} | {ratio_to_nginx(results, name, load):.2f} |")
    for model in ("fixed", "events-200"):
        print(f"\n{TITLES[model]}, 32 connections, open loop\n")
        print("| | calls a second | CPU µs a call | p50 µs | p99 µs | added p50 µs | added p99 µs |\n|---|---|---|---|---|---|---|")
        for name in names:
            if (name, model) not in open_results:
                if name != "nginx again":
                    print(f"| {NAMES[name]} | not all calls were answered | | | | | |")
                continue
            row, direct = open_results[name, model], open_results["direct", model, rates[name][model]]
            print(f"| {NAMES[name]} | {rates[name][model]:,.0f} | {row['cpu_us']:.1f} | {row['p50_us']:,.0f} | {row['p99_us']:,.0f}"
                  f" | {row['p50_us'] - direct['p50_us']:,.0f} | {row['p99_us'] - direct['p99_us']:,.0f} |")
