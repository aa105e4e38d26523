"""Large inputs, outputs and signals of runs: kept once, read back as they were, and bounded."""

import sqlite3

import pytest

from harness import Fairlead, events, finished, start, store_of

CHAINS = """kind: chain
name: echo
input: {text: {type: string}, n: {type: integer, default: 0}}
steps:
  - name: said
    wait: said
  - name: both
    transform: {text: "${{ input.text }}", said: "${{ steps.said.output }}"}
output: ${{ steps.both.output }}
---
kind: chain
name: twice
input: {text: {type: string}}
steps:
  - name: doubled
    transform: ${{ input.text + input.text }}
---
kind: chain
name: shrink
steps:
  - name: resize
    task: resize
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "chains.yaml").write_text(CHAINS)
    return folder


def say(server, run, data):
    return server.request("POST", f"/api/v1/runs/{run}/signals", {"name": "said", "data": data, "id": "one"})


def test_a_large_value_is_kept_once_and_survives_a_kill(folder, tmp_path):
    text = 'Grüße, "you" \\ and\n' * 20_000
    server = Fairlead(tmp_path / "data", folder).wait_ready()
    runs = [start(server, "echo", {"text": text, "n": n}) for n in range(3)]
    assert say(server, runs[0], "small").status == 202
    finished(server, runs[0])
    server.kill()
    server = Fairlead(tmp_path / "data", folder).wait_ready()
    for run in runs[1:]:
        assert say(server, run, text[::-1]).status == 202
    ended = [finished(server, run) for run in runs]
    assert [run["output"] for run in ended] == [{"text": text, "said": "small"}] + 2 * [{"text": text, "said": text[::-1]}]
    assert events(server, runs[1])[-1]["data"]["output"] == ended[1]["output"]
    assert server.stop() == 0
    if store_of(server.data):
        return
    with sqlite3.connect(tmp_path / "data" / "fairlead.db") as store:
        blobs = sorted(size for (size,) in store.execute("select length(data) from journal_blobs"))
        uses = store.execute("select count(*) from journal_blob_uses").fetchone()[0]
    one = len(text) + 20_000 * 4  # what is escaped
    assert blobs[:2] == [one + 2] * 2 and len(blobs) == 3 and blobs[2] > 2 * one, "the article, the reply, and both in one output"
    assert uses == 3 * 1 + 2 * 2


def test_a_value_over_the_limit_is_refused_or_fails_its_step(folder, tmp_path):
    server = Fairlead(tmp_path / "data", folder, settings=["--runs.largest_value=64KiB"]).wait_ready()
    answer = server.request("POST", "/api/v1/runs", {"chain": "echo", "input": {"text": "x" * 70_000}})
    assert answer.status == 413 and answer.error["code"] == "value_too_large" and answer.error["param"] == "input"
    assert "64 KiB" in answer.error["message"] and "`runs.largest_value`" in answer.error["message"]
    run = start(server, "echo", {"text": "x"})
    answer = say(server, run, "x" * 70_000)
    assert answer.status == 413 and answer.error["code"] == "value_too_large" and answer.error["param"] == "data"
    assert say(server, run, "y").status == 202
    assert finished(server, run)["output"] == {"text": "x", "said": "y"}

    ended = finished(server, start(server, "twice", {"text": "x" * 40_000}))
    assert ended["state"] == "failed" and ended["error"]["step"] == "doubled", ended["error"]
    assert ended["error"]["class"] == "bad_output" and ended["error"]["code"] == "value_too_large"

    run = start(server, "shrink")
    task = server.request("POST", "/api/v1/tasks/poll", {"tasks": ["resize"], "wait_s": 10}).json
    answer = server.request("POST", f"/api/v1/tasks/{task['id']}/complete", {"output": "x" * 70_000})
    assert answer.status == 413 and answer.error["code"] == "value_too_large"
    ended = finished(server, run)
    assert ended["state"] == "failed" and ended["error"]["class"] == "bad_output" and ended["error"]["code"] == "value_too_large"
    assert server.stop() == 0
