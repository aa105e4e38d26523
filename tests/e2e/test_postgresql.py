"""The control store in PostgreSQL: all that SQLite does, two nodes on one database, and a server that goes and comes back."""

import json
import signal
import threading
import time

import pytest
from fakes.flaky_upstream import FlakyUpstream
from fakes.postgresql_server import PostgresqlServer

from conftest import UPSTREAM_KEYS
from harness import Fairlead, eventually, run_cli, share_keys

RESOURCES = """kind: provider
name: fake
type: openai
base_url: {url}
api_key: {key}
---
kind: model
name: small
retries: 0
routes: [{{provider: fake, model: gpt-fake}}]
---
kind: prompt
name: greeting
model: small
memory: {{turns: 10}}
messages: [{{system: "{text}"}}]
"""
SECRET = "sk-kept-in-the-store-0123456789"


class AnyKeyUpstream(FlakyUpstream):
    def key_of(self, request):
        return self.key


@pytest.fixture(scope="module")
def postgresql():
    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def upstream():
    with AnyKeyUpstream() as fake:
        yield fake


@pytest.fixture
def folder(tmp_path, upstream):
    def write(text="one", key="env:FAKE_OPENAI_KEY"):
        project = tmp_path / "p"
        project.mkdir(exist_ok=True)
        (project / "all.yaml").write_text(RESOURCES.format(url=upstream.url, key=key, text=text))
        return str(project)

    return write


@pytest.fixture
def node(tmp_path, postgresql):
    """node("a"): a server on the test's own database; those after the first are given what the first has made."""
    uri, started = [], []

    def begin(name, server=postgresql, wait=True, share=True, env=None):
        if not uri:
            uri.append(server.new_database())
        data = tmp_path / name
        data.mkdir(exist_ok=True)
        if share and started and not (data / "pepper").exists():
            share_keys(started[0].data, data)
        one = Fairlead(data, env=UPSTREAM_KEYS | {"FAIRLEAD_STORE": uri[0]} | (env or {}))
        started.append(one)
        return one.wait_ready() if wait else one

    yield begin
    for one in started:
        one.stop()


def new_key(server, **members):
    answer = server.request("POST", "/api/v1/keys", {"name": "k", "scopes": ["call"]} | members)
    assert answer.status == 201, answer.text
    return answer.json


def said(upstream):
    """What the last request to the upstream began with."""
    return upstream.requests[-1].body["messages"][0]["content"]


def state_of(server):
    parts = server.request("GET", "/readyz", key=None).json["parts"]
    return next(part["state"] for part in parts if part["name"] == "postgresql")


def within(seconds, check, what):
    begun = time.monotonic()
    value = eventually(check, seconds, what)
    print(f"{what}: {(time.monotonic() - begun) * 1000:.0f} ms")
    return value


def test_the_day_of_a_team_on_postgresql(node, folder, upstream, postgresql):
    a = node("a")
    a.cli("apply", folder("one"), "-m", "first")
    assert "1 changed" in a.cli("plan", folder("two")).stdout
    a.cli("apply", folder("two"), "-m", "second")
    a.cli("promote", "greeting@1", "--to", "production")
    assert a.chat("greeting").status == 200 and said(upstream) == "one"
    a.cli("promote", "greeting@2", "--to", "production")
    assert a.chat("greeting").status == 200 and said(upstream) == "two"
    a.cli("rollback", "greeting")
    assert a.chat("greeting").status == 200 and said(upstream) == "one"
    made = new_key(a, expires_at="2999-01-01T00:00:00Z")
    assert a.chat("greeting", key=made["key"]).status == 200
    a.cli("labels", "protect", "production", "--checks", "evals")
    assert a.cli("promote", "greeting@2", "--to", "production", check=False).returncode != 0
    a.cli("secrets", "set", "cloud", input=SECRET)
    assert "cloud" in a.cli("secrets", "list").stdout
    response = a.request("POST", "/v1/responses", {"model": "small", "input": "hi"})
    assert a.request("GET", f"/v1/responses/{response.json['id']}").status == 200
    rows = a.request("GET", "/api/v1/audit").json["data"]
    assert [row["id"] for row in rows] == list(range(len(rows), 0, -1)) and len(rows) >= 8
    assert a.stop() == 0

    again = node("a")
    assert again.chat("greeting", key=made["key"]).status == 200 and said(upstream) == "one"
    assert "evals" in again.cli("labels", "list").stdout
    assert not (again.data / "fairlead.db").exists()
    # Neither the store nor the log has what opens it.
    dump = postgresql.sql("select string_agg(s.box || s.nonce, ' ') from secrets s", f"test{postgresql.databases}")
    assert dump and SECRET.encode().hex() not in dump
    for text in (again.log, dump):
        assert made["key"] not in text and SECRET not in text


def test_what_one_node_changes_is_in_force_on_the_other_within_a_second(node, folder, upstream):
    a = node("a")
    a.cli("secrets", "set", "cloud", input="sk-old-0123456789")
    b = node("b")
    a.cli("apply", folder("one", "secret:cloud"))
    within(1, lambda: b.chat("greeting").status == 200, "an apply")
    a.cli("apply", folder("two", "secret:cloud"))
    a.cli("promote", "greeting@1", "--to", "production")
    within(1, lambda: b.chat("greeting").status == 200 and said(upstream) == "one", "a first promote")
    for version, text in ((2, "two"), (1, "one"), (2, "two")):
        a.cli("promote", f"greeting@{version}", "--to", "production")
        within(1, lambda: b.chat("greeting").status == 200 and said(upstream) == text, f"a promote to {text}")
    b.cli("rollback", "greeting")
    within(1, lambda: a.chat("greeting").status == 200 and said(upstream) == "one", "a rollback")

    made = new_key(a)
    within(1, lambda: b.chat("small", key=made["key"]).status == 200, "a new key")
    a.request("DELETE", f"/api/v1/keys/{made['id']}")
    within(1, lambda: b.chat("small", key=made["key"]).status == 401, "a revoked key")

    a.cli("secrets", "set", "cloud", input=SECRET)
    def uses_it():
        assert b.chat("small").status == 200
        return upstream.requests[-1].header("authorization") == f"Bearer {SECRET}"

    within(1, uses_it, "a secret's new value")


def test_two_nodes_that_change_one_project_at_once_lose_nothing(node, folder):
    a = node("a")
    a.cli("apply", folder("one"))
    nodes = [a, node("b")]
    faults, moved = [], []

    def work(i):
        for n in range(6):
            answer = nodes[i % 2].request("POST", "/api/v1/promote", {"name": "greeting", "ref": "1", "to": f"label-{i}-{n}"})
            (moved if answer.status == 200 else faults).append(answer.text)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    audits = [json.loads(text)["audit"] for text in moved]
    assert len(set(audits)) == 36
    for one in nodes:
        labels = one.request("GET", "/api/v1/resources/prompt/greeting").json["labels"]
        assert len([label for label in labels if label.startswith("label-")]) == 36


def test_a_session_goes_on_over_both_nodes(node, folder, upstream):
    a = node("a")
    a.cli("apply", folder("one"))
    b = node("b")
    eventually(lambda: b.chat("greeting").status == 200)
    for i in range(6):
        one = (a, b)[i % 2]
        assert one.chat("greeting", f"question {i}", fairlead={"session": "s"}).status == 200
        asked = [m["content"] for m in upstream.requests[-1].body["messages"] if m["role"] == "user"]
        assert asked == [f"question {n}" for n in range(i + 1)]
        # It is stored behind the answer.
        eventually(lambda: [one["turns"] for one in a.request("GET", "/api/v1/sessions").json["data"]] == [i + 1])
    a.cli("sessions", "delete", "s")
    assert b.chat("greeting", "anew", fairlead={"session": "s"}).status == 200
    assert [m["content"] for m in upstream.requests[-1].body["messages"] if m["role"] == "user"] == ["anew"]


def test_a_node_without_the_pepper_says_what_to_do(node, tmp_path):
    a = node("a")
    b = node("b", wait=False, share=False)
    assert b.process.wait(30) == 1
    assert "Copy the file `pepper`" in b.log and str(b.data) in b.log
    assert not (b.data / "pepper").exists() and not (b.data / "admin.key").exists()
    c = node("c", wait=False, share=False, env={"FAIRLEAD_PEPPER": "ab" * 32})
    assert c.process.wait(30) == 1 and "FAIRLEAD_PEPPER is not the one" in c.log
    right = (a.data / "pepper").read_bytes().hex()
    d = node("d", share=False, env={"FAIRLEAD_PEPPER": right})
    assert d.request("GET", "/api/v1/keys", key=a.admin_key).status == 200
    assert not (d.data / "pepper").exists() and right not in d.log


def test_the_master_key_is_replaced_while_both_nodes_work(node, folder, upstream):
    old, new = "ab" * 32, "cd" * 32

    def begin(name, keys):
        return node(name, env={"FAIRLEAD_SECRETS_KEY": keys})

    nodes = {name: begin(name, old) for name in "ab"}
    nodes["a"].cli("secrets", "set", "cloud", input=SECRET)
    nodes["a"].cli("apply", folder("one", "secret:cloud"))
    assert nodes["a"].request("POST", "/api/v1/rekey", {}).status == 409
    for keys in (f"{old},{new}", f"{new},{old}", new):
        for name in "ab":
            assert nodes[name].stop() == 0
            nodes[name] = begin(name, keys)
            for setter in nodes.values():
                value = f"sk-of-{setter.data.name}-0123456789"
                setter.cli("secrets", "set", "cloud", input=value)
                for caller in nodes.values():

                    def uses_it():
                        assert caller.chat("small").status == 200
                        return upstream.requests[-1].header("authorization") == f"Bearer {value}"

                    eventually(uses_it, 1, "the new value")
    for one in nodes.values():
        assert "are locked" not in one.log


def test_a_store_that_cannot_be_reached_is_said_without_its_password(tmp_path):
    for uri in ("postgresql://fairlead:hunter2@127.0.0.1:1/none", "postgresql://fairlead:hunter2@127.0.0.1:port/none"):
        one = Fairlead(tmp_path / "data", env={"FAIRLEAD_STORE": uri})
        assert one.process.wait(30) in (1, 2)
        assert "PostgreSQL" in one.log and "hunter2" not in one.log
        one.stop()
    done = run_cli("serve", "--data", str(tmp_path / "data"), "--store", "mysql://root:hunter2@h/d", check=False)
    assert done.returncode == 2 and "postgresql://" in done.stderr and "hunter2" not in done.stderr


def test_nothing_acknowledged_is_lost_and_calls_are_answered_when_the_server_is_started_anew(node, folder):
    with PostgresqlServer() as own:
        a = node("a", server=own)
        a.cli("apply", folder("one"))
        b = node("b")
        caller = new_key(a)
        eventually(lambda: b.chat("small", key=caller["key"]).status == 200)
        stop, kept, refused, calls, faults = threading.Event(), [], [], [0], []

        def make(one, who):
            while not stop.is_set():
                answer = one.request("POST", "/api/v1/keys", {"name": f"{who}-{len(kept)}", "scopes": ["call"]})
                (kept if answer.status == 201 else refused).append(answer.json)

        def call(one):
            while not stop.is_set():
                answer = one.chat("small", key=caller["key"])
                calls[0] += 1
                if answer.status != 200:
                    faults.append(answer.text)

        threads = [threading.Thread(target=make, args=(one, who)) for one in (a, b) for who in "xy"]
        threads += [threading.Thread(target=call, args=(one,)) for one in (a, b)]
        for thread in threads:
            thread.start()
        for how in (signal.SIGINT, signal.SIGQUIT):
            time.sleep(0.7)
            own.stop(how)
            before = calls[0]
            eventually(lambda: calls[0] > before + 20, 10, "calls without the store")
            eventually(lambda: [state_of(one) for one in (a, b)] == ["away", "away"], 2, "that both know")
            assert a.request("GET", "/readyz", key=None).status == 200
            own.start()
            more = len(kept)
            eventually(lambda: len(kept) > more + 5, 10, "new keys")
            # Each node tries by itself, at least every second.
            eventually(lambda: [state_of(one) for one in (a, b)] == ["ready", "ready"], 5, "both nodes back")
        stop.set()
        for thread in threads:
            thread.join()
        assert not faults, faults[:3]
        codes = {one["error"]["code"] for one in refused}
        assert refused and codes <= {"store_unavailable", "store_uncertain"}, codes
        for one in (a, b):
            listed = {key["id"] for key in one.request("GET", "/api/v1/keys").json["data"]}
            missing = [key["id"] for key in kept if key["id"] not in listed]
            assert not missing
            assert one.chat("small", key=kept[-1]["key"]).status == 200
        for one in (a, b):
            assert one.stop() == 0


def test_a_node_that_stands_still_does_not_hold_the_other(node, folder):
    a = node("a")
    a.cli("apply", folder("one"))
    b = node("b")
    stop, kept, codes = threading.Event(), [], set()

    def make():
        while not stop.is_set():
            answer = a.request("POST", "/api/v1/keys", {"name": "k", "scopes": ["call"]})
            if answer.status == 201:
                kept.append(answer.json)
            else:
                codes.add(answer.error["code"])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            time.sleep(0.3)
            a.process.send_signal(signal.SIGSTOP)
            begun = time.monotonic()
            made = new_key(b)
            assert time.monotonic() - begun < 7
            print(f"frozen: a key after {time.monotonic() - begun:.1f} s")
            assert b.chat("small", key=made["key"]).status == 200
            a.process.send_signal(signal.SIGCONT)
    finally:
        a.process.send_signal(signal.SIGCONT)
        stop.set()
        for thread in threads:
            thread.join()
    assert codes <= {"store_unavailable", "store_uncertain"}, codes  # a change that it was stopped in
    eventually(lambda: a.chat("small", key=made["key"]).status == 200, 1, "what happened meanwhile")
    listed = {key["id"] for key in b.request("GET", "/api/v1/keys").json["data"]}
    assert listed.issuperset(key["id"] for key in kept)
