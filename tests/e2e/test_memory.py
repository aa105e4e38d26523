"""What prompts remember of a session: which turns a call gets, across calls, restarts, deletion, and when it is too long."""

import json
import threading

import openai
import pytest

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead, eventually

PROJECT = FAKE_PROVIDER + FAKE_SMALL + """kind: model
name: windowed
retries: 0
card: {{context_length: 2048}}
routes: [{{provider: fake, model: fake-1}}]
---
kind: prompt
name: chat
model: small
memory: {{turns: 3}}
messages: [{{system: "Be kind."}}]
---
kind: prompt
name: other
model: small
memory: {{}}
messages: [{{system: "Be brief."}}]
---
kind: prompt
name: asks
model: small
input: {{question: {{type: string}}}}
memory: {{turns: 5}}
messages:
  - system: "Be kind."
  - user: "Q: {{{{ question }}}}"
---
kind: prompt
name: plain
model: small
messages: [{{system: "Be kind."}}]
---
kind: prompt
name: summed
model: small
memory: {{turns: 4, summary: sum-up, ttl: 2h}}
messages: [{{system: "Be kind."}}]
---
kind: prompt
name: sum-up
model: small
input: {{conversation: {{type: string}}}}
messages:
  - user: "Sum up:\\n{{{{ conversation }}}}"
---
kind: prompt
name: long
model: windowed
parameters: {{max_tokens: 200}}
memory: {{turns: 200, tokens: 100000}}
fit: [history]
messages: [{{system: "You are the support of a bank."}}]
"""


def say(server, session, text, answer="ok", model="chat", stream=False, fake=None, messages=None, **fairlead):
    """Says it; the answer's text and the id of the call."""
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0)
    extra = {"fairlead": {"session": session} | fairlead, "x_fake": {"text": answer} | (fake or {})}
    messages = [{"role": "user", "content": text}] if messages is None else messages
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, stream=stream, extra_body=extra)
    parsed = raw.parse()
    said = "".join(event.choices[0].delta.content or "" for event in parsed if event.choices) if stream else parsed.choices[0].message.content
    return said, raw.headers["x-fairlead-call-id"]


def sent(openai_fake):
    return [message["content"] for message in openai_fake.last.body["messages"]]


@pytest.mark.parametrize("stream", [False, True])
def test_the_last_turns_come_before_the_new_message(server, openai_fake, stream):
    session = f"turns-{stream}"
    for i in range(5):
        say(server, session, f"q{i}", f"a{i}", stream=stream)
    assert sent(openai_fake) == ["Be kind.", "q1", "a1", "q2", "a2", "q3", "a3", "q4"]


def test_sessions_prompts_and_those_without_memory_are_apart(server, openai_fake):
    say(server, "apart", "q1", "a1")
    say(server, "apart-2", "q")
    assert sent(openai_fake) == ["Be kind.", "q"]
    say(server, "apart", "q", model="other")
    assert sent(openai_fake) == ["Be brief.", "q"]
    say(server, "apart", "q", model="plain")
    assert sent(openai_fake) == ["Be kind.", "q"]
    say(server, "", "q")
    assert sent(openai_fake) == ["Be kind.", "q"]




def test_a_prompt_that_asks_itself(server, openai_fake):
    say(server, "asks", "", "a1", model="asks", messages=[], variables={"question": "one"})
    say(server, "asks", "", "a2", model="asks", messages=[], variables={"question": "two"})
    assert sent(openai_fake) == ["Be kind.", "Q: one", "a1", "Q: two"]


def test_tool_calls_stay_with_their_results(server, openai_fake):
    say(server, "tools", "weather?", fake={"tool_calls": [{"name": "weather", "arguments": {"city": "Ulm"}}]})
    result = [{"role": "tool", "tool_call_id": "call_0", "content": "rain"}]
    say(server, "tools", "", "It rains.", messages=result)
    messages = openai_fake.last.body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool"]
    assert messages[2]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Ulm"}'}
    for i in range(2):
        say(server, "tools", f"q{i}", "a")
    say(server, "tools", "last")
    assert sent(openai_fake)[1] == "weather?", "the call, its result and the answer are one turn"


def test_what_fails_or_is_left_is_not_remembered(server, openai_fake):
    say(server, "fails", "q1", "a1")
    with pytest.raises(openai.APIStatusError):
        say(server, "fails", "q2", fake={"error": 500})
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0)
    extra = {"fairlead": {"session": "fails"}, "x_fake": {"text": "one two three", "stall_after": 2}}
    with client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "q3"}], stream=True, extra_body=extra) as stream:
        next(iter(stream))
    assert openai_fake.last.client_gone.wait(5)
    say(server, "fails", "q4")
    assert sent(openai_fake) == ["Be kind.", "q1", "a1", "q4"]


def test_two_calls_at_the_same_time(server, openai_fake):
    say(server, "both", "q0", "a0")
    slow = threading.Thread(target=say, args=(server, "both", "slow", "as"), kwargs={"fake": {"delay": 0.7}})
    before = len(openai_fake.requests)
    slow.start()
    eventually(lambda: len(openai_fake.requests) > before)
    say(server, "both", "quick", "aq")
    assert sent(openai_fake) == ["Be kind.", "q0", "a0", "quick"], "the other one has not been answered"
    slow.join()
    say(server, "both", "then")
    assert sent(openai_fake) == ["Be kind.", "q0", "a0", "quick", "aq", "slow", "as", "then"]


def test_many_calls_over_many_connections_see_what_was_answered(server, openai_fake):
    """Each call begins when the one before has been answered, on a connection of its own: whichever thread serves it."""
    for i in range(40):
        say(server, "order", f"q{i}", f"a{i}")
        assert sent(openai_fake)[-2:] == ([f"a{i - 1}", f"q{i}"] if i else ["Be kind.", "q0"])


def test_deleting(server, openai_fake):
    say(server, "gone", "my secret", "noted")
    eventually(lambda: "my secret" in server.cli("sessions", "show", "gone", check=False).stdout)
    assert "gone" in server.cli("sessions", "list").stdout
    assert "forgotten" in server.cli("sessions", "delete", "gone").stdout
    say(server, "gone", "q")
    assert sent(openai_fake) == ["Be kind.", "q"]

    answer = server.request("DELETE", "/api/v1/sessions/never-there")
    assert answer.status == 404 and answer.error["code"] == "session_not_found"
    assert server.request("GET", "/api/v1/sessions/never-there").status == 404


def test_a_session_is_summed_up_behind_the_answers(server, openai_fake):
    for i in range(4):
        say(server, "summed", f"q{i}", f"a{i}", model="summed")
    before = len(openai_fake.requests)
    said, call_id = say(server, "summed", "q4", "a4", model="summed")
    summary = eventually(lambda: next((one for one in openai_fake.requests[before:] if "Sum up" in json.dumps(one.body)), None))
    assert summary.body["messages"][0]["content"].startswith("Sum up:\nuser: q0\nassistant: a0\n")

    def is_summed():
        answer = server.request("GET", "/api/v1/sessions/summed")
        return answer.status == 200 and answer.json["data"][0]["summary"]

    assert eventually(is_summed) == "Hello from upstream."
    say(server, "summed", "q5", model="summed")
    messages = sent(openai_fake)
    assert messages[:2] == ["Be kind.", "What was said before, in short:\nHello from upstream."]
    assert "q0" not in messages and messages[-1] == "q5"
    (record,) = eventually(lambda: server.calls("?tag=session-summary&session=summed"))
    assert (record["target"], record["status"], record["session_id"]) == ("sum-up", 200, "summed")
    assert record["id"] != call_id and record["cost_usd"] > 0


def test_sixty_turns_in_a_window_of_2048_tokens(server, openai_fake):
    trimmed = []
    for turn in range(60):
        words = "please tell me about my account " * 8
        said, call_id = say(server, "sixty", f"Question {turn}: {words}", f"Answer {turn}. " + "all is well " * 10, model="long", fake={"window": 1848})
        assert said.startswith(f"Answer {turn}.")
        assert sent(openai_fake)[0] == "You are the support of a bank."
        assert sent(openai_fake)[-1].startswith(f"Question {turn}:")
        if turn % 20 == 19:
            trimmed.append(server.call(call_id)["trimmed_tokens"])
    assert 0 <= trimmed[0] < trimmed[1] < trimmed[2]
    record = server.call(call_id)
    left_out = json.loads(record["trimmed"])["history"]
    assert left_out["messages"] == 119 - (len(sent(openai_fake)) - 1) and left_out["tokens"] == record["trimmed_tokens"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_loses_nothing(folder, openai_fake, how):
    data = folder.parent / f"restart-{how}"
    with Fairlead(data, folder, UPSTREAM_KEYS) as first:
        first.wait_ready()
        say(first, "kept", "q1", "a1")
        eventually(lambda: "a1" in first.request("GET", "/api/v1/sessions/kept").text)
        first.stop() if how == "stop" else first.kill()
    with Fairlead(data, folder, UPSTREAM_KEYS) as second:
        second.wait_ready()
        say(second, "kept", "q2", "a2")
        assert sent(openai_fake) == ["Be kind.", "q1", "a1", "q2"]
        say(second, "kept", "q3")
        assert sent(openai_fake) == ["Be kind.", "q1", "a1", "q2", "a2", "q3"]
        assert second.stop() == 0


def test_a_summary_that_cannot_be_is_refused(server, tmp_path):
    (tmp_path / "a.yaml").write_text(
        "kind: prompt\nname: a\nmodel: small\nmemory: {summary: gone}\nmessages: []\n---\n"
        "kind: prompt\nname: b\nmodel: small\nmemory: {summary: plain}\nmessages: []\n"
    )
    told = server.cli("plan", str(tmp_path), check=False)
    assert told.returncode == 2
    assert "unknown prompt `gone`" in told.stderr + told.stdout
    assert "input `conversation`" in told.stderr + told.stdout
