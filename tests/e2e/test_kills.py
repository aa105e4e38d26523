"""A server that is killed again and again under load. By hand: FAIRLEAD_KILLS=200 FAIRLEAD_RUNS=500 [FAIRLEAD_SEED=…] pytest -k kills -s"""

import collections
import os
import random
import threading
import time

import pytest

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead

KILLS, RUNS = int(os.environ.get("FAIRLEAD_KILLS", 0)), int(os.environ.get("FAIRLEAD_RUNS", 500))
CHAIN = """kind: chain
name: load
steps:
  - name: one
    model: small
    messages: "1"
    parameters: {x_fake: {text: a, delay: 0.05}}
  - name: many
    map: ${{ ['x', 'y', 'z'] }}
    at_once: 2
    model: small
    messages: "${{ item }} ${{ steps.one.output }}"
    parameters: {x_fake: {text: "${{ item }}", delay: 0.05}}
  - name: pause
    after: [one]
    wait: 100ms
  - name: last
    after: [pause]
    model: small
    messages: "${{ steps.many.output.join('') }}"
    parameters: {x_fake: {text: end, delay: 0.05}}
output: ${{ steps.many.output.join('') + steps.last.output }}
"""


@pytest.mark.skipif(KILLS == 0, reason="by hand: FAIRLEAD_KILLS=200")
def test_kills_under_load_lose_nothing_and_do_nothing_twice(tmp_path, openai_fake):
    seed = int(os.environ.get("FAIRLEAD_SEED", random.randrange(2**32)))
    print(f"seed {seed}: {KILLS} kills, {RUNS} runs")
    chance = random.Random(seed)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "all.yaml").write_text(FAKE_PROVIDER.format(url=openai_fake.url) + FAKE_SMALL.format(url=openai_fake.url) + CHAIN)
    before = len(openai_fake.requests)
    servers = [Fairlead(tmp_path / "data", tmp_path / "p", UPSTREAM_KEYS).wait_ready()]
    ids, answered, killed = {}, collections.Counter(), threading.Event()

    def ask(method, path, body=None):
        """Until it is answered, as an impatient caller does."""
        while True:
            try:
                answer = servers[-1].request(method, path, body)
                if answer.status < 500:
                    return answer
            except Exception:  # it was killed meanwhile
                time.sleep(0.02)

    def begin():
        for place in range(RUNS):
            answer = ask("POST", "/api/v1/runs", {"chain": "load", "input": {}, "key": f"run-{place}"})
            answered[answer.status] += 1
            ids.setdefault(place, answer.json["id"])
            # About as many as there are kills to come, so that all of them hit something.
            while not killed.is_set() and len(servers) - 1 < KILLS * (place - 20) // RUNS:
                time.sleep(0.01)

    caller = threading.Thread(target=begin)
    caller.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.4))
        servers[-1].kill()
        servers.append(Fairlead(tmp_path / "data", tmp_path / "p", UPSTREAM_KEYS).wait_ready())
    killed.set()
    caller.join()
    assert len(set(ids.values())) == RUNS, "one run a key"

    ended, patience = {}, time.time() + 120
    while len(ended) < RUNS and time.time() < patience:
        for place, run in ids.items():
            if place not in ended and (shown := ask("GET", f"/api/v1/runs/{run}").json)["state"] not in ("queued", "running", "waiting"):
                ended[place] = shown
        time.sleep(0.1)
    assert len(ended) == RUNS, f"lost: {sorted(set(ids) - set(ended))}"
    assert {run["output"] for run in ended.values()} == {"xyzend"}
    every = ask("GET", "/api/v1/runs?limit=1000").json["data"]
    assert len(every) == RUNS

    keys, again, histories = set(), 0, 0
    for run in ids.values():
        history = ask("GET", f"/api/v1/runs/{run}/events").json["data"]
        histories += len(history)
        assert [event["sequence"] for event in history] == list(range(1, len(history) + 1))
        results = collections.Counter(event["step"] for event in history if event["event"] == "result")
        assert set(results.values()) == {1} and len(results) == 6, results
        keys |= {event["data"]["key"] for event in history if event["event"] == "intent"}
        again += sum(event["event"] == "uncertain" for event in history)
    sent = collections.Counter(request.header("idempotency-key") for request in openai_fake.requests[before:])
    assert len(keys) == 5 * RUNS and set(sent) <= keys
    more = sum(sent.values()) - len(sent)
    print(f"{RUNS} runs, {histories} events, {len(keys)} keys, {sum(sent.values())} calls; {again} attempts were cut off, {more} calls came once more, starts answered {dict(answered)}")
    assert more <= again, "only what a kill cut off was sent again"
    assert servers[-1].stop() == 0
