"""Tasks: steps that programs of the chain's owner do."""

import os
import subprocess
import sys
import threading
import time

from fakes.postgresql_server import PostgresqlServer

from conftest import UPSTREAM_KEYS
from harness import TOP, Fairlead, eventually, events, finished, share_keys, show, start

CHAINS = """kind: chain
name: shrink
input: {picture: {type: string, default: cat}}
steps:
  - name: resize
    task: resize
    input: {picture: "${{ input.picture }}", width: 4}
    output: {type: object, properties: {bytes: {type: integer}}, required: [bytes]}
    lease: 1s
    retry: {attempts: 2, first: 10ms}
output: ${{ steps.resize.output.bytes }}
---
kind: chain
name: many
steps:
  - name: each
    map: ${{ [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }}
    at_once: 12
    task: count
    input: {n: "${{ item }}"}
    lease: 1s
"""


def PROJECT(_):
    return CHAINS


def poll(server, *names, wait_s=10, key="admin"):
    answer = server.request("POST", "/api/v1/tasks/poll", {"tasks": list(names) or ["resize"], "worker": "w1", "wait_s": wait_s}, key=key)
    assert answer.status in (200, 204), answer.text
    return answer.json if answer.status == 200 else None


def tell(server, task, what, body, key="admin"):
    return server.request("POST", f"/api/v1/tasks/{task['id']}/{what}", body, key=key)


def test_a_worker_gets_the_task_and_the_run_its_output(server):
    assert poll(server, wait_s=0) is None
    run = start(server, "shrink")
    task = poll(server)
    assert task["task"] == "resize" and task["input"] == {"picture": "cat", "width": 4} and task["attempt"] == 1
    assert task["run"] == run and task["step"] == "resize" and task["lease_s"] == 1 and len(task["key"]) == 32
    assert tell(server, task, "heartbeat", {"progress": {"done": 0.4}}).json == {"lease_s": 1}
    listed = server.request("GET", f"/api/v1/tasks?run={run}").json["data"]
    assert [(one["state"], one["worker"], one["progress"]) for one in listed] == [("leased", "w1", {"done": 0.4})]
    assert "resize" in server.cli("tasks", "list", "--run", run).stdout
    assert tell(server, task, "complete", {"output": {"bytes": 7}}).status == 200
    assert tell(server, task, "complete", {"output": {"bytes": 7}}).status == 200, "its answer may have been lost"
    assert finished(server, run)["output"] == 7
    assert [(one["event"], one.get("step")) for one in events(server, run)][:2] == [("taken", None), ("intent", "resize")]
    assert server.request("GET", f"/api/v1/tasks?run={run}").json["data"] == []


def test_a_poll_that_waits_is_answered_at_once_when_there_is_a_task(server):
    got = {}

    def work():
        got["task"] = poll(server, wait_s=20)
        got["at"] = time.monotonic()

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    run = start(server, "shrink")
    begun = time.monotonic()
    thread.join(10)
    print(f"a waiting worker had its task {1000 * (got['at'] - begun):.1f} ms after the run was started")
    assert got["at"] - begun < 0.2
    tell(server, got["task"], "complete", {"output": {"bytes": 1}})
    finished(server, run)


def test_a_lease_that_ran_out_goes_to_another_worker_and_the_late_one_is_refused(server):
    run = start(server, "shrink")
    first = poll(server)
    begun = time.monotonic()
    second = poll(server, wait_s=20)
    assert 0.7 < time.monotonic() - begun < 2.5
    assert second["key"] == first["key"] and second["attempt"] == 2 and second["id"] != first["id"]
    for what, body in [("complete", {"output": {"bytes": 1}}), ("heartbeat", {}), ("fail", {})]:
        answer = tell(server, first, what, body)
        assert answer.status == 409 and answer.error["code"] == "lease_lost"
    assert tell(server, second, "complete", {"output": {"bytes": 2}}).status == 200
    assert finished(server, run)["output"] == 2


def test_failures_and_outputs_that_do_not_fit(server):
    run = start(server, "shrink")
    assert tell(server, poll(server), "fail", {"class": "transient", "code": "no_space", "message": "The disk is full."}).status == 200
    task = poll(server)
    assert task["attempt"] == 2
    answer = tell(server, task, "complete", {"output": {"bytes": "many"}})
    assert answer.status == 400 and answer.error["code"] == "invalid_output" and "/bytes" in answer.error["message"]
    ended = finished(server, run)
    assert ended["state"] == "failed" and ended["error"]["class"] == "bad_output"
    failures = [one["data"]["code"] for one in events(server, run) if one["event"] == "failure"]
    assert failures == ["no_space", "invalid_output"]

    run = start(server, "shrink")
    assert tell(server, poll(server), "fail", {"class": "permanent", "code": "no_picture", "message": "There is none."}).status == 200
    assert finished(server, run)["error"] == {"class": "permanent", "code": "no_picture", "message": "There is none.", "step": "resize"}


def test_a_cancelled_run_wants_its_task_no_more(server):
    run = start(server, "shrink")
    task = poll(server)
    server.request("POST", f"/api/v1/runs/{run}/cancel", {})
    assert finished(server, run)["state"] == "cancelled"
    eventually(lambda: tell(server, task, "heartbeat", {}).status == 409)
    assert poll(server, wait_s=0) is None


def test_bad_requests_and_scopes(server):
    for body, param in [
        ({}, "tasks"), ({"tasks": []}, "tasks"), ({"tasks": "resize"}, "tasks"), ({"tasks": [1]}, "tasks"),
        ({"tasks": ["a"], "wait_s": 61}, "wait_s"), ({"tasks": ["a"], "wait_s": "x"}, "wait_s"),
        ({"tasks": ["a"], "worker": ""}, "worker"), ({"tasks": ["a"], "wait": 1}, "wait"),
    ]:  # fmt: skip
        answer = server.request("POST", "/api/v1/tasks/poll", body)
        assert answer.status == 400 and answer.error["param"] == param, answer.text
    for name in ("x", "0" * 32, "0" * 32 + ".", "0" * 32 + ".1", "0" * 32 + ".-1", "%00", "a" * 5000):
        answer = server.request("POST", f"/api/v1/tasks/{name}/complete", {"output": 1})
        assert answer.status in (400, 404, 409, 414, 431), answer.text
    worker = server.request("POST", "/api/v1/keys", {"name": "w", "scopes": ["work"]}).json["key"]
    caller = server.request("POST", "/api/v1/keys", {"name": "c", "scopes": ["call"]}).json["key"]
    other = server.request("POST", "/api/v1/keys", {"name": "o", "scopes": ["work"], "project": "other"}).json["key"]
    run = start(server, "shrink")
    assert poll(server, key=other, wait_s=0) is None, "another project's tasks are not seen"
    assert server.request("POST", "/api/v1/tasks/poll", {"tasks": ["resize"]}, key=caller).status == 403
    task = poll(server, key=worker)
    assert tell(server, task, "complete", {"output": {"bytes": 1}}, key=other).status == 409
    assert tell(server, task, "fail", {"class": "sad"}, key=worker).error["param"] == "class"
    assert tell(server, task, "complete", {"output": {"bytes": 5}}, key=worker).status == 200
    assert finished(server, run)["output"] == 5


def test_a_stop_does_not_wait_for_polls(folder, tmp_path):
    server = Fairlead(tmp_path / "data", folder).wait_ready()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(poll(server, wait_s=60)))
    thread.start()
    time.sleep(0.3)
    begun = time.monotonic()
    assert server.stop() == 0
    thread.join(10)
    assert time.monotonic() - begun < 5 and answers == [None]


def test_tasks_survive_a_killed_server(folder, tmp_path):
    """Killed with a task leased and others waiting: nothing is lost, and a lease from before is good after."""
    server = Fairlead(tmp_path / "data", folder).wait_ready()
    run = start(server, "many")
    taken = [poll(server, "count") for _ in range(3)]
    assert tell(server, taken[0], "complete", {"output": 100}).status == 200
    server.kill()
    server = Fairlead(tmp_path / "data", folder).wait_ready()
    assert tell(server, taken[0], "complete", {"output": 100}).status == 200
    told = tell(server, taken[1], "complete", {"output": 200})
    while task := poll(server, "count", wait_s=3):
        tell(server, task, "complete", {"output": task["input"]["n"]})
        if show(server, run)["state"] == "succeeded":
            break
    ended = finished(server, run)
    numbers = [task["input"]["n"] for task in taken]
    assert ended["output"][numbers[0] - 1] == 100
    assert told.status == 409 or ended["output"][numbers[1] - 1] == 200
    assert all(value in (place + 1, 100, 200) for place, value in enumerate(ended["output"]))
    assert server.stop() == 0


def test_the_example_works_and_two_workers_share_it_when_one_dies(tmp_path):
    example = TOP / "examples" / "tasks"
    assert len((example / "worker.py").read_text().splitlines()) <= 30
    with Fairlead(tmp_path / "data", example) as server:
        server.wait_ready()
        env = os.environ | {"FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key}
        begin = lambda: subprocess.Popen([sys.executable, example / "worker.py"], env=env, stdout=subprocess.PIPE, text=True)  # noqa: E731
        workers = [begin(), begin()]
        try:
            done = server.cli("run", "count", "--input", str(example / "texts.json"), "--follow")
            assert '"words": 6' in done.stdout and "harbour" in done.stdout
            workers[0].kill()
            texts = {"texts": ["one two three"] * 40}
            run = finished(server, start(server, "count", texts), 30)
            assert run["output"] == [{"words": 3, "longest": "three"}] * 40
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def test_two_nodes_share_tasks(folder, tmp_path):
    with PostgresqlServer() as postgresql:
        uri = postgresql.new_database()
        a = Fairlead(tmp_path / "a", folder, env=UPSTREAM_KEYS | {"FAIRLEAD_STORE": uri}).wait_ready()
        share_keys(a.data, tmp_path / "b")
        b = Fairlead(tmp_path / "b", env=UPSTREAM_KEYS | {"FAIRLEAD_STORE": uri}).wait_ready()
        try:
            got = []
            thread = threading.Thread(target=lambda: got.append(poll(b, wait_s=20)))
            thread.start()
            time.sleep(0.3)
            run = start(a, "shrink")
            thread.join(10)
            assert got[0]["run"] == run, "put out at one node, taken at the other"
            assert tell(a, got[0], "heartbeat", {}).status == 200
            assert tell(b, got[0], "complete", {"output": {"bytes": 9}}).status == 200
            assert finished(a, run)["output"] == 9
            run = start(a, "many")
            counts = {a.url: 0, b.url: 0}

            def work(server):
                while task := poll(server, "count", wait_s=2):
                    counts[server.url] += tell(server, task, "complete", {"output": task["input"]["n"]}).status == 200

            threads = [threading.Thread(target=work, args=(server,)) for server in (a, b)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert finished(a, run)["output"] == list(range(1, 13)) and sum(counts.values()) == 12
        finally:
            a.stop()
            b.stop()
