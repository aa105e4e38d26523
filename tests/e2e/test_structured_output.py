"""Answers that have to fit a schema: checked, repaired, held back, paid for. And messages that have to fit a window."""

import json

import anthropic
import openai
import pytest

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, Fairlead, eventually

SCHEMA = {
    "type": "object",
    "properties": {"intent": {"enum": ["card_lost", "other"]}},
    "required": ["intent"],
    "additionalProperties": False,
}
GOOD, BAD = '{"intent": "card_lost"}', '{"intent": "card lost"}'
MODELS = FAKE_PROVIDER + """kind: model
name: small
retries: 0
timeout: 20s
prices: {{input: 2, output: 10}}
routes: [{{provider: fake, model: fake-1}}]
---
kind: model
name: hasty
retries: 0
timeout: 1500ms
routes: [{{provider: fake, model: fake-1}}]
---
kind: model
name: told
retries: 0
routes: [{{provider: fake, model: fake-1, schema: instructions}}]
---
kind: model
name: windowed
retries: 0
card: {{context_length: 2048}}
routes: [{{provider: fake, model: fake-1}}]
---
kind: prompt
name: intent
model: small
input: {{question: {{type: string}}}}
parameters: {{max_tokens: 50}}
messages:
  - user: "Which intent is this: {{{{ question }}}}"
output:
  schema: {schema}
  repair: 2
---
kind: prompt
name: told-intent
model: told
messages: [{{system: "Be brief."}}]
output: {{schema: {schema}}}
---
kind: prompt
name: chat
model: windowed
parameters: {{max_tokens: 200}}
fit: [history, examples]
messages:
  - system: "You are the support of a bank."
  - {{user: "Where is my card?", part: examples}}
  - {{assistant: "On its way.", part: examples}}
---
kind: budget
name: tight
for: {{tag: tight}}
output_tokens: 55
per: ever
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, openai_fake):
    folder = tmp_path_factory.mktemp("structured") / "p"
    folder.mkdir()
    (folder / "all.yaml").write_text(MODELS.format(url=openai_fake.url, schema=json.dumps(SCHEMA)))
    with Fairlead(folder.parent / "data", folder, UPSTREAM_KEYS) as server:
        yield server.wait_ready()
        assert server.stop() == 0


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key)


def ask(client, model="intent", in_turn=(GOOD,), x_fake=None, fairlead=None, **more):
    extra = {"fairlead": {"variables": {"question": "My card is gone"}} | (fairlead or {}), "x_fake": {"in_turn": in_turn} | (x_fake or {})}
    return client.chat.completions.with_raw_response.create(model=model, messages=[], extra_body=extra, **more)


def record(server, answer):
    return server.call(answer.headers["x-fairlead-call-id"])


def reasons(call):
    return [one["reason"] for one in call["attempts"]]


def test_a_good_answer_is_asked_for_once(server, client, openai_fake):
    answer = ask(client)
    assert answer.parse().choices[0].message.content == GOOD
    call = record(server, answer)
    assert call["schema_failures"] is None and reasons(call) == [None]
    assert openai_fake.last.body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_bad_one_is_repaired_recorded_and_counted(server, client, openai_fake):
    answer = ask(client, in_turn=["I think the card is lost.", BAD, GOOD])
    assert answer.parse().choices[0].message.content == GOOD
    call = record(server, answer)
    assert call["schema_failures"] == 2 and reasons(call) == [None, "repair", "repair"]
    messages = openai_fake.last.body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == BAD and "/intent" in messages[2]["content"] and "card_lost" in messages[2]["content"]
    asked = [request.body["messages"] for request in openai_fake.requests[-3:]]
    said = ["I think the card is lost.", BAD, GOOD]
    assert call["output_tokens"] == sum(len(text.split()) for text in said)
    assert call["input_tokens"] == sum(len(json.dumps(one["content"]).split()) for messages in asked for one in messages)
    assert call["cost_usd"] == pytest.approx((2 * call["input_tokens"] + 10 * call["output_tokens"]) / 1e6)
    stats = server.request("GET", "/api/v1/stats?target=intent").json["data"][0]
    assert stats["schema_failures"] >= 2
    assert "unfit" in server.cli("stats", "intent").stdout
    metrics = server.request("GET", "/metrics").text
    line = next(line for line in metrics.splitlines() if line.startswith("fairlead_schema_failures_total") and 'target="intent"' in line)
    assert float(line.split()[-1]) >= 2
    assert "repair" in server.cli("calls", "show", answer.headers["x-fairlead-call-id"]).stdout


def test_one_that_never_fits_is_an_error_and_is_not_asked_for_anew(server, client, openai_fake):
    before = len(openai_fake.requests)
    with pytest.raises(openai.APIStatusError) as refused:
        ask(client, in_turn=[BAD])
    assert refused.value.status_code == 502 and refused.value.code == "schema_failed"
    assert len(openai_fake.requests) == before + 3, "the client tried again"
    call = record(server, refused.value.response)
    assert call["error_code"] == "schema_failed" and call["schema_failures"] == 3
    assert call["output_tokens"] == 9


def test_a_stream_is_sent_when_it_fits(server, client):
    extra = {"fairlead": {"variables": {"question": "x"}}, "x_fake": {"in_turn": [BAD, GOOD]}}
    options = {"include_usage": True}
    events = list(client.chat.completions.create(model="intent", messages=[], stream=True, stream_options=options, extra_body=extra))
    assert "".join(event.choices[0].delta.content or "" for event in events if event.choices) == GOOD
    assert events[-1].usage.completion_tokens == 2
    call = server.calls("?target=intent&limit=1")[0]
    assert call["schema_failures"] == 1 and call["stream"]


def test_a_stream_that_never_fits_has_a_status(server, client):
    with pytest.raises(openai.APIStatusError) as refused:
        ask(client, in_turn=[BAD], stream=True)
    assert refused.value.code == "schema_failed"


def test_other_endpoints_are_checked_too(server, client):
    extra = {"fairlead": {"variables": {"question": "x"}}}
    text = 'x_fake={"in_turn": ["nothing", "' + GOOD.replace('"', '\\"') + '"]}'
    response = client.responses.create(model="intent", input=text, extra_body=extra)
    assert response.output_text == GOOD
    claude = anthropic.Anthropic(base_url=server.url, api_key=server.admin_key)
    message = claude.messages.create(model="intent", max_tokens=50, messages=[{"role": "user", "content": text}], extra_body=extra)
    assert message.content[0].text == GOOD
    with claude.messages.stream(model="intent", max_tokens=50, messages=[{"role": "user", "content": text}], extra_body=extra) as stream:
        assert "".join(stream.text_stream) == GOOD


def test_a_callers_own_schema(server, client, openai_fake):
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    hello = [{"role": "user", "content": "hi"}]
    extra = {"fairlead": {"repair": 1}, "x_fake": {"in_turn": [BAD, GOOD]}}
    answer = client.chat.completions.create(model="small", messages=hello, response_format=form, extra_body=extra)
    assert answer.choices[0].message.content == GOOD
    extra = {"x_fake": {"in_turn": [BAD, GOOD]}}
    answer = client.chat.completions.create(model="small", messages=hello, response_format=form, extra_body=extra)
    assert answer.choices[0].message.content == BAD, "nobody asked for a check"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="small", messages=hello, extra_body={"fairlead": {"repair": 1}})
    assert refused.value.param == "fairlead.repair"
    # As often as the caller says, for the prompt's schema; its own format instead of that.
    with pytest.raises(openai.APIStatusError):
        ask(client, in_turn=[BAD], fairlead={"repair": 0})
    assert ask(client, in_turn=[BAD], response_format={"type": "text"}).parse().choices[0].message.content == BAD


def test_a_model_that_takes_no_schema_is_told_it(server, client, openai_fake):
    extra = {"x_fake": {"in_turn": [GOOD]}}
    client.chat.completions.create(model="told-intent", messages=[{"role": "user", "content": "hi"}], extra_body=extra)
    body = openai_fake.last.body
    assert "response_format" not in body
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer with one JSON value")
    assert '"card_lost"' in body["messages"][0]["content"] and len(body["messages"]) == 2


def test_a_budget_is_not_overspent(server, client, openai_fake):
    """55 tokens: the first try holds 50; with what it used there is not enough for a second one."""
    before = len(openai_fake.requests)
    with pytest.raises(openai.RateLimitError) as refused:
        ask(client.with_options(max_retries=0), in_turn=["one two three four five six", GOOD], fairlead={"tags": ["tight"]})
    assert refused.value.code == "budget_exceeded"
    assert len(openai_fake.requests) == before + 1
    call = record(server, refused.value.response)
    assert call["output_tokens"] == 6 and call["status"] == 429
    (limit,) = server.request("GET", "/api/v1/budgets/tight").json["limits"]
    assert (limit["spent"], limit["reserved"]) == (6, 0)


def test_repairs_stay_within_the_calls_time(server, client):
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    extra = {"fairlead": {"repair": 5}, "x_fake": {"in_turn": [BAD], "delay": 0.6}}
    with pytest.raises(openai.APIStatusError) as refused:
        client.with_options(max_retries=0).chat.completions.create(
            model="hasty", messages=[{"role": "user", "content": "hi"}], response_format=form, extra_body=extra
        )
    assert refused.value.code == "call_timeout"
    call = record(server, refused.value.response)
    assert call["schema_failures"] == 2 and reasons(call) == [None, "repair", "repair"]


# The window.


def test_sixty_turns_in_a_window_of_2048_tokens(server, client, openai_fake):
    """The conversation grows far beyond the window; the upstream refuses what does not fit."""
    conversation, trimmed = [], []
    for turn in range(60):
        conversation.append({"role": "user", "content": f"Question {turn}: " + "please tell me about my account " * 8})
        answer = client.chat.completions.with_raw_response.create(
            model="chat", messages=conversation, extra_body={"x_fake": {"window": 1848, "text": f"Answer {turn}. " + "all is well " * 10}}
        )
        text = answer.parse().choices[0].message.content
        assert text.startswith(f"Answer {turn}.")
        sent = openai_fake.last.body["messages"]
        assert sent[0] == {"role": "system", "content": "You are the support of a bank."}
        assert sent[-1] == conversation[-1]
        assert sent[3]["role"] == "user", "what is left of the conversation begins with a user's words"
        trimmed.append(record(server, answer)["trimmed_tokens"] if turn % 10 == 9 else 0)
        conversation.append({"role": "assistant", "content": text})
    assert trimmed[9] == 0 and 0 < trimmed[29] < trimmed[39] < trimmed[59]
    call = record(server, answer)
    left_out = json.loads(call["trimmed"])
    assert set(left_out) == {"history"} and left_out["history"]["messages"] == 119 - (len(sent) - 3)
    assert "trimmed" in server.cli("calls", "show", answer.headers["x-fairlead-call-id"]).stdout


def test_what_does_not_fit_is_refused_before_the_upstream_is_asked(server, client, openai_fake):
    before = len(openai_fake.requests)
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "word " * 4000}])
    assert refused.value.code == "context_length_exceeded" and refused.value.param == "messages"
    assert "2048" in str(refused.value)
    assert len(openai_fake.requests) == before
    call = eventually(lambda: server.calls("?error=context_length_exceeded&limit=1"))[0]
    assert json.loads(call["trimmed"])["examples"]["messages"] == 2
