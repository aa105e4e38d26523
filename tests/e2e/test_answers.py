"""What the contracts of OpenAI and Anthropic say of every answer and every field, where no other file asks."""

import anthropic
import pytest

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
