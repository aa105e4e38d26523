"""Requests that go on to a provider which speaks their format: nothing but `model` and `fairlead` is touched."""

import json

import anthropic
import openai
import pytest
from contract import Contract
from fakes.native_upstreams import AnthropicNative, OpenAINative
from harness import Fairlead

PROJECT = """
kind: provider
name: openai
type: openai
base_url: "@OPENAI@"
api_key: env:NATIVE_KEY
---
kind: provider
name: anthropic
type: anthropic
base_url: "@ANTHROPIC@"
api_key: env:NATIVE_KEY
---
kind: model
name: gpt
prices: {input: 1, output: 10}
routes: [{provider: openai, model: gpt-up}]
---
kind: model
name: omni-moderation-latest
routes: [{provider: openai, model: omni-up}]
---
kind: model
name: claude
routes: [{provider: anthropic, model: claude-fake}]
---
kind: model
name: either
routes: [{provider: anthropic, model: claude-fake}, {provider: openai, model: gpt-up}]
"""
KEY = "sk-native-upstream-key-0123456789"


@pytest.fixture(scope="module")
def upstream():
    with OpenAINative(key=KEY) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def anthropic_upstream():
    with AnthropicNative(key=KEY) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def server(tmp_path_factory, upstream, anthropic_upstream):
    folder = tmp_path_factory.mktemp("native")
    (folder / "p").mkdir()
    (folder / "p" / "models.yaml").write_text(PROJECT.replace("@OPENAI@", upstream.url).replace("@ANTHROPIC@", anthropic_upstream.url))
    with Fairlead(folder / "data", folder / "p", {"NATIVE_KEY": KEY}, ["--telemetry.content=full"]) as server:
        yield server.wait_ready()


@pytest.fixture(scope="module")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture
def claude(server):
    with anthropic.Anthropic(base_url=server.url, api_key=server.admin_key, max_retries=0, timeout=20) as client:
        yield client


def record_of(server, answer):
    return server.call(answer.headers["x-fairlead-call-id"])


@pytest.mark.parametrize(
    "members",
    [
        {"input": "a"},
        {"input": ["a", "b"], "encoding_format": "base64", "dimensions": 2},
        {"input": [1, 2, 3], "encoding_format": "float"},
        {"input": [[1, 2], [3]], "user": "u", "x_new": {"a": [1.50]}},
    ],
)
def test_embeddings(contract, server, upstream, members):
    answer = server.request("POST", "/v1/embeddings", {"model": "gpt", "fairlead": {"user": "u-17"}} | members)
    assert answer.status == 200, answer.text
    body = contract.check("CreateEmbeddingResponse", answer.json | {"data": []})
    assert body["x_seen"] == {"model": "gpt-up"} | members == upstream.last.body
    record = record_of(server, answer)
    assert record["operation"] == "embeddings" and record["user_id"] == "u-17" and record["stream"] is False
    assert record["input_tokens"] == answer.json["usage"]["prompt_tokens"] and record["cost_usd"] > 0 and record["usage_reported"] is True
    assert json.loads(record["input"]) == members["input"] and record["output"] is None


def test_embeddings_client(client):
    assert client.embeddings.create(model="gpt", input=["a", "b"]).data[1].embedding == [1.0, 2.0]  # base64 on the wire
    with pytest.raises(openai.RateLimitError):
        client.embeddings.create(model="gpt", input="a", extra_body={"x_fake": {"error": 429}})
    with pytest.raises(openai.BadRequestError, match="gives no embeddings"):
        client.embeddings.create(model="claude", input="a")


def test_moderations(contract, client, server, upstream):
    answer = server.request("POST", "/v1/moderations", {"input": [{"type": "text", "text": "a"}]})
    contract.check("CreateModerationResponse", answer.json)
    assert upstream.last.body == {"model": "omni-up", "input": [{"type": "text", "text": "a"}]}
    assert record_of(server, answer)["operation"] == "moderation"
    assert client.moderations.create(input="a").results[0].categories.violence is True


def test_completions(contract, client, server, upstream):
    asked = {"model": "gpt", "prompt": [1, 2], "echo": True, "suffix": "s", "x_new": 1}
    answer = server.request("POST", "/v1/completions", asked)
    contract.check("CreateCompletionResponse", answer.json)
    assert upstream.last.body == asked | {"model": "gpt-up"}
    record = record_of(server, answer)
    assert record["operation"] == "text_completion" and record["output_tokens"] == 2 and record["output"] == "one two"
    streamed = server.request("POST", "/v1/completions", asked | {"stream": True})
    assert streamed.text.count("[DONE]") == 1 and streamed.text.endswith("data: [DONE]\n\n")
    assert record_of(server, streamed)["output"] == "one two"
    chunks = client.completions.create(model="gpt", prompt="a", stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "one two"


def test_responses(contract, client, server, upstream):
    asked = {"model": "gpt", "input": "a", "store": False, "tools": [{"type": "web_search"}], "x_new": {"a": 1}}
    answer = server.request("POST", "/v1/responses", asked | {"fairlead": {"session": "s"}})
    assert answer.json["x_seen"] == asked | {"model": "gpt-up"} and answer.json["id"] == "resp_upstream_1"
    record = record_of(server, answer)
    assert (record["input_tokens"], record["cached_input_tokens"], record["output_tokens"]) == (7, 2, 3)
    assert record["output"] == "Found it." and record["session_id"] == "s"
    with client.responses.stream(model="gpt", input="a", store=False, tools=[{"type": "web_search"}]) as stream:
        response = stream.get_final_response()
    assert response.output[0].type == "web_search_call" and response.output[1].content[0].text == "Found it."
    # What is to be kept is a chat, and a chat has no such tool.
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="gpt", input="a", tools=[{"type": "web_search"}])
    assert raised.value.param == "tools[0].type"
    assert client.responses.create(model="gpt", input="a").output_text == "Hello from upstream."


def test_a_response_that_breaks_off(server, contract):
    body = {"model": "gpt", "input": "a", "store": False, "stream": True, "x_fake": {"truncate_after": 3}}
    answer = server.request("POST", "/v1/responses", body)
    last = answer.text.rstrip().split("\n\n")[-1].split("\ndata: ")
    assert last[0] == "event: error"
    event = contract.check("ResponseErrorEvent", json.loads(last[1]))
    assert event["code"] == "upstream_reset" and event["sequence_number"] == 3


@pytest.mark.parametrize("stream", [False, True])
def test_messages(claude, server, anthropic_upstream, stream):
    system = [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}]
    asked = {
        "model": "claude", "max_tokens": 9000, "system": system, "messages": [{"role": "user", "content": "hi"}],
        "thinking": {"type": "enabled", "budget_tokens": 2000}, "extra_body": {"x_fake": {"reasoning": "let me see", "cached": 3}},
    }  # fmt: skip
    if stream:
        with claude.messages.stream(**asked) as answer:
            message = answer.get_final_message()
    else:
        message = claude.messages.create(**asked)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].signature, "the upstream's own, not an empty one"
    assert message.usage.cache_read_input_tokens == 3
    assert anthropic_upstream.last.body["system"] == system
    sent = asked | asked.pop("extra_body") | {"model": "claude-fake"}
    assert anthropic_upstream.last.body == sent | ({"stream": True} if stream else {})


def test_messages_recorded(server):
    body = {"model": "claude", "max_tokens": 90, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    script = {"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}
    answer = server.request("POST", "/v1/messages", body | {"x_fake": script, "tools": [{"name": "f", "input_schema": {"type": "object"}}]})
    record = record_of(server, answer)
    call = json.loads(record["output"].splitlines()[-1])["tool_call"]
    assert call["name"] == "f" and json.loads(call["arguments"]) == {"a": 1}
    assert record["usage_reported"] is True and record["output_tokens"] > 0 and record["provider"] == "anthropic"


def test_count_tokens(claude, server):
    assert claude.messages.count_tokens(model="claude", messages=[{"role": "user", "content": "a b"}]).input_tokens == 5
    assert server.calls("?limit=1")[0]["operation"] == "count_tokens"


def test_from_one_format_to_another(claude, anthropic_upstream, upstream):
    """The first route speaks the format and fails; the second one gets a chat."""
    before = len(upstream.requests)
    answer = claude.messages.create(model="either", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
    assert answer.content[0].text and len(upstream.requests) == before
    down = anthropic_upstream.key
    anthropic_upstream.key = "another"  # the upstream refuses ours now
    try:
        answer = claude.messages.create(model="either", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
        assert answer.content[0].text == "Hello from upstream." and upstream.last.body["messages"] == [{"role": "user", "content": "hi"}]
        # What no chat can express is for the first route alone.
        with pytest.raises(anthropic.APIStatusError):
            claude.messages.create(model="either", max_tokens=9, messages=[{"role": "user", "content": "hi"}], extra_body={"container": "c"})
    finally:
        anthropic_upstream.key = down


@pytest.mark.local_model
def test_local_embeddings(local_fairlead):
    with openai.OpenAI(base_url=f"{local_fairlead.url}/v1", api_key=local_fairlead.admin_key, timeout=120) as client:
        answer = client.embeddings.create(model="small", input=["a", "b"])
    assert len(answer.data) == 2 and len(answer.data[0].embedding) > 8 and answer.usage.prompt_tokens > 0
