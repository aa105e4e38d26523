"""The official Python client, unchanged, against the program and an OpenAI-shaped upstream."""

import asyncio
import json

import openai
import pytest
from harness import eventually
from pydantic import BaseModel

HI = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def fake(**script):
    return {"x_fake": script}


@pytest.fixture
def client(fairlead):
    with openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0, timeout=20) as client:
        yield client


def test_chat(client, openai_fake):
    answer = client.chat.completions.create(model="gpt", messages=HI, extra_body=fake(cached=3, thought=2))
    assert answer.choices[0].message.content == "Hello from upstream."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens_details.cached_tokens == 3
    assert answer.usage.completion_tokens_details.reasoning_tokens == 2
    seen = openai_fake.last
    assert seen.body["model"] == "gpt-fake"
    assert seen.header("x-team") == "blue"
    assert seen.header("authorization") == f"Bearer {openai_fake.key}"


def test_answer_names_the_call(client):
    raw = client.chat.completions.with_raw_response.create(model="gpt", messages=HI)
    assert raw.headers["x-request-id"] == raw.headers["x-fairlead-call-id"]
    assert raw.parse()._request_id == raw.headers["x-request-id"]
    assert raw.headers["x-fairlead-provider"] == "openai-fake"


@pytest.mark.parametrize("script", [{}, {"crlf": True}, {"comments": True}, {"pause": 0.02}, {"no_done": True}, {"linger": 20}])
def test_stream(client, script):
    stream = client.chat.completions.create(model="gpt", messages=HI, stream=True, extra_body=fake(text="one two  three \u2603", **script))
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two  three \u2603"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert all(chunk.usage is None and "usage" not in chunk.model_fields_set for chunk in chunks)


def test_chunks_go_out_as_they_come(client):
    import time

    stream = client.chat.completions.create(model="gpt", messages=HI, stream=True, extra_body=fake(text="a b c d e f", pause=0.2))
    began, arrivals = time.monotonic(), []
    for _ in stream:
        arrivals.append(time.monotonic() - began)
    assert arrivals[-1] - arrivals[0] > 0.8
    assert max(later - earlier for earlier, later in zip(arrivals, arrivals[1:])) < 0.6


@pytest.mark.parametrize("script", [{}, {"usage_with_choice": True}])
def test_stream_usage(client, script):
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="gpt", messages=HI, stream=True, stream_options=options, extra_body=fake(**script)))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + 3
    assert all(chunk.usage is None and chunk.choices for chunk in chunks[:-1])


def test_tools(client):
    answer = client.chat.completions.create(
        model="gpt", messages=HI, tools=[WEATHER], extra_body=fake(tool_calls=[{"name": "get_weather", "arguments": {"city": "Oslo"}}])
    )
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    history = HI + [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    assert client.chat.completions.create(model="gpt", messages=history, tools=[WEATHER]).choices[0].message.content


def test_streamed_tools(client):
    calls = [{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {"city": "Bergen"}}]
    with client.chat.completions.stream(model="gpt", messages=HI, tools=[WEATHER], extra_body=fake(tool_calls=calls)) as stream:
        stream.until_done()
        message = stream.get_final_completion().choices[0].message
    assert [json.loads(call.function.arguments)["city"] for call in message.tool_calls] == ["Oslo", "Bergen"]


class Person(BaseModel):
    name: str
    age: int


def test_structured_output(client, openai_fake):
    answer = client.chat.completions.parse(model="gpt", messages=HI, response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="text", age=7)
    assert openai_fake.last.body["response_format"]["json_schema"]["strict"] is True


def test_streamed_structured_output(client):
    with client.chat.completions.stream(model="gpt", messages=HI, response_format=Person) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Person(name="text", age=7)


def test_n(client):
    assert [choice.index for choice in client.chat.completions.create(model="gpt", messages=HI, n=3).choices] == [0, 1, 2]


@pytest.mark.parametrize("script", [{}, {"no_done": True}])
def test_streamed_n(client, script):
    text, ended = {0: "", 1: ""}, []
    for chunk in client.chat.completions.create(model="gpt", messages=HI, n=2, stream=True, extra_body=fake(**script)):
        for choice in chunk.choices:
            text[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                ended.append(choice.index)
    assert text == {0: "Hello from upstream.", 1: "Hello from upstream."}
    assert sorted(ended) == [0, 1]


def test_logprobs(client):
    answer = client.chat.completions.create(model="gpt", messages=HI, logprobs=True, top_logprobs=2)
    assert [len(token.top_logprobs) for token in answer.choices[0].logprobs.content] == [2, 2, 2]


def test_unknown_members_pass_and_fairlead_does_not(client, openai_fake):
    extra = {"fairlead": {"user": "u-1", "tags": ["a"]}, "min_p": 0.05, "vendor_thing": {"deep": [1, 2.50, None, "\u00e9"]}}
    client.chat.completions.create(model="gpt", messages=HI, temperature=0.7, extra_body=extra)
    body = openai_fake.last.body
    assert "fairlead" not in body
    assert body["vendor_thing"] == extra["vendor_thing"] and body["min_p"] == 0.05 and body["temperature"] == 0.7
    assert b'"deep":[1,2.5,null,' in openai_fake.last.raw.replace(b" ", b"")


def test_images_pass_untouched(client, openai_fake):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
    client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])
    assert openai_fake.last.body["messages"][0]["content"][1] == part


@pytest.mark.parametrize(
    "status, error, code",
    [
        (400, openai.BadRequestError, "invalid_value"),
        (404, openai.BadRequestError, "model_not_found"),
        (422, openai.BadRequestError, None),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, "upstream_error"),
        (503, openai.InternalServerError, "upstream_unavailable"),
        (401, openai.InternalServerError, "upstream_auth"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_upstream_errors(client, openai_fake, status, error, code, stream):
    script = fake(error=status, message="because {key} is tired", retry_after="3" if status == 429 else "")
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="gpt", messages=HI, stream=stream, extra_body=script)
    assert "is tired" in caught.value.message
    assert openai_fake.key not in str(caught.value.body) and "sk-fake" not in str(caught.value.body)
    if code:
        assert caught.value.code == code


def test_wrong_upstream_key_is_the_operators_fault(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="badly-keyed", messages=HI)
    assert caught.value.status_code == 502 and caught.value.code == "upstream_auth"
    assert "sk-wrong" not in str(caught.value)


def test_errors_of_our_own_are_typed(client, fairlead):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gtp", messages=HI)
    assert caught.value.code == "model_not_found" and caught.value.param == "model" and "`gpt`" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt", messages=[{"role": "wizard", "content": "x"}])
    assert caught.value.param == "messages[0].role"
    stranger = openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key="fl-nobody", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        stranger.chat.completions.create(model="gpt", messages=HI)
    assert caught.value.code == "invalid_api_key" and "fl-nobody" not in str(caught.value)


def test_unreachable_upstream(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="unreachable", messages=HI)
    assert caught.value.status_code == 503


def test_second_route_is_used(client, openai_fake, fairlead):
    raw = client.chat.completions.with_raw_response.create(model="falling-back", messages=HI)
    assert openai_fake.last.body["model"] == "gpt-second"
    attempts = fairlead.call(raw.headers["x-fairlead-call-id"])["attempts"]
    assert [attempt["provider"] for attempt in attempts] == ["nobody", "openai-fake"]
    assert attempts[0]["error_code"] and not attempts[1]["error_code"]


def test_client_retries_and_succeeds_elsewhere_do_not_hide_errors(fairlead, openai_fake):
    with openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=2) as client:
        before = len(openai_fake.requests)
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="gpt", messages=HI, extra_body=fake(error=429))
        assert len(openai_fake.requests) == before + 3


@pytest.mark.parametrize("how", ["reset_after", "truncate_after", "garbage_after", "error_after"])
def test_broken_streams_end_in_an_error(client, how):
    stream = client.chat.completions.create(model="gpt", messages=HI, stream=True, extra_body=fake(**{how: 2}))
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    assert text == "Hello"
    assert caught.value.code in ("upstream_reset", "upstream_invalid", "upstream_error")


@pytest.mark.parametrize("body", ["", "null", "<html>oops</html>", '{"id":', '{"object":"chat.completion"}'])
def test_senseless_answers_are_refused(client, body):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="gpt", messages=HI, extra_body=fake(body=body or " "))
    assert caught.value.status_code == 502 and caught.value.code == "upstream_invalid"


def test_redirects_are_not_followed(client, openai_fake):
    before = len(openai_fake.requests)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="gpt", messages=HI, extra_body=fake(redirect=f"{openai_fake.url}/models"))
    assert len(openai_fake.requests) == before + 1


def test_upstream_silence_times_out(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="hasty", messages=HI, extra_body=fake(delay=15))
    assert caught.value.status_code == 504 and caught.value.code == "upstream_timeout"
    stream = client.chat.completions.create(model="hasty", messages=HI, stream=True, extra_body=fake(stall_after=2))
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == "upstream_timeout"


def test_client_timeout_reaches_the_upstream(client, openai_fake):
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="gpt", messages=HI, timeout=0.5, extra_body=fake(delay=30))
    assert openai_fake.last.client_gone.wait(5)


def test_closed_stream_reaches_the_upstream(client, openai_fake, fairlead):
    stream = client.chat.completions.create(model="gpt", messages=HI, stream=True, extra_body=fake(text="a b c d e f", stall_after=3))
    next(stream)
    call_id = stream.response.headers["x-fairlead-call-id"]
    stream.close()
    assert openai_fake.last.client_gone.wait(5)
    assert fairlead.call(call_id)["status"] == 499


def test_cancelled_task_reaches_the_upstream(fairlead, openai_fake):
    async def cancel_soon():
        async with openai.AsyncOpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0) as client:
            task = asyncio.create_task(client.chat.completions.create(model="gpt", messages=HI, extra_body=fake(delay=30)))
            await asyncio.sleep(0.4)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancel_soon())
    assert openai_fake.last.client_gone.wait(5)


def test_many_at_once(fairlead, openai_fake):
    before = openai_fake.connections

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0) as client:

            async def one(i):
                text = ""
                stream = await client.chat.completions.create(model="gpt", messages=HI, stream=True, extra_body=fake(text=f"answer {i}"))
                async for chunk in stream:
                    text += chunk.choices[0].delta.content or ""
                return text

            return await asyncio.gather(*[one(i) for i in range(64)])

    assert asyncio.run(all_of_them()) == [f"answer {i}" for i in range(64)]
    assert openai_fake.connections - before <= 64


def test_upstream_connections_are_kept(client, openai_fake):
    for _ in range(3):  # each loop has its own
        list(client.chat.completions.create(model="gpt", messages=HI, stream=True))
    before = openai_fake.connections
    for _ in range(10):
        list(client.chat.completions.create(model="gpt", messages=HI, stream=True))
    assert openai_fake.connections - before <= 4


def test_models(client):
    listed = {model.id for model in client.models.list()}
    assert {"gpt", "claude", "greeting"} <= listed
    assert client.models.retrieve("greeting").id == "greeting"
    assert client.models.retrieve("greeting@staging").id == "greeting@staging"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("greetin")
    assert caught.value.code == "model_not_found"


def test_records_hold_what_happened(client, fairlead):
    extra = fake(cached=4, thought=2) | {"fairlead": {"user": "u-9", "session": "s-9", "tags": ["x", "y"]}}
    raw = client.chat.completions.with_raw_response.create(model="gpt", messages=HI, extra_body=extra)
    usage = raw.parse().usage
    record = fairlead.call(raw.headers["x-fairlead-call-id"])
    assert record["status"] == 200 and record["target"] == "gpt" and record["provider"] == "openai-fake"
    assert record["input_tokens"] == usage.prompt_tokens and record["output_tokens"] == usage.completion_tokens
    assert record["cached_input_tokens"] == 4 and record["reasoning_tokens"] == 2
    assert record["user_id"] == "u-9" and record["session_id"] == "s-9" and record["tags"] == ["x", "y"]
    assert record["cost_usd"] == pytest.approx(((usage.prompt_tokens - 4) * 2 + 4 * 1 + usage.completion_tokens * 10) / 1e6, rel=0.3)
    eventually(lambda: any(call["id"] == record["id"] for call in fairlead.calls("?user=u-9")))
