"""Responses in the background: polled, streamed again, cancelled, over crashes; by the official client."""

import collections
import json
import threading
import time

import httpx
import openai
import pytest
from contract import Contract

from conftest import UPSTREAM_KEYS
from harness import FAKE_PROVIDER, FAKE_SMALL, Fairlead, eventually, show

PROJECT = FAKE_PROVIDER + FAKE_SMALL + """kind: prompt
name: greeting
model: small
input: {{name: {{type: string}}}}
messages: [{{user: "Hello {{{{ name }}}}"}}]
---
kind: prompt
name: remembers
model: small
memory: {{turns: 10}}
messages: [{{system: hi}}]
---
kind: chain
name: publish
input: {{article: {{type: string}}, delay: {{type: number, default: 0.05}}}}
steps:
  - name: parts
    transform: ${{{{ input.article.split('|') }}}}
  - name: each
    map: ${{{{ steps.parts.output }}}}
    at_once: 1
    model: small
    messages: ${{{{ item }}}}
    parameters: {{x_fake: {{text: "${{{{ item + '!' }}}}", delay: "${{{{ input.delay }}}}"}}}}
output: ${{{{ steps.each.output.join(' ') }}}}
"""


@pytest.fixture(scope="module")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


def client_of(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0, timeout=30)


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


def asking(**script):
    return "hi x_fake=" + json.dumps(script)


def ended(client, response, seconds=20):
    def look():
        now = client.responses.retrieve(response.id)
        return now if now.status not in ("queued", "in_progress") else None

    return eventually(look, seconds, f"the end of {response.id}")


def test_a_model_answers_behind_its_request(server, client, contract):
    begun = time.monotonic()
    first = client.responses.create(model="small", input=asking(delay=1), background=True, metadata={"a": "b"})
    assert time.monotonic() - begun < 0.5, "it does not wait"
    assert first.status == "queued" and first.background is True and first.output == [] and first.metadata == {"a": "b"}
    contract.check("Response", json.loads(first.model_dump_json(exclude_unset=True)))
    eventually(lambda: client.responses.retrieve(first.id).status == "in_progress")
    response = ended(client, first)
    assert response.status == "completed" and response.output_text == "Hello from upstream." and response.usage.output_tokens == 3
    answer = server.request("GET", f"/v1/responses/{first.id}")
    contract.check("Response", answer.json)
    assert response.created_at == first.created_at
    call = eventually(lambda: server.calls(f"?tag=response:{first.id}"))[0]
    assert call["status"] == 200 and call["cost_usd"] > 0
    # It is kept like any other.
    second = client.responses.create(model="small", input="more", previous_response_id=first.id, background=True)
    assert ended(client, second).status == "completed"
    assert len(client.responses.input_items.list(second.id).data) == 1
    assert show(server, first.id.removeprefix("resp_")).get("state") == "succeeded", "it is a run like any other"


def test_prompts_and_chains(client, openai_fake):
    before = len(openai_fake.requests)
    response = client.responses.create(
        model="greeting", input=[], background=True, extra_body={"fairlead": {"variables": {"name": "Ada"}}})  # fmt: skip
    assert ended(client, response).output_text == "Hello from upstream."
    assert openai_fake.requests[before].body["messages"][0]["content"] == "Hello Ada"
    response = client.responses.create(model="chain:publish", input="a|b|c", background=True)
    response = ended(client, response)
    assert response.output_text == "a! b! c!" and response.model == "publish"


def test_tool_calls_refusals_and_cut_answers_are_as_in_the_foreground(client):
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
    asked = asking(tool_calls=[{"name": "look", "arguments": {}}])
    response = ended(client, client.responses.create(model="small", input=asked, tools=tools, background=True))
    assert [(item.type, item.name) for item in response.output] == [("function_call", "look")]
    response = ended(client, client.responses.create(model="small", input=asking(finish="length"), background=True))
    assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens"
    response = ended(client, client.responses.create(model="small", input=asking(error=500), background=True))
    assert response.status == "failed" and response.error.code == "server_error" and response.output == []
    response = ended(client, client.responses.create(model="small", input=asking(error=429), background=True))
    assert response.status == "failed" and response.error.code == "rate_limit_exceeded"


def wire_events(server, target, headers=()):
    answer = server.request("GET", target, headers=dict(headers))
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer.text
    return [json.loads(block.split("data: ", 1)[1]) for block in answer.text.split("\n\n") if "data: " in block]


def test_its_events_are_streamed_and_streamed_again(server, client, contract):
    stream = client.responses.create(model="small", input=asking(delay=0.3), background=True, stream=True)
    events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert events[-1].type == "response.completed" and events[-1].response.output_text == "Hello from upstream."
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello from upstream."
    id = events[0].response.id
    whole = wire_events(server, f"/v1/responses/{id}?stream=true")
    for event in whole:
        contract.check("ResponseStreamEvent", event)
    assert [event["type"] for event in whole] == [event.type for event in events]
    for after in range(len(whole)):
        again = wire_events(server, f"/v1/responses/{id}?stream=true&starting_after={after}")
        assert again == whole[after + 1 :], after
    by_client = list(client.responses.retrieve(id, stream=True, starting_after=2))
    assert [event.sequence_number for event in by_client] == list(range(3, len(whole)))
    assert server.request("GET", f"/v1/responses/{id}?stream=true&starting_after=x").status == 400
    kept = client.responses.create(model="small", input="hi")
    assert server.request("GET", f"/v1/responses/{kept.id}?stream=true").status == 400


def test_a_client_that_is_lost_goes_on_where_it_was(server, client):
    headers = {"authorization": f"Bearer {server.admin_key}"}
    body = {"model": "small", "input": asking(delay=1), "background": True, "stream": True}
    seen = []
    with httpx.stream("POST", server.url + "/v1/responses", json=body, headers=headers) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
            if len(seen) == 2:
                break  # and the connection is gone
    id = seen[0]["response"]["id"]
    seen += wire_events(server, f"/v1/responses/{id}?stream=true&starting_after=1")
    assert [event["sequence_number"] for event in seen] == list(range(len(seen))) and seen[-1]["type"] == "response.completed"


def test_progress_is_told_to_those_who_ask(server, client):
    asked = {"fairlead": {"progress": True, "variables": {"article": "a|b"}}}
    events = list(client.responses.create(model="publish", input=[], background=True, stream=True, extra_body=asked))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    steps = [(event.event, event.step) for event in events if event.type == "fairlead.progress"]
    assert steps == [("result", "parts"), ("intent", "each[0]"), ("result", "each[0]"), ("intent", "each[1]"), ("result", "each[1]")]
    assert events[-1].type == "response.completed" and events[-1].response.output_text == "a! b!"
    id = events[0].response.id
    again = wire_events(server, f"/v1/responses/{id}?stream=true&starting_after=4")
    assert [event["sequence_number"] for event in again] == list(range(5, len(events)))
    quiet = list(client.responses.create(model="publish", input="a", background=True, stream=True))
    assert not [event for event in quiet if event.type == "fairlead.progress"]


@pytest.mark.parametrize("model", ["small", "publish"])
def test_cancelling_reaches_the_call(server, client, openai_fake, model):
    before = len(openai_fake.requests)
    if model == "small":
        response = client.responses.create(model=model, input=asking(delay=20), background=True)
    else:
        asked = {"fairlead": {"variables": {"article": "a", "delay": 20}}}
        response = client.responses.create(model=model, input=[], background=True, extra_body=asked)
    eventually(lambda: len(openai_fake.requests) > before)
    cancelled = client.responses.cancel(response.id)
    assert cancelled.status == "cancelled"
    assert openai_fake.requests[before].client_gone.wait(5)
    assert client.responses.cancel(response.id).status == "cancelled"
    events = wire_events(server, f"/v1/responses/{response.id}?stream=true")
    assert events[-1]["type"] == "response.failed" and events[-1]["response"]["status"] == "cancelled"
    done = client.responses.create(model="small", input="hi", background=True)
    assert ended(client, done).status == "completed"
    assert client.responses.cancel(done.id).status == "completed", "what has ended stays as it is"
    kept = client.responses.create(model="small", input="hi")
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(kept.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.cancel("resp_nope")


def test_deleting_one_that_is_being_made_cancels_it(client, openai_fake):
    before = len(openai_fake.requests)
    response = client.responses.create(model="small", input=asking(delay=20), background=True)
    eventually(lambda: len(openai_fake.requests) > before)
    client.responses.delete(response.id)
    assert openai_fake.requests[before].client_gone.wait(5)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_what_is_wrong_is_said_at_once(server, client):
    for body, status, param in [
        ({"model": "small", "input": "hi", "store": False}, 400, "store"),
        ({"model": "nope", "input": "hi"}, 404, "model"),
        ({"model": "small"}, 400, "input"),
        ({"model": "small", "input": "hi", "tools": [{"type": "web_search"}]}, 400, "tools[0].type"),
        ({"model": "greeting", "input": []}, 400, "fairlead.variables.name"),
        ({"model": "publish", "input": [], "fairlead": {"variables": {"artcle": "x"}}}, 400, "input.artcle"),
        ({"model": "remembers", "input": "hi", "fairlead": {"session": "s"}}, 400, "background"),
        ({"model": "small", "input": "hi", "previous_response_id": "resp_x"}, 400, "previous_response_id"),
        ({"model": "small", "input": "hi", "background": "yes"}, 400, "background"),
    ]:  # fmt: skip
        answer = server.request("POST", "/v1/responses", {"background": True} | body)
        assert answer.status == status and answer.error["param"] == param, answer.text
    slow = client.responses.create(model="small", input=asking(delay=5), background=True)
    with pytest.raises(openai.BadRequestError, match="still being made"):
        client.responses.create(model="small", input="more", previous_response_id=slow.id)
    client.responses.cancel(slow.id)


def test_one_key_is_one_response(client, openai_fake):
    before = len(openai_fake.requests)
    asked = {"fairlead": {"idempotency_key": "k-1"}}
    ids, threads = set(), []
    for _ in range(8):
        ask = lambda: ids.add(client.responses.create(model="small", input=asking(delay=0.2), background=True, extra_body=asked).id)  # noqa: E731
        threads.append(threading.Thread(target=ask))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1
    response = client.responses.retrieve(ids.pop())
    assert ended(client, response).status == "completed" and len(openai_fake.requests) == before + 1
    again = client.responses.create(model="small", input=asking(delay=0.2), background=True, extra_body=asked)
    assert again.id == response.id and again.status == "completed"
    with pytest.raises(openai.ConflictError):
        client.responses.create(model="small", input="other", background=True, extra_body=asked)


def test_a_killed_server_goes_on_and_the_stream_has_no_gap(folder, openai_fake, tmp_path):
    server = Fairlead(tmp_path / "data", folder, UPSTREAM_KEYS).wait_ready()
    client = client_of(server)
    before = len(openai_fake.requests)
    asked = {"fairlead": {"variables": {"article": "|".join("abcdef"), "delay": 0.15}, "progress": True}}
    chain = client.responses.create(model="publish", input=[], background=True, extra_body=asked)
    model = client.responses.create(model="small", input=asking(delay=0.5), background=True)
    seen = []

    def follow(port):
        headers = {"authorization": f"Bearer {server.admin_key}"}
        after = f"&starting_after={seen[-1]['sequence_number']}" if seen else ""
        url = f"http://127.0.0.1:{port}/v1/responses/{chain.id}?stream=true{after}"
        try:
            with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        seen.append(json.loads(line[6:]))
        except httpx.HTTPError:
            pass

    for _ in range(3):
        thread = threading.Thread(target=follow, args=(server.port,))
        thread.start()
        time.sleep(0.4)
        server.kill()
        thread.join()
        server = Fairlead(tmp_path / "data", folder, UPSTREAM_KEYS).wait_ready()
    client = client_of(server)
    assert ended(client, chain).output_text == "a! b! c! d! e! f!"
    assert ended(client, model).output_text == "Hello from upstream."
    follow(server.port)
    assert [event["sequence_number"] for event in seen] == list(range(len(seen))), "no gap, no repeat"
    assert seen == wire_events(server, f"/v1/responses/{chain.id}?stream=true")
    assert seen[-1]["type"] == "response.completed"
    done = [event["step"] for event in seen if event["type"] == "fairlead.progress" and event["event"] == "result"]
    assert max(collections.Counter(done).values()) == 1
    keys = collections.Counter(request.header("idempotency-key") for request in openai_fake.requests[before:])
    assert len(keys) == 7, "six parts and the model, each with its key"
    assert server.stop() == 0
