"""Webhooks: what OpenAI's client makes of them, through kill -9 and on two nodes (docs/reference/webhooks.md)."""

import base64
import collections
import http.server
import json
import os
import threading
import time

import openai
import pytest

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead, eventually, two_nodes

SECRET = "whsec_" + base64.b64encode(os.urandom(32)).decode()
CHAINS = """kind: chain
name: publish
input: {text: {type: string}}
steps:
  - name: write
    transform: ${{ input.text + '!' }}
  - name: pause
    wait: 300ms
output: ${{ steps.write.output }}
---
kind: chain
name: fails
input: {text: {type: string}}
steps:
  - name: broken
    http: {url: "https://not.allowed.example/${{ input.text }}"}
---
kind: chain
name: parent
steps:
  - name: both
    map: ${{ ['a', 'b'] }}
    chain: publish
    input: {text: "${{ item }}"}
---
"""
HOOK = """kind: webhook
name: desk
url: http://127.0.0.1:{port}/hooks?of=fairlead
secret: env:DESK_WEBHOOK_SECRET
"""


class Desk(http.server.ThreadingHTTPServer):
    """Takes what is sent to it; answers `statuses` first, then 200."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.seen, self.statuses, self.lock = [], collections.deque(), threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def events(self, kind=""):
        with self.lock:
            return [event for status, _, _, event in self.seen if status == 200 and event["type"].startswith(kind)]

    def of(self, subject):
        return [event for event in self.events() if event["data"]["id"] == subject]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        with self.server.lock:
            status = self.server.statuses.popleft() if self.server.statuses else 200
            self.server.seen.append((status, dict(self.headers), body, json.loads(body)))
        self.send_response(status)
        if status == 302:
            self.send_header("location", "http://169.254.169.254/")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


def settings(desk):
    return (f"--chains.hosts=127.0.0.1:{desk.server_port}", "--chains.internal=true")


def serve(data, desk, env=None, **options):
    return Fairlead(data, env={"DESK_WEBHOOK_SECRET": SECRET} | (env or {}), settings=settings(desk), **options).wait_ready()


def apply(server, tmp_path, desk, rest="", more=""):
    folder = tmp_path / "p"
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text(CHAINS + more + HOOK.format(port=desk.server_port) + rest)
    server.cli("apply", str(folder))


def start(server, chain, **input):
    answer = server.request("POST", "/api/v1/runs", {"chain": chain, "input": input})
    assert answer.status == 201, answer.text
    return answer.json["id"]


def deliveries(server, query=""):
    return server.request("GET", f"/api/v1/webhooks/desk/deliveries?limit=1000{query}").json["data"]


def test_openais_client_checks_and_reads_what_is_sent(tmp_path, desk, openai_fake):
    fake = FAKE_PROVIDER.format(url=openai_fake.url) + FAKE_SMALL.format()
    with serve(tmp_path / "data", desk, UPSTREAM_KEYS) as server:
        apply(server, tmp_path, desk, more=fake)
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, webhook_secret=SECRET)
        good, bad = start(server, "publish", text="for her eyes"), start(server, "fails", text="for-his-eyes")
        cancelled = start(server, "publish", text="never")
        server.request("POST", f"/api/v1/runs/{cancelled}/cancel")
        response = client.responses.create(model="small", input="for our eyes", background=True)
        parent = start(server, "parent")
        eventually(lambda: len(desk.events()) >= 5, 10, "the webhooks")
        time.sleep(0.6)
        found = {event["data"]["id"]: event for event in desk.events()}
        assert len(desk.events()) == len(found) == 5, found  # and none for the parts of `parent`
        assert {k: found[k]["type"] for k in (good, bad, cancelled, parent, response.id)} == {
            good: "run.completed", bad: "run.failed", cancelled: "run.cancelled", parent: "run.completed", response.id: "response.completed"
        }
        for status, headers, body, event in desk.seen:
            read = client.webhooks.unwrap(body, headers)
            assert read.id == event["id"] and read.type == event["type"] and read.data.id == event["data"]["id"]
            assert abs(read.created_at - time.time()) < 30
            assert "eyes" not in body
            with pytest.raises(openai.InvalidWebhookSignatureError):
                client.webhooks.unwrap(body + " ", headers)
            with pytest.raises(openai.InvalidWebhookSignatureError):
                client.webhooks.unwrap(body, headers, secret="whsec_" + base64.b64encode(b"another key of 24 bytes and more").decode())
        read = next(client.webhooks.unwrap(body, headers) for _, headers, body, event in desk.seen if event["type"] == "response.completed")
        assert type(read).__name__ == "ResponseCompletedWebhookEvent"
        data = found[good]["data"]
        run = server.request("GET", f"/api/v1/runs/{good}").json
        assert all(data[k] == run[k] for k in ("chain", "version", "state", "created_at", "started_at", "finished_at", "cost_usd")), (data, run)
        assert found[bad]["data"]["error"] == {"code": "host_not_allowed", "step": "broken"}
        assert 'fairlead_webhook_attempts_total{project="default",webhook="desk",outcome="delivered"} 5' in server.request("GET", "/metrics").text
        assert SECRET not in server.log and SECRET.removeprefix("whsec_") not in server.log


def test_it_is_tried_again_and_can_be_sent_again(tmp_path, desk):
    with serve(tmp_path / "data", desk) as server:
        apply(server, tmp_path, desk, "events: [run.completed]\nchains: [publish]\n")
        desk.statuses.extend([302, 410])
        start(server, "fails", text="x")
        run = start(server, "publish", text="x")
        first = eventually(lambda: next((one for one in deliveries(server) if one.get("status") == 302), None), 10, "the first attempt")
        assert first["state"] == "pending" and first["attempts"] == 1 and first["subject"] == run and "not followed" in first["error"]
        assert server.request("GET", "/api/v1/webhooks").json["data"][0]["pending"] == 1
        assert "run.completed" in server.cli("webhooks", "deliveries", "desk", "--state", "pending").stdout
        gone = eventually(lambda: next((one for one in deliveries(server, "&state=failed")), None), 12, "the second attempt")
        assert gone["id"] == first["id"] and gone["status"] == 410 and gone["attempts"] == 2 and "next_attempt_at" not in gone
        assert "pending" in server.cli("webhooks", "redeliver", gone["id"]).stdout
        done = eventually(lambda: next((one for one in deliveries(server, "&state=delivered")), None), 5, "the third attempt")
        assert done["id"] == first["id"] and done["attempts"] == 3 and done["status"] == 200
        with desk.lock:
            assert [status for status, _, _, _ in desk.seen] == [302, 410, 200]
            assert {headers["webhook-id"] for _, headers, _, _ in desk.seen} == {first["id"]}
        assert len(deliveries(server)) == 1
        assert "127.0.0.1" in server.cli("webhooks", "list").stdout
        wrong = server.cli("webhooks", "deliveries", "dsk", check=False)
        assert wrong.returncode != 0 and "Did you mean `desk`?" in wrong.stderr
        assert server.request("POST", "/api/v1/deliveries/wh_none/redeliver").error["code"] == "delivery_not_found"


def test_none_is_lost_through_kills(tmp_path, desk):
    server = serve(tmp_path / "data", desk)
    try:
        apply(server, tmp_path, desk)
        runs = []
        for round in range(4):
            runs += [start(server, "publish", text=str(i)) for i in range(25)]
            desk.statuses.extend([503] if round == 2 else [])
            time.sleep(0.25 + 0.1 * round)  # about when they end
            server.kill()
            server = serve(tmp_path / "data", desk)
        eventually(lambda: {event["data"]["id"] for event in desk.events()} >= set(runs), 60, "the webhooks of all runs")
        ended = {one["subject"]: one for one in deliveries(server)}
        assert set(ended) == set(runs) and len(deliveries(server)) == len(runs)
        ids = collections.defaultdict(set)
        for _, headers, _, event in desk.seen:
            ids[event["data"]["id"]].add((headers["webhook-id"], event["id"]))
        assert all(len(one) == 1 for one in ids.values())  # what came twice came as the same
        assert all(ended[run]["id"] == next(iter(ids[run]))[0] for run in runs)
    finally:
        server.stop()


def test_of_two_nodes_on_postgresql_one_sends_it(tmp_path, desk):
    with two_nodes(tmp_path, lambda data, env: serve(data, desk, env)) as nodes:
        apply(nodes[0], tmp_path, desk)
        eventually(lambda: nodes[1].request("GET", "/api/v1/webhooks").json["data"], 5, "the webhook on the other node")
        runs = [start(nodes[i % 2], "publish", text="x") for i in range(40)]
        eventually(lambda: len(desk.events()) >= 40, 20, "the webhooks")
        nodes[0].kill()
        runs += [start(nodes[1], "publish", text="x") for _ in range(5)]
        eventually(lambda: len(desk.events()) >= 45, 20, "those of the node that is left")
        time.sleep(0.5)
        assert sorted(event["data"]["id"] for event in desk.events()) == sorted(runs)


LATE = """kind: chain
name: hurried
steps:
  - name: one
    wait: 500ms
  - name: two
    after: [one]
    wait: 500ms
---
"""


def test_that_a_run_will_be_late_is_told(tmp_path, desk):
    with serve(tmp_path / "data", desk) as server:
        apply(server, tmp_path, desk, "events: [run.late]\nchains: [hurried]\n", more=LATE)
        first = start(server, "hurried")
        eventually(lambda: server.request("GET", f"/api/v1/runs/{first}").json["state"] == "succeeded", 8, "the first")
        at = time.time() + 0.8
        deadline = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"
        run = server.request("POST", "/api/v1/runs", {"chain": "hurried", "deadline": deadline}).json["id"]
        event = eventually(lambda: next(iter(desk.events()), None), 8, "the webhook")
        assert event["type"] == "run.late" and event["data"]["id"] == run and event["data"]["state"] == "running"
        assert event["data"]["predicted"] > event["data"]["deadline"] and "two" in event["data"]["missing"]


@pytest.mark.parametrize("named, why", [((), "chains.hosts"), (("--chains.hosts=127.0.0.1:{}",), "internet")])
def test_other_hosts_and_internal_addresses_are_not_told(tmp_path, desk, named, why):
    words = [one.format(desk.server_port) for one in named]
    with Fairlead(tmp_path / "data", env={"DESK_WEBHOOK_SECRET": SECRET}, settings=words).wait_ready() as server:
        apply(server, tmp_path, desk)
        start(server, "publish", text="x")
        one = eventually(lambda: next((one for one in deliveries(server) if one["attempts"] == 1 and "error" in one), None), 5, "the attempt")
        assert one["state"] == "pending" and why in one["error"], one
    assert not desk.seen


def test_what_is_wrong_is_refused(tmp_path, desk):
    with serve(tmp_path / "data", desk) as server:
        for rest, word in [("events: [run.done]\n", "run.done"), ("chains: [publsh]\n", "did you mean `publish`?")]:
            folder = tmp_path / "p"
            folder.mkdir(exist_ok=True)
            (folder / "all.yaml").write_text(CHAINS + HOOK.format(port=desk.server_port) + rest)
            done = server.cli("apply", str(folder), check=False)
            assert done.returncode != 0 and word in done.stdout + done.stderr, done
        (folder / "all.yaml").write_text(HOOK.format(port=1).replace("env:DESK_WEBHOOK_SECRET", "secret:none"))
        done = server.cli("apply", str(folder), check=False)
        assert done.returncode != 0 and "none" in done.stdout + done.stderr, done
