"""What the contracts of OpenAI and Anthropic say of every answer and every field, where no other file asks."""

import json

import anthropic
import openai
import pytest
from contract import Contract

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/v1/models", 200),
        ("GET", "/v1/models/gpt", 200),
        ("GET", "/v1/models/nothing", 404),
        ("GET", "/v1/files", 200),
        ("GET", "/v1/files/file-nothing/content", 404),
        ("GET", "/v1/responses/resp_nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/chat/completions", 405),
    ],
)
def test_every_answer_has_an_id(fairlead, method, path, status):
    ids = set()
    for _ in range(2):
        answer = fairlead.request(method, path)
        assert answer.status == status
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 2


# Anthropic's clients.


@pytest.mark.parametrize(
    "method, path, key, status, kind",
    [
        ("GET", "/v1/messages", "admin", 405, "invalid_request_error"),
        ("POST", "/v1/messages/batches", "admin", 404, "not_found_error"),
        ("GET", "/v1/models/nothing", "admin", 404, "not_found_error"),
        ("GET", "/v1/models?limit=0", "admin", 400, "invalid_request_error"),
        ("GET", "/v1/models?after_id=nothing", "admin", 400, "invalid_request_error"),
        ("GET", "/v1/models", "fl-wrong", 401, "authentication_error"),
        ("GET", "/v1/nothing", "admin", 404, "not_found_error"),
        ("FLY", "/v1/messages", "admin", 501, "invalid_request_error"),
    ],
)
def test_errors_as_anthropic_shows_them(fairlead, method, path, key, status, kind):
    answer = fairlead.request(method, path, key=key, headers={"anthropic-version": "2023-06-01"})
    assert answer.status == status, answer.text
    assert answer.json["type"] == "error" and answer.json["error"]["type"] == kind and answer.json["error"]["message"]
    assert answer.json["request_id"] == answer.headers["request-id"]


def test_models_for_anthropic(fairlead):
    everything = [model["id"] for model in fairlead.request("GET", "/v1/models").json["data"]]
    with anthropic.Anthropic(base_url=fairlead.url, api_key=fairlead.admin_key, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == everything
        assert [model.id for model in client.models.list(limit=2)] == everything  # page by page
        page = client.models.list(limit=2, before_id=everything[3])
        assert [model.id for model in page.data] == everything[1:3] and page.has_more
        assert (page.first_id, page.last_id) == (everything[1], everything[2])
        one = client.models.retrieve("gpt")
        assert one.type == "model" and one.id == one.display_name == "gpt" and one.created_at.year > 2020


MESSAGES = {
    "temperature": ({"temperature": 1.5}, "temperature"),
    "a negative top_k": ({"top_k": -1}, "top_k"),
    "top_k of another type": ({"top_k": "x"}, "top_k"),
    "little to think": ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, "thinking.budget_tokens"),
    "a tool without a schema": ({"tools": [{"name": "x"}]}, r"tools[0].input_schema"),
}


@pytest.mark.parametrize("members, named", MESSAGES.values(), ids=MESSAGES.keys())
def test_fields_of_messages(fairlead, members, named):
    answer = fairlead.request("POST", "/v1/messages", {"model": "gpt", "max_tokens": 5000, "messages": HI} | members)
    assert answer.status == 400 and named in answer.error["message"], answer.text
    assert answer.error["type"] == "invalid_request_error"


# OpenAI's.

METADATA = {
    "a number": {"a": 1},
    "null": {"a": None},
    "17 pairs": {str(i): "x" for i in range(17)},
    "a long name": {"n" * 65: "x"},
    "a long value": {"a": "ж" * 513},
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA.keys())
def test_bounds_of_metadata(contract, fairlead, metadata):
    for path, asked in (("/v1/chat/completions", {"messages": HI}), ("/v1/responses", {"input": "hi"})):
        answer = fairlead.request("POST", path, {"model": "gpt", "metadata": metadata} | asked)
        assert answer.status == 400 and answer.error["param"] == "metadata", answer.text
        contract.check("ErrorResponse", answer.json)


def test_metadata_within_its_bounds(contract, fairlead):
    metadata = {"ж" * 64: "ж" * 512} | {str(i): "" for i in range(15)}
    answer = fairlead.request("POST", "/v1/responses", {"model": "gpt", "input": "hi", "metadata": metadata})
    assert answer.status == 200 and answer.json["metadata"] == metadata
    contract.check("Response", answer.json)
    assert fairlead.chat("gpt", metadata=metadata).status == 200


CHATS = {
    "a modality": ({"modalities": ["text", "smell"]}, "modalities[1]"),
    "modalities of another type": ({"modalities": "text"}, "modalities"),
    "a choice of no kind": ({"tool_choice": {"type": "tool"}}, "tool_choice.type"),
    "a choice of no function": ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
    "a schema's name": ({"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}}, "response_format.json_schema.name"),
}


@pytest.mark.parametrize("members, param", CHATS.values(), ids=CHATS.keys())
def test_fields_of_chats(fairlead, members, param):
    answer = fairlead.chat("gpt", **members)
    assert answer.status == 400 and answer.error["param"] == param, answer.text


def test_a_search_is_not_left_out_silently(fairlead):
    answer = fairlead.chat("claude", web_search_options={})
    assert answer.status == 400 and answer.error["param"] == "web_search_options", answer.text


def test_a_number_that_does_not_fit_is_named(fairlead):
    answer = fairlead.chat("gpt", seed=2**70)
    assert answer.status == 400 and "number" in answer.error["message"], answer.text


@pytest.mark.parametrize("members, param", [({"max_tokens": 0}, "max_tokens"), ({"n": 2, "best_of": 1}, "best_of")])
def test_fields_of_completions(fairlead, members, param):
    answer = fairlead.request("POST", "/v1/completions", {"model": "chats", "prompt": "hi"} | members)
    assert answer.status == 400 and answer.error["param"] == param, answer.text


def test_a_response_without_input(fairlead):
    answer = fairlead.request("POST", "/v1/responses", {"model": "gpt"})
    assert answer.status == 400 and (answer.error["param"], answer.error["code"]) == ("input", "missing_required_parameter")


@pytest.mark.parametrize("input", ["hi", [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]])
def test_items_of_a_response_have_ids_of_their_own(fairlead, input):
    with openai.OpenAI(base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0) as client:
        response = client.responses.create(model="gpt", input=input)
        ids = [item.id for item in client.responses.input_items.list(response.id)] + [item.id for item in response.output]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("given, missing", [("anchor", "seconds"), ("seconds", "anchor")])
def test_an_expiry_is_said_whole(fairlead, given, missing):
    value = {"anchor": "created_at", "seconds": "3600"}[given]
    form = f'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--x\r\nContent-Disposition: form-data; name="expires_after[{given}]"\r\n\r\n{value}\r\n'
    form += '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    answer = fairlead.request("POST", "/v1/files", form, headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status == 400 and answer.error["param"] == f"expires_after[{missing}]", json.dumps(answer.json)
