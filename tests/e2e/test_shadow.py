"""A challenger beside a champion: what is recorded of the two, and what no caller notices."""

import time

import httpx
import pytest

from conftest import UPSTREAM_KEYS  # noqa: E402
from harness import Fairlead, eventually  # noqa: E402

MODEL = "kind: model\nname: {name}\nprices: {{input: 1, output: 10}}\n{more}\nroutes: [{{provider: {provider}, model: gpt-{provider}}}]\n---\n"
PROMPT = "kind: prompt\nname: reply\nmodel: small\ninput: {{topic: {{type: string}}}}\nmessages: [{{system: \"{text} {{{{ topic }}}}\"}}]\n{more}\n"


@pytest.fixture
def serve(serve_models):
    """serve("shadow: …"): a server with the models `small` (a), which says this, and `large` (b)."""

    def begin(options="", more="", settings=("--telemetry.content=full",)):
        small, large = MODEL.format(name="small", provider="a", more=options), MODEL.format(name="large", provider="b", more="")
        return serve_models(small + large + more, settings)

    return begin


def shadow_of(server, call_id):
    found = eventually(lambda: server.calls(f"?shadow_of={call_id}"), what="a shadow's record")
    assert len(found) == 1
    return server.call(found[0]["id"])


def test_both_answers_are_recorded_and_one_goes_out(serve, upstreams):
    a, b = upstreams
    server = serve("shadow: {to: large, share: 1}")
    b.always = {"text": "I would rather not."}
    answer = server.chat("small", fairlead={"user": "u-1", "idempotency_key": "once"})
    assert answer.json["choices"][0]["message"]["content"] == "Hello from upstream."
    champion = server.call(answer.headers["x-fairlead-call-id"])
    shadow = shadow_of(server, champion["id"])
    assert (champion["output"], shadow["output"]) == ("Hello from upstream.", "I would rather not.")
    assert (champion["model"], shadow["model"]) == ("small", "large") and champion["shadow_of"] is None
    assert (shadow["status"], shadow["user_id"], shadow["requested_model"]) == (200, "u-1", "large")
    assert shadow["started_at"] > champion["started_at"]
    assert a.last.body["messages"] == b.last.body["messages"] and "fairlead" not in b.last.body
    assert a.last.header("idempotency-key") == "once" and b.last.header("idempotency-key") == shadow["id"]
    # Told apart in a list, and in metrics.
    lines = server.cli("calls", "list").stdout.splitlines()
    assert [f"shadow of {champion['id']}" in line for line in lines] == [True, False]
    assert server.cli("calls", "list", "--shadow-of", champion["id"]).stdout.startswith(shadow["id"])
    assert server.cli("calls", "list", "--shadow-of", "none").stdout.startswith(champion["id"])
    metrics = server.request("GET", "/metrics").text
    assert 'fairlead_calls_total{project="default",target="small",model="small",provider="a",status="200",error=""} 1' in metrics
    assert "fairlead_calls_total{project=\"default\",target=\"large\"" not in metrics
    assert 'fairlead_shadow_calls_total{project="default",target="large",model="large",provider="b",status="200",error=""} 1' in metrics
    assert 'fairlead_shadow_in_flight{project="default",of="model:small"} 0' in metrics
    spent = server.request("POST", "/api/v1/sql", {"query": "select sum(cost_usd) as usd from calls where shadow_of is not null"})
    assert spent.json["rows"][0][0] == shadow["cost_usd"] > 0


def test_a_challenger_that_stalls_costs_the_caller_nothing_and_no_memory(serve, upstreams):
    a, b = upstreams
    server = serve("shadow: {to: large, share: 1, at_once: 2}")
    b.always = {"delay": 60}
    took = []
    for _ in range(30):
        before = time.monotonic()
        assert server.chat("small").status == 200
        took.append(time.monotonic() - before)
    assert max(took) < 5, "none has waited for a challenger that takes a minute"
    assert eventually(lambda: len(b.requests) == 2) and len(a.requests) == 30
    metrics = server.request("GET", "/metrics").text
    assert 'fairlead_shadow_dropped_total{project="default",of="model:small",reason="at_once"} 28' in metrics
    before = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - before < 10, "a stop does not wait for them"
    again = Fairlead(server.data, None, UPSTREAM_KEYS)
    with again:
        again.wait_ready()
        ended = again.calls("?shadow_of=any")
        assert [one["error_code"] for one in ended] == ["shadow_ended"] * 2


def test_a_caller_that_leaves_does_not_end_it(serve, upstreams):
    a, b = upstreams
    server = serve("shadow: {to: large, share: 1}")
    a.always = {"text": "one two three four five six", "pause": 0.2}
    body = {"model": "small", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {server.admin_key}"}) as answer:
        call_id = answer.headers["x-fairlead-call-id"]
        next(answer.iter_lines())
    assert a.last.client_gone.wait(5)
    shadow = shadow_of(server, call_id)
    assert server.call(call_id)["status"] == 499
    assert shadow["status"] == 200 and shadow["stream"] and shadow["output"] == "Hello from upstream."


def test_a_prompts_next_version_answers_beside_the_one_in_force(serve, upstreams, tmp_path):
    a, _ = upstreams
    more = "shadow: {to: reply@staging, share: 1}"
    server = serve(more=PROMPT.format(text="In short:", more=more + "\nlabels: [production]"))
    folder = tmp_path / "next"
    folder.mkdir()
    (folder / "reply.yaml").write_text(PROMPT.format(text="At length:", more=more + "\nlabels: [staging]"))
    server.cli("apply", str(folder))
    answer = server.chat("reply", fairlead={"variables": {"topic": "cards"}})
    champion = server.call(answer.headers["x-fairlead-call-id"])
    shadow = shadow_of(server, champion["id"])
    assert (champion["target_version"], shadow["target_version"], shadow["label"]) == (1, 2, "staging")
    said = [request.body["messages"][0]["content"] for request in a.requests]
    assert said == ["In short: cards", "At length: cards"]
    server.cli("promote", "reply@staging", "--to", "production")
    answer = server.chat("reply", fairlead={"variables": {"topic": "cards"}})
    assert server.call(answer.headers["x-fairlead-call-id"])["target_version"] == 2
    assert len(a.requests) == 3, "it is the champion now, and has no shadow"


def test_what_cannot_be_is_said_when_it_is_applied(serve, upstreams, tmp_path):
    server = serve()
    cases = {
        "shadow: {to: small}": "is the model itself",
        "shadow: {to: lagre}": "did you mean `large`?",
        "shadow: {share: 0.1}": "to",
        "shadow: {to: large, share: 0}": "share",
        "shadow: {to: large, at_once: 1000}": "at_once",
    }
    for i, (shadow, fault) in enumerate(cases.items()):
        folder = tmp_path / f"bad{i}"
        folder.mkdir()
        (folder / "small.yaml").write_text(MODEL.format(name="small", provider="a", more=shadow).replace("---\n", ""))
        done = server.cli("apply", str(folder), check=False)
        assert done.returncode != 0 and fault in done.stdout + done.stderr, (shadow, done.stdout, done.stderr)
