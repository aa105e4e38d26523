"""What stands between load and upstream: nginx, Fairlead, its HTTP room alone, the peers, or nothing."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import peers

PROXY_CORE, LOAD_CORE = "0", "1"
OURS = ("fairlead", "privacy")  # the whole path, and the same with a policy on personal data in force
MODELS = ["fixed", "events-50", "events-50-at-once", "events-200"]

POLICY = {"kind": "policy", "name": "customers", "privacy": {"entities": {
    "CREDIT_CARD": "mask", "IBAN_CODE": "mask", "EMAIL_ADDRESS": "pseudonymise", "PHONE_NUMBER": "pseudonymise"}}}

NGINX = """
worker_processes 1;
worker_rlimit_nofile 8192;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  keepalive_requests 100000000;
  upstream fixed {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://fixed; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering {buffering}; }}
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def more_descriptors():
    """512 connections take as many again on the other side."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Running:
    """A process on one core, which ends with the block."""

    def __init__(self, core, arguments, log, **options):
        self.log = log
        with open(log, "w") as out:
            command = ["taskset", "-c", core, *map(str, arguments)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)

    def wait_for_port(self, port, patience=90):
        end = time.time() + patience
        while time.time() < end:
            if self.process.poll() is not None:
                break
            try:
                return socket.create_connection(("127.0.0.1", port), 0.2).close()
            except OSError:
                time.sleep(0.005)
        self.die(f"does not listen on port {port}")

    def die(self, why):
        self.__exit__()
        with open(self.log, errors="replace") as log:
            sys.exit(f"{' '.join(self.process.args)}: {why}\n{log.read()[-3000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Target:
    """What is ready to be measured."""

    port: int
    pid: int
    headers: list = field(default_factory=list)
    settle: str = ""
    start_ms: float = 0
    idle_mb: float = 0  # resident, with what it started, before any load


def resident_mb(pid):
    """Of a process and all that it started."""
    total = 0
    with open(f"/proc/{pid}/status") as status:
        total += next((int(line.split()[1]) for line in status if line.startswith("VmRSS:")), 0) / 1024
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as children:
            total += sum(resident_mb(int(child)) for child in children.read().split())
    return total


TEXT = "My parcel has not come yet, and I would like to know where it is. "


def body(model, size=0):
    """A chat request that makes `size` bytes of body."""
    request = {"model": model, "messages": [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": ""}]}
    if model.startswith("events-"):
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    left = max(1, size - len(json.dumps(request)))
    request["messages"][1]["content"] = (TEXT * (left // len(TEXT) + 1))[:left]
    return json.dumps(request)


def ask(target, model):
    """One call; the answer's text."""
    headers = dict(line.split(": ", 1) for line in target.headers) | {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}/v1/chat/completions", body(model).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise OSError(f"{error.code}: {error.read().decode(errors='replace')[:500]}") from error


def when_it_answers(running, target, began, patience=90):
    """The time from its start to its first answer."""
    while True:
        try:
            ask(target, "fixed")
            target.start_ms = (time.monotonic() - began) * 1000
            return target
        except OSError as error:
            if running.process.poll() is not None or time.monotonic() - began > patience:
                running.die(f"gave no answer: {error}")
            time.sleep(0.005)


LONG_KEY = "Authorization: Bearer fl-" + "x" * 43  # as long as Fairlead's own


class Bench:
    """The upstream, and each target in front of it in turn. Use as a context manager."""

    def __init__(self, tool, fairlead, scratch):
        self.tool, self.fairlead_path, self.scratch = tool, fairlead, scratch
        self.upstream = free_port()
        self.running = Running(LOAD_CORE, [tool, "upstream", self.upstream], scratch / "upstream.log")

    def __enter__(self):
        self.running.wait_for_port(self.upstream)
        return self

    def __exit__(self, *_):
        self.running.__exit__()

    @contextlib.contextmanager
    def start(self, name):
        if name == "direct":
            yield Target(self.upstream, self.running.process.pid)
            return
        port = free_port()
        arguments, headers, options = getattr(self, name.replace(" ", "_"))(port)
        began = time.monotonic()
        with Running(PROXY_CORE, arguments, self.scratch / f"{name}.log", **options) as running:
            running.wait_for_port(port)
            target = Target(port, running.process.pid, headers)
            if name in OURS:
                key = self.scratch / "data/admin.key"
                while not key.exists() and running.process.poll() is None:
                    time.sleep(0.005)
                target.headers, target.settle = [f"Authorization: Bearer {key.read_text().strip()}"], "/api/v1/calls?limit=1"
            when_it_answers(running, target, began)
            self.check(target)
            target.idle_mb = resident_mb(target.pid)
            yield target

    def check(self, target):
        """A target that says something else than the upstream is not worth measuring."""
        streamed = ask(target, "events-50")
        if "ipsum lorem ipsum" not in ask(target, "fixed") or "word 49" not in streamed or "[DONE]" not in streamed:
            sys.exit(f"port {target.port} gives another answer than the upstream: {streamed[:500]}")

    # How each is started: arguments, headers of a call, options.

    def nginx(self, port, buffering="on"):
        conf = self.scratch / "nginx.conf"
        conf.write_text(NGINX.format(dir=self.scratch, port=port, upstream=self.upstream, buffering=buffering))
        return ["nginx", "-p", self.scratch, "-c", conf, "-e", self.scratch / "error.log"], [LONG_KEY], {}

    def nginx_streaming(self, port):
        return self.nginx(port, "off")

    def http(self, port):
        return [self.tool, "proxy", port, self.upstream], [LONG_KEY], {}

    def privacy(self, port):
        return self.fairlead(port, [POLICY])

    def fairlead(self, port, more=()):
        data, project = self.scratch / "data", self.scratch / "project"
        shutil.rmtree(data, ignore_errors=True)
        project.mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{self.upstream}/v1"
        made = [{"kind": "provider", "name": "fixed", "type": "openai", "base_url": url, "api_key": "env:LOAD_UPSTREAM_KEY"}]
        made += [{"kind": "model", "name": model, "card": {"max_output_tokens": 1000}, "prices": {"input": 0.25, "output": 2},
                  "routes": [{"provider": "fixed", "model": model}]} for model in MODELS]
        made += [{"kind": "budget", "name": "month", "cost": 10_000_000, "per": "month", "alert": 0.8},
                 {"kind": "budget", "name": "rate", "each": "key", "requests": 10**9, "tokens": 10**12, "per": "1m"},
                 {"kind": "budget", "name": "at-once", "for": {"model": MODELS}, "concurrency": 10_000}, *more]
        (project / "load.yaml").write_text("\n---\n".join(map(json.dumps, made)))
        arguments = [self.fairlead_path, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--project", project]
        return arguments, [], {"env": os.environ | {"LOAD_UPSTREAM_KEY": "sk-load"}}

    def litellm(self, port):
        conf = self.scratch / "litellm.json"  # JSON is YAML
        url = f"http://127.0.0.1:{self.upstream}/v1"
        models = [
            {"model_name": model, "litellm_params": {"model": f"openai/{model}", "api_base": url, "api_key": "sk-load"}} for model in MODELS
        ]
        key = "sk-" + "x" * 43
        conf.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": key}}))
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "DISABLE_ADMIN_UI": "True"}
        arguments = [peers.litellm(), "--config", conf, "--host", "127.0.0.1", "--port", port, "--num_workers", 1, "--telemetry", "False"]
        return arguments, [f"Authorization: Bearer {key}"], {"env": os.environ | quiet, "cwd": self.scratch}

    def portkey(self, port):
        headers = ["x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{self.upstream}/v1", LONG_KEY]
        return ["node", peers.portkey(), f"--port={port}", "--headless"], headers, {"cwd": self.scratch}
