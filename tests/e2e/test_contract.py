"""Every answer of the data plane, held to the OpenAI API's own description of it."""

import json

import pytest
from contract import Contract, events

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
CALL = [{"name": "get_weather", "arguments": {"city": "Oslo"}}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}

CHATS = {
    "plain": {},
    "n": {"n": 2},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "tools": {"tools": [WEATHER], "x_fake": {"tool_calls": CALL}},
    "structured": {"response_format": STRUCTURED},
    "usage in detail": {"x_fake": {"cached": 2, "thought": 1}},
    "cut off": {"x_fake": {"finish": "length"}, "max_tokens": 3},
}
ANTHROPIC = {
    "plain": {},
    "tools": CHATS["tools"],
    "structured": CHATS["structured"],
    "thinking": {"x_fake": {"reasoning": "let me see", "cached": 3, "cache_write": 1}},
    "cut off": {"x_fake": {"finish": "max_tokens"}},
}
MODELS = [("gpt", name, members) for name, members in CHATS.items()] + [("claude", name, members) for name, members in ANTHROPIC.items()]


@pytest.fixture(scope="session")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


@pytest.mark.parametrize("model, members", [pytest.param(m, x, id=f"{m}-{n}") for m, n, x in MODELS])
def test_completions(contract, fairlead, model, members):
    answer = fairlead.chat(model, **members)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    completion = contract.check("CreateChatCompletionResponse", answer.json)
    assert len(completion["choices"]) == members.get("n", 1)
    assert completion["usage"]["total_tokens"] == completion["usage"]["prompt_tokens"] + completion["usage"]["completion_tokens"]


@pytest.mark.parametrize("include_usage", [False, True])
@pytest.mark.parametrize("model, members", [pytest.param(m, x, id=f"{m}-{n}") for m, n, x in MODELS])
def test_chunks(contract, fairlead, model, members, include_usage):
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    answer = fairlead.chat(model, stream=True, **options, **members)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    check_stream(contract, answer.text, members.get("n", 1), include_usage)


def check_stream(contract, text, n, include_usage):
    *data, done = events(text)
    assert done == "[DONE]"
    chunks = [contract.check("CreateChatCompletionStreamResponse", json.loads(one)) for one in data]
    assert len({chunk["id"] for chunk in chunks}) == 1
    if include_usage:
        last = chunks.pop()
        assert last["choices"] == [] and last["usage"]["total_tokens"] > 0
        assert all(chunk["usage"] is None for chunk in chunks)
    else:
        assert all("usage" not in chunk for chunk in chunks)
    reasons = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            assert choice["index"] not in reasons, "content after the end of a choice"
            if choice["finish_reason"]:
                reasons[choice["index"]] = choice["finish_reason"]
    assert set(reasons) == set(range(n))
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"


def test_models(contract, fairlead):
    listed = contract.check("ListModelsResponse", fairlead.request("GET", "/v1/models").json)
    for model in listed["data"]:
        one = fairlead.request("GET", f"/v1/models/{model['id']}")
        assert contract.check("Model", one.json) == model


BAD = {
    "no JSON": ("{", 400),
    "empty": ("", 400),
    "null": ("null", 400),
    "a list": ("[]", 400),
    "deep": ("[" * 1000 + "]" * 1000, 400),
    "deep in a member": ('{"model":"gpt","messages":[],"x":' + '{"a":' * 1000 + "1" + "}" * 1001, 400),
    "no model": ('{"messages":[{"role":"user","content":"x"}]}', 400),
    "no messages": ('{"model":"gpt"}', 400),
    "empty messages": ('{"model":"gpt","messages":[]}', 400),
    "messages of strings": ('{"model":"gpt","messages":["x"]}', 400),
    "model is a number": ('{"model":5,"messages":[{"role":"user","content":"x"}]}', 400),
    "hot": ('{"model":"gpt","messages":[{"role":"user","content":"x"}],"temperature":9}', 400),
    "n is nought": ('{"model":"gpt","messages":[{"role":"user","content":"x"}],"n":0}', 400),
    "unknown model": ('{"model":"gtp","messages":[{"role":"user","content":"x"}]}', 404),
    "unknown label": ('{"model":"greeting@nowhere","messages":[]}', 404),
    "missing variable": ('{"model":"greeting","messages":[]}', 400),
    "unknown member of ours": ('{"model":"gpt","messages":[{"role":"user","content":"x"}],"fairlead":{"usr":"u"}}', 400),
    "upstream says no": ('{"model":"gpt","messages":[{"role":"user","content":"x"}],"x_fake":{"error":400}}', 400),
    "upstream is busy": ('{"model":"gpt","messages":[{"role":"user","content":"x"}],"x_fake":{"error":429}}', 429),
    "upstream is broken": ('{"model":"gpt","messages":[{"role":"user","content":"x"}],"x_fake":{"error":500}}', 502),
    "upstream is away": ('{"model":"unreachable","messages":[{"role":"user","content":"x"}]}', 503),
}


@pytest.mark.parametrize("body, status", [pytest.param(*case, id=name) for name, case in BAD.items()])
def test_errors(contract, fairlead, body, status):
    answer = fairlead.request("POST", "/v1/chat/completions", body, headers={"content-type": "application/json"})
    assert answer.status == status, answer.text
    contract.check("ErrorResponse", answer.json)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.error["message"] and answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "method, path, key, status",
    [
        ("GET", "/v1/models/nothing", "admin", 404),
        ("GET", "/v1/nothing", "admin", 404),
        ("DELETE", "/v1/chat/completions", "admin", 405),
        ("GET", "/v1/models", None, 401),
        ("GET", "/v1/models", "fl-wrong", 401),
        ("POST", "/v1/chat/completions", None, 401),
    ],
)
def test_errors_of_routes(contract, fairlead, method, path, key, status):
    answer = fairlead.request(method, path, key=key)
    assert answer.status == status, answer.text
    contract.check("ErrorResponse", answer.json)
    if status == 405:
        assert "POST" in answer.headers["allow"]


def test_error_in_a_stream(contract, fairlead):
    answer = fairlead.chat("gpt", stream=True, x_fake={"error_after": 2})
    assert answer.status == 200
    *chunks, error = events(answer.text)
    assert "[DONE]" not in answer.text
    contract.check("ErrorResponse", json.loads(error))
    for chunk in chunks:
        contract.check("CreateChatCompletionStreamResponse", json.loads(chunk))


@pytest.mark.local_model
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"n": 2},
        {"logprobs": True, "top_logprobs": 2},
        {"response_format": STRUCTURED},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}, "n": 2},
        {"stream": True, "logprobs": True},
    ],
)
def test_local_model(contract, local_fairlead, members):
    answer = local_fairlead.chat("small", max_tokens=12, **members)
    assert answer.status == 200, answer.text
    if members.get("stream"):
        check_stream(contract, answer.text, members.get("n", 1), "stream_options" in members)
    else:
        contract.check("CreateChatCompletionResponse", answer.json)
