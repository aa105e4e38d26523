"""The official Node client, unchanged: node/client.mjs does what applications do and says what it saw."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from harness import eventually

NODE = pathlib.Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def seen(fairlead, openai_fake):
    if not shutil.which("node"):
        pytest.skip("needs Node.js")
    if not (NODE / "node_modules" / "openai").is_dir():
        pytest.skip("needs `npm ci --ignore-scripts` in tests/e2e/node")
    env = os.environ | {"BASE_URL": f"{fairlead.url}/v1", "API_KEY": fairlead.admin_key}
    done = subprocess.run(["node", "client.mjs"], cwd=NODE, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_chat(seen):
    assert seen["chat"] == "Hello from upstream."
    assert seen["claude"] == "Hello from upstream."
    assert seen["n"] == [0, 1]
    assert seen["prompt"] == 1


def test_stream(seen):
    assert seen["stream"] == {"text": "Hello from upstream.", "reasons": ["stop"], "usage": None, "chunks": 5, "lastChoices": 1}
    assert seen["usage"]["lastChoices"] == 0 and seen["usage"]["usage"]["completion_tokens"] == 3


def test_tools_and_structured_output(seen):
    assert seen["tools"] == [["get_weather", {"city": "Oslo"}]]
    assert seen["structured"] == {"age": 7}


def test_models(seen):
    assert {"gpt", "claude", "greeting"} <= set(seen["models"])


@pytest.mark.parametrize(
    "case, name, status, code",
    [
        ("rate_limit", "RateLimitError", 429, "rate_limit_exceeded"),
        ("bad_request", "BadRequestError", 400, "invalid_type"),
        ("unknown_model", "NotFoundError", 404, "model_not_found"),
        ("wrong_key", "AuthenticationError", 401, "invalid_api_key"),
        ("upstream_down", "InternalServerError", 503, "upstream_unreachable"),
    ],
)
def test_typed_errors(seen, case, name, status, code):
    assert (seen[case]["name"], seen[case]["status"], seen[case]["code"]) == (name, status, code)


def test_broken_stream(seen):
    assert seen["broken_stream"]["name"] == "APIError" and seen["broken_stream"]["code"] == "upstream_reset"


def test_timeout_and_abort_reach_the_upstream(seen, openai_fake):
    assert seen["timeout"]["name"] == "APIConnectionTimeoutError"
    assert seen["abort"]["name"] in ("none", "APIUserAbortError")
    waiting = [request for request in openai_fake.requests if isinstance(request.body, dict) and
               (request.body.get("x_fake") or {}) in ({"delay": 30}, {"text": "a b c d", "stall_after": 2})]
    assert len(waiting) >= 2
    eventually(lambda: all(request.client_gone.is_set() for request in waiting), 15, "the upstream seeing its clients go")
