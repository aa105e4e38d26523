"""Models of an Anthropic-shaped upstream, called with the OpenAI client; and the fake itself, called with Anthropic's own."""

import json

import anthropic
import openai
import pytest

HI = [{"role": "user", "content": "hi"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": WEATHER}}


def fake(**script):
    return {"x_fake": script}


@pytest.fixture
def client(fairlead):
    with openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture
def direct(anthropic_fake):
    with anthropic.Anthropic(base_url=anthropic_fake.url, api_key=anthropic_fake.key, max_retries=0, timeout=20) as client:
        yield client


# The fake is what its clients expect.


def test_fake_answers_its_own_client(direct):
    message = direct.messages.create(model="claude-fake", max_tokens=50, system="s", messages=HI, extra_body=fake(reasoning="let me see"))
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.stop_reason == "end_turn" and message.usage.output_tokens == 6


def test_fake_streams_to_its_own_client(direct):
    script = fake(text="well then", reasoning="let me see", tool_calls=[{"name": "get_weather", "arguments": {"city": "Oslo"}}])
    tools = [{"name": "get_weather", "input_schema": WEATHER}]
    with direct.messages.stream(model="claude-fake", max_tokens=50, messages=HI, tools=tools, extra_body=script) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert message.content[2].input == {"city": "Oslo"} and message.stop_reason == "tool_use"


@pytest.mark.parametrize(
    "status, error",
    [
        (400, anthropic.BadRequestError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
    ],
)
def test_fake_fails_as_its_own_client_expects(direct, status, error):
    with pytest.raises(error):
        direct.messages.create(model="claude-fake", max_tokens=50, messages=HI, extra_body=fake(error=status))


def test_fake_refuses_what_the_api_refuses(direct):
    for bad in (
        {"messages": []},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}]},
        {"messages": HI, "extra_body": {"n": 2}},
    ):
        with pytest.raises(anthropic.BadRequestError):
            direct.messages.create(model="claude-fake", max_tokens=50, **bad)


# And Fairlead stands between the two.


def test_chat(client, anthropic_fake):
    messages = [{"role": "system", "content": "be kind"}] + HI
    answer = client.chat.completions.create(model="claude", messages=messages, extra_body=fake(cached=5, cache_write=2))
    assert answer.choices[0].message.content == "Hello from upstream."
    assert answer.choices[0].finish_reason == "stop"
    seen = anthropic_fake.last
    assert seen.body["system"] == [{"type": "text", "text": "be kind"}]
    assert seen.body["max_tokens"] == 4096 and seen.body["model"] == "claude-fake"
    assert seen.header("x-api-key") == anthropic_fake.key and seen.header("authorization") is None
    sent_tokens = len(json.dumps(seen.body["messages"]).split())
    assert answer.usage.prompt_tokens == sent_tokens + 7
    assert answer.usage.prompt_tokens_details.cached_tokens == 5


@pytest.mark.parametrize("include_usage", [False, True])
def test_stream(client, include_usage):
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    chunks = list(client.chat.completions.create(model="claude", messages=HI, stream=True, **options, extra_body=fake(reasoning="a b")))
    if include_usage:
        last = chunks.pop()
        assert last.choices == [] and last.usage.completion_tokens == 5
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello from upstream."
    assert "".join(getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks) == "a b"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_tools_there_and_back(client, anthropic_fake, stream):
    script = fake(tool_calls=[{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {}}])
    if stream:
        with client.chat.completions.stream(model="claude", messages=HI, tools=[TOOL], extra_body=script) as answer_stream:
            answer = answer_stream.get_final_completion()
    else:
        answer = client.chat.completions.create(model="claude", messages=HI, tools=[TOOL], tool_choice="required", extra_body=script)
        assert anthropic_fake.last.body["tool_choice"] == {"type": "any"}
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == [{"city": "Oslo"}, {}]
    history = HI + [{"role": "assistant", "tool_calls": [call.to_dict() for call in message.tool_calls]}]
    history += [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls]
    assert client.chat.completions.create(model="claude", messages=history, tools=[TOOL]).choices[0].message.content
    assert [block["type"] for block in anthropic_fake.last.body["messages"][2]["content"]] == ["tool_result", "tool_result"]


def test_images(client, anthropic_fake):
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    client.chat.completions.create(model="claude", messages=[{"role": "user", "content": parts}])
    sources = [block.get("source") for block in anthropic_fake.last.body["messages"][0]["content"]]
    assert sources[1] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert sources[2] == {"type": "url", "url": "https://example.com/a.png"}


def test_structured_output(client, anthropic_fake):
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": schema}}
    answer = client.chat.completions.create(model="claude", messages=HI, response_format=form)
    assert json.loads(answer.choices[0].message.content) == {"age": 7}
    assert anthropic_fake.last.body["output_config"]["format"]["schema"] == schema


def test_parameters(client, anthropic_fake):
    client.chat.completions.create(model="claude", messages=HI, temperature=1.6, stop=["a", "b"], max_completion_tokens=9, user="u-1", seed=3)
    body = anthropic_fake.last.body
    assert body["temperature"] == 1 and body["stop_sequences"] == ["a", "b"] and body["max_tokens"] == 9
    assert body["metadata"] == {"user_id": "u-1"} and "seed" not in body


@pytest.mark.parametrize("reason, finish", [("max_tokens", "length"), ("stop_sequence", "stop"), ("refusal", "content_filter")])
@pytest.mark.parametrize("stream", [False, True])
def test_stop_reasons(client, reason, finish, stream):
    answer = client.chat.completions.create(model="claude", messages=HI, stream=stream, extra_body=fake(finish=reason))
    assert (list(answer)[-1] if stream else answer).choices[0].finish_reason == finish


@pytest.mark.parametrize(
    "members, param",
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"presence_penalty": 1}, "presence_penalty"),
    ],
)
def test_what_it_cannot_say_is_refused(client, anthropic_fake, members, param):
    before = len(anthropic_fake.requests)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="claude", messages=HI, **members)
    assert caught.value.param == param
    assert len(anthropic_fake.requests) == before


@pytest.mark.parametrize(
    "status, error, code",
    [
        (400, openai.BadRequestError, "invalid_request_error"),
        (401, openai.InternalServerError, "upstream_auth"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, "upstream_error"),
        (529, openai.InternalServerError, "upstream_unavailable"),
    ],
)
def test_errors(client, anthropic_fake, status, error, code):
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="claude", messages=HI, extra_body=fake(error=status, message="for {key} no more"))
    assert caught.value.code == code
    assert "no more" in caught.value.message and anthropic_fake.key not in str(caught.value.body)


@pytest.mark.parametrize("how", ["reset_after", "truncate_after", "garbage_after", "error_after"])
def test_broken_streams_end_in_an_error(client, how):
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="claude", messages=HI, stream=True, extra_body=fake(**{how: 4})))


def test_closed_stream_reaches_the_upstream(client, anthropic_fake):
    stream = client.chat.completions.create(model="claude", messages=HI, stream=True, extra_body=fake(text="a b c d e", stall_after=5))
    next(stream)
    stream.close()
    assert anthropic_fake.last.client_gone.wait(5)
