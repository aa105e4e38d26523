"""POST /v1/responses: the official client and the API's own description."""

import json

import openai
import pydantic
import pytest
from contract import Contract

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
TOOL = {"type": "function", "name": "get_weather", "description": "d", "parameters": WEATHER, "strict": True}
CALLS = [{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {"city": "Rome"}}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "name": "x", "strict": True, "schema": SCHEMA}


def asking(**script):
    return "hi x_fake=" + json.dumps(script)


@pytest.fixture(scope="module")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


@pytest.fixture
def client(fairlead):
    with openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0, timeout=20) as client:
        yield client


# Of `plain`, whose provider speaks no responses; `gpt` would have what is not kept passed on.
CASES = {
    "plain": {"input": "hi"},
    "not kept": {"input": "hi", "store": False},
    "instructions": {"input": "hi", "instructions": "be kind", "metadata": {"a": "b"}, "temperature": 0.5, "top_p": 0.9},
    "tools": {"input": asking(tool_calls=CALLS), "tools": [TOOL], "tool_choice": "required"},
    "bare tool": {"input": "hi", "tools": [{"type": "function", "name": "f"}]},
    "structured": {"input": "hi", "text": {"format": FORMAT}},
    "reasoning": {"input": asking(reasoning="let me see"), "reasoning": {"effort": "low", "summary": "auto"}},
    "cut off": {"input": asking(finish="length"), "max_output_tokens": 3},
    "pretty": '{"model": "plain",\n "input": "hi",\n "metadata": {\n  "a": "b"\n }\n}',
}


def body_of(case, **members):
    if isinstance(case, str):
        case = json.loads(case) | members
        return json.dumps(case, indent=2)
    return {"model": "plain"} | case | members


@pytest.mark.parametrize("case", [pytest.param(one, id=name) for name, one in CASES.items()])
def test_contract(contract, fairlead, case):
    answer = fairlead.request("POST", "/v1/responses", body_of(case), headers={"content-type": "application/json"})
    assert answer.status == 200, answer.text
    response = contract.check("Response", answer.json)
    kept = fairlead.request("GET", f"/v1/responses/{response['id']}")
    if response["store"]:
        assert contract.check("Response", kept.json) == response
        items = fairlead.request("GET", f"/v1/responses/{response['id']}/input_items")
        assert len(contract.check("ResponseItemList", items.json)["data"]) == 1
        assert fairlead.request("DELETE", f"/v1/responses/{response['id']}").json["deleted"] is True
    assert fairlead.request("GET", f"/v1/responses/{response['id']}").status == 404


@pytest.mark.parametrize("model", ["plain", "claude"])
@pytest.mark.parametrize("case", [pytest.param(one, id=name) for name, one in CASES.items()])
def test_events(contract, fairlead, model, case):
    answer = fairlead.request("POST", "/v1/responses", body_of(case, model=model, stream=True), headers={"content-type": "application/json"})
    assert answer.status == 200, answer.text
    events = []
    for event in answer.text[:-2].split("\n\n"):
        name, data = event.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
        contract.check("ResponseStreamEvent", events[-1])
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]["response"]
    assert events[-1]["type"] == f"response.{last['status']}" and last["usage"]["total_tokens"] > 0
    done = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    assert [done[index] for index in sorted(done)] == last["output"]
    if last["store"]:
        assert fairlead.request("GET", f"/v1/responses/{last['id']}").json == last


def test_client(client, fairlead):
    answer = client.responses.with_raw_response.create(model="gpt", input="hi", instructions="be kind")
    response = answer.parse()
    assert response.output_text == "Hello from upstream." and response.status == "completed"
    record = fairlead.call(answer.headers["x-fairlead-call-id"])
    assert record["operation"] == "chat" and record["output_tokens"] == response.usage.output_tokens
    assert client.responses.retrieve(response.id).output_text == "Hello from upstream."
    assert [item.content[0].text for item in client.responses.input_items.list(response.id)] == ["hi"]
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_client_stream(client, model):
    with client.responses.stream(model=model, input="hi") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert "".join(deltas) == response.output_text == "Hello from upstream." and len(deltas) > 1


@pytest.mark.parametrize("model", ["plain", "claude"])
def test_conversation_with_tools(client, model, openai_fake):
    first = client.responses.create(model=model, input=asking(tool_calls=CALLS), tools=[TOOL])
    calls = [item for item in first.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls]
    second = client.responses.create(model=model, input=results, tools=[TOOL], previous_response_id=first.id)
    assert second.previous_response_id == first.id
    if model == "plain":
        assert [message["role"] for message in openai_fake.last.body["messages"]] == ["user", "assistant", "tool", "tool"]
    # The same without what was kept: all of it is sent again.
    again = [{"role": "user", "content": "hi"}, *[item.model_dump(exclude_none=True) for item in first.output], *results]
    assert client.responses.create(model=model, input=again, tools=[TOOL], store=False).output_text == "Hello from upstream."


def test_conversation_survives_a_restart(start, project, openai_fake):
    server = start(project=project)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0) as client:
        first = client.responses.create(model="gpt", input="one", stream=True)
        kept = [event for event in first][-1].response.id
    server.kill()
    again = start(data=server.data)
    with openai.OpenAI(base_url=f"{again.url}/v1", api_key=again.admin_key, max_retries=0) as client:
        second = client.responses.create(model="gpt", input="two", previous_response_id=kept)
        client.responses.create(model="gpt", input="three", previous_response_id=second.id)
    said = [(message["role"], message["content"]) for message in openai_fake.last.body["messages"]]
    hello = ("assistant", "Hello from upstream.")
    assert said == [("user", "one"), hello, ("user", "two"), hello, ("user", "three")]


def test_structured_output(client):
    class Answer(pydantic.BaseModel):
        a: str

    assert client.responses.parse(model="gpt", input="hi", text_format=Answer).output_parsed.a == "text"


def test_prompt(client):
    response = client.responses.create(model="greeting", input=[], extra_body={"fairlead": {"variables": {"name": "Ada"}}})
    assert response.output_text == "Hello from upstream."


@pytest.mark.parametrize(
    "members, param",
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"truncation": "auto"}, "truncation"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"extra_body": {"x_new": 1}}, "x_new"),
        ({"previous_response_id": "resp_none"}, "previous_response_id"),
        ({"input": []}, "input"),
        ({"temperature": 9}, "temperature"),
    ],
)
def test_refusals_name_the_field(client, members, param):
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(**({"model": "gpt", "input": "hi"} | members))
    assert raised.value.param == param and raised.value.code


def test_broken_stream(client, contract):
    events = list(client.responses.create(model="gpt", input=asking(truncate_after=3), stream=True))
    assert events[-1].type == "response.failed" and "early" in events[-1].response.error.message
    contract.check("ResponseFailedEvent", json.loads(events[-1].to_json()))
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(events[-1].response.id)


@pytest.mark.local_model
def test_local_model(local_fairlead):
    with openai.OpenAI(base_url=f"{local_fairlead.url}/v1", api_key=local_fairlead.admin_key, timeout=120) as client:
        first = client.responses.create(model="small", input="Say hello.", max_output_tokens=8)
        second = client.responses.create(model="small", input="Again.", max_output_tokens=8, previous_response_id=first.id)
    assert first.output_text and second.output_text and second.usage.input_tokens > first.usage.input_tokens
