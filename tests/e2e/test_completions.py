"""POST /v1/completions in front of models that know chats only."""

import json

import openai
import pytest
from contract import Contract, events


def asking(**script):
    return "hi x_fake=" + json.dumps(script)


@pytest.fixture(scope="module")
def client(fairlead):
    with openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


CASES = {
    "plain": {},
    "n": {"n": 2, "best_of": 2},
    "logprobs": {"logprobs": 2},
    "cut off": {"max_tokens": 2, "prompt": asking(finish="length")},
    "list of one": {"prompt": ["hi"]},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("members", [pytest.param(one, id=name) for name, one in CASES.items()])
def test_contract(contract, fairlead, members, stream):
    asked = {"model": "chats", "prompt": "hi", "stream": stream} | members
    answer = fairlead.request("POST", "/v1/completions", asked)
    assert answer.status == 200, answer.text
    if not stream:
        completion = contract.check("CreateCompletionResponse", answer.json)
        assert [one["text"] for one in completion["choices"]] == ["Hello from upstream."] * members.get("n", 1)
        assert completion["usage"]["total_tokens"] > 0
        return
    *data, done = events(answer.text)
    assert done == "[DONE]"
    chunks = [json.loads(one) for one in data]
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["finish_reason"] is None:  # the description has no word for a chunk before the last
                choice = choice | {"finish_reason": "stop"}
            contract.check("CreateCompletionResponse", chunk | {"choices": [choice]})
    for index in range(members.get("n", 1)):
        own = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
        assert "".join(choice["text"] for choice in own) == "Hello from upstream."
        assert own[-1]["finish_reason"] in ("stop", "length")


def test_client(client, openai_fake):
    completion = client.completions.create(model="chats", prompt="hi", temperature=0.5, logprobs=1)
    assert completion.choices[0].text == "Hello from upstream." and completion.id.startswith("cmpl-")
    assert completion.choices[0].logprobs.tokens == ["Hello", " from", " upstream."]
    assert completion.choices[0].logprobs.text_offset == [0, 5, 10]
    assert openai_fake.last.body == {
        "model": "gpt-fake", "temperature": 0.5, "logprobs": True, "top_logprobs": 1, "max_completion_tokens": 16,
        "messages": [{"role": "user", "content": "hi"}],
    }  # fmt: skip
    chunks = list(client.completions.create(model="chats", prompt="hi", stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "Hello from upstream."
    assert chunks[-1].usage.completion_tokens == 3 and chunks[-1].choices == []


def test_prompt_and_record(client, fairlead):
    answer = client.completions.with_raw_response.create(model="greeting", prompt="", extra_body={"fairlead": {"variables": {"name": "Ada"}}})
    assert answer.parse().choices[0].text == "Hello from upstream."
    record = fairlead.call(answer.headers["x-fairlead-call-id"])
    assert record["operation"] == "text_completion" and record["target"] == "greeting"


@pytest.mark.parametrize(
    "members, param",
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": "", "suffix": None}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "s"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"extra_body": {"use_beam_search": True}}, "use_beam_search"),
        ({"temperature": 9}, "temperature"),
    ],
)
def test_refusals_name_the_field(client, members, param):
    with pytest.raises(openai.BadRequestError) as raised:
        client.completions.create(**({"model": "claude", "prompt": "hi"} | members))
    assert raised.value.param == param and raised.value.code


def test_broken_stream(client):
    with pytest.raises(openai.APIError, match="ended its answer early"):
        list(client.completions.create(model="chats", prompt=asking(truncate_after=2), stream=True))


def test_what_chats_cannot_do(client):
    with pytest.raises(openai.BadRequestError, match="no embeddings") as raised:
        client.embeddings.create(model="claude", input="a")
    assert raised.value.code == "unsupported_by_model"
    with pytest.raises(openai.BadRequestError, match="no moderations"):
        client.moderations.create(model="claude", input="a")
    with pytest.raises(openai.NotFoundError, match="omni-moderation-latest"):
        client.moderations.create(input="a")
    with pytest.raises(openai.BadRequestError) as raised:
        client.embeddings.create(model="claude", input=[])
    assert raised.value.param == "input"
