"""Agents and switches: exact turns, tools of every kind, crashes in the middle."""

import collections
import json
import random
import time

import pytest

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead, eventually, events, finished, show, start

PROJECT = FAKE_PROVIDER + FAKE_SMALL + """kind: prompt
name: desk-prompt
model: small
input: {{subject: {{type: string}}}}
messages: [{{system: "You know about {{{{ subject }}}}."}}]
---
kind: prompt
name: say
model: small
input: {{text: {{type: string}}}}
messages: [{{user: "{{{{ text }}}}"}}]
---
kind: chain
name: part
input: {{word: {{type: string}}}}
steps:
  - name: inner
    transform: ${{{{ input.word + '?' }}}}
---
kind: chain
name: desk
input: {{script: {{type: object}}}}
steps:
  - name: desk
    agent:
      model: small
      messages: Find it.
      parameters: {{x_fake: "${{{{ input.script }}}}"}}
      tools:
        - name: look_up
          description: Looks it up.
          arguments: {{word: {{type: string}}}}
          chain: part
          input: {{word: "${{{{ arguments.word }}}}"}}
        - name: think
          description: Thinks.
          arguments: {{n: {{type: integer, default: 1}}}}
          transform: ${{{{ arguments.n * 2 }}}}
        - name: say
          description: Says.
          prompt: say
          variables: {{text: said}}
        - name: person
          description: Asks a person.
          arguments: {{question: {{type: string}}}}
          approve: ${{{{ arguments.question }}}}
        - name: work
          description: Works.
          task: count
          input: {{n: 3}}
        - name: publish
          description: Publishes.
          http: {{url: "http://127.0.0.1:1/"}}
          on_failure: fail
    at_most: 6
---
kind: chain
name: prompted
input: {{script: {{type: object}}}}
steps:
  - name: desk
    agent:
      prompt: desk-prompt
      variables: {{subject: foxes}}
      parameters: {{x_fake: "${{{{ input.script }}}}"}}
      tools:
        - {{name: think, description: Thinks., transform: 7}}
    at_most: 4
    output: {{type: object, properties: {{n: {{type: integer}}}}, required: [n]}}
output: ${{{{ steps.desk.output.n + 1 }}}}
---
kind: chain
name: routed
input: {{kind: {{type: string}}}}
steps:
  - name: answer
    switch:
      - when: input.kind == "chain"
        chain: part
        input: {{word: hm}}
      - when: input.kind == "model"
        model: small
        messages: hi
        parameters: {{x_fake: {{text: from the model}}}}
      - transform: nobody
output: ${{{{ steps.answer.output }}}}
---
kind: chain
name: slow
steps:
  - name: desk
    agent:
      model: small
      messages: Find it.
      parameters:
        x_fake:
          delay: 0.05
          turns:
            - tool_calls: [{{name: ask, arguments: {{n: 1}}}}, {{name: ask, arguments: {{n: 2}}}}]
            - tool_calls: [{{name: ask, arguments: {{n: 3}}}}, {{name: wait, arguments: {{}}}}]
            - tool_calls: [{{name: ask, arguments: {{n: 4}}}}]
            - text: found
      tools:
        - name: ask
          description: Asks.
          arguments: {{n: {{type: integer}}}}
          model: small
          messages: ask ${{{{ arguments.n }}}}
          parameters: {{x_fake: {{text: "${{{{ string(arguments.n) }}}}", delay: 0.05}}}}
        - {{name: wait, description: Waits., wait: 50ms}}
    at_most: 5
"""


def use(name, **arguments):
    return {"name": name, "arguments": arguments}


def test_exact_turns(server, openai_fake):
    before = len(openai_fake.requests)
    turns = [{"tool_calls": [use("look_up", word="fox"), use("think", n=21)]}, {"text": "There."}]
    run = finished(server, start(server, "desk", {"script": {"turns": turns}}))
    assert run["state"] == "succeeded" and run["output"] == "There.", run
    sent = [request.body for request in openai_fake.requests[before:]]
    assert len(sent) == 2
    assert [tool["function"]["name"] for tool in sent[0]["tools"]] == ["look_up", "think", "say", "person", "work", "publish"]
    assert sent[0]["tools"][0]["function"] == {
        "name": "look_up", "description": "Looks it up.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "additionalProperties": False, "required": ["word"]}}  # fmt: skip
    assert sent[0]["messages"] == [{"role": "user", "content": "Find it."}]
    said = sent[1]["messages"][1:]
    assert said[0]["role"] == "assistant" and [call["function"]["name"] for call in said[0]["tool_calls"]] == ["look_up", "think"]
    assert said[1:] == [{"role": "tool", "tool_call_id": "call_0", "content": "fox?"}, {"role": "tool", "tool_call_id": "call_1", "content": "42"}]
    results = [event["step"] for event in events(server, run["id"]) if event["event"] == "result"]
    assert sorted(results) == ["desk", "desk#1", "desk#1/look_up/1", "desk#1/think/2", "desk#2"]
    assert run["cost_usd"] > 0
    calls = eventually(lambda: len(found := server.calls(f"?tag=run:{run['id']}")) == 2 and found)
    assert {tag for call in calls for tag in call["tags"]} >= {"step:desk#1", "step:desk#2"}


def test_people_and_programs_are_tools_too(server):
    turns = [{"tool_calls": [use("person", question="Is it so?"), use("work"), use("say")]}, {"text": "Done."}]
    run = start(server, "desk", {"script": {"turns": turns}})
    step = "desk#1/person/1"
    eventually(lambda: any(event["event"] == "wait" and event["step"] == step for event in events(server, run)))
    assert "Is it so?" in json.dumps(show(server, run))
    server.cli("runs", "approve", run, step, "--comment", "yes")
    task = server.request("POST", "/api/v1/tasks/poll", {"tasks": ["count"]}).json
    assert task["step"] == "desk#1/work/2"
    server.request("POST", f"/api/v1/tasks/{task['id']}/complete", {"output": [1, 2]})
    assert finished(server, run)["output"] == "Done."
    told = next(json.loads(event["data"]["input"])["messages"] for event in events(server, run) if event.get("step") == "desk#2" and event["event"] == "intent")
    answers = {message["tool_call_id"]: message["content"] for message in json.loads(told) if message["role"] == "tool"}
    assert json.loads(answers["call_0"])["approved"] is True and answers["call_1"] == "[1,2]" and answers["call_2"] == "Hello from upstream."


def test_mistakes_are_told_and_failures_that_may_not_be_end_the_run(server):
    turns = [{"tool_calls": [use("lookup"), use("look_up", wrd="x"), use("think", n="many")]}, {"text": "Sorry."}]
    run = finished(server, start(server, "desk", {"script": {"turns": turns}}))
    assert run["output"] == "Sorry."
    outputs = [event["data"] for event in events(server, run["id"]) if event["event"] == "result" and "/?/" in event["step"]]
    assert len(outputs) == 3 and "There is no such tool" in outputs[0]
    run = finished(server, start(server, "desk", {"script": {"turns": [{"tool_calls": [use("publish")]}]}}))
    assert run["state"] == "failed" and run["error"]["code"] == "host_not_allowed" and run["error"]["step"] == "desk"


def test_the_last_turn_is_told_to_answer(server, openai_fake):
    before = len(openai_fake.requests)
    run = finished(server, start(server, "desk", {"script": {"tool_calls": [use("think")]}}))
    assert run["error"]["code"] == "too_many_turns"
    sent = [request.body for request in openai_fake.requests[before:]]
    assert [body.get("tool_choice") for body in sent] == [None] * 5 + ["none"]


def test_a_retry_gives_its_turns_anew(server, openai_fake):
    turns = [{"tool_calls": [use("think", n=n)]} for n in range(8)] + [{"text": "At last."}]
    run = finished(server, start(server, "desk", {"script": {"turns": turns}}))
    assert run["error"]["code"] == "too_many_turns" and [step["state"] for step in run["steps"]] == ["failed"], run
    before = len(openai_fake.requests)
    assert server.request("POST", f"/api/v1/runs/{run['id']}/retry", {}).status == 202
    run = finished(server, run["id"])
    assert run["state"] == "succeeded" and run["output"] == "At last." and run["steps"][0]["state"] == "done", run
    sent = [request.body for request in openai_fake.requests[before:]]
    assert len(sent) == 3
    told = [message["content"] for message in sent[-1]["messages"] if message["role"] == "tool"]
    assert told == [str(2 * n) for n in range(8)], "the conversation goes on"
    retried = next(event for event in events(server, run["id"]) if event["event"] == "retried")
    assert retried["data"]["steps"] == ["desk"]


def test_an_agent_under_way_is_not_moved_to_other_words(server, folder):
    run = start(server, "desk", {"script": {"turns": [{"tool_calls": [use("person", question="So?")]}, {"text": "Done."}]}})
    eventually(lambda: show(server, run)["state"] == "waiting")
    file = folder / "all.yaml"
    written = file.read_text()
    for old, new, allowed in [("at_most: 6", "at_most: 7", True), ("Find it.", "Find that.", False), ("Asks a person.", "Asks anybody.", False)]:
        file.write_text(written.replace(old, new, 1))
        server.cli("apply", str(folder), "-m", new)
        moved = server.request("POST", f"/api/v1/runs/{run}/move", {"to": "desk"})
        assert moved.status == (200 if allowed else 409), moved.text
        if not allowed:
            assert moved.error["code"] == "move_disagrees" and moved.error["param"] == "desk", moved.text
    file.write_text(written)
    server.cli("apply", str(folder), "-m", "as before")
    server.cli("runs", "approve", run, "desk#1/person/1")
    assert finished(server, run)["output"] == "Done."


def test_a_prompt_with_tools_and_a_typed_output(server, openai_fake):
    before = len(openai_fake.requests)
    run = finished(server, start(server, "prompted", {"script": {"turns": [{"tool_calls": [use("think")]}, {}]}}))
    assert run["state"] == "succeeded" and run["output"] == 8, run
    sent = [request.body for request in openai_fake.requests[before:]]
    assert sent[1]["messages"][0] == {"role": "system", "content": "You know about foxes."}
    assert sent[1]["messages"][-1] == {"role": "tool", "tool_call_id": "call_0", "content": "7"}
    assert sent[0]["response_format"]["json_schema"]["schema"]["required"] == ["n"]


@pytest.mark.parametrize("kind, output", [("chain", "hm?"), ("model", "from the model"), ("x", "nobody")])
def test_a_switch_does_one(server, kind, output):
    run = finished(server, start(server, "routed", {"kind": kind}))
    assert run["output"] == output and [step["state"] for step in run["steps"]] == ["done"]


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_agent_does_nothing_twice(folder, openai_fake, tmp_path, seed):
    chance = random.Random(seed)
    before = len(openai_fake.requests)
    server = Fairlead(tmp_path / "data", folder, UPSTREAM_KEYS).wait_ready()
    runs = [start(server, "slow", key=f"r{i}") for i in range(3)]
    for _ in range(6):
        time.sleep(chance.uniform(0.02, 0.3))
        server.kill()
        server = Fairlead(tmp_path / "data", folder, UPSTREAM_KEYS).wait_ready()
    ended = [finished(server, run, 30) for run in runs]
    assert [run["output"] for run in ended] == ["found"] * 3, ended
    made_again, keys = 0, set()
    for run in runs:
        history = events(server, run)
        results = collections.Counter(event["step"] for event in history if event["event"] == "result")
        assert set(results.values()) == {1} and len(results) == 10, "four turns, four questions, one wait, and the step"
        keys |= {event["data"]["key"] for event in history if event["event"] == "intent"}
        made_again += sum(event["event"] == "uncertain" for event in history)
    sent = collections.Counter(request.header("idempotency-key") for request in openai_fake.requests[before:])
    assert set(sent) <= keys and len(keys) == 3 * 8
    assert sum(sent.values()) - len(keys) <= made_again, "only what a kill cut off was sent again"
    assert server.stop() == 0
