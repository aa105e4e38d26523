"""An upstream that breaks in every way, behind every surface, streamed and not: the client gets a whole answer or a proper
error within its deadline, the record says what happened, and the server serves on."""

import collections
import concurrent.futures
import json
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fakes.broken_upstream import FAULTS, BrokenUpstream  # noqa: E402
from fakes.wire_answers import TEXT  # noqa: E402
from harness import Fairlead, eventually  # noqa: E402

SURFACES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi", "store": False},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100},
}
VENDORS = {"openai": "anthropic", "anthropic": "openai"}  # and which one answers when it does not
SANITIZED = bool(os.environ.get("ASAN_OPTIONS") or os.environ.get("TSAN_OPTIONS"))
# alone: nobody else answers. bare: only the call's own deadline bounds it. backed: another vendor's model stands behind.
LONGEST_S = 6 if SANITIZED else 2
KINDS = {
    "alone": {"timeout": "20s", "timeouts": {"first_token": "600ms", "between_tokens": "600ms", "try": "1200ms"}},
    "bare": {"timeout": f"{LONGEST_S}s"},
    "backed": {"timeout": "20s", "timeouts": {"first_token": "600ms", "between_tokens": "600ms", "try": "1200ms"}},
}
PATIENT = {"patient": {"timeout": "60s"}}
SLACK_S = 15 if SANITIZED else 6

RIGHT = ["fine", "byte_by_byte", "until_it_closes", "after_interim_answers"]
LARGE = ["ten_megabytes_of_arguments", "ten_megabytes_at_once"]
NOWHERE = ["refuses", "never_connects"]
BROKEN = [name for name in FAULTS if name not in RIGHT + LARGE] + NOWHERE


@pytest.fixture(scope="module")
def upstream():
    with BrokenUpstream() as upstream:
        yield upstream
    assert not upstream.failures


@pytest.fixture(scope="module")
def server(tmp_path_factory, upstream):
    made = []

    def provider(name, vendor, url):
        made.append({"kind": "provider", "name": name, "type": vendor, "api_key": "env:FAULTS_KEY", "base_url": url + ("/v1" if vendor == "openai" else "")})

    for vendor in VENDORS:
        provider(vendor, vendor, upstream.url)
        provider(f"{vendor}-refuses", vendor, upstream.refusing)
        provider(f"{vendor}-never_connects", vendor, upstream.silent)
    for fault in [*FAULTS, *NOWHERE]:
        for vendor, other in VENDORS.items():
            for kind, options in PATIENT.items() if fault in LARGE else (KINDS | PATIENT).items():
                routes = [{"provider": f"{vendor}-{fault}" if fault in NOWHERE else vendor, "model": fault}]
                if kind == "backed":
                    routes.append({"provider": other, "model": "fine"})
                made.append({"kind": "model", "name": f"{fault}.{vendor}.{kind}", "retries": 0, "breaker": False, "routes": routes} | options)
    folder = tmp_path_factory.mktemp("faults")
    (folder / "p").mkdir()
    (folder / "p/models.yaml").write_text("\n---\n".join(map(json.dumps, made)))
    settings = ["--upstream.connect_timeout=400ms"]
    with Fairlead(folder / "data", folder / "p", {"FAULTS_KEY": "sk-faults-0123456789"}, settings) as server:
        yield server.wait_ready()
        assert server.stop() == 0, server.log[-4000:]
        assert "Sanitizer" not in server.log and "runtime error" not in server.log, server.log[-8000:]


Ended = collections.namedtuple("Ended", "model path stream status text code seconds call_id")


def events(text):
    """The data of a stream's events, [DONE] as it is."""
    out = []
    for event in text.split("\n\n"):
        data = "".join(line[5:].strip() for line in event.split("\n") if line.startswith("data:"))
        if data:
            out.append(data if data == "[DONE]" else json.loads(data))
    return out


def error_of(path, value):
    """The code of an error in the surface's own shape."""
    if path == "/v1/messages":
        assert value["type"] == "error" and value["error"]["type"].endswith("_error") and value["error"]["message"], value
        return value["error"]["type"]
    if path == "/v1/responses" and value.get("type") == "response.failed":
        value = {"error": value["response"]["error"] | {"type": "", "param": None}}
    elif path == "/v1/responses" and value.get("type") == "error":
        value = {"error": {name: value[name] for name in ("message", "code", "param")} | {"type": ""}}
    assert value["error"]["message"] and value["error"]["code"] and {"type", "param"} <= value["error"].keys(), value
    return value["error"]["code"]


def said(path, stream, answer):
    """What an answer says, and the code of the error that ends it, if one does."""
    if not stream:
        return {
            "/v1/chat/completions": lambda: answer["choices"][0]["message"]["content"],
            "/v1/completions": lambda: answer["choices"][0]["text"],
            "/v1/responses": lambda: answer["output"][0]["content"][0]["text"],
            "/v1/messages": lambda: answer["content"][0]["text"],
        }[path](), None
    last, text = answer[-1], ""
    for event in answer:
        if event == "[DONE]" or "error" in event:
            continue
        if path == "/v1/chat/completions":
            text += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
        elif path == "/v1/completions":
            text += "".join(choice["text"] for choice in event["choices"])
        elif path == "/v1/responses":
            text += event["delta"] if event["type"] == "response.output_text.delta" else ""
        else:
            text += event["delta"].get("text", "") if event["type"] == "content_block_delta" else ""
    ends = {"/v1/responses": "response.completed", "/v1/messages": "message_stop"}.get(path)
    whole = last == "[DONE]" if ends is None else last != "[DONE]" and last.get("type") == ends
    return text, None if whole else error_of(path, last)


def call(server, model, path, stream, limit=60):
    began = time.monotonic()
    try:
        answer = server.request("POST", path, {"model": model, "stream": stream} | SURFACES[path], timeout=limit)
    except UnicodeDecodeError as error:
        raise AssertionError(f"{model} {path} {stream}: {error.object[:300]}") from error
    seconds = time.monotonic() - began
    text, code = "", None
    if answer.status != 200:
        code = error_of(path, answer.json)
    else:
        text, code = said(path, stream, events(answer.text) if stream else answer.json)
    return Ended(model, path, stream, answer.status, text, code, seconds, answer.headers["x-fairlead-call-id"])


def calls_of(fault, kinds=KINDS, surfaces=SURFACES):
    return [(f"{fault}.{vendor}.{kind}", path, stream) for vendor in VENDORS for kind in kinds for path in surfaces for stream in (False, True)]


def all_of(server, calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        waiting = [pool.submit(call, server, *one) for one in calls]
    faults = [str(one.exception()) for one in waiting if one.exception()]
    assert not faults, "\n".join(faults)
    return [one.result() for one in waiting]


def records_of(server, ended):
    """The records of these calls."""

    def found():
        records = {record["id"]: record for record in server.calls("?limit=200")}
        return records if all(one.call_id in records for one in ended) else None

    return eventually(found, 20, "the records")


# What may have gone out when it goes wrong: then a stream cannot begin anew without a trace.
LATE = {
    "stalls_in_the_middle", "stalls_before_the_end", "resets_in_the_middle", "closes_in_the_middle", "ends_in_the_middle", "a_length_too_long",
    "a_length_too_short", "invalid_utf8", "half_a_character", "a_bare_surrogate", "endless_text", "an_endless_event", "a_chunk_size_that_is_none",
}  # fmt: skip
@pytest.mark.parametrize("fault", BROKEN)
def test_broken(server, fault):
    ended = all_of(server, calls_of(fault))
    records, faults = records_of(server, ended), []
    for one in ended:
        try:
            check(fault, one, records[one.call_id])
        except AssertionError as error:
            faults.append(str(error).split("\n")[0])
    assert not faults, f"{len(faults)} of {len(ended)}\n" + "\n".join(faults)
    assert call(server, "fine.openai.alone", "/v1/chat/completions", False).text == TEXT


def check(fault, one, record):
    kind = one.model.rsplit(".", 1)[1]
    assert one.seconds < LONGEST_S + SLACK_S, one
    assert record["attempts"] and (record["status"] == one.status or one.status == 200 and one.code), (one, record)
    if one.code is None:
        assert one.status == 200 and one.text, one
    else:
        assert one.status in (200, 500 if one.path == "/v1/messages" else 502, 503, 504, 529), one
        assert record["error_code"], (one, record)
    if kind == "backed" and (fault not in LATE or not one.stream):
        assert one.code is None and one.text == TEXT, one
        assert record["attempts"][0]["error_code"] and len(record["attempts"]) == 2, (one, record)
    if kind != "backed" and fault not in LATE:
        assert one.code is not None, one


@pytest.mark.parametrize("fault", RIGHT)
def test_right(server, fault):
    for one in all_of(server, calls_of(fault, PATIENT)):
        assert (one.status, one.code, one.text) == (200, None, TEXT), one


def arguments_of(path, stream, answer):
    """The arguments of the one tool call of an answer."""
    if path == "/v1/chat/completions":
        if not stream:
            return answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
        calls = [call for event in answer if event != "[DONE]" for choice in event["choices"] for call in choice["delta"].get("tool_calls") or []]
        return "".join(call["function"].get("arguments", "") for call in calls)
    if path == "/v1/responses":
        response = answer if not stream else answer[-1]["response"]
        return next(item["arguments"] for item in response["output"] if item["type"] == "function_call")
    if not stream:
        return json.dumps(next(block["input"] for block in answer["content"] if block["type"] == "tool_use"))
    return "".join(event["delta"].get("partial_json", "") for event in answer if event["type"] == "content_block_delta")


@pytest.mark.parametrize("path", [path for path in SURFACES if path != "/v1/completions"])
@pytest.mark.parametrize("fault, stream", [("ten_megabytes_at_once", False), ("ten_megabytes_of_arguments", True)], ids=["whole", "stream"])
def test_ten_megabytes_of_arguments_come_whole(server, fault, stream, path):
    for vendor in VENDORS:
        answer = server.request("POST", path, {"model": f"{fault}.{vendor}.patient", "stream": stream} | SURFACES[path])
        assert answer.status == 200, (vendor, answer.text[:300])
        arguments = arguments_of(path, stream, events(answer.text) if stream else answer.json)
        assert json.loads(arguments) == {"text": "y" * 10 * 1024 * 1024}, vendor


def test_nothing_is_left_of_it(server):
    """Memory is given back, and no try is counted as under way."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    resident_mb = int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024
    if not SANITIZED:
        assert resident_mb < 400
    routes = server.request("GET", "/api/v1/routes").json["data"]
    assert routes and not [route for route in routes if route["in_flight"]]
