"""Runs that are retried, forked, moved, undone, many at once; and those that are going to be late."""

import json
import time

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead, eventually, events, finished, show, start

CHAIN = """kind: chain
name: desk
input: {error: {type: integer, default: 200}, word: {type: string, default: a}}
steps:
  - name: first
    model: small
    messages: "first ${{ input.word }}"
    parameters: {x_fake: {text: one}}
  - name: side
    map: ${{ ['x', 'y'] }}
    model: small
    messages: "side ${{ item }}"
    parameters: {x_fake: {text: "${{ item }}"}}
  - name: second
    model: small
    messages: "SECOND ${{ steps.first.output }}"
    parameters: {x_fake: "${{ input.error == 200 ? dyn({'text': 'two'}) : dyn({'error': input.error}) }}"}
output: ${{ steps.first.output + steps.second.output + steps.side.output.join('') }}
---
kind: chain
name: undoes
input: {error: {type: integer, default: 500}, undo: {type: integer, default: 200}}
steps:
  - name: reserve
    model: small
    messages: reserve
    parameters: {x_fake: {text: r}}
    compensate:
      model: small
      messages: "release ${{ steps.reserve.output }}"
      parameters: {x_fake: "${{ input.undo == 200 ? dyn({'text': 'released'}) : dyn({'error': input.undo}) }}"}
  - name: pay
    after: [reserve]
    map: ${{ [1, 2] }}
    at_once: 1
    model: small
    messages: pay ${{ item }}
    parameters: {x_fake: {text: "p${{ item }}"}}
    compensate: {model: small, messages: "refund ${{ item }} ${{ output }}", parameters: {x_fake: {text: refunded}}}
  - name: ship
    after: [pay]
    model: small
    messages: ship
    parameters: {x_fake: "${{ input.error == 200 ? dyn({'text': 's'}) : dyn({'error': input.error}) }}"}
  - name: ok
    after: [ship]
    approve: fine?
---
kind: chain
name: waits
steps:
  - name: editor
    approve: "Good?"
  - name: call
    after: [editor]
    model: small
    messages: VERSION
    parameters: {x_fake: {text: "VERSION"}}
---
kind: chain
name: paced
input: {delay: {type: number, default: 0.3}}
steps:
  - name: one
    model: small
    messages: one
    parameters: {x_fake: {text: a, delay: "${{ input.delay }}"}}
  - name: two
    model: small
    messages: "two ${{ steps.one.output }}"
    parameters: {x_fake: {text: b, delay: "${{ input.delay }}"}}
"""


def PROJECT(url, second="two", version="v1"):
    return FAKE_PROVIDER.format(url=url) + FAKE_SMALL.format() + CHAIN.replace("SECOND", second).replace("VERSION", version)


def write(folder, url, **parts):
    (folder / "all.yaml").write_text(PROJECT(url, **parts))


def told(server, run, *kinds):
    return [(event["event"], event.get("step")) for event in events(server, run) if event["event"] in kinds]


def sent_since(fake, before):
    return [request.body["messages"][-1]["content"] for request in fake.requests[before:]]


def test_a_failed_run_is_moved_to_a_version_that_is_mended_and_retried(server, folder, openai_fake):
    run = finished(server, start(server, "desk", {"error": 500}))
    assert run["state"] == "failed" and run["error"]["step"] == "second"
    again = server.request("POST", f"/api/v1/runs/{run['id']}/retry", {})
    assert again.status == 202, again.text
    run = finished(server, run["id"])
    assert run["state"] == "failed"
    spent = run["cost_usd"]

    write(folder, openai_fake.url, second="mended")
    mended = (folder / "all.yaml").read_text()
    cut = mended.index("{x_fake: \"${{ input.error == 200 ? dyn({'text': 'two'})")
    end = mended.index("\n", cut)
    (folder / "all.yaml").write_text(mended[:cut] + "{x_fake: {text: two}}" + mended[end:])
    server.cli("apply", str(folder), "-m", "mended")
    before = len(openai_fake.requests)
    out = server.cli("runs", "move", run["id"][:22], "--to", "desk@2").stdout
    assert "desk v2" in out and "failed" in out
    assert "queued" in server.cli("runs", "retry", run["id"][:22]).stdout
    run = finished(server, run["id"])
    assert run["state"] == "succeeded" and run["output"] == "onetwoxy" and run["version"] == 2, run
    assert sent_since(openai_fake, before) == ["mended one"]
    assert run["cost_usd"] > spent
    assert told(server, run["id"], "retried", "moved", "finished") == [
        ("finished", None), ("retried", None), ("finished", None), ("moved", None), ("retried", None), ("finished", None)]  # fmt: skip
    retried = [event for event in events(server, run["id"]) if event["event"] == "retried"]
    assert retried[0]["data"]["by"] and retried[0]["data"]["steps"] == ["second"]
    refused = server.request("POST", f"/api/v1/runs/{run['id']}/retry", {})
    assert refused.status == 409 and refused.error["code"] == "run_succeeded"


def test_a_fork_takes_over_what_does_not_come_from_the_step(server, openai_fake):
    run = finished(server, start(server, "desk"))
    before = len(openai_fake.requests)
    forked = server.request("POST", f"/api/v1/runs/{run['id']}/fork", {"from": "second", "key": "f-1"})
    assert forked.status == 201 and forked.json["fork"] == {"of": run["id"], "from": "second"}, forked.text
    assert sorted(forked.json["copied"]) == ["first", "side"]
    assert server.request("POST", f"/api/v1/runs/{run['id']}/fork", {"from": "second", "key": "f-1"}).status == 200
    ended = finished(server, forked.json["id"])
    assert ended["output"] == run["output"] and len(sent_since(openai_fake, before)) == 1
    steps = {step["name"]: step for step in ended["steps"]}
    assert steps["first"]["copied_from"] == run["id"] and steps["first"]["cost_usd"] == 0 and steps["first"]["state"] == "done"

    refused = server.request("POST", f"/api/v1/runs/{run['id']}/fork", {"from": "second", "input": {"word": "b"}})
    assert refused.status == 409 and refused.error["code"] == "fork_disagrees" and "`first`" in refused.error["message"]
    assert server.request("POST", f"/api/v1/runs/{run['id']}/fork", {"from": "secnd"}).error["code"] == "step_not_found"
    assert server.request("POST", f"/api/v1/runs/{run['id']}/fork", {}).error["code"] == "missing_required_parameter"
    assert server.request("POST", "/api/v1/runs/01NOPE/fork", {"from": "x"}).status == 404


def test_the_command_line_forks(server, tmp_path, openai_fake):
    run = finished(server, start(server, "desk"))
    (tmp_path / "new.json").write_text('{"word": "b"}')
    before = len(openai_fake.requests)
    out = server.cli("runs", "fork", run["id"], "--from", "first", "--input", str(tmp_path / "new.json")).stdout
    assert "taken over: side" in out
    fork = server.request("GET", "/api/v1/runs?limit=1").json["data"][0]["id"]
    finished(server, fork)
    assert sorted(sent_since(openai_fake, before))[0] == "first b"
    assert f"forked from {run['id']} at first" in server.cli("runs", "show", fork).stdout


def test_what_a_failed_run_has_done_is_undone(server, openai_fake):
    before = len(openai_fake.requests)
    run = finished(server, start(server, "undoes"))
    assert run["state"] == "failed" and run["compensated"] is True and run["error"]["step"] == "ship", run
    assert sent_since(openai_fake, before) == ["reserve", "pay 1", "pay 2", "ship", "refund 2 p2", "refund 1 p1", "release r"]
    assert [step["name"] for step in run["steps"]][-2:] == ["compensate:pay", "compensate:reserve"]
    assert "has been undone" in server.cli("runs", "show", run["id"]).stdout
    refused = server.request("POST", f"/api/v1/runs/{run['id']}/retry", {})
    assert refused.status == 409 and refused.error["code"] == "run_compensated"

    run = finished(server, start(server, "undoes", {"undo": 400}))
    assert run["compensated"] is False and run["error"]["step"] == "ship"


def test_what_a_cancelled_run_has_done_is_undone(server, openai_fake):
    run = start(server, "undoes", {"error": 200})
    eventually(lambda: show(server, run)["state"] == "waiting")
    before = len(openai_fake.requests)
    server.cli("runs", "cancel", run)
    ended = finished(server, run)
    assert ended["state"] == "cancelled" and ended["compensated"] is True, ended
    assert sent_since(openai_fake, before) == ["refund 2 p2", "refund 1 p1", "release r"]


def test_a_run_that_waits_is_moved(server, folder, openai_fake):
    first = start(server, "waits")
    eventually(lambda: show(server, first)["state"] == "waiting")
    write(folder, openai_fake.url, version="v2")
    server.cli("apply", str(folder), "-m", "v2")
    latest = show(server, start(server, "waits"))["version"]
    assert show(server, first)["version"] < latest
    moved = server.request("POST", f"/api/v1/runs/{first}/move", {"to": f"waits@{latest}"})
    assert moved.status == 200 and moved.json["version"] == latest, moved.text
    assert server.request("POST", f"/api/v1/runs/{first}/move", {"to": "desk"}).error["code"] == "another_chain"
    server.cli("runs", "approve", first, "editor")
    assert finished(server, first)["output"] == "v2"

    done = finished(server, start(server, "desk", {"error": 500}))
    write(folder, openai_fake.url, version="v2")
    changed = (folder / "all.yaml").read_text().replace('"first ${{', '"FIRST ${{')
    (folder / "all.yaml").write_text(changed)
    server.cli("apply", str(folder), "-m", "first differs")
    refused = server.request("POST", f"/api/v1/runs/{done['id']}/move", {"to": "desk"})
    assert refused.status == 409 and refused.error["code"] == "move_disagrees", refused.text
    assert refused.error["param"] == "first" and "`first`" in refused.error["message"]


def test_many_at_once(server):
    failed = {finished(server, start(server, "desk", {"error": 500}))["id"] for _ in range(3)}
    finished(server, start(server, "desk"))
    since = server.request("GET", f"/api/v1/runs/{min(failed)}").json["created_at"]
    page = server.cli("runs", "retry", "--where", "state=failed", "--where", "chain=desk", "--since", since, "--dry-run").stdout
    assert "3 runs match; 3 would be retried" in page, page
    assert all(show(server, run)["state"] == "failed" for run in failed)
    every = {"action": "retry", "filter": {"chain": "desk", "since": since}, "dry_run": True}
    answer = server.request("POST", "/api/v1/runs/bulk", every).json
    assert answer["matched"] == 4 and answer["done"] == 3 and answer["refused"] == 1
    assert [line["code"] for line in answer["data"] if not line["ok"]] == ["run_succeeded"]
    assert {line["id"] for line in answer["data"] if line["ok"]} == failed
    limited = server.request("POST", "/api/v1/runs/bulk", every | {"limit": 2}).json
    assert limited["matched"] == 2 and limited["more"] is True

    time.sleep(0.1)
    ago = [*"runs retry --where state=failed --where chain=desk --dry-run".split(), "--since", "1m"]
    assert failed <= {line["id"] for line in json.loads(server.cli(*ago, "--json").stdout)["data"]}
    assert "0 runs match" in server.cli(*ago[:-1], "20ms").stdout
    assert "3 were retried" in server.cli("runs", "retry", "--where", "state=failed", "--where", "chain=desk", "--since", since).stdout
    for run in failed:
        finished(server, run)
        assert len(told(server, run, "retried")) == 1
    entry = server.request("GET", "/api/v1/audit").json["data"][0]
    assert entry["action"] == "bulk_retry" and entry["detail"]["done"] == 3 and entry["detail"]["filter"]["chain"] == "desk"

    waiting = {start(server, "waits") for _ in range(2)}
    eventually(lambda: all(show(server, run)["state"] == "waiting" for run in waiting))
    out = server.cli("runs", "cancel", "--where", "state=waiting", "--where", "chain=waits", "--json").stdout
    assert waiting <= {line["id"] for line in json.loads(out)["data"]}
    assert all(finished(server, run)["state"] == "cancelled" for run in waiting)


def test_bad_bulk_requests(server):
    for body, param in [
        ({"action": "retry"}, "filter"),
        ({"action": "retry", "filter": {}}, "filter"),
        ({"action": "drop", "filter": {"state": "all"}}, "action"),
        ({"action": "retry", "filter": {"state": "bad"}}, "filter.state"),
        ({"action": "retry", "filter": {"colour": "red"}}, "colour"),
        ({"action": "retry", "filter": {"since": "soon"}}, "since"),
        ({"action": "move", "filter": {"state": "all"}}, "to"),
        ({"action": "cancel", "filter": {"state": "all"}, "to": "desk@1"}, "to"),
        ({"action": "cancel", "filter": {"state": "all"}, "deadline": "2030-01-01T00:00:00Z"}, "deadline"),
        ({"action": "cancel", "filter": {"state": "all"}, "limit": 0}, "limit"),
        ({"action": "cancel", "filter": {"state": "all"}, "dry_run": "yes"}, "dry_run"),
    ]:
        answer = server.request("POST", "/api/v1/runs/bulk", body)
        assert answer.status == 400 and answer.error["param"] == param, answer.text
    assert server.cli("runs", "cancel", check=False).returncode == 2
    assert server.cli("runs", "cancel", "01X", "--where", "state=all", check=False).returncode == 2
    for what in ("retry", "fork", "move"):
        assert server.request("POST", f"/api/v1/runs/01NOPE/{what}", {"from": "x"} if what == "fork" else {"to": "desk"} if what == "move" else {}).status == 404


def test_a_run_that_is_going_to_be_late_says_so_before_it_is(server):
    for _ in range(3):
        assert finished(server, start(server, "paced"))["state"] == "succeeded"
    deadline = time.time() + 1.2
    iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(deadline)) + f".{int(deadline % 1 * 1000):03}Z"
    began = time.time()
    run = start(server, "paced", {"delay": 3}, deadline=iso)  # its steps usually take 0.3 s: seen once the first takes longer
    late = eventually(lambda: show(server, run).get("late"), 10)
    assert time.time() < deadline + 0.2, time.time() - began
    assert late["predicted"] > late["deadline"] and {step["step"] for step in late["missing"]} == {"one", "two"}
    ended = finished(server, run)
    assert ended["state"] == "failed"
    assert len(told(server, run, "late")) == 1
    assert 'fairlead_runs_late_total{project="default",chain="paced"} 1' in server.request("GET", "/metrics").text
    assert "late" in server.cli("runs", "show", run).stdout

    refused = server.request("POST", f"/api/v1/runs/{run}/retry", {})
    assert refused.status == 409 and refused.error["code"] == "deadline_passed"
    again = server.request("POST", f"/api/v1/runs/{run}/retry", {"deadline": "2099-01-01T00:00:00Z"})
    assert again.status == 202 and again.json["deadline"].startswith("2099-01-01"), again.text
    ended = finished(server, run)
    assert ended["state"] == "succeeded" and "late" not in ended


def test_what_steps_take_is_known_after_a_restart(folder, server):
    assert server.stop() == 0
    with Fairlead(folder.parent / "data", folder, UPSTREAM_KEYS) as again:
        again.wait_ready()
        soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 60)) + "Z"
        run = start(again, "paced", {"delay": 0.1}, deadline=soon)
        assert "late" not in finished(again, run)
        at = time.time() + 0.45
        iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"
        run = start(again, "paced", {"delay": 0.2}, deadline=iso)  # two of 0.3 s do not fit
        assert eventually(lambda: "late" in [kind for kind, _ in told(again, run, "late")], 5)
        assert again.stop() == 0
