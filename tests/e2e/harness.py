"""The real program, started for a test."""

import atexit
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SHARED = TOP.parent / "shared"


# For a project that answers from tests/fakes/openai_upstream.py: FAKE_PROVIDER.format(url=…), with documents behind it.
FAKE_PROVIDER = """kind: provider
name: fake
type: openai
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
"""
FAKE_SMALL = """kind: model
name: small
retries: 0
prices: {{input: 1, output: 1}}
routes: [{{provider: fake, model: fake-1}}]
---
"""


def binary():
    named = os.environ.get("FAIRLEAD_BINARY")
    candidates = [named] if named else [TOP / "build/release/fairlead", TOP / "build/dev/fairlead"]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return str(candidate)
    raise FileNotFoundError(f"no program at {', '.join(map(str, candidates))}: build it with tools/build release fairlead")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(check, seconds=5.0, what="it"):
    """The first true value of check()."""
    deadline = time.monotonic() + seconds
    while True:
        if value := check():
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


def run_cli(*arguments, url="", key="", check=True, timeout=60, **options):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "FAIRLEAD_URL": url, "FAIRLEAD_KEY": key, "LANG": "C.UTF-8"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([binary(), *arguments], env=env, capture_output=True, text=True, timeout=timeout, **options)
    assert not check or done.returncode == 0, f"fairlead {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


_stores = {}  # with FAIRLEAD_TEST_STORE=postgresql: databases, by data folder


def store_of(data):
    """Where a server with this data folder keeps its store, as the environment says it to the server."""
    if os.environ.get("FAIRLEAD_TEST_STORE") != "postgresql":
        return {}
    from fakes.postgresql_server import PostgresqlServer

    if not _stores:
        _stores[None] = PostgresqlServer()
        atexit.register(_stores[None].__exit__)
    if data not in _stores:
        _stores[data] = _stores[None].new_database()
    return {"FAIRLEAD_STORE": _stores[data]}


def share_keys(made, data):
    """Gives another node's data folder what the first node has made of its own."""
    data.mkdir(exist_ok=True)
    for file in ("pepper", "secrets.key", "admin.key"):
        if (made / file).exists():
            shutil.copy(made / file, data / file)


@contextlib.contextmanager
def two_nodes(folder, serve):
    """Two servers on one PostgreSQL: serve(data, env) starts each."""
    from fakes.postgresql_server import PostgresqlServer

    with PostgresqlServer() as postgresql:
        env = {"FAIRLEAD_STORE": postgresql.new_database()}
        nodes = []
        try:
            for name in ("a", "b"):
                share_keys(folder / "a", folder / name)
                nodes.append(serve(folder / name, env))
            yield nodes
        finally:
            for one in nodes:
                one.stop()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def error(self):
        return self.json["error"]


class Fairlead:
    """One running server. `data` outlives it, so that a test can start the next one on the same folder."""

    def __init__(self, data, project=None, env=None, settings=(), port=None):
        self.data = pathlib.Path(data)
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.data.mkdir(parents=True, exist_ok=True)
        self.log_path = self.data.parent / f"{self.data.name}.{self.port}.log"
        arguments = ["serve", "--data", str(self.data), "--listen", self.address, *settings]
        if project:
            arguments += ["--project", str(project)]
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [binary(), *arguments], env=os.environ | store_of(self.data) | (env or {}), stdout=self.log_file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def admin_key(self):
        return (self.data / "admin.key").read_text().strip()

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the program ended with {self.process.returncode}:\n{self.log[-4000:]}")
            try:
                if self.request("GET", "/readyz", key=None, timeout=5).status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.03)
        raise RuntimeError(f"not ready after {seconds} s:\n{self.log[-4000:]}")

    def request(self, method, path, body=None, key="admin", headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = dict(headers or {})
        if key:
            sent["authorization"] = f"Bearer {self.admin_key if key == 'admin' else key}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("content-type", "application/json")
        try:
            connection.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def chat(self, model="gpt", content="hi", key="admin", **members):
        members.setdefault("messages", [{"role": "user", "content": content}])
        return self.request("POST", "/v1/chat/completions", {"model": model} | members, key=key)

    def calls(self, query=""):
        return self.request("GET", f"/api/v1/calls{query}").json["data"]

    def call(self, call_id):
        """The record of a call, once it is there."""

        def found():
            answer = self.request("GET", f"/api/v1/calls/{call_id}")
            return answer.json if answer.status == 200 else None

        return eventually(found, what=f"the record of {call_id}")

    def cli(self, *arguments, key="admin", **options):
        return run_cli(*arguments, url=self.url, key=self.admin_key if key == "admin" else key, **options)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, seconds=40):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log_file.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# Runs of a server's chains.


def start(server, chain, input=None, **more):
    answer = server.request("POST", "/api/v1/runs", {"chain": chain, "input": input or {}} | more)
    assert answer.status == 201, answer.text
    return answer.json["id"]


def show(server, run):
    return server.request("GET", f"/api/v1/runs/{run}").json


def finished(server, run, seconds=20):
    return eventually(lambda: (r := show(server, run))["state"] in ("succeeded", "failed", "cancelled") and r, seconds, f"the end of {run}")


def events(server, run):
    return server.request("GET", f"/api/v1/runs/{run}/events").json["data"]
