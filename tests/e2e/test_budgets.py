"""Budgets: never overspent, whoever asks whenever, and what people see of them."""

import asyncio
import json
import os
import re
import time

import pytest
from fakes.metered_upstream import MeteredUpstream

from conftest import UPSTREAM_KEYS  # noqa: E402
from harness import Fairlead, eventually  # noqa: E402

RUNS = int(os.environ.get("BUDGET_RUNS", "3"))  # of each race; CI and a person who doubts ask for 20
# A dollar a token.
MODEL = """kind: provider
name: {name}
type: deepseek
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
kind: provider
name: {name}-native
type: openai
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: embedder
prices: {{input: 1000000, output: 1000000}}
routes: [{{provider: {name}-native, model: embed}}]
---
kind: model
name: small
prices: {{input: 1000000, output: 1000000}}
{options}
routes: [{{provider: {name}, model: fake}}]
---
"""

# A dearer model at another upstream, for what falls back or hedges.
LARGE = """kind: provider
name: dear
type: deepseek
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: large
retries: 0
prices: {{input: 3000000, output: 3000000}}
routes: [{{provider: dear, model: fake}}]
"""

HELLO = [{"role": "user", "content": "Hello there"}]
SURFACES = [
    ("/v1/chat/completions", {"model": "small", "messages": HELLO, "max_tokens": 50}),
    ("/v1/chat/completions", {"model": "small", "messages": HELLO, "max_tokens": 50, "stream": True}),
    ("/v1/completions", {"model": "small", "prompt": "Hello there", "max_tokens": 50}),
    ("/v1/completions", {"model": "small", "prompt": "Hello there", "max_tokens": 50, "stream": True}),
    ("/v1/responses", {"model": "small", "input": "Hello there", "max_output_tokens": 50, "store": False}),
    ("/v1/responses", {"model": "small", "input": "Hello there", "max_output_tokens": 50, "store": False, "stream": True}),
    ("/v1/messages", {"model": "small", "messages": HELLO, "max_tokens": 50}),
    ("/v1/messages", {"model": "small", "messages": HELLO, "max_tokens": 50, "stream": True}),
    ("/v1/embeddings", {"model": "embedder", "input": "Hello there"}),
]


@pytest.fixture
def upstream():
    with MeteredUpstream() as fake:
        yield fake


@pytest.fixture
def serve(tmp_path, upstream):
    """serve("kind: budget…"): a server with that upstream and these resources; serve() again: the next one on its data."""
    servers = []

    def begin(resources="", options="", settings=(), folder="p"):
        project = tmp_path / folder
        project.mkdir(exist_ok=True)
        if resources:
            (project / "all.yaml").write_text(MODEL.format(name="metered", url=upstream.url, options=options) + resources)
        server = Fairlead(tmp_path / "data", project, UPSTREAM_KEYS, settings=settings)
        servers.append(server)
        return server.wait_ready()

    yield begin
    for server in servers:
        server.stop()


def budget(server, name):
    return server.request("GET", f"/api/v1/budgets/{name}?limit=1000").json


def limit_of(server, name, limit="cost"):
    return next(one for one in budget(server, name)["limits"] if one["limit"] == limit)


def settled(server, name, limit="cost"):
    """The limit, when nothing is reserved any longer."""

    def quiet():
        one = limit_of(server, name, limit)
        return one if one["reserved"] == 0 else None

    return eventually(quiet, what=f"the end of all calls under {name}")


def recorded(server, name):
    """Cost and number of the calls that fell under the budget, as their records say."""
    query = f"select coalesce(sum(cost_usd), 0), count(*), count(*) filter (status = 200) from calls where list_contains(budgets, '{name}')"
    return server.request("POST", "/api/v1/sql", {"query": query}).json["rows"][0]


async def send(port, path, body, key):
    """Status, headers and body of one call on a connection of its own; None: the connection broke."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        data = json.dumps(body).encode()
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
            f"connection: close\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
        )
        whole = await reader.read(-1)
        writer.close()
    except OSError:
        return None
    head, _, rest = whole.decode().partition("\r\n\r\n")
    if not head:
        return None
    headers = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in head.split("\r\n")[1:]}
    return int(head.split()[1]), headers, rest


def storm(server, count, tag):
    async def all_at_once():
        key = server.admin_key
        calls = [(path, body | {"fairlead": {"tags": [tag]}}) for path, body in (SURFACES[i % len(SURFACES)] for i in range(count))]
        answers = await asyncio.gather(*(send(server.port, path, body, key) for path, body in calls))
        return [(path, answer) for (path, _), answer in zip(calls, answers)]

    return asyncio.run(all_at_once())


def is_whole(answer):
    """Whether it came to its end, of whatever surface it is."""
    body = answer[2].rstrip() if answer is not None else ""
    return body.endswith(("[DONE]", '{"type":"message_stop"}')) or '"type":"response.completed"' in body or (body.startswith("{") and body.endswith("}"))


def check_refusals(answers, name):
    for path, answer in answers:
        assert answer is not None, path
        status, headers, body = answer
        assert status in (200, 402 if path == "/v1/messages" else 429), (path, answer)
        if status == 200:
            assert "error" not in re.sub(r'"error": ?null', "", body), (path, body)
            continue
        error = json.loads(body)["error"]
        assert error["message"].startswith(f"Budget `{name}` is spent: "), body
        assert error["message"].endswith("It does not reset."), body
        assert headers["x-should-retry"] == "false"
        if path == "/v1/messages":
            assert error["type"] == "billing_error"
        else:
            assert (error["type"], error["code"], error["param"]) == ("insufficient_quota", "budget_exceeded", None)


def test_a_thousand_at_once_get_exactly_as_many_requests_as_there_are(serve, upstream):
    names = [f"run-{i}" for i in range(RUNS)]
    server = serve("---\n".join(f"kind: budget\nname: {name}\nfor: {{tag: {name}}}\nrequests: 137\nper: ever\n" for name in names))
    upstream.delay = 0.2
    for name in names:
        answers = storm(server, 1000, name)
        check_refusals(answers, name)
        assert sum(answer[0] == 200 for _, answer in answers) == 137
        assert settled(server, name, "requests")["spent"] == 137
        assert recorded(server, name)[2] == 137


def test_a_thousand_at_once_never_overspend(serve, upstream):
    # What 137 chats come to: 10 tokens in, 20 out, a dollar each.
    names = [f"run-{i}" for i in range(RUNS)]
    server = serve("---\n".join(f"kind: budget\nname: {name}\nfor: {{tag: {name}}}\ncost: 4110\nper: ever\n" for name in names))
    for i, name in enumerate(names):
        upstream.delay = 0.05 * (i % 3)
        upstream.billed_input = upstream.billed_output = 0
        answers = storm(server, 1000, name)
        check_refusals(answers, name)
        one = settled(server, name)
        assert one["spent"] <= 4110
        assert upstream.billed_input + upstream.billed_output == one["spent"], "what the upstream bills is what is spent"
        cost, calls, served = recorded(server, name)
        assert (cost, calls) == (one["spent"], 1000)
        assert served == sum(answer[0] == 200 for _, answer in answers) > 0
        # One after another they get what is left, as far as a call that may cost that much fits.
        while (last := server.request("POST", "/v1/chat/completions", SURFACES[0][1] | {"fairlead": {"tags": [name]}})).status == 200:
            pass
        assert last.error["code"] == "budget_exceeded"
        one = settled(server, name)
        assert 4110 - 400 < one["spent"] <= 4110, "what one call may need is more than what is left"
        assert recorded(server, name)[0] == one["spent"]


@pytest.mark.parametrize("run", range(RUNS))
def test_a_kill_in_the_middle_never_overspends(serve, upstream, run):
    upstream.delay, upstream.pause = 0.1, 0.01
    server = serve("kind: budget\nname: all\ncost: 9000\nper: ever\n")
    key = server.admin_key

    async def killed():
        tasks = [asyncio.create_task(send(server.port, *SURFACES[i % len(SURFACES)], key)) for i in range(400)]
        while upstream.requests < 3 + 7 * (run % 5):
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.03 * (run % 4))
        server.kill()
        return await asyncio.gather(*tasks)

    before = asyncio.run(killed())
    time.sleep(0.2)  # the upstream notices
    server = serve()
    one = limit_of(server, "all")
    assert one["reserved"] == 0 and one["spent"] <= 9000
    assert one["spent"] >= upstream.billed_input + upstream.billed_output, "what was open is spent"
    assert recorded(server, "all")[0] <= one["spent"]
    assert not all(is_whole(answer) for answer in before), "nothing was in flight"
    check_refusals(storm(server, 400, "x"), "all")
    one = settled(server, "all")
    assert upstream.billed_input + upstream.billed_output <= one["spent"] <= 9000


def test_streams_that_clients_leave_are_counted(serve, upstream):
    upstream.pause, upstream.tokens = 0.02, 50
    server = serve("kind: budget\nname: all\ncost: 100000\nper: day\n")

    async def leave():
        async def one(i):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            body = json.dumps(SURFACES[1][1]).encode()
            writer.write(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: {server.admin_key}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            await reader.readuntil(b"word ")
            await asyncio.sleep(0.02 * (i % 10))
            writer.close()

        await asyncio.gather(*(one(i) for i in range(40)))

    asyncio.run(leave())
    one = settled(server, "all")
    eventually(lambda: recorded(server, "all")[1] == 40, what="forty records")
    cost, _, served = recorded(server, "all")
    assert served == 0 and cost == one["spent"]
    # Each has had its first word at least, and its request.
    assert 40 * 2 <= one["spent"] < 40 * 60
    calls = server.calls("?limit=40")
    assert all(call["status"] == 499 and call["usage_reported"] is False and call["budgets"] == ["all"] for call in calls)


def test_an_upstream_that_does_not_say_what_was_used_is_counted(serve, upstream):
    upstream.usage = False
    server = serve("kind: budget\nname: all\ncost: 100000\nper: day\n")
    for path, body in SURFACES[:8]:
        answer = server.request("POST", path, body)
        assert answer.status == 200
        call = server.call(answer.headers["x-fairlead-call-id"])
        assert call["usage_reported"] is False and call["output_tokens"] >= 20 and call["input_tokens"] > 0
    assert settled(server, "all")["spent"] == recorded(server, "all")[0] > 8 * 20


def test_failed_tries_cost_nothing_and_fallbacks_are_within_the_budget(serve, upstream):
    with MeteredUpstream(tokens=30) as dear:
        more = LARGE.format(url=dear.url) + "---\nkind: budget\nname: all\ncost: 2000\nper: ever\n"
        server = serve(more, options="retries: 0\nfallbacks: [large]")
        upstream.failures = 1
        assert server.request("POST", *SURFACES[0]).status == 200
        assert settled(server, "all")["spent"] == (10 + 30) * 3
        # Reserved is what the dearest may cost: a chat that fits one try of `small` alone is refused.
        upstream.failures = 0
        while (last := server.request("POST", *SURFACES[0])).status == 200:
            assert settled(server, "all")["spent"] <= 2000
        left = settled(server, "all")["left"]
        assert 350 < left < 3 * 350, last.text
        assert dear.billed_input == 10


def test_what_cannot_be_bounded_or_priced_is_refused(serve, upstream):
    more = """kind: model
name: unpriced
routes: [{provider: metered, model: nobody-knows-it}]
---
kind: budget
name: dollars
for: {model: [small, unpriced]}
cost: 100000
per: month
---
kind: budget
name: soft
for: {model: unpriced}
hard: false
cost: 1
per: month
"""
    server = serve(more)
    answer = server.chat("unpriced", max_tokens=5)
    assert (answer.status, answer.error["code"]) == (400, "price_unknown")
    assert "`nobody-knows-it`" in answer.error["message"] and "`unpriced`" in answer.error["message"]
    answer = server.chat("small")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "max_tokens_required", "max_tokens")
    assert upstream.requests == 0
    assert server.chat("small", max_tokens=5).status == 200


def test_a_rate_says_what_is_left_and_when_to_come_again(serve):
    server = serve("kind: budget\nname: rate\neach: user\nrequests: 2\ntokens: 100000\nper: 1h\n")
    first = server.chat("small", max_tokens=50, fairlead={"user": "u-1"})
    assert first.status == 200
    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == ("2", "1")
    assert re.fullmatch("(29m59s|30m0s)", first.headers["x-ratelimit-reset-requests"])
    assert (first.headers["x-ratelimit-limit-tokens"], first.headers["x-ratelimit-remaining-tokens"]) == ("100000", "99970")
    assert server.chat("small", max_tokens=50, fairlead={"user": "u-1"}).status == 200
    last = server.chat("small", max_tokens=50, fairlead={"user": "u-1"})
    assert (last.status, last.error["code"], last.error["type"]) == (429, "rate_limit_exceeded", "rate_limit_error")
    assert last.error["message"].startswith("Budget `rate` of user `u-1` allows 2 requests per 1h; 0 are left. Try again in ")
    assert 1700 <= int(last.headers["retry-after"]) <= 1800 and "x-should-retry" not in last.headers
    assert server.chat("small", max_tokens=50, fairlead={"user": "u-2"}).status == 200
    refused = server.request("POST", "/v1/messages", SURFACES[6][1] | {"fairlead": {"user": "u-1"}})
    assert refused.status == 429 and refused.json["error"]["type"] == "rate_limit_error"


def test_people_see_what_is_left(serve):
    more = "kind: budget\nname: team-a\nfor: {tag: a}\ncost: 1000\nper: month\nalert: [0.02, 0.05]\n---\nkind: budget\nname: users\neach: user\ntokens: 5000\nper: day\n"
    server = serve(more)
    plain = server.chat("small", max_tokens=50)
    assert "x-fairlead-budget-alert" not in plain.headers
    for _ in range(2):
        answer = server.chat("small", max_tokens=50, fairlead={"tags": ["a"], "user": "u-17"})
    assert answer.headers["x-fairlead-budget-alert"] == "team-a cost 6%"
    assert server.log.count("budget_alert") == 2
    one = budget(server, "team-a")
    assert one["for"] == {"tag": ["a"]} and one["hard"] is True and one["time_zone"] == "UTC"
    assert one["limits"] == [one["limits"][0] | {"limit": "cost", "amount": 1000, "spent": 60, "reserved": 0, "left": 940}]
    users = budget(server, "users")
    assert [(s["subject"], s["limits"][0]["spent"]) for s in users["subjects"]] == [("u-17", 60), ("", 30)]
    listed = server.cli("budgets", "list").stdout
    assert re.search(r"team-a +tag a +1000\.00 USD per month +60\.00 +0\.00 +940\.00 +6%", listed), listed
    shown = server.cli("budgets", "show", "users").stdout
    assert re.search(r"u-17 +each user +5000 tokens per day +60 +0 +4940 +1%", shown), shown
    missing = server.cli("budgets", "show", "team-b", check=False)
    assert missing.returncode != 0 and "Did you mean `team-a`?" in missing.stderr
    metrics = server.request("GET", "/metrics").text
    assert 'fairlead_budget_spent{project="default",budget="team-a",limit="cost"} 60' in metrics
    assert 'fairlead_budget_alerts_total{project="default",budget="team-a"} 2' in metrics


def test_a_change_keeps_what_is_spent_and_a_fault_is_told(serve, tmp_path):
    server = serve("kind: budget\nname: b\nrequests: 2\nper: month\n")
    for expected in (200, 200, 429):
        assert server.chat("small", max_tokens=5).status == expected
    folder = tmp_path / "p" / "all.yaml"
    text = folder.read_text()
    folder.write_text(text.replace("requests: 2\nper: month", "requests: 3\nper: day"))
    assert "budget/b" in server.cli("apply", str(tmp_path / "p"), "-m", "one more").stdout
    for expected in (200, 429):
        assert server.chat("small", max_tokens=5).status == expected
    folder.write_text(text.replace("per: month", "per: mnth\ntime_zone: Europe/Atlantis").replace("name: b\n", "name: b\nfor: {model: smal}\n"))
    refused = server.cli("apply", str(tmp_path / "p"), check=False)
    assert refused.returncode == 2
    for said in ("did you mean `month`?", "no time zone `Europe/Atlantis`", "model `smal` does not exist"):
        assert said in refused.stdout + refused.stderr, refused.stdout + refused.stderr


def test_calls_at_a_time(serve, upstream):
    upstream.delay = 0.3
    server = serve("kind: budget\nname: places\nfor: {key: admin}\nconcurrency: 7\n")
    answers = storm(server, 60, "x")
    statuses = [answer[0] for _, answer in answers]
    assert statuses.count(200) == 7 and statuses.count(429) == 53
    refused = next(json.loads(answer[2])["error"] for path, answer in answers if answer[0] == 429 and path != "/v1/messages")
    assert refused["message"] == "Budget `places` allows 7 calls at a time, and as many are in flight. Try again when one has ended."
    assert [answer[0] for _, answer in storm(server, 7, "x")] == [200] * 7


def test_a_shadow_falls_under_the_budget(serve, upstream):
    with MeteredUpstream(tokens=25) as other:
        more = f"""kind: provider
name: other
type: deepseek
base_url: {other.url}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: challenger
prices: {{input: 1000000, output: 1000000}}
routes: [{{provider: other, model: fake}}]
---
kind: budget
name: all
cost: 1500
requests: 1000
per: day
"""
        server = serve(more, options="shadow: {to: challenger, share: 1, budget: 100000}")
        while server.request("POST", *SURFACES[0]).status == 200:
            pass
        one = settled(server, "all")
        time.sleep(0.3)
        one = settled(server, "all")
        billed = upstream.billed_input + upstream.billed_output + other.billed_input + other.billed_output
        assert other.requests > 0 and billed == one["spent"] <= 1500
        assert limit_of(server, "all", "requests")["spent"] == upstream.requests
