"""Anthropic's own client in front of every kind of model."""

import base64
import json

import anthropic
import pytest

HI = [{"role": "user", "content": "hi"}]
WEATHER = {"name": "get_weather", "description": "d", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
CALLS = [{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {"city": "Rome"}}]


def asking(**script):
    return [{"role": "user", "content": "hi x_fake=" + json.dumps(script)}]


@pytest.fixture
def client(fairlead):
    with anthropic.Anthropic(base_url=fairlead.url, api_key=fairlead.admin_key, max_retries=0, timeout=20) as client:
        yield client


MODELS = pytest.mark.parametrize("model", ["gpt", "claude"])


@MODELS
def test_message(client, fairlead, model):
    answer = client.messages.with_raw_response.create(model=model, max_tokens=50, system="be kind", messages=HI)
    message = answer.parse()
    assert message.type == "message" and message.role == "assistant"
    assert [block.text for block in message.content] == ["Hello from upstream."]
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0 and message.usage.input_tokens > 0
    record = fairlead.call(answer.headers["request-id"])
    assert record["operation"] == "chat" and record["model"] == model and record["status"] == 200


@MODELS
def test_stream(client, model):
    with client.messages.stream(model=model, max_tokens=50, messages=HI) as stream:
        texts = list(stream.text_stream)
        message = stream.get_final_message()
    assert "".join(texts) == "Hello from upstream." and len(texts) > 1
    assert message.stop_reason == "end_turn" and message.usage.input_tokens > 0 and message.usage.output_tokens > 0


@MODELS
@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools(client, model, stream):
    asked = {"model": model, "max_tokens": 50, "messages": asking(tool_calls=CALLS), "tools": [WEATHER], "tool_choice": {"type": "any"}}
    if stream:
        with client.messages.stream(**asked) as answer:
            message = answer.get_final_message()
    else:
        message = client.messages.create(**asked)
    used = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use" and [one.input for one in used] == [{"city": "Oslo"}, {"city": "Rome"}]
    results = [{"type": "tool_result", "tool_use_id": one.id, "content": "rain"} for one in used]
    results[1]["content"] = [{"type": "text", "text": "see"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]
    turns = HI + [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    answer = client.messages.create(model=model, max_tokens=50, messages=turns, tools=[WEATHER])
    assert answer.content[0].text == "Hello from upstream."


@MODELS
def test_images_and_documents(client, model):
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF-1.4").decode()}},
        {"type": "text", "text": "what is it?"},
    ]
    answer = client.messages.create(model=model, max_tokens=50, messages=[{"role": "user", "content": blocks}])
    assert answer.content[0].text == "Hello from upstream."


@MODELS
@pytest.mark.parametrize("stream", [False, True])
def test_thinking(client, model, stream):
    asked = {"model": model, "max_tokens": 9000, "messages": asking(reasoning="let me see"), "thinking": {"type": "enabled", "budget_tokens": 2000}}
    if stream:
        with client.messages.stream(**asked) as answer:
            message = answer.get_final_message()
    else:
        message = client.messages.create(**asked)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == "let me see"
    # What was thought can be sent back.
    turns = HI + [{"role": "assistant", "content": message.content}] + HI
    assert client.messages.create(model=model, max_tokens=50, messages=turns).content[0].text


def test_what_reaches_an_openai_upstream(client, openai_fake):
    client.messages.create(
        model="gpt", max_tokens=50, system=[{"type": "text", "text": "be kind"}], messages=HI, stop_sequences=["X"], extra_body={"temperature": 0.5},
        metadata={"user_id": "u-1"}, tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
    )  # fmt: skip
    assert openai_fake.last.body == {
        "model": "gpt-fake",
        "max_completion_tokens": 50,
        "temperature": 0.5,
        "stop": ["X"],
        "user": "u-1",
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": WEATHER["input_schema"]}}],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "parallel_tool_calls": False,
    }


def test_prompt(client):
    variables = {"fairlead": {"variables": {"name": "Ada"}, "user": "u-17"}}
    answer = client.messages.create(model="greeting", max_tokens=50, messages=[], extra_body=variables)
    assert answer.content[0].text == "Hello from upstream."


@pytest.mark.parametrize(
    "status, error",
    [(400, anthropic.BadRequestError), (429, anthropic.RateLimitError), (500, anthropic.InternalServerError), (503, anthropic.InternalServerError)],
)
@MODELS
def test_errors(client, model, status, error):
    with pytest.raises(error) as raised:
        client.messages.create(model=model, max_tokens=50, messages=asking(error=status, message="it went wrong"))
    assert raised.value.body["type"] == "error" and "it went wrong" in raised.value.body["error"]["message"]
    assert raised.value.body["request_id"] == raised.value.response.headers["request-id"]


def test_refusals_name_the_field(client, fairlead):
    for bad, named in (
        ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, "mcp_servers"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"max_tokens": 0}, "max_tokens"),
    ):
        with pytest.raises(anthropic.BadRequestError, match=named.replace("[", r"\[")) as raised:
            client.messages.create(**({"model": "gpt", "max_tokens": 50, "messages": HI} | {"extra_body": bad}))
        assert raised.value.body["error"]["type"] == "invalid_request_error"
    with pytest.raises(anthropic.NotFoundError, match="Did you mean"):
        client.messages.create(model="gtp", max_tokens=50, messages=HI)
    with anthropic.Anthropic(base_url=fairlead.url, api_key="fl-wrong", max_retries=0) as stranger:
        with pytest.raises(anthropic.AuthenticationError):
            stranger.messages.create(model="gpt", max_tokens=50, messages=HI)


def test_broken_stream(client):
    with pytest.raises(anthropic.APIStatusError, match="ended its answer early"):
        with client.messages.stream(model="gpt", max_tokens=50, messages=asking(truncate_after=3)) as stream:
            stream.get_final_message()


@pytest.mark.local_model
def test_local_model(local_fairlead):
    with anthropic.Anthropic(base_url=local_fairlead.url, api_key=local_fairlead.admin_key, timeout=120) as client:
        with client.messages.stream(model="small", max_tokens=8, messages=HI) as stream:
            message = stream.get_final_message()
    assert message.content[0].text and message.stop_reason in ("end_turn", "max_tokens") and message.usage.input_tokens > 0
