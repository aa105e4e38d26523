"""Limits of chains, queues and of what steps call: on one node, through kill -9, and over two (docs/reference/runs.md, "Queues")."""

import collections
import datetime
import http.server
import json
import threading
import time

import pytest

from harness import Fairlead, eventually, two_nodes

CHAINS = """kind: chain
name: post
input: {{who: {{type: string, default: nobody}}}}
{limits}steps:
  - name: send
    http: {{method: POST, url: "http://127.0.0.1:{port}/", json: {{who: "${{{{ input.who }}}}"}}}}
    retry: {{attempts: 5}}
"""


class Cms(http.server.ThreadingHTTPServer):
    """Takes its time, and knows how many it served at once: in all, and for each who."""

    daemon_threads = True

    def __init__(self, takes=0.15):
        super().__init__(("127.0.0.1", 0), Handler)
        self.takes, self.lock = takes, threading.Lock()
        self.now, self.most, self.seen = collections.Counter(), collections.Counter(), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        who = json.loads(self.rfile.read(int(self.headers["content-length"])))["who"]
        with server.lock:
            server.seen.append(self.headers["idempotency-key"])
            for one in ("", who):
                server.now[one] += 1
                server.most[one] = max(server.most[one], server.now[one])
        time.sleep(server.takes)
        with server.lock:
            for one in ("", who):
                server.now[one] -= 1
        try:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
        except OSError:
            pass  # the caller was killed

    def log_message(self, *_):
        pass


@pytest.fixture
def cms():
    with Cms() as cms:
        yield cms


def serve(data, cms, **env):
    settings = (f"--chains.hosts=127.0.0.1:{cms.server_port}", "--chains.internal=true")
    return Fairlead(data, env=env, settings=settings).wait_ready()


def apply(server, tmp_path, cms, limits="", check=True):
    folder = tmp_path / "p"
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text(CHAINS.format(port=cms.server_port, limits=f"limits: {limits}\n" if limits else ""))
    return server.cli("apply", str(folder), check=check)


def start(server, who="nobody", **more):
    answer = server.request("POST", "/api/v1/runs", {"chain": "post", "input": {"who": who}, "user": who} | more)
    assert answer.status == 201, answer.text
    return answer.json["id"]


def show(server, run):
    return server.request("GET", f"/api/v1/runs/{run}").json


def all_succeed(server, runs, seconds=30):
    for run in runs:
        eventually(lambda: show(server, run)["state"] == "succeeded", seconds, f"the end of {run}: {show(server, run)}")


def began(server, runs):
    return sorted(datetime.datetime.fromisoformat(show(server, run)["started_at"]).timestamp() for run in runs)


def test_limits_of_a_chain_hold_and_say_what_they_hold_back(tmp_path, cms):
    with serve(tmp_path / "data", cms) as server:
        apply(server, tmp_path, cms, "[{concurrency: 3}, {concurrency: 1, per: user}]")
        runs = [start(server, "abcd"[i % 4]) for i in range(20)]
        held = eventually(lambda: next((one for run in runs if (one := show(server, run)).get("held_by")), None), 5, "one that waits")
        assert held["held_by"] in ("chain post", *(f"chain post, user {who}" for who in "abcd")) and held["state"] == "queued"
        page = eventually(lambda: next((page for run in reversed(runs) if "held back" in (page := server.cli("runs", "show", run).stdout)), None), 5, "its page")
        assert "by the limit of chain post" in page
        all_succeed(server, runs)
        assert cms.most[""] == 3 and all(cms.most[who] == 1 for who in "abcd"), cms.most
        assert "held_by" not in show(server, runs[-1])


def test_rates_hold_through_kills(tmp_path, cms):
    cms.takes = 0
    server = serve(tmp_path / "data", cms)
    try:
        apply(server, tmp_path, cms, "[{rate: 4/2s}]")
        runs = [start(server) for _ in range(12)]
        for _ in range(2):
            time.sleep(1.2)
            server.kill()
            server = serve(tmp_path / "data", cms)
        all_succeed(server, runs)
        times = began(server, runs)
        assert all(b - a >= 2 for a, b in zip(times, times[4:])), times
        assert len(set(cms.seen)) == 12
    finally:
        server.stop()


def test_queues_have_rates_places_of_each_and_drain(tmp_path, cms):
    with serve(tmp_path / "data", cms) as server:
        apply(server, tmp_path, cms)
        server.cli("queues", "set", "calls", "--concurrency", "1", "--rate", "5/1s", "--per", "user")
        assert all(word in server.cli("queues", "list").stdout for word in ("calls", "5/1s", "user"))
        runs = [start(server, "ab"[i % 2], queue="calls") for i in range(12)]
        all_succeed(server, runs)
        assert cms.most["a"] == cms.most["b"] == 1 and cms.most[""] == 2
        server.cli("queues", "set", "calls", "--draining")
        assert "draining" in server.cli("queues", "list").stdout
        late = start(server, queue="calls")
        time.sleep(0.6)
        assert show(server, late)["state"] == "queued"
        server.cli("queues", "set", "calls")
        all_succeed(server, [late])


def test_what_steps_call_is_limited_over_two_nodes(tmp_path, cms):
    with two_nodes(tmp_path, lambda data, env: serve(data, cms, **env)) as nodes:
        apply(nodes[0], tmp_path, cms)
        eventually(lambda: nodes[1].request("GET", "/api/v1/chains/post/graph").status == 200, 5, "the chain on the other node")
        nodes[0].cli("queues", "set", "host:127.0.0.1", "--concurrency", "2")
        time.sleep(0.7)  # until both have seen it
        runs = [start(nodes[i % 2]) for i in range(24)]
        waits = eventually(lambda: next((step for run in runs for step in show(nodes[0], run)["steps"] if step.get("waits_for")), None), 8, "one")
        assert waits["state"] == "waiting" and waits["waits_for"] == "queue host:127.0.0.1"
        assert "host:127.0.0.1" in nodes[1].cli("queues", "list").stdout
        all_succeed(nodes[1], runs, 40)
        assert cms.most[""] == 2 and len(cms.seen) == 24
        cms.takes = 3
        cut = [start(nodes[0]) for _ in range(2)]
        eventually(lambda: len(cms.seen) == 26, 5, "both places are taken")
        nodes[0].kill()
        all_succeed(nodes[1], [*cut, start(nodes[1])], 40)  # a dead node's places come back


def test_a_paused_queue_of_steps_lets_none_begin(tmp_path, cms):
    with serve(tmp_path / "data", cms) as server:
        apply(server, tmp_path, cms)
        server.cli("queues", "set", "host:127.0.0.1", "--paused")
        time.sleep(0.6)
        runs = [start(server), start(server)]
        eventually(lambda: all(show(server, run).get("held_by") == "queue host:127.0.0.1" for run in runs), 8, "the wait")
        assert not cms.seen and all(show(server, run)["state"] == "waiting" for run in runs)
        server.request("POST", f"/api/v1/runs/{runs[0]}/cancel")
        eventually(lambda: show(server, runs[0])["state"] == "cancelled", 5, "the end")
        server.cli("queues", "set", "host:127.0.0.1")
        all_succeed(server, runs[1:])
        assert len(cms.seen) == 1


def test_what_is_wrong_is_refused(tmp_path, cms):
    with serve(tmp_path / "data", cms) as server:
        for limits, word in [("[{per: user}]", "concurrency"), ("[{rate: 5/x}]", "30/1m"), ("[{concurrency: 0}]", "concurrency"), ("[{concurrency: 1, per: moon}]", "per")]:
            done = apply(server, tmp_path, cms, limits, check=False)
            assert done.returncode != 0 and word in done.stdout + done.stderr, done
        for body, param in [({"rate": "x"}, "rate"), ({"per": "user"}, "per"), ({"per": "moon", "concurrency": 1}, "per"), ({"draining": 1}, "draining")]:
            answer = server.request("PUT", "/api/v1/queues/calls", body)
            assert answer.status == 400 and answer.error["param"] == param, answer.text
        assert server.request("PUT", "/api/v1/queues/moon:a", {"concurrency": 1}).error["param"] == "name"
