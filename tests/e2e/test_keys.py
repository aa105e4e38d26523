"""Keys: made, shown once, scoped, revoked at once."""

import json
import stat

import pytest


@pytest.fixture(scope="module")
def server(tmp_path_factory, project):
    from conftest import UPSTREAM_KEYS
    from harness import Fairlead

    with Fairlead(tmp_path_factory.mktemp("keys") / "data", project, UPSTREAM_KEYS) as running:
        yield running.wait_ready()


def make(server, scopes, **members):
    answer = server.request("POST", "/api/v1/keys", {"name": "k", "scopes": scopes} | members)
    assert answer.status == 201, answer.text
    return answer.json


def test_first_key_is_in_a_private_file_and_not_in_the_log(server):
    mode = stat.S_IMODE((server.data / "admin.key").stat().st_mode)
    assert mode == 0o600
    assert server.admin_key not in server.log and "admin.key" in server.log


ROUTES = [
    ("GET", "/v1/models", "call"),
    ("POST", "/v1/chat/completions", "call"),
    ("GET", "/api/v1/resources", "read"),
    ("GET", "/api/v1/calls", "read"),
    ("GET", "/metrics", "read"),
    ("POST", "/api/v1/sql", "read"),
    ("POST", "/api/v1/apply", "write"),
    ("POST", "/api/v1/promote", "write"),
    ("POST", "/api/v1/resources/prompt/greeting/checks", "write"),
    ("POST", "/api/v1/approvals/01JD/approve", "approve"),
    ("POST", "/api/v1/approvals/01JD/reject", "approve"),
    ("POST", "/api/v1/approvals/01JD/withdraw", "write"),
    ("PUT", "/api/v1/labels/production", "admin"),
    ("DELETE", "/api/v1/labels/production", "admin"),
    ("GET", "/api/v1/keys", "admin"),
    ("POST", "/api/v1/keys", "admin"),
    ("POST", "/api/v1/model-files", "admin"),
    ("GET", "/api/v1/secrets", "admin"),
    ("POST", "/api/v1/secrets", "admin"),
    ("DELETE", "/api/v1/secrets/none", "admin"),
    ("POST", "/api/v1/rekey", "admin"),
    ("POST", "/api/v1/tasks/poll", "work"),
    ("GET", "/api/v1/tasks", "read"),
]


@pytest.mark.parametrize("method, path, scope", ROUTES)
def test_every_route_needs_its_scope(server, method, path, scope):
    body = {} if method == "POST" else None
    assert server.request(method, path, body, key=None).status == 401
    assert server.request(method, path, body, key="fl-wrong").status == 401
    others = [one for one in ("call", "read", "write", "approve", "work", "admin") if one != scope]
    assert server.request(method, path, body, key=make(server, others)["key"]).status == 403
    assert server.request(method, path, body, key=make(server, [scope])["key"]).status not in (401, 403)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_none(server, path):
    assert server.request("GET", path, key=None).status == 200


def test_revoked_keys_stop_at_once(server):
    made = make(server, ["call"])
    assert server.chat("gpt", key=made["key"]).status == 200
    assert server.request("DELETE", f"/api/v1/keys/{made['id']}").status == 200
    answer = server.chat("gpt", key=made["key"])
    assert answer.status == 401 and answer.error["code"] == "invalid_api_key"


def test_expired_keys_are_refused(server):
    assert server.chat("gpt", key=make(server, ["call"], expires_at="2999-01-01T00:00:00Z")["key"]).status == 200
    answer = server.request("POST", "/api/v1/keys", {"name": "k", "scopes": ["call"], "expires_at": "2001-01-01T00:00:00Z"})
    assert answer.status == 400 or server.chat("gpt", key=answer.json["key"]).status == 401


def test_keys_are_shown_once_and_stored_nowhere(server):
    made = make(server, ["call"])
    listed = server.request("GET", "/api/v1/keys")
    assert made["id"] in listed.text and made["key"] not in listed.text
    for path in server.data.rglob("*"):
        if path.is_file() and path.name != "admin.key":
            content = path.read_bytes()
            assert made["key"].encode() not in content and server.admin_key.encode() not in content, path


def test_projects_are_apart(server):
    other = make(server, ["call", "read"], project="other")["key"]
    assert server.request("GET", "/v1/models", key=other).json["data"] == []
    assert server.chat("gpt", key=other).status == 404
    server.chat("gpt")
    assert server.request("GET", "/api/v1/calls?model=gpt", key=other).json["data"] == []


def test_command_line(server):
    made = json.loads(server.cli("keys", "create", "checkout", "--scope", "call", "--json").stdout)
    assert "checkout" in server.cli("keys", "list").stdout
    assert server.chat("gpt", key=made["key"]).status == 200
    server.cli("keys", "revoke", made["id"])
    assert server.chat("gpt", key=made["key"]).status == 401
    refused = server.cli("keys", "list", key="fl-wrong", check=False)
    assert refused.returncode == 1 and "fl-wrong" not in refused.stderr
