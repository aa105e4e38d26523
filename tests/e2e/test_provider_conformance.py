"""One suite that every vendor passes: the official OpenAI client in front of the program, the vendor's fake behind it."""

import contextlib
import json
import time
from email.utils import formatdate

import openai
import pytest
import vendors
from fakes.openai_upstream import OpenAIUpstream
from harness import TOP, Fairlead
from vendors import CALLS, FEATURES, TOOL, VENDORS

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def fakes():
    with contextlib.ExitStack() as stack:
        yield {vendor.type: stack.enter_context(vendors.start_fake(vendor)) for vendor in VENDORS}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, fakes):
    project = tmp_path_factory.mktemp("vendors") / "p"
    project.mkdir()
    made = [one for vendor in VENDORS for one in vendors.resources(vendor, fakes[vendor.type])]
    (project / "models.yaml").write_text("\n---\n".join(json.dumps(one) for one in made))
    with Fairlead(tmp_path_factory.mktemp("gateway") / "data", project, vendors.ENVIRONMENT) as server:
        yield server.wait_ready()
        assert server.stop() == 0, server.log[-4000:]
        assert vendors.ENVIRONMENT["FAKE_VENDOR_KEY"] not in server.log


@pytest.fixture(scope="module")
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.type)
def vendor(request):
    return request.param


def ask(client, vendor, script=None, **members):
    members.setdefault("messages", HI)
    return client.chat.completions.create(model=f"m-{vendor.name}", extra_body={"x_fake": script or {}}, **members)


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


# What comes back.


def test_chat(client, vendor):
    answer = ask(client, vendor, {"text": "Hello \u2603 \"you\""})
    assert answer.choices[0].message.content == "Hello \u2603 \"you\""
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.role == "assistant"
    assert answer.id and answer.model and answer.created


@pytest.mark.parametrize("script", [{}, {"split": True}, {"pause": 0.01}], ids=["plain", "split at every byte", "slow"])
@pytest.mark.parametrize("include_usage", [False, True], ids=["", "usage"])
def test_stream(client, vendor, script, include_usage):
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    chunks = list(ask(client, vendor, script | {"text": "one two  three \u2603"}, stream=True, **options))
    if include_usage:
        last = chunks.pop()
        assert last.choices == [] and last.usage.completion_tokens > 0 and last.usage.prompt_tokens > 0
    assert all(not chunk.usage for chunk in chunks)
    assert text_of(chunks) == "one two  three \u2603"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("split", [False, True], ids=["", "split at every byte"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_parallel_tools_there_and_back(client, vendor, stream, split):
    if split and not stream:
        pytest.skip("only streams are split")
    script = {"tool_calls": CALLS, "split": split}
    if stream:
        with client.chat.completions.stream(model=f"m-{vendor.name}", messages=HI, tools=[TOOL], extra_body={"x_fake": script}) as answers:
            answer = answers.get_final_completion()
    else:
        answer = ask(client, vendor, script, tools=[TOOL])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == [call["arguments"] for call in CALLS[: vendor.calls_at_once]]
    assert len({call.id for call in message.tool_calls}) == vendor.calls_at_once
    history = HI + [{"role": "assistant", "tool_calls": [call.to_dict() for call in message.tool_calls]}]
    history += [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls]
    assert ask(client, vendor, messages=history, tools=[TOOL]).choices[0].message.content


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("word, reason", [("cut_off", "length"), ("filtered", "content_filter")])
def test_why_it_ended(client, vendor, stream, word, reason):
    answer = ask(client, vendor, {"finish": getattr(vendor, word)}, stream=stream)
    assert (list(answer)[-1] if stream else answer).choices[0].finish_reason == reason


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_usage(client, vendor, stream):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    plain, full = (ask(client, vendor, script, **options) for script in ({}, {"cached": 5, "cache_write": 2, "thought": 3}))
    plain, full = ((list(answer)[-1] if stream else answer).usage for answer in (plain, full))
    assert full.prompt_tokens_details.cached_tokens == (5 if vendor.counts_cached else 0)
    assert full.completion_tokens == plain.completion_tokens + 3
    assert full.completion_tokens_details.reasoning_tokens == (3 if vendor.counts_thought else 0)
    if vendor.counts_cache_write:
        assert full.prompt_tokens == plain.prompt_tokens + 7
        assert full.prompt_tokens_details.model_dump()["cache_write_tokens"] == 2
    assert full.total_tokens == full.prompt_tokens + full.completion_tokens


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_thinking_is_reasoning_content(client, vendor, stream):
    if not vendor.shows_thinking:
        pytest.skip("its thinking is hidden")
    answer = ask(client, vendor, {"reasoning": "let me see"}, stream=stream, reasoning_effort="high")
    parts = [chunk.choices[0].delta for chunk in answer if chunk.choices] if stream else [answer.choices[0].message]
    assert "".join(getattr(part, "reasoning_content", None) or "" for part in parts) == "let me see"


def test_a_schema_is_kept(client, vendor):
    answer = ask(client, vendor, **FEATURES["schema"])
    assert json.loads(answer.choices[0].message.content) == {"age": 7}


def test_a_developer_is_heard(client, vendor, fakes):
    ask(client, vendor, messages=[{"role": "developer", "content": "be kind"}] + HI)
    assert "be kind" in json.dumps(fakes[vendor.type].last.body)


# What goes wrong.


@pytest.mark.parametrize(
    "status, answered, code",
    [
        (400, 400, None),
        (401, 502, "upstream_auth"),
        (403, 502, "upstream_auth"),
        (404, 400, None),
        (429, 429, "rate_limit_exceeded"),
        (500, 502, "upstream_error"),
        (503, 503, "upstream_unavailable"),
        (529, 503, "upstream_unavailable"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_errors(client, vendor, status, answered, code, stream):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, vendor, {"error": status, "message": "for {key} no more"}, stream=stream)
    assert caught.value.status_code == answered
    assert code in (None, caught.value.code)
    assert "no more" in caught.value.message
    assert vendors.ENVIRONMENT["FAKE_VENDOR_KEY"] not in str(caught.value.body)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(client, vendor, status):
    for sent, least, most in (("7", 7000, 7000), (formatdate(time.time() + 90, usegmt=True), 85_000, 91_000)):
        with pytest.raises(openai.APIStatusError) as caught:
            ask(client, vendor, {"error": status, "retry_after": sent})
        headers = caught.value.response.headers
        assert least <= int(headers["retry-after-ms"]) <= most
        assert int(headers["retry-after"]) == -(-int(headers["retry-after-ms"]) // 1000)


def test_limits_that_are_used_up(client, vendor):
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2.5s", "x-ratelimit-remaining-requests": "4"}
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client, vendor, {"error": 429, "headers": headers | {"x-ratelimit-reset-requests": "9h"}})
    assert caught.value.response.headers["retry-after-ms"] == "62500"
    assert caught.value.response.headers["retry-after"] == "63"


def test_a_key_that_is_not_taken_is_the_operators_fault(client, vendor, fakes):
    fake = fakes[vendor.type]
    key, fake.key = fake.key, "another"
    try:
        with pytest.raises(openai.APIStatusError) as caught:
            ask(client, vendor)
    finally:
        fake.key = key
    assert caught.value.status_code == 502 and caught.value.code == "upstream_auth"
    assert key not in str(caught.value.body)


@pytest.mark.parametrize("split", [False, True], ids=["", "split at every byte"])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
@pytest.mark.parametrize("how", ["reset_after", "truncate_after", "garbage_after", "error_after"])
def test_broken_streams_end_in_an_error(client, vendor, how, after, split):
    text = "a b c d e f"
    seen = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in ask(client, vendor, {"text": text, how: after, "split": split}, stream=True):
            seen.append(chunk)
    assert text.startswith(text_of(seen))
    assert not any(chunk.choices and chunk.choices[0].finish_reason for chunk in seen)
    assert caught.value.code in ("upstream_reset", "upstream_invalid", "upstream_unavailable", "upstream_error")


@pytest.mark.parametrize("body", ["", "null", "[]", "{", '"x"', "<html>", '{"a":1}', '{"choices":7,"content":7,"candidates":7,"output":7}'])
def test_an_answer_that_makes_no_sense(client, vendor, body):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, vendor, {"body": body or " "})
    assert caught.value.status_code == 502 and caught.value.code == "upstream_invalid"


def test_a_client_that_goes_reaches_the_upstream(client, vendor, fakes):
    stream = ask(client, vendor, {"text": "a b c d e", "stall_after": 4}, stream=True)
    next(stream)
    stream.close()
    assert fakes[vendor.type].last.client_gone.wait(5)


# What goes out: the matrix.


def outcome(client, fake, vendor, feature):
    """"yes", "advice", or the message with which it was refused."""
    before = len(fake.requests)
    try:
        ask(client, vendor, **FEATURES[feature])
    except openai.BadRequestError as refused:
        if len(fake.requests) > before and issubclass(vendor.fake, OpenAIUpstream):
            return "the server's own message: it does not take the member"
        assert len(fake.requests) == before, f"the upstream refused it: {refused}"
        assert refused.param and refused.param in refused.message
        return refused.body["message"]
    reached = vendor.reached(feature, FEATURES[feature], fake.last.body)
    assert reached is not False, f"{feature} was lost on its way to {vendor.type}: {json.dumps(fake.last.body)}"
    return "yes" if reached else "advice"


@pytest.mark.parametrize("feature", FEATURES)
def test_reaches_the_upstream_whole_or_is_refused(client, vendor, fakes, feature):
    assert outcome(client, fakes[vendor.type], vendor, feature)


def test_matrix_in_the_documentation_is_current(client, fakes, pytestconfig):
    page = TOP / "docs/reference/providers.md"
    text = page.read_text()
    before, rest = text.split(vendors.BEGIN)
    _, after = rest.split(vendors.END)
    results = {}
    for vendor in VENDORS:
        for feature in FEATURES:
            results[vendor.type, feature] = outcome(client, fakes[vendor.type], vendor, feature)
    current = f"{before}{vendors.BEGIN}\n{vendors.matrix_text(results)}\n{vendors.END}{after}"
    if pytestconfig.getoption("--write-matrix"):
        page.write_text(current)
    assert page.read_text() == current, "run pytest tests/e2e -k matrix --write-matrix and look at what changed"
