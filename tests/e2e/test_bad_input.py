"""What a person or a machine gets wrong, and what they are told."""

import hashlib
import json
import os
import pathlib
import socket
import time

import pytest
from harness import SHARED, eventually, run_cli

PROMPT = "kind: prompt\nname: p\nmodel: gpt\nmessages:\n  - user: \"{}\"\n"


def apply(server, files, check=False):
    return server.request("POST", "/api/v1/apply", {"files": files, "message": "test"})


@pytest.fixture(scope="module")
def server(tmp_path_factory, project):
    from conftest import UPSTREAM_KEYS
    from harness import Fairlead

    with Fairlead(tmp_path_factory.mktemp("bad") / "data", project, UPSTREAM_KEYS) as running:
        yield running.wait_ready()


FAULTS = {
    "an unknown kind": ("kind: promt\nname: p\n", "prompt"),
    "an unknown model": ("kind: prompt\nname: p\nmodel: gtp\nmessages: [{user: x}]\n", "gpt"),
    "an unknown member": ("kind: prompt\nname: p\nmodel: gpt\nmesages: [{user: x}]\n", "messages"),
    "an undeclared variable": ("kind: prompt\nname: p\nmodel: gpt\ninput: {locale: {type: string}}\nmessages: [{user: '{{ localle }}'}]\n", "locale"),
    "a template that is none": ("kind: prompt\nname: p\nmodel: gpt\nmessages: [{user: '{% if %}'}]\n", ""),
    "a name that is taken": ("kind: prompt\nname: gpt\nmodel: gpt\nmessages: [{user: x}]\n", "gpt"),
    "no YAML": ("kind: prompt\n  name: [p\n", ""),
    "a literal key": ("kind: provider\nname: q\ntype: openai\napi_key: sk-live-1234567890abcdef\n", "env:"),
    "an unknown provider": ("kind: model\nname: q\nroutes: [{provider: openai-fke, model: m}]\n", "openai-fake"),
    "a wrong type": ("kind: model\nname: q\nroutes: 5\n", "routes"),
}


@pytest.mark.parametrize("text, hint", FAULTS.values(), ids=FAULTS.keys())
def test_faults_have_places_and_nothing_is_applied(server, text, hint):
    before = server.request("GET", "/api/v1/resources").text
    good = "kind: prompt\nname: innocent\nmodel: gpt\nmessages: [{user: x}]\n"
    answer = apply(server, {"good.yaml": good, "dir/bad.yaml": text})
    assert answer.status == 400 and answer.error["code"] == "invalid_resources", answer.text
    fault = answer.error["faults"][0]
    assert fault["file"] == "dir/bad.yaml" and fault["line"] >= 1 and fault["column"] >= 1
    assert hint in json.dumps(answer.error)
    assert "sk-live-1234567890" not in answer.text and "sk-live-1234567890" not in server.log
    assert server.request("GET", "/api/v1/resources").text == before


def test_command_line_shows_faults_and_exits_2(server, tmp_path):
    (tmp_path / "bad.yaml").write_text("kind: prompt\nname: p\nmodel: gtp\nmessages: [{user: x}]\n")
    done = server.cli("apply", str(tmp_path), check=False)
    assert done.returncode == 2
    assert "bad.yaml:3:" in done.stderr and "gpt" in done.stderr and "nothing was applied" in done.stderr


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(10000) %}{% for b in range(10000) %}{% for c in range(10000) %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
        "{{ 'x' * 99999999999 }}",
    ],
)
def test_templates_that_never_end_are_ended(server, template):
    began = time.monotonic()
    answer = apply(server, {"p.yaml": f"kind: prompt\nname: endless\nmodel: gpt\nmessages:\n  - user: {json.dumps(template)}\n"})
    if answer.status == 200:
        answer = server.chat("endless", messages=[])
    assert answer.status == 400, answer.text
    assert time.monotonic() - began < 5
    assert server.chat("gpt").status == 200


def test_template_that_loops_by_its_input(server):
    text = "kind: prompt\nname: loops\nmodel: gpt\ninput: {n: {type: integer}}\nmessages: [{user: '{% for i in range(n) %}{% for j in range(n) %}x{% endfor %}{% endfor %}'}]\n"
    assert apply(server, {"p.yaml": text}).status == 200
    assert server.chat("loops", messages=[], fairlead={"variables": {"n": 3}}).status == 200
    began = time.monotonic()
    answer = server.chat("loops", messages=[], fairlead={"variables": {"n": 100000}})
    assert answer.status in (400, 422) and time.monotonic() - began < 5


def test_missing_credentials_are_named(start, project):
    server = start(project=project, env={"FAKE_WRONG_KEY": ""})
    answer = server.chat("badly-keyed")
    assert answer.status == 503 and "FAKE_WRONG_KEY" in answer.error["message"]
    assert server.chat("gpt").status == 200


def test_bodies_over_the_limit(server):
    answer = server.request("POST", "/v1/chat/completions", b" " * 100, headers={"content-type": "application/json"})
    assert answer.status == 400
    big = b'{"model":"gpt","messages":[{"role":"user","content":"' + b"x" * (11 * 1024 * 1024) + b'"}]}'
    try:
        answer = server.request("POST", "/v1/chat/completions", big, headers={"content-type": "application/json"})
    except (BrokenPipeError, ConnectionResetError):
        return  # refused while it was still sending
    assert answer.status == 413 and answer.error["code"]


def test_invalid_utf8(server):
    body = b'{"model":"gpt","messages":[{"role":"user","content":"\xff\xfe"}]}'
    assert server.request("POST", "/v1/chat/completions", body, headers={"content-type": "application/json"}).status == 400


# Starting.


def refused_start(server, seconds=20):
    code = server.process.wait(seconds)
    return code, server.log


def test_port_that_is_taken(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, log = refused_start(start(port=port, wait=False))
    assert code == 1 and str(port) in log and "listen" in log.lower()


def test_second_process_on_the_same_folder(start, tmp_path):
    first = start()
    second = start(data=first.data, wait=False)
    code, log = refused_start(second)
    assert code == 1 and str(first.data) in log
    assert first.request("GET", "/v1/models").status == 200


@pytest.mark.skipif(os.geteuid() == 0 and not pathlib.Path("/usr/bin/setpriv").exists(), reason="root writes everywhere")
def test_read_only_store(start, tmp_path):
    first = start()
    first.stop()
    read_only = tmp_path / "read-only"
    read_only.mkdir()
    for path in first.data.iterdir():
        if path.is_file():
            (read_only / path.name).write_bytes(path.read_bytes())
            (read_only / path.name).chmod(0o444)
    read_only.chmod(0o555)
    import subprocess

    from harness import binary, free_port

    command = [binary(), "serve", "--data", str(read_only), "--listen", f"127.0.0.1:{free_port()}"]
    if os.geteuid() == 0:
        for path in [tmp_path, *tmp_path.parents][:4]:
            path.chmod(path.stat().st_mode | 0o055)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done.stderr
    assert "read-only" in done.stderr.replace(str(read_only), "") or "permission" in done.stderr.lower() or "write" in done.stderr


def test_unknown_settings(tmp_path):
    done = run_cli("serve", "--data", str(tmp_path / "d"), "--http.boddy_bytes=1", check=False)
    assert done.returncode == 2 and "body_bytes" in done.stderr
    done = run_cli("serve", "--data", str(tmp_path / "d"), "--http.body_bytes=many", check=False)
    assert done.returncode == 2 and "body_bytes" in done.stderr


def test_project_with_faults_does_not_start(start, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.yaml").write_text("kind: prompt\nname: p\nmodel: nothing\nmessages: [{user: x}]\n")
    code, log = refused_start(start(project=folder, wait=False))
    assert code in (1, 2) and "a.yaml:3:" in log


def test_model_file_cut_in_half(start, tmp_path, project):
    source = next((path for path in pathlib.Path.home().glob(".cache/fairlead/deps/smollm2/*.gguf")), None)
    if source is None:
        pytest.skip("needs the quickstart model")
    models = tmp_path / "models"
    models.mkdir()
    whole = source.read_bytes()
    (models / "half.gguf").write_bytes(whole[: len(whole) // 2])
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "m.yaml").write_text(
        "kind: provider\nname: local\ntype: llama.cpp\n---\nkind: model\nname: half\nroutes: [{provider: local, file: half.gguf}]\n"
        "---\nkind: model\nname: absent\nroutes: [{provider: local, file: absent.gguf}]\n"
        f"---\nkind: model\nname: other\nroutes: [{{provider: local, file: other.gguf, sha256: {hashlib.sha256(b'x').hexdigest()}}}]\n"
    )
    (models / "other.gguf").write_bytes(whole[:1000])
    server = start(project=folder, settings=[f"--serving.models={models}"], wait=False)
    eventually(lambda: _answers(server), 20, "listening")

    def settled():
        return all(server.chat(name).error["message"] and "load" not in server.chat(name).error["code"] for name in ("half", "absent", "other"))

    eventually(settled, 30, "a verdict on the files")
    for name in ("half", "absent", "other"):
        answer = server.chat(name)
        assert answer.status in (502, 503) and f"{name}.gguf" in answer.error["message"], answer.text
    assert server.process.poll() is None


def _answers(server):
    try:
        return server.request("GET", "/healthz", key=None).status == 200
    except OSError:
        return False
