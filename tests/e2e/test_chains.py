"""Chains: what their steps give, what is refused at apply, people in the loop, crashes in the middle."""

import collections
import contextlib
import http.server
import json
import random
import threading
import time

import openai
import pytest

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead, eventually, events, finished, show, start

MODELS = FAKE_PROVIDER + FAKE_SMALL + """kind: prompt
name: summarise
model: small
input: {{text: {{type: string}}}}
parameters: {{x_fake: {{text: short}}}}
messages: [{{user: "{{{{ text }}}}"}}]
---
kind: prompt
name: judge
model: small
input: {{text: {{type: string}}}}
output: {{schema: {{type: object, properties: {{score: {{type: integer}}}}, required: [score]}}}}
messages: [{{user: "{{{{ text }}}}"}}]
---
"""

CHAINS = """kind: chain
name: digest
input:
  article: {type: string, maxLength: 2000}
steps:
  - name: split
    transform: {parts: "${{ input.article.split('|') }}"}
  - name: each
    map: ${{ steps.split.output.parts }}
    at_once: 3
    prompt: summarise
    variables: {text: "${{ index }}: ${{ item }}"}
  - name: merged
    transform: ${{ steps.each.output.join('+') }}
  - name: check
    prompt: judge
    variables: {text: "${{ steps.merged.output }}"}
  - name: never
    when: ${{ steps.check.output.score > 1000000 }}
    model: small
    messages: no
output: {text: "${{ steps.merged.output }}", score: "${{ steps.check.output.score }}", skipped: "${{ steps.never.output }}"}
---
kind: chain
name: asks
steps:
  - name: editor
    approve: Is run ${{ run.id }} good?
  - name: proofs
    after: [editor]
    wait: proofs-ready
  - name: pause
    after: [proofs]
    wait: 300ms
output: {editor: "${{ steps.editor.output }}", proofs: "${{ steps.proofs.output }}"}
---
kind: chain
name: parent
input: {article: {type: string}}
steps:
  - name: sub
    chain: digest
    input: {article: "${{ input.article }}"}
output: ${{ steps.sub.output.text }}
---
kind: chain
name: flaky
input: {error: {type: integer, default: 500}}
steps:
  - name: call
    model: small
    messages: hi
    parameters: {x_fake: {error: "${{ input.error }}"}}
    retry: {attempts: 3, first: 20ms}
---
kind: chain
name: forgiving
steps:
  - name: some
    map: ${{ [200, 500, 200] }}
    failures: 1
    model: small
    messages: hi
    parameters: {x_fake: "${{ item == 500 ? dyn({'error': 500}) : dyn({'text': 'fine'}) }}"}
  - name: instead
    model: small
    messages: hi
    parameters: {x_fake: {error: 500}}
    otherwise: nothing
output: ["${{ steps.some.output }}", "${{ steps.instead.output }}"]
---
kind: chain
name: loops
steps:
  - name: count
    until: output >= 3
    at_most: 5
    transform: ${{ turn + 1 }}
output: ${{ steps.count.output }}
---
kind: chain
name: slow
input: {n: {type: integer, default: 8}, delay: {type: number, default: 0.1}}
steps:
  - name: one
    model: small
    messages: "1"
    parameters: {x_fake: {text: a, delay: "${{ input.delay }}"}}
  - name: two
    model: small
    messages: "2 ${{ steps.one.output }}"
    parameters: {x_fake: {text: b, delay: "${{ input.delay }}"}}
  - name: many
    map: ${{ ['x', 'y', 'z', 'u', 'v', 'w'] }}
    at_once: 2
    model: small
    messages: "${{ item }} ${{ steps.two.output }}"
    parameters: {x_fake: {text: "${{ item }}", delay: "${{ input.delay }}"}}
  - name: last
    model: small
    messages: "${{ steps.many.output.join('') }}"
    parameters: {x_fake: {text: end, delay: "${{ input.delay }}"}}
output: ${{ steps.many.output.join('') + steps.last.output }}
---
kind: chain
name: late
deadline: 400ms
steps:
  - name: call
    model: small
    messages: hi
    parameters: {x_fake: {text: a, delay: 5}}
"""


def PROJECT(url):
    return MODELS.format(url=url) + CHAINS


def test_a_chain_gives_its_output_and_tells_its_steps(server):
    run = finished(server, start(server, "digest", {"article": "a|b|c"}))
    assert run["state"] == "succeeded", run
    assert run["output"]["text"] == "short+short+short" and run["output"]["skipped"] is None
    assert isinstance(run["output"]["score"], int)
    steps = {step["name"]: step for step in run["steps"]}
    assert [step["state"] for step in run["steps"]] == ["done"] * 5
    assert steps["each"]["done"] == 3
    assert run["cost_usd"] == pytest.approx(sum(step["cost_usd"] for step in run["steps"])) and run["cost_usd"] > 0

    calls = eventually(lambda: len(found := server.calls(f"?tag=run:{run['id']}")) == 4 and found)
    assert sum(call["cost_usd"] for call in calls) == pytest.approx(run["cost_usd"])
    assert {call["target"] for call in calls} == {"summarise", "judge"}
    assert any("step:each[1]" in call["tags"] for call in calls)


def test_the_history_says_intent_before_result_and_ends_with_the_end(server):
    history = events(server, finished(server, start(server, "digest", {"article": "a"}))["id"])
    assert [event["sequence"] for event in history] == list(range(1, len(history) + 1))
    assert [(event["event"], event.get("step")) for event in history] == [
        ("taken", None), ("result", "split"), ("intent", "each[0]"), ("result", "each[0]"), ("result", "merged"),
        ("intent", "check"), ("result", "check"), ("result", "never"), ("finished", None)]  # fmt: skip
    assert history[2]["data"]["key"] and history[3]["cost_usd"] > 0


def test_what_is_wrong_with_a_chain_is_said_with_its_place(server, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "kind: chain\nname: bad\ninput: {article: {type: string}}\nsteps:\n"
        "  - name: a\n    transform: ${{ input.artcle }}\n  - name: b\n    prompt: sumarise\n"
    )
    done = server.cli("plan", str(tmp_path), check=False)
    assert done.returncode == 2
    assert "bad.yaml:6:" in done.stderr and "article" in done.stderr
    assert "bad.yaml:8:" in done.stderr and "summarise" in done.stderr


def test_bad_requests(server):
    for body, code, param in [
        ({"chain": "nope"}, "model_not_found", "chain"),
        ({"chain": "digset"}, "model_not_found", "chain"),
        ({"chain": "digest@9"}, "version_not_found", "chain"),
        ({"chain": "digest@gold"}, "label_not_found", "chain"),
        ({"chain": "digest"}, "missing_required_parameter", "input.article"),
        ({"chain": "digest", "input": {"article": 3}}, "invalid_value", "input.article"),
        ({"chain": "digest", "input": {"artcle": "x"}}, "unknown_field", "input.artcle"),
        ({"chain": "digest", "inputs": {}}, "unknown_parameter", "inputs"),
        ({"chain": "digest", "input": {"article": "x"}, "priority": 1000}, "invalid_value", "priority"),
        ({"chain": "digest", "input": {"article": "x"}, "deadline": "soon"}, "invalid_value", "deadline"),
        ({}, "missing_required_parameter", "chain"),
    ]:
        answer = server.request("POST", "/api/v1/runs", body)
        assert answer.status in (400, 404), answer.text
        assert (answer.error["code"], answer.error["param"]) == (code, param), answer.text
    assert server.request("GET", "/api/v1/runs/01NOPE").status == 404
    assert server.request("GET", "/api/v1/runs?state=nope").status == 400
    assert server.request("POST", "/api/v1/runs", {"chain": "digest"}, key=None).status == 401


def test_people_and_signals(server):
    run = start(server, "asks")
    eventually(lambda: show(server, run)["state"] == "waiting")
    step = show(server, run)["steps"][0]
    assert step["waits_for"] == "approve:editor" and run in step["ask"]
    refused = server.request("POST", f"/api/v1/runs/{run}/approvals", {"step": "proofs", "approved": True})
    assert refused.status == 409 and refused.error["code"] == "not_asked"
    assert run[:16] in server.cli("runs", "list", "--state", "waiting").stdout
    server.cli("runs", "approve", run[:22], "editor", "--comment", "fine")
    eventually(lambda: any(step["name"] == "proofs" and step["state"] == "waiting" for step in show(server, run)["steps"]))
    for _ in range(2):
        server.cli("runs", "signal", run, "proofs-ready", "--data", '{"pages": 3}', "--id", "p1")
    done = finished(server, run)
    assert done["output"]["editor"]["approved"] is True and done["output"]["editor"]["comment"] == "fine"
    assert done["output"]["proofs"] == {"pages": 3}
    assert server.request("POST", f"/api/v1/runs/{run}/signals", {"name": "x"}).error["code"] == "run_finished"


def test_a_chain_within_a_chain(server):
    run = finished(server, start(server, "parent", {"article": "a|b"}))
    assert run["output"] == "short+short" and run["cost_usd"] > 0
    children = server.request("GET", f"/api/v1/runs?parent={run['id']}").json["data"]
    assert [child["chain"] for child in children] == ["digest"] and children[0]["parent_step"] == "sub"


def test_retries_and_failures(server, openai_fake):
    before = len(openai_fake.requests)
    run = finished(server, start(server, "flaky"))
    assert run["state"] == "failed" and run["error"]["step"] == "call" and run["error"]["class"] == "transient"
    sent = openai_fake.requests[before:]
    assert len(sent) == 3 and len({request.header("idempotency-key") for request in sent}) == 1
    before = len(openai_fake.requests)
    run = finished(server, start(server, "flaky", {"error": 400}))
    assert run["error"]["class"] == "permanent" and len(openai_fake.requests) == before + 1

    run = finished(server, start(server, "forgiving"))
    assert run["output"] == [["fine", None, "fine"], "nothing"], run
    assert finished(server, start(server, "loops"))["output"] == 3


def test_a_deadline_ends_a_run(server):
    run = finished(server, start(server, "late"))
    assert run["state"] == "failed" and run["error"]["code"] in ("deadline_exceeded", "timeout", "cancelled"), run


def test_one_key_is_one_run(server, openai_fake):
    before = len(openai_fake.requests)
    ids, statuses = set(), collections.Counter()

    def ask():
        for _ in range(10):
            answer = server.request("POST", "/api/v1/runs", {"chain": "digest", "input": {"article": "k"}, "key": "k-1"})
            ids.add(answer.json["id"])
            statuses[answer.status] += 1

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1 and statuses == {201: 1, 200: 99}
    finished(server, ids.pop())
    assert len(openai_fake.requests) == before + 2
    other = server.request("POST", "/api/v1/runs", {"chain": "digest", "input": {"article": "other"}, "key": "k-1"})
    assert other.status == 409 and other.error["code"] == "idempotency_conflict"


def test_cancelling_reaches_the_call_that_runs(server, openai_fake):
    before = len(openai_fake.requests)
    run = start(server, "slow", {"delay": 20})
    eventually(lambda: len(openai_fake.requests) > before)
    assert server.request("POST", f"/api/v1/runs/{run}/cancel", {}).status == 202
    assert openai_fake.requests[before].client_gone.wait(5)
    assert finished(server, run)["state"] == "cancelled"


def test_events_are_followed_and_taken_up_again(server):
    run = start(server, "slow")
    answer = server.request("GET", f"/api/v1/runs/{run}/events", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in answer.text.split("\n\n") if block.startswith("id: ")]
    numbers = [int(block.split("\n")[0][4:]) for block in blocks]
    assert numbers == list(range(1, len(numbers) + 1)) and "event: finished" in blocks[-1]
    again = server.request("GET", f"/api/v1/runs/{run}/events", headers={"accept": "text/event-stream", "last-event-id": "5"})
    assert again.text.startswith("id: 6\n")


def test_the_command_line_follows_a_run(server, tmp_path):
    (tmp_path / "in.json").write_text('{"article": "a|b"}')
    done = server.cli("run", "chain:digest", "--input", str(tmp_path / "in.json"), "--key", "cli-1", "--follow")
    assert "short+short" in done.stdout and "✓" in done.stdout
    failed = server.cli("run", "flaky", "--follow", check=False)
    assert failed.returncode == 1 and "failed at call" in failed.stdout
    run = server.request("GET", "/api/v1/runs?limit=1").json["data"][0]["id"]
    assert "intent" in server.cli("runs", "show", run, "--history").stdout


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_server_goes_on_without_doing_anything_twice(folder, openai_fake, tmp_path, seed):
    """Killed at random moments, ten times: every step has one result, and an attempt that is made again has the key of the one before."""
    chance = random.Random(seed)
    before = len(openai_fake.requests)
    server = Fairlead(tmp_path / "data", folder, UPSTREAM_KEYS).wait_ready()
    runs = [start(server, "slow", {"delay": 0.05}, key=f"r{i}") for i in range(4)]
    for _ in range(8):
        time.sleep(chance.uniform(0.02, 0.3))
        server.kill()
        server = Fairlead(tmp_path / "data", folder, UPSTREAM_KEYS).wait_ready()
    ended = [finished(server, run, 30) for run in runs]
    assert [run["output"] for run in ended] == ["xyzuvwend"] * 4

    made_again = 0
    keys = set()
    for run in runs:
        history = events(server, run)
        assert [event["sequence"] for event in history] == list(range(1, len(history) + 1))
        results = collections.Counter(event["step"] for event in history if event["event"] == "result")
        assert set(results.values()) == {1} and len(results) == 9
        intents = collections.defaultdict(set)
        for event in history:
            if event["event"] == "intent":
                intents[event["step"]].add(event["data"]["key"])
        assert all(len(one) == 1 for one in intents.values()), "one key for all attempts of a step"
        keys |= {next(iter(one)) for one in intents.values()}
        made_again += sum(event["event"] == "uncertain" for event in history)
    sent = collections.Counter(request.header("idempotency-key") for request in openai_fake.requests[before:])
    assert set(sent) <= keys
    assert sum(sent.values()) - len(keys) <= made_again, "only what a kill cut off was sent again"
    assert server.stop() == 0


def test_a_chain_is_called_as_a_model(server):
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0)
    given = {"fairlead": {"variables": {"article": "a|b"}}}
    answer = client.chat.completions.create(model="chain:parent", messages=[], extra_body=given)
    assert answer.choices[0].message.content == "short+short" and answer.choices[0].finish_reason == "stop"
    asked = [{"role": "user", "content": "a|b|c"}]
    assert client.chat.completions.create(model="parent", messages=asked).choices[0].message.content == "short+short+short"
    stream = client.chat.completions.create(model="parent@1", messages=asked, stream=True)
    assert "".join(event.choices[0].delta.content or "" for event in stream if event.choices) == "short+short+short"
    pieces = list(client.chat.completions.create(model="parent@1", messages=asked, stream=True, extra_body={"fairlead": {"progress": True}}))
    told = [piece.model_extra["fairlead"]["progress"] for piece in pieces if not piece.choices]
    history = [(event["event"], event["step"]) for event in events(server, told[0]["run"]) if event["event"] in ("intent", "result", "wait")]
    assert [(one["event"], one["step"]) for one in told] == history and len(history) > 1
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == "short+short+short"
    structured = client.chat.completions.create(model="digest", messages=asked).choices[0].message.content
    assert json.loads(structured)["text"] == "short+short+short"
    assert "digest" in {model.id for model in client.models.list()}

    keyed = given["fairlead"] | {"idempotency_key": "one-1"}
    first, second = (client.chat.completions.create(model="parent", messages=[], extra_body={"fairlead": keyed}) for _ in range(2))
    assert first.id == second.id, "the same key is the same run"

    with pytest.raises(openai.BadRequestError, match="article"):
        client.chat.completions.create(model="parent", messages=[], extra_body={"fairlead": {"variables": {"artcle": "x"}}})
    with pytest.raises(openai.APIStatusError, match="at step `call`"):
        client.chat.completions.create(model="flaky", messages=[])
    record = eventually(lambda: server.calls("?target=flaky"))[0]
    assert record["error_code"] == "run_failed" and record["cost_usd"] == 0


def test_a_caller_who_leaves_cancels_the_run(server, openai_fake):
    before = len(openai_fake.requests)
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0, timeout=1)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="slow", messages=[], extra_body={"fairlead": {"variables": {"delay": 20}}})
    assert openai_fake.requests[before].client_gone.wait(5)
    run = server.request("GET", "/api/v1/runs?chain=slow&limit=1").json["data"][0]
    assert finished(server, run["id"])["state"] == "cancelled"

    asked = {"variables": {"delay": 20}, "progress": True}
    stream = client.with_options(timeout=30).chat.completions.create(model="slow", messages=[], stream=True, extra_body={"fairlead": asked})
    told = next(iter(stream)).model_extra["fairlead"]["progress"]
    stream.close()
    assert finished(server, told["run"])["state"] == "cancelled"


POSTS = """kind: chain
name: post
input: {{id: {{type: integer, default: 1}}, path: {{type: string, default: /articles}}}}
steps:
  - name: send
    http:
      method: POST
      url: {base}${{{{ input.path }}}}?id=${{{{ input.id }}}}
      headers: {{authorization: secret:cms-token, x-from: "chain ${{{{ input.id }}}}"}}
      json: {{id: "${{{{ input.id }}}}"}}
    retry: {{attempts: 3, first: 20ms}}
output: ${{{{ steps.send.output }}}}
"""


class Cms(http.server.BaseHTTPRequestHandler):
    seen, statuses = [], []

    def do_POST(self):
        self.seen.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
        status = self.statuses.pop(0) if self.statuses else 201
        body = b'{"address": "/a/1"}' if status == 201 else b"no"
        self.send_response(status)
        self.send_header("content-type", "application/json" if status == 201 else "text/plain")
        self.send_header("content-length", str(len(body)))
        if status == 302:
            self.send_header("location", "http://169.254.169.254/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def cms():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cms) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextlib.contextmanager
def posting(tmp_path, cms, *settings):
    folder = tmp_path / "post"
    folder.mkdir()
    (folder / "post.yaml").write_text(POSTS.format(base=f"http://127.0.0.1:{cms.server_port}"))
    with Fairlead(tmp_path / "data", None, {}, settings=settings) as server:
        server.wait_ready()
        server.cli("secrets", "set", "cms-token", input="Bearer s3cret-token")
        server.cli("apply", str(folder))
        yield server


def test_a_request_goes_to_an_allowed_host(tmp_path, cms):
    Cms.seen.clear()
    with posting(tmp_path, cms, f"--chains.hosts=127.0.0.1:{cms.server_port}", "--chains.internal=true") as server:
        run = finished(server, start(server, "post", {"id": 7}))
        assert run["output"] == {"status": 201, "body": {"address": "/a/1"}}, run
        path, headers, body = Cms.seen[-1]
        assert path == "/articles?id=7" and json.loads(body) == {"id": 7}
        assert headers["authorization"] == "Bearer s3cret-token" and headers["x-from"] == "chain 7"
        assert "s3cret" not in json.dumps(events(server, run["id"])) + server.log

        Cms.statuses[:] = [503, 429]
        before = len(Cms.seen)
        assert finished(server, start(server, "post"))["state"] == "succeeded"
        assert len(Cms.seen) == before + 3 and len({headers["idempotency-key"] for _, headers, _ in Cms.seen[before:]}) == 1
        for status, kind in ((404, "permanent"), (302, "permanent")):
            Cms.statuses[:] = [status]
            before = len(Cms.seen)
            run = finished(server, start(server, "post"))
            assert run["state"] == "failed" and run["error"]["class"] == kind and len(Cms.seen) == before + 1
        assert finished(server, start(server, "post", {"path": "@evil.example/x"}))["error"]["code"] in ("host_not_allowed", "invalid_url")
        assert finished(server, start(server, "post", {"path": "/a b"}))["error"]["code"] == "invalid_url"


@pytest.mark.parametrize(
    "settings, code",
    [([], "host_not_allowed"), (["--chains.hosts=example.com"], "host_not_allowed"), (["--chains.hosts=127.0.0.1:{}"], "address_refused")],
)
def test_other_hosts_and_internal_addresses_are_not_reached(tmp_path, cms, settings, code):
    before = len(Cms.seen)
    with posting(tmp_path, cms, *[one.format(cms.server_port) for one in settings]) as server:
        run = finished(server, start(server, "post"))
        assert run["state"] == "failed" and run["error"]["code"] == code, run
    assert len(Cms.seen) == before


def test_queues(server):
    server.cli("queues", "set", "nightly", "--concurrency", "1", "--paused")
    run = start(server, "digest", {"article": "a"}, queue="nightly")
    assert "paused" in server.cli("queues", "list").stdout
    assert show(server, run)["state"] == "queued" and show(server, run)["queue"] == "nightly"
    server.cli("queues", "set", "nightly", "--concurrency", "1")
    assert finished(server, run)["state"] == "succeeded"
    refused = server.request("PUT", "/api/v1/queues/nightly", {"concurrency": -1})
    assert refused.status == 400 and refused.error["param"] == "concurrency"
