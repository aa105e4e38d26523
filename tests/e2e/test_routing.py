"""A model with two routes, each to an upstream that fails as it is told: what the client gets, and what is recorded."""

import concurrent.futures
import json
import time

import openai
import pytest

from harness import eventually  # noqa: E402

ROUTES = "  - {provider: a, model: gpt-a}\n  - {provider: b, model: gpt-b}\n"


@pytest.fixture
def serve(serve_models):
    """serve("retries: 0\n…"): a server whose model `m` has two routes, a and b, and these options."""

    def begin(options="", routes=ROUTES, more=""):
        return serve_models(f"kind: model\nname: m\nprices: {{input: 1, output: 10}}\n{options}\nroutes:\n{routes}{more}")

    return begin


def attempts(server, answer):
    record = server.call(answer.headers["x-fairlead-call-id"])
    return [(one["provider"], one["reason"], one["error_code"]) for one in record["attempts"]]


def stream_text(server, **members):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0, timeout=20)
    chunks = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True, **members))
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), chunks


def test_a_passing_fault_is_retried_on_the_same_route(serve, upstreams):
    a, b = upstreams
    server = serve()
    a.then(error=503)
    answer = server.chat("m", fairlead={"idempotency_key": "once"})
    assert answer.status == 200 and answer.headers["x-fairlead-provider"] == "a"
    assert attempts(server, answer) == [("a", None, "upstream_unavailable"), ("a", "retry", None)]
    assert [request.header("idempotency-key") for request in a.requests] == ["once", "once"] and not b.requests
    assert "tried again: a upstream_unavailable" in server.cli("calls", "list").stdout


def test_then_the_next_route_answers(serve, upstreams):
    a, b = upstreams
    server = serve()
    a.then(error=500, times=2)
    answer = server.chat("m")
    assert answer.status == 200 and answer.headers["x-fairlead-provider"] == "b"
    assert [reason for _, reason, _ in attempts(server, answer)] == [None, "retry", "fallback"]
    assert b.last.body["model"] == "gpt-b"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [{"reset_after": 0}, {"truncate_after": 0}, {"garbage_after": 0}, {"error": 502}, {"body": "{]"}])
def test_no_fault_before_the_first_byte_reaches_the_client(serve, upstreams, stream, fault):
    a, _ = upstreams
    server = serve("retries: 0")
    a.then(**fault)
    if stream:
        text, _ = stream_text(server)
        assert text == "Hello from upstream."
    elif "error" in fault or "body" in fault:
        assert server.chat("m").json["choices"][0]["message"]["content"] == "Hello from upstream."


def test_who_says_later_is_left_alone_that_long(serve, upstreams):
    a, b = upstreams
    server = serve()
    a.then(error=429, retry_after="60")
    assert [server.chat("m").headers["x-fairlead-provider"] for _ in range(3)] == ["b", "b", "b"]
    routes = {one["provider"]: one for one in server.request("GET", "/api/v1/routes").json["data"]}
    assert routes["a"]["state"] == "open" and 50_000 < routes["a"]["left_out_for_ms"] <= 60_000


def test_the_callers_fault_is_told_at_once(serve, upstreams):
    a, b = upstreams
    server = serve("retries: 3")
    a.then(error=400)
    assert server.chat("m").status == 400
    assert len(a.requests) == 1 and not b.requests


def test_a_slow_first_token_moves_on(serve, upstreams):
    a, _ = upstreams
    server = serve("timeouts: {first_token: 200ms}")
    a.then(delay=30)
    text, _ = stream_text(server)
    assert text == "Hello from upstream."
    assert a.last.client_gone.wait(5)
    line = eventually(lambda: server.cli("calls", "list").stdout, what="a record")
    assert "fell back: a timed out after" in line
    record = server.calls()[0]
    assert record["attempts"][0]["error_code"] == "first_token_timeout" and record["provider"] == "b"


@pytest.mark.parametrize("how", ["reset_after", "truncate_after", "error_after", "garbage_after"])
@pytest.mark.parametrize("at", range(2, 5))
def test_a_stream_that_breaks_at_any_event_goes_on_elsewhere(serve, upstreams, how, at):
    a, _ = upstreams
    server = serve("retries: 0")
    a.then(**{how: at})
    text, chunks = stream_text(server, stream_options={"include_usage": True})
    assert text == "Hello from upstream."
    assert len({chunk.id for chunk in chunks}) == 1 and not [chunk for chunk in chunks if "fairlead" in chunk.to_dict()]
    record = eventually(server.calls, what="a record")[0]
    if len(record["attempts"]) > 1:  # else all had been said
        assert [one["reason"] for one in record["attempts"]] == [None, "continuation"] and record["provider"] == "b"
        assert record["output_tokens"] > 3 and not record["usage_reported"]
        assert chunks[-1].usage.completion_tokens == record["output_tokens"]


def test_another_answer_than_the_one_that_broke_is_flagged(serve, upstreams):
    a, b = upstreams
    server = serve("retries: 0")
    a.then(text="The sky is blue and wide.", reset_after=5)
    b.then(text="The sky is grey.")
    text, chunks = stream_text(server)
    assert text == "The sky is bluegrey."
    assert chunks[-1].to_dict()["fairlead"] == {"continued": {"agreed": False, "keep": 11, "drop": 4}}


TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]
PAY = [{"name": "pay", "arguments": {"to": "Ирина", "sum": 10.5}}]


def stream_call(server):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0, timeout=20)
    with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}], tools=TOOLS) as stream:
        stream.until_done()
        message = stream.get_final_completion().choices[0].message
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]


@pytest.mark.parametrize("at", range(1, 10))
def test_a_stream_that_breaks_within_a_tool_call_goes_on_if_asked_for(serve, upstreams, at):
    a, b = upstreams
    server = serve("retries: 0\ncontinue: {tool_calls: true}")
    a.then(tool_calls=PAY, reset_after=at)
    b.always = {"tool_calls": PAY}
    assert stream_call(server) == [("pay", PAY[0]["arguments"])]
    record = eventually(server.calls, what="a record")[0]
    assert record["provider"] == "b" and record["status"] == 200


def test_a_call_that_nobody_made_is_an_error(serve, upstreams):
    a, b = upstreams
    server = serve("retries: 0\ncontinue: {tool_calls: true}")
    a.then(tool_calls=PAY, reset_after=6)
    b.always = {"tool_calls": [{"name": "pay", "arguments": {"to": "Igor"}}]}
    with pytest.raises(openai.APIError) as caught:
        stream_call(server)
    assert caught.value.code == "continuation_differs"
    off = serve("retries: 0")
    a.then(tool_calls=PAY, reset_after=6)
    asked = len(b.requests)
    with pytest.raises(openai.APIError) as caught:
        stream_call(off)
    assert caught.value.code == "upstream_reset" and len(b.requests) == asked


def test_a_route_that_can_goes_on_from_the_text_so_far(serve, upstreams):
    a, b = upstreams
    server = serve(routes="  - {provider: a, model: gpt-a}\n  - {provider: b, model: gpt-b, continues: last-message}\n")
    a.then(text="The sky is blue.", reset_after=4)
    b.then(text=" blue and wide.")
    assert stream_text(server)[0] == "The sky is blue and wide."
    assert b.last.body["messages"][-1] == {"role": "assistant", "content": "The sky is"}


def test_a_stall_in_the_middle_ends_the_stream_in_time(serve, upstreams):
    a, _ = upstreams
    server = serve("timeouts: {between_tokens: 200ms}", routes="  - {provider: a, model: gpt-a}\n")
    a.then(stall_after=3)
    before = time.monotonic()
    with pytest.raises(openai.APIError) as caught:
        stream_text(server)
    assert caught.value.code == "between_tokens_timeout" and time.monotonic() - before < 3


def test_the_whole_call_is_bounded(serve, upstreams):
    a, b = upstreams
    server = serve("timeout: 300ms\nretries: 2")
    a.always = b.always = {"delay": 30}
    answer = server.chat("m")
    assert answer.status == 504 and answer.error["code"] == "call_timeout"


def test_conditions_choose_the_route(serve):
    server = serve(routes="  - {provider: a, model: gpt-a, when: {tools: true}}\n  - {provider: b, model: gpt-b, when: {tags: [gold]}}\n")
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    assert server.chat("m", tools=[tool]).headers["x-fairlead-provider"] == "a"
    assert server.chat("m", fairlead={"tags": ["gold"]}).headers["x-fairlead-provider"] == "b"
    refused = server.chat("m")
    assert refused.status == 400 and refused.error["code"] == "no_route" and refused.error["param"] == "model"


def test_another_model_answers_when_all_routes_are_down(serve, upstreams):
    a, b = upstreams
    more = "---\nkind: model\nname: large\nprices: {input: 0, output: 100}\nroutes: [{provider: b, model: gpt-large}]\n"
    server = serve("retries: 0\nfallbacks: [large]", routes="  - {provider: a, model: gpt-a}\n", more=more)
    a.then(error=500)
    answer = server.chat("m")
    assert answer.status == 200 and b.last.body["model"] == "gpt-large"
    record = server.call(answer.headers["x-fairlead-call-id"])
    assert record["model"] == "large" and record["attempts"][1]["model"] == "large"
    assert record["cost_usd"] == pytest.approx(3 * 100 / 1e6)


def test_a_dead_route_is_spared_and_comes_back(serve, upstreams):
    a, b = upstreams
    server = serve("retries: 0\nbreaker: {calls: 3, pause: 400ms}")
    a.always = {"error": 500}
    for _ in range(12):
        assert server.chat("m").headers["x-fairlead-provider"] == "b"
    assert len(a.requests) < 12
    assert "open for" in server.cli("models", "routes").stdout or len(a.requests) > 3
    metrics = server.request("GET", "/metrics").text
    assert 'fairlead_route_openings_total{project="default",model="m",provider="a",upstream_model="gpt-a"}' in metrics
    a.always = {}
    eventually(lambda: server.chat("m").headers["x-fairlead-provider"] == "a", what="the route's return")
    state = {one["provider"]: one["state"] for one in server.request("GET", "/api/v1/routes").json["data"]}
    assert state == {"a": "closed", "b": "closed"}


def test_what_is_known_of_a_route_survives_an_apply(serve, upstreams, tmp_path):
    a, b = upstreams
    server = serve("retries: 0\nbreaker: {calls: 3, pause: 1h, longest_pause: 1h}")
    a.always = {"error": 500}
    for _ in range(4):
        server.chat("m")
    assert len(a.requests) == 3
    models = tmp_path / "p0" / "models.yaml"
    models.write_text(models.read_text().replace("retries: 0", "retries: 0\ndescription: changed"))
    server.cli("apply", str(tmp_path / "p0"), "-m", "again")
    assert server.chat("m").headers["x-fairlead-provider"] == "b"
    assert len(a.requests) == 3


def test_weights_and_prices_choose(serve, upstreams):
    a, b = upstreams
    routes = "  - {provider: a, model: gpt-a, weight: 1}\n  - {provider: b, model: gpt-b, weight: 3}\n"
    weighted = serve("strategy: weighted", routes=routes)
    for _ in range(60):
        assert weighted.chat("m").status == 200
    assert 4 < len(a.requests) < 28
    routes = "  - {provider: a, model: gpt-a}\n  - {provider: b, model: gpt-b, prices: {input: 0.1, output: 1}}\n"
    assert serve("strategy: cheapest", routes=routes).chat("m").headers["x-fairlead-provider"] == "b"


@pytest.mark.parametrize("stream", [False, True])
def test_a_hedge_answers_for_a_slow_route(serve, upstreams, stream):
    a, _ = upstreams
    server = serve("hedge: {after: 50ms, share: 1}")
    a.then(delay=30)
    if stream:
        assert stream_text(server)[0] == "Hello from upstream."
    else:
        assert server.chat("m").headers["x-fairlead-provider"] == "b"
    assert a.last.client_gone.wait(5)
    record = eventually(server.calls, what="a record")[0]
    assert [(one["provider"], one["reason"], one["error_code"]) for one in record["attempts"]] == [("a", None, "hedge_lost"), ("b", "hedge", None)]


def test_an_upstream_gets_no_more_calls_than_it_bears(serve, upstreams):
    a, _ = upstreams
    only = "  - {provider: a, model: gpt-a}\n"
    server = serve("retries: 0\nconcurrency: {max: 2, queue: 2, wait: 10s}", routes=only)
    a.always = {"delay": 0.4}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.chat("m"), range(8)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] * 4 + [429] * 4
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.error["code"] == "upstream_busy" and int(refused.headers["retry-after"]) >= 1
    route = server.request("GET", "/api/v1/routes").json["data"][0]
    assert (route["upstream_in_flight"], route["upstream_waiting"], route["upstream_limit"]) == (0, 0, 2)


def test_waiting_calls_survive_an_apply_and_a_client_that_leaves_frees_its_place(serve, upstreams, tmp_path):
    a, _ = upstreams
    only = "  - {provider: a, model: gpt-a}\n"
    server = serve("retries: 0\nconcurrency: {max: 1, wait: 20s}", routes=only)
    a.then(delay=30)
    with pytest.raises(OSError):
        server.request("POST", "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}]}, timeout=0.5)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        a.then(delay=1)
        first = pool.submit(server.chat, "m")
        models = tmp_path / "p0" / "models.yaml"
        models.write_text(models.read_text().replace("retries: 0", "retries: 1"))
        server.cli("apply", str(tmp_path / "p0"), "-m", "again")
        assert server.chat("m").status == 200 and first.result().status == 200


def test_faults_of_the_spec_are_shown_with_their_place(serve, tmp_path):
    server = serve()
    models = tmp_path / "p0" / "models.yaml"
    models.write_text(models.read_text().replace("prices: {input: 1, output: 10}", "fallbacks: [n]\nstrategy: fastest"))
    done = server.cli("apply", str(tmp_path / "p0"), "-m", "x", check=False)
    assert done.returncode == 2 and "models.yaml:" in done.stderr and "strategy" in done.stderr
