"""Every id of the command line may be shortened to a beginning that no other has; of several, it names them."""

import http.server
import threading

import pytest

from harness import Fairlead, eventually

PROJECT = """kind: chain
name: naps
input: {n: {type: integer, default: 0}}
steps:
  - {name: nap, wait: 60s}
---
kind: chain
name: quick
steps:
  - {name: one, transform: "${{ 1 }}"}
---
kind: schedule
name: nightly
cron: "0 3 * * *"
chain: naps
---
kind: webhook
name: desk
url: %s
secret: env:DESK
"""


class Desk(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shortened")
    desk = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    threading.Thread(target=desk.serve_forever, daemon=True).start()
    (folder / "p").mkdir()
    (folder / "p" / "all.yaml").write_text(PROJECT % f"http://127.0.0.1:{desk.server_port}/")
    env = {"DESK": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    with Fairlead(folder / "data", folder / "p", env=env) as server:
        server.wait_ready()
        yield server
    desk.shutdown()
    desk.server_close()


def refused(server, *arguments):
    """What is said of a beginning that several have, or none."""
    tried = server.cli(*arguments, check=False)
    assert tried.returncode != 0, tried.stdout
    return tried.stderr


def test_keys(server):
    ids = [server.request("POST", "/api/v1/keys", {"name": name, "scopes": ["call"]}).json["id"] for name in "ab"]
    said = refused(server, "keys", "revoke", "key_")
    assert "More than one id begins with `key_`" in said and all(one in said for one in ids)
    assert server.cli("keys", "revoke", ids[0][:-2]).stdout == f"  {ids[0]} is revoked; calls with it are refused from now on.\n"
    assert server.cli("keys", "revoke", ids[0][:-2]).returncode == 0, "as it was"
    listed = server.cli("keys", "list").stdout
    assert ids[0] not in listed and ids[1] in listed
    assert "no key with this id" in refused(server, "keys", "revoke", "key_zz")


def test_backfills(server):
    made = [
        server.request("POST", "/api/v1/schedules/nightly/backfills", {"from": f"2025-0{month}-01T00:00:00Z", "to": f"2025-0{month}-20T00:00:00Z"}).json["id"]
        for month in (1, 2)
    ]
    said = refused(server, "schedules", "cancel-backfill", made[0][:6])
    assert f"{made[0]}, {made[1]}. Give more of it." in said
    assert f"{made[0]}  cancelled" in server.cli("schedules", "cancel-backfill", made[0][:-1]).stdout
    assert server.cli("schedules", "cancel-backfill", made[1]).returncode == 0


def test_deliveries(server):
    for _ in range(2):
        server.request("POST", "/api/v1/runs", {"chain": "quick"})

    def deliveries():
        return server.request("GET", "/api/v1/webhooks/desk/deliveries").json["data"]

    ids = [one["id"] for one in eventually(lambda: len(deliveries()) >= 2 and deliveries(), what="deliveries")]
    said = refused(server, "webhooks", "redeliver", "wh_")
    assert all(one in said for one in ids[:2])
    assert ids[0] in server.cli("webhooks", "redeliver", ids[0][:-1]).stdout


def test_runs(server):
    runs = [server.request("POST", "/api/v1/runs", {"chain": "naps", "input": {"n": n}}).json["id"] for n in range(2)]
    assert f"{runs[0]}, {runs[1]}" in refused(server, "runs", "show", runs[0][:6]) or "and others" in refused(server, "runs", "show", runs[0][:6])
    assert runs[0] in server.cli("runs", "show", runs[0][:-1]).stdout
    assert "There are no runs" in server.cli("runs", "list", "--parent", runs[0][:-1]).stdout
    assert "No task waits" in server.cli("tasks", "list", "--run", runs[0][:-1]).stdout
    assert "0 runs match" in server.cli("runs", "cancel", "--where", f"parent={runs[0][:-1]}", "--dry-run").stdout
    assert "asked to stop" in server.cli("runs", "cancel", runs[0][:-1]).stdout
    assert server.cli("runs", "cancel", runs[1]).returncode == 0


def test_requests_for_promotion(server):
    for label in ("production", "canary"):
        server.cli("labels", "protect", label)
        assert server.cli("promote", "quick@1", "--to", label, check=False).returncode == 3
    ids = sorted(one["id"] for one in server.request("GET", "/api/v1/approvals").json["data"])
    assert f"{ids[0]}, {ids[1]}. Give more of it." in refused(server, "withdraw", ids[0][:6])
    assert "withdrawn" in server.cli("withdraw", ids[0][:-1]).stdout
    assert "There is no request `0000`" in refused(server, "withdraw", "0000")


def test_calls(fairlead):
    calls = [fairlead.chat("gpt").headers["x-fairlead-call-id"] for _ in range(2)]
    for one in calls:
        fairlead.call(one)
    said = refused(fairlead, "feedback", "add", calls[0][:4], "--vote", "yes")
    assert f"More than one id begins with `{calls[0][:4]}`" in said
    assert fairlead.cli("feedback", "add", calls[0][:-1], "--vote", "yes", "--name", "short").stdout.startswith("kept as ")
    listed = eventually(lambda: calls[0] in (out := fairlead.cli("feedback", "list", "--call", calls[0][:-1]).stdout) and out)
    assert "short" in listed
    assert fairlead.cli("calls", "list", "--shadow-of", calls[0][:-1]).stdout == ""
    assert "There is no call `0000`" in refused(fairlead, "feedback", "add", "0000", "--vote", "no")
