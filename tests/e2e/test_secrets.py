"""Secrets: set once, used at once, replaced without a restart, shown nowhere."""

import json
import os
import pty
import random
import select
import socket
import subprocess
import time

import pytest

from fakes.openai_upstream import OpenAIUpstream
from harness import binary, eventually

FIRST = "sk-first-secret-0123456789abcdef"
SECOND = "sk-second-secret-fedcba9876543210"
MASTER_KEY = "0123456789abcdef" * 4


def project_of(folder, upstream, api_key="secret:cloud-key"):
    folder.mkdir(exist_ok=True)
    (folder / "models.yaml").write_text(
        f"kind: provider\nname: cloud\ntype: openai\nbase_url: {upstream.url}\napi_key: {api_key}\n"
        "---\nkind: model\nname: gpt\nroutes: [{provider: cloud, model: gpt-fake}]\n"
        f"---\nkind: provider\nname: open\ntype: openai\nbase_url: {upstream.url}\napi_key: env:FIRST_KEY\n"
        "---\nkind: model\nname: plain\nroutes: [{provider: open, model: gpt-fake}]\n"
    )
    return folder


@pytest.fixture
def upstream():
    with OpenAIUpstream(key=FIRST) as fake:
        yield fake


@pytest.fixture
def project(tmp_path, upstream):
    return project_of(tmp_path / "p", upstream)


@pytest.fixture
def begin(start):
    def on(project=None, env=None, **options):
        return start(project=project, env={"FIRST_KEY": FIRST} | (env or {}), **options)

    return on


def set_secret(server, value, name="cloud-key"):
    return server.cli("secrets", "set", name, input=value)


def traces(server, *values):
    """Where one of the values can be found: files of the data folder, the log, the records."""
    found = []
    for path in [*server.data.rglob("*"), server.log_path]:
        if path.is_file():
            content = path.read_bytes()
            found += [(str(path), value) for value in values if value.encode() in content or value.encode().hex().encode() in content]
    answers = [server.request("GET", route).text for route in ("/api/v1/secrets", "/api/v1/audit?limit=500", "/api/v1/pull", "/metrics")]
    answers.append(json.dumps(server.calls("?limit=500")))
    answers.append(server.request("POST", "/api/v1/sql", {"query": "select * from calls"}).text)
    answers.append(server.request("POST", "/api/v1/sql", {"query": "select * from attempts"}).text)
    return found + [(text[:60], value) for text in answers for value in values if value in text]


def sent_keys(upstream):
    return [request.header("authorization") for request in upstream.requests if request.method == "POST"]


def test_a_secret_is_used_and_replaced_at_once_and_shown_nowhere(begin, project, upstream):
    server = begin(project, settings=["--telemetry.content=full"])
    refused = server.chat()
    assert refused.status == 503 and "fairlead secrets set" in refused.error["message"] and "`cloud-key`" in refused.error["message"]
    assert server.chat("plain").status == 200

    said = set_secret(server, FIRST + "\n")
    assert "version 1" in said.stdout and FIRST not in said.stdout + said.stderr
    assert server.chat().status == 200
    assert sent_keys(upstream)[-1] == f"Bearer {FIRST}"

    upstream.key = SECOND
    echoed = server.chat()  # the fake's 401 repeats the key that it was sent
    assert echoed.status == 502 and echoed.error["code"] == "upstream_auth" and FIRST not in echoed.text
    assert "version 2" in set_secret(server, SECOND).stdout
    answer = server.chat()
    assert answer.status == 200
    assert sent_keys(upstream)[-1] == f"Bearer {SECOND}"

    server.call(answer.headers["x-fairlead-call-id"])
    assert traces(server, FIRST, SECOND) == []
    listed = server.cli("secrets", "list").stdout
    assert "cloud-key" in listed and "provider cloud" in listed and "admin" in listed
    rows = server.request("GET", "/api/v1/audit").json["data"]
    assert [row["detail"]["version"] for row in rows if row["action"] == "set_secret"] == [2, 1]
    server.stop()
    assert traces_on_disk(server, FIRST, SECOND) == []


def traces_on_disk(server, *values):
    files = [path for path in [*server.data.rglob("*"), server.log_path] if path.is_file()]
    return [(path, value) for path in files for value in values if value.encode() in path.read_bytes()]


def test_each_call_after_a_replacement_has_the_new_value(begin, project, upstream):
    server = begin(project)
    upstream.key = None
    for number in range(10):
        value = f"sk-rotating-{number:02}-0123456789abcdef"
        assert server.request("POST", "/api/v1/secrets", {"name": "cloud-key", "value": value}).status == 201
        server.chat()
        assert sent_keys(upstream)[-1] == f"Bearer {value}"


def test_plan_and_apply_refuse_a_secret_that_is_not_there(begin, project, upstream, tmp_path):
    server = begin()
    refused = server.cli("apply", str(project), check=False)
    assert refused.returncode == 2
    assert "models.yaml:5:10: secret `cloud-key` does not exist" in refused.stderr and "fairlead secrets set cloud-key" in refused.stderr
    set_secret(server, FIRST)
    server.cli("apply", str(project))
    assert server.chat().status == 200
    near = project_of(tmp_path / "near", upstream, "secret:cloud-kye")
    assert "did you mean `cloud-key`?" in server.cli("plan", str(near), check=False).stderr


def test_what_is_used_stays_unless_it_is_forced(begin, project):
    server = begin(project)
    set_secret(server, FIRST)
    refused = server.cli("secrets", "remove", "cloud-key", check=False)
    assert refused.returncode == 1 and "provider `cloud`" in refused.stderr
    assert server.chat().status == 200
    server.cli("secrets", "remove", "cloud-key", "--force")
    assert server.chat().status == 503
    assert "version 2" in set_secret(server, FIRST).stdout
    assert server.chat().status == 200


def test_projects_have_secrets_of_their_own(begin, project, upstream):
    server = begin(project)
    set_secret(server, FIRST)
    made = server.request("POST", "/api/v1/keys", {"name": "o", "scopes": ["call", "read", "write", "admin"], "project": "other"}).json
    other = made["key"]
    assert server.request("GET", "/api/v1/secrets", key=other).json["data"] == []
    refused = server.cli("apply", str(project), key=other, check=False)
    assert refused.returncode == 2 and "`cloud-key` does not exist" in refused.stderr
    assert server.request("DELETE", "/api/v1/secrets/cloud-key?force=true", key=other).status == 404
    assert server.request("POST", "/api/v1/rekey", key=other).status == 403
    assert server.request("POST", "/api/v1/secrets", {"name": "cloud-key", "value": SECOND}, key=other).status == 201
    server.cli("apply", str(project), key=other)
    assert server.chat(key=other).status == 502  # its own key, which this upstream refuses
    assert server.chat().status == 200


def test_a_wrong_master_key_locks_the_secrets_and_nothing_else(begin, project):
    server = begin(project)
    set_secret(server, FIRST)
    server.stop()
    key_file = server.data / "secrets.key"
    right = key_file.read_text()
    assert key_file.stat().st_mode & 0o777 == 0o600
    key_file.write_text(MASTER_KEY)
    server = begin(project)
    assert "secrets are locked" in server.log and "is not the one" in server.log
    assert server.chat("plain").status == 200
    refused = server.chat()
    assert refused.status == 503 and "secrets.key" in refused.error["message"]
    assert "cloud-key" in server.cli("secrets", "list").stdout
    assert server.cli("secrets", "set", "cloud-key", input=SECOND, check=False).returncode == 1
    server.stop()
    key_file.write_text(right)
    server = begin(project)
    assert server.chat().status == 200
    assert MASTER_KEY not in server.log and right.strip() not in server.log


@pytest.mark.skipif(os.environ.get("FAIRLEAD_TEST_STORE") == "postgresql", reason="where nodes share a store, the master key is replaced by hand")
def test_a_rotation_survives_kill_9_wherever_it_comes(begin, project):
    server = begin(project)
    for number in range(30):
        set_once = server.request("POST", "/api/v1/secrets", {"name": f"more-{number}", "value": "x" * 20000})
        assert set_once.status == 201
    set_secret(server, FIRST)
    keys = {(server.data / "secrets.key").read_text()}
    chance = random.Random(7)
    began = time.monotonic()
    assert server.request("POST", "/api/v1/rekey").json == {"secrets": 31}
    takes = time.monotonic() - began
    between = 0
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", server.port)) as asking:
            asking.sendall(f"POST /api/v1/rekey HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.admin_key}\r\n\r\n".encode())
            time.sleep(chance.uniform(0, 1.2 * takes))  # where it comes is left to chance
            server.kill()
        between += (server.data / "secrets.key").read_text().count("\n") == 2
        server = begin(project)
        assert "locked" not in server.log
        assert server.chat().status == 200
        text = (server.data / "secrets.key").read_text()
        assert len(text) == 65
        keys.add(text)
    print(f"{len(keys)} keys, {between} times killed between the two")
    assert len(keys) > 1, "no rotation got as far as to matter"
    server.cli("secrets", "rekey")
    assert server.chat().status == 200


def test_the_key_of_an_operator_leaves_no_file_and_is_not_in_the_environment(begin, project):
    server = begin(project, env={"FAIRLEAD_SECRETS_KEY": MASTER_KEY})
    set_secret(server, FIRST)
    assert server.chat().status == 200
    assert not (server.data / "secrets.key").exists()
    with open(f"/proc/{server.process.pid}/environ", "rb") as environ:
        assert MASTER_KEY.encode() not in environ.read()
    refused = server.cli("secrets", "rekey", check=False)
    assert refused.returncode == 1 and "FAIRLEAD_SECRETS_KEY" in refused.stderr
    server.stop()
    other = "f" * 64
    server = begin(project, env={"FAIRLEAD_SECRETS_KEY": f"{other},{MASTER_KEY}"})
    assert "the others can be taken out" in server.log and server.chat().status == 200
    server.stop()
    file = server.data.parent / "mounted.key"
    file.write_text(other + "\n")
    server = begin(project, settings=[f"--secrets.key_file={file}"])
    assert server.chat().status == 200
    server.stop()
    assert traces_on_disk(server, MASTER_KEY, other) == []
    both = begin(project, env={"FAIRLEAD_SECRETS_KEY": other}, settings=[f"--secrets.key_file={file}"], wait=False)
    assert both.process.wait(20) == 2 and "FAIRLEAD_SECRETS_KEY" in both.log


def test_no_resource_reads_the_data_folder(begin, tmp_path, upstream):
    data = tmp_path / "data"
    server = begin(data=data)
    for index, path in enumerate([data / "admin.key", data / "sub" / ".." / "admin.key"]):
        folder = project_of(tmp_path / f"p{index}", upstream, f"file:{path}")
        server.cli("apply", str(folder))
        refused = server.chat()
        assert refused.status == 503 and "Fairlead's own" in refused.error["message"]
    assert upstream.requests == []


def test_bad_values_are_refused_clearly(begin, tmp_path):
    server = begin()
    for value, says in [("", "empty"), ("a\nb\n", "line"), ("x" * 70000, "64 KiB"), (" padded", "space")]:
        refused = set_secret_unchecked(server, value)
        assert refused.returncode in (1, 2) and says in refused.stderr, refused.stderr
    (tmp_path / "binary").write_bytes(b"a\0b")
    refused = server.cli("secrets", "set", "cloud-key", "--file", str(tmp_path / "binary"), check=False)
    assert refused.returncode in (1, 2) and "zero byte" in refused.stderr
    assert server.cli("secrets", "set", "cloud-key", FIRST, input="", check=False).returncode == 2  # never an argument
    assert server.request("GET", "/api/v1/secrets").json["data"] == []
    (tmp_path / "key").write_text(FIRST + "\n")
    server.cli("secrets", "set", "cloud-key", "--file", str(tmp_path / "key"))


def set_secret_unchecked(server, value):
    return server.cli("secrets", "set", "cloud-key", input=value, check=False)


def in_terminal(server, *arguments, typed):
    """Runs a command in a terminal, types when it asks, and gives what the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(binary(), [binary(), *arguments], {"FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key, "TERM": "dumb"})
    shown = b""
    asked = False
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part
        if not asked and b"(not shown)" in shown and echo_is_off(terminal):
            asked = True
            os.write(terminal, typed)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(status)


def echo_is_off(terminal):
    import termios

    return not termios.tcgetattr(terminal)[3] & termios.ECHO


def test_a_terminal_is_asked_and_shows_nothing(begin, project):
    server = begin(project)
    shown, status = in_terminal(server, "secrets", "set", "cloud-key", typed=FIRST.encode() + b"\n")
    assert status == 0 and "version 1" in shown and FIRST not in shown, shown
    assert server.chat().status == 200
    shown, status = in_terminal(server, "secrets", "set", "cloud-key", typed=b"sk-half\x03\n")
    assert status == 1 and "Nothing was set" in shown and "sk-half" not in shown, shown
    assert server.request("GET", "/api/v1/secrets").json["data"][0]["version"] == 1


def test_a_change_and_a_secret_at_the_same_time_leave_the_newest_of_both(begin, project, upstream, tmp_path):
    server = begin(project)
    upstream.key = None
    variants = [project_of(tmp_path / f"v{i}", upstream, "secret:cloud-key\ntimeout: " + f"{i + 30}s") for i in range(6)]
    set_secret(server, "sk-start-0123456789")
    for number, folder in enumerate(variants):
        value = f"sk-both-{number}-0123456789abcdef"
        apply = subprocess.Popen(
            [binary(), "apply", str(folder)],
            env={"FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key},
            stdout=subprocess.DEVNULL,
        )
        assert server.request("POST", "/api/v1/secrets", {"name": "cloud-key", "value": value}).status == 201
        assert apply.wait(30) == 0
        server.chat()
        assert sent_keys(upstream)[-1] == f"Bearer {value}"
        eventually(lambda: server.request("GET", "/api/v1/resources/provider/cloud").json["spec"]["timeout"] == f"{number + 30}s")
