"""Budgets over two nodes on one Redis: never overspent, also when Redis goes and comes back."""

import asyncio
import json
import os
import threading
import time

import pytest
from fakes.metered_upstream import MeteredUpstream
from fakes.redis_server import RedisServer

from conftest import UPSTREAM_KEYS
from harness import Fairlead, eventually, free_port
from test_budgets import LARGE, MODEL, SURFACES, check_refusals, is_whole, limit_of, recorded, send

RUNS = int(os.environ.get("BUDGET_RUNS", "1"))  # as in test_budgets.py
FULL = 4110  # what 137 chats come to: 10 tokens in, 20 out, a dollar each


@pytest.fixture
def upstream():
    with MeteredUpstream() as fake:
        yield fake


@pytest.fixture
def redis():
    with RedisServer() as server:
        yield server


@pytest.fixture
def serve(tmp_path, upstream, redis):
    """serve("kind: budget…"): two nodes with that upstream and these resources on one Redis."""
    servers = []

    def begin(resources, names=("a", "b"), env=None, settings=(), options=""):
        project = tmp_path / "p"
        project.mkdir(exist_ok=True)
        (project / "all.yaml").write_text(MODEL.format(name="metered", url=upstream.url, options=options) + resources)
        env = UPSTREAM_KEYS | {"FAIRLEAD_REDIS_URL": redis.url} | (env or {})
        begun = [Fairlead(tmp_path / name, project, env, settings=settings) for name in names]
        servers.extend(begun)
        return [one.wait_ready() for one in begun]

    yield begin
    for server in servers:
        server.stop()


def budgets(names, what):
    return "---\n".join(f"kind: budget\nname: {name}\nfor: {{tag: {name}}}\n{what}\n" for name in names)


async def storm(nodes, count, tag, during=None, first=None):
    """(path, answer) of that many calls at once, over the nodes in turn; `during` gets a function that begins those after the first (half)."""
    keys = [node.admin_key for node in nodes]

    async def one(i):
        path, body = SURFACES[i % len(SURFACES)]
        node = (i // len(SURFACES)) % len(nodes)
        return path, await send(nodes[node].port, path, body | {"fairlead": {"tags": [tag]}}, keys[node])

    tasks = []

    def begin(until=count):
        tasks.extend(asyncio.create_task(one(i)) for i in range(len(tasks), until))

    if during:
        begin(first or count // 2)
        await during(begin)
    else:
        begin()
    return await asyncio.gather(*tasks)


def quiet(nodes, redis, name, limit="cost"):
    """What is spent, by the node that knows most, when no call is in flight and Redis has heard of every end."""

    def done():
        return all(limit_of(node, name, limit)["reserved"] == 0 for node in nodes) and not held(redis)

    eventually(done, what=f"the end of all calls under {name}")
    return max(limit_of(node, name, limit)["spent"] for node in nodes)


def held(redis):
    """Members that have set something aside of which Redis has not heard the end."""
    keys = [line for line in redis.ask("KEYS", "fairlead:budgets:r:*").split("\r\n") if line.startswith("fairlead:")]
    return [key for key in keys if (all := redis.ask("HVALS", key)).split("\r\n")[0] != f"*{all.count('$4' + chr(13) + chr(10) + 'done')}"]


def records(nodes, name):
    sums = [recorded(node, name) for node in nodes]
    return [sum(column) for column in zip(*sums)]


def check_away(answers, name):
    """Every answer is one, a clean refusal by the budget, or a clean refusal for want of Redis; how many were of the last kind."""
    away = [(path, answer) for path, answer in answers if answer is not None and answer[0] == (529 if path == "/v1/messages" else 503)]
    for path, (_, headers, body) in away:
        error = json.loads(body)["error"]
        assert error["message"].startswith(f"Budget `{name}` is shared with other nodes and cannot be checked now: "), body
        assert int(headers["retry-after"]) >= 1
        if path != "/v1/messages":
            assert error["code"] == "budgets_unavailable"
    check_refusals([one for one in answers if one not in away], name)
    return len(away)


def redis_state(node):
    return next(part["state"] for part in node.request("GET", "/readyz", key=None).json["parts"] if part["name"] == "redis")


def back(nodes, name):
    """Waits until both nodes answer for the hard budget again."""
    chat = SURFACES[0][1] | {"fairlead": {"tags": [name]}}
    for node in nodes:
        eventually(lambda: redis_state(node) == "ready", what="its connections")
        eventually(lambda: node.request("POST", "/v1/chat/completions", chat).status != 503, what="the end of the outage")


def test_a_thousand_over_two_nodes_never_overspend(serve, upstream, redis):
    names = [f"run-{i}" for i in range(RUNS)]
    nodes = serve(budgets(names, f"cost: {FULL}\nper: ever") + "---\n" + budgets(["few"], "requests: 137\nper: ever"))
    for i, name in enumerate(names):
        upstream.delay = 0.05 * (1 + i % 3)
        upstream.billed_input = upstream.billed_output = 0
        answers = asyncio.run(storm(nodes, 1000, name))
        check_refusals(answers, name)
        spent = quiet(nodes, redis, name)
        served = sum(answer[0] == 200 for _, answer in answers)
        assert upstream.billed_input + upstream.billed_output == spent <= FULL
        eventually(lambda: records(nodes, name)[1] == 1000, what="all records")
        assert records(nodes, name) == [spent, 1000, served]
        # What is left goes to calls of both, one after another.
        turn = 0
        while nodes[turn % 2].request("POST", "/v1/chat/completions", SURFACES[0][1] | {"fairlead": {"tags": [name]}}).status == 200:
            turn += 1
        assert FULL - 400 < quiet(nodes, redis, name) == records(nodes, name)[0] <= FULL
    # And of requests, exactly as many as there are.
    answers = asyncio.run(storm(nodes, 1000, "few"))
    check_refusals(answers, "few")
    assert sum(answer[0] == 200 for _, answer in answers) == 137
    assert quiet(nodes, redis, "few", "requests") == records(nodes, "few")[2] == 137
    assert all(sum(recorded(node, name)[2] for name in [*names, "few"]) > 0 for node in nodes), "both nodes served"


@pytest.mark.parametrize("keep", [True, False], ids=["with its data", "without its data"])
def test_redis_killed_in_the_middle(serve, upstream, redis, keep):
    nodes = serve(budgets(["all"], f"cost: {FULL}\nper: ever"))
    upstream.delay, upstream.pause = 0.1, 0.01

    async def kill(begin_the_rest):
        while upstream.requests < 10:
            await asyncio.sleep(0.001)
        redis.kill()
        begin_the_rest()
        await asyncio.sleep(0.2)
        redis.start(keep)

    answers = asyncio.run(storm(nodes, 1000, "all", kill))
    assert check_away(answers, "all") > 0
    assert any(answer[0] == 200 for _, answer in answers)
    billed = upstream.billed_input + upstream.billed_output
    assert billed <= FULL
    # The service recovers by itself, and nothing is refilled.
    upstream.delay = upstream.pause = 0
    eventually(lambda: nodes[0].request("POST", *SURFACES[0]).status == 200, what="a call under no budget")
    back(nodes, "all")
    upstream.billed_input = upstream.billed_output = 0
    before = quiet(nodes, redis, "all")
    assert before >= billed
    second = asyncio.run(storm(nodes, 300, "all"))
    check_refusals(second, "all")
    spent = quiet(nodes, redis, "all")
    assert spent <= FULL and spent - before == upstream.billed_input + upstream.billed_output
    if keep:
        assert records(nodes, "all")[0] == spent
    else:
        assert records(nodes, "all")[0] <= spent


STANDING = """local spent, held, open, parts = 0, 0, 0, 0
for _, key in ipairs(redis.call('KEYS', 'fairlead:budgets:a:*:4:')) do
  local meter = cmsgpack.unpack(redis.call('GET', key))
  spent, held = spent + meter.s, held + meter.r
end
for _, key in ipairs(redis.call('KEYS', 'fairlead:budgets:r:*')) do
  for _, kept in ipairs(redis.call('HVALS', key)) do
    if kept ~= 'done' then
      open = open + 1
      for _, one in ipairs(cmsgpack.unpack(kept)) do if one then parts = parts + one[3] end end
    end
  end
end
return string.format('%.9f %.9f %d %.9f', spent / 1e9, held / 1e9, open, parts / 1e9)"""


def standing(redis):
    """Of the only budget in Redis: dollars spent, dollars held, steps that are open, the dollars of these."""
    spent, held, open_, parts = redis.ask("EVAL", STANDING, "0").split("\r\n")[1].split()
    return round(float(spent), 6), round(float(held), 6), int(open_), round(float(parts), 6)


class Watch:
    """Looks all the time whether more than the budget is spent or held."""

    def __init__(self, redis, budget):
        self.redis, self.budget, self.looks, self.worst = redis, budget, 0, None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.ended.wait(0.01):
            spent, held, open_, parts = standing(self.redis)
            self.looks += 1
            if spent + held > self.budget or held != parts:
                self.worst = self.worst or (spent, held, open_, parts)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("back", ["at once", "late", "never"])
def test_a_killed_node(serve, upstream, redis, back, run):
    """What it had set aside is held until its lease ends or it is back, and then spent at its worst, once; the other node goes on."""
    strict = ["--telemetry.durability=strict"]  # whoever has an answer has a record
    budget = budgets(["all"], "cost: 9000\nper: ever")
    a, b = serve(budget, settings=strict)
    upstream.delay, upstream.pause = 1.0, 0.05
    killed_at = None

    async def kill(begin):
        nonlocal killed_at
        deadline = time.monotonic() + 10
        while upstream.requests < 36:
            assert time.monotonic() < deadline, "the budget has room for all of these"
            await asyncio.sleep(0.001)
        begin(250)  # of which most only ask
        await asyncio.sleep(0.01 + 0.332 * (run % 7))
        b.kill()
        killed_at = time.monotonic()
        await asyncio.sleep(3)  # what the other node had in flight has ended
        begin()

    with Watch(redis, 9000) as watch:
        answers = asyncio.run(storm([a, b], 500, "all", kill, first=36))
        numbered = [(i, i // len(SURFACES) % 2 == 0, one) for i, one in enumerate(answers)]
        check_refusals([one for _, is_a, one in numbered if is_a], "all")
        assert any(answer[0] == 200 for i, is_a, (_, answer) in numbered if is_a and i >= 250), "the other node goes on"
        broken = sum(not is_whole(one) for i, is_a, (_, one) in numbered if not is_a and i < 250)
        assert broken > 0, "nothing was in flight"
        eventually(lambda: limit_of(a, "all")["reserved"] == 0, what="the end of all calls of the node that is left")
        before, held, open_, parts = standing(redis)
        assert time.monotonic() - killed_at < 9, "too late to see it held"
        assert open_ > 0 and held == parts > 0, "the dead node's calls are set aside still"
        if back == "at once":
            (b,) = serve(budget, ["b"], settings=strict)
            # Without waiting for the lease's end.
            eventually(lambda: standing(redis)[1] == 0, 3, "the end of what its last process held")
            assert limit_of(b, "all")["spent"] <= before + held and limit_of(b, "all")["reserved"] == 0
        eventually(lambda: time.monotonic() - killed_at > 11.5, 20, "the lease's end")
        assert standing(redis) == (round(before + held, 6), 0, 0, 0), "spent at its worst, once"
        if back == "late":
            (b,) = serve(budget, ["b"], settings=strict)
        nodes = [a] if back == "never" else [a, b]
        assert standing(redis)[0] == round(before + held, 6), "its file tells nothing new"
        assert upstream.billed_input + upstream.billed_output <= before + held
        # What has no record is what was open; what ended in the instant of the kill may be in both or in neither.
        if back != "never":
            eventually(lambda: abs(before - records(nodes, "all")[0]) <= 30 * broken, what="all records")
        cost = records(nodes, "all")[0]
        # From here on all agree.
        upstream.delay = upstream.pause = 0
        upstream.billed_input = upstream.billed_output = 0
        second = asyncio.run(storm(nodes, 300, "all"))
        check_refusals(second, "all")
        assert any(answer[0] == 200 for _, answer in second)
        spent = quiet(nodes, redis, "all")
        assert spent == standing(redis)[0] <= 9000
        assert spent - round(before + held, 6) == pytest.approx(upstream.billed_input + upstream.billed_output)
        eventually(lambda: records(nodes, "all")[0] - cost == pytest.approx(upstream.billed_input + upstream.billed_output), what="the sum of records")
        print(f"KILLED {back} {run}: spent {before}, held {held} in {open_} steps, {broken} broken, records {cost} ({before - cost:+g}), at the end {spent}, {watch.looks} looks")
    assert watch.looks > 100 and watch.worst is None, watch.worst


def test_more_tries_ask_for_more(serve, upstream, redis):
    """A fallback, and a hedge beside a slow first try, are made if both nodes' budget bears them."""
    with MeteredUpstream(tokens=30) as dear:
        more = f"""{LARGE.format(url=dear.url)}---
kind: model
name: hedged
retries: 0
hedge: {{after: 50ms, share: 1}}
prices: {{input: 1000000, output: 1000000}}
routes: [{{provider: metered, model: fake}}, {{provider: dear, model: fake}}]
---
kind: budget
name: all
cost: 900
per: ever
"""
        nodes = serve(more, options="retries: 0\nfallbacks: [large]")
        upstream.failures = 1
        assert nodes[0].request("POST", *SURFACES[0]).status == 200
        assert quiet(nodes, redis, "all") == (10 + 30) * 3
        upstream.delay = 0.3
        hedged = nodes[1].request("POST", "/v1/chat/completions", SURFACES[0][1] | {"model": "hedged"})
        assert hedged.status == 200
        record = nodes[1].call(hedged.headers["x-fairlead-call-id"])
        assert [one["reason"] for one in record["attempts"]] == [None, "hedge"]
        spent = quiet(nodes, redis, "all")
        assert spent == records(nodes, "all")[0] > 120 + 40
        # What one more try may cost is not there: the first is left alone, and a fallback that does not fit refused.
        upstream.delay = 0
        while nodes[0].request("POST", "/v1/embeddings", SURFACES[8][1]).status == 200 and quiet(nodes, redis, "all") < 650:
            pass
        upstream.delay = 0.3
        alone = nodes[1].request("POST", "/v1/chat/completions", SURFACES[0][1] | {"model": "hedged"})
        assert alone.status == 200
        record = nodes[1].call(alone.headers["x-fairlead-call-id"])
        assert [one["reason"] for one in record["attempts"]] == [None]
        assert quiet(nodes, redis, "all") == records(nodes, "all")[0] <= 900


def test_while_redis_is_away(serve, redis):
    more = "kind: budget\nname: hard\nfor: {tag: hard}\nrequests: 100\nper: day\n---\nkind: budget\nname: soft\nfor: {tag: soft}\nhard: false\ncost: 100\nper: day\nalert: 0.5\n"
    a, b = serve(more)

    def chat(node, tag):
        return node.request("POST", "/v1/chat/completions", SURFACES[0][1] | {"fairlead": {"tags": [tag]}})

    assert chat(a, "hard").status == chat(b, "hard").status == 200
    redis.kill()
    eventually(lambda: redis_state(a) == redis_state(b) == "away", what="notice of the outage")
    assert a.request("GET", "/readyz", key=None).status == 200, "calls under no hard budget go on"
    refused = chat(a, "hard")
    assert check_away([("/v1/chat/completions", (refused.status, refused.headers, refused.text))], "hard") == 1
    answers = [chat(node, tag) for node in (a, b) for tag in ("soft", "none")]
    assert [one.status for one in answers] == [200] * 4
    assert "fairlead_redis_connected 0" in a.request("GET", "/metrics").text
    redis.start()
    back([a, b], "hard")
    # What both have counted is added up, once.
    assert eventually(lambda: chat(a, "soft").status == 200 and limit_of(a, "soft")["spent"] >= 90, what="the sum")
    eventually(lambda: max(limit_of(node, "soft")["spent"] for node in (a, b)) == records([a, b], "soft")[0], what="the sum of records")
    assert "x-fairlead-budget-alert" in chat(a, "soft").headers
    assert "fairlead_redis_connected 1" in a.request("GET", "/metrics").text


def test_a_password_and_a_port(serve, tmp_path, upstream):
    secret = tmp_path / "password"
    secret.write_text("correct-horse-battery\n")
    with RedisServer(password="correct-horse-battery", port=free_port()) as other:
        (a,) = serve(budgets(["all"], "requests: 2\nper: ever"), ["a"], {"FAIRLEAD_REDIS_URL": other.url + "/3"}, ["--redis.password_file", str(secret)])
        (b,) = serve(budgets(["all"], "requests: 2\nper: ever"), ["b"], {"FAIRLEAD_REDIS_URL": other.url + "/3", "FAIRLEAD_REDIS_PASSWORD": "correct-horse-battery"})
        chat = SURFACES[0][1] | {"fairlead": {"tags": ["all"]}}
        assert [node.request("POST", "/v1/chat/completions", chat).status for node in (a, b, a)] == [200, 200, 429]
        for node in (a, b):
            environment = open(f"/proc/{node.process.pid}/environ").read()
            assert "correct-horse" not in environment + node.log


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"FAIRLEAD_REDIS_URL": "rediss://r"}, "TLS"),
        ({"FAIRLEAD_REDIS_URL": "redis://:hunter2@r"}, "FAIRLEAD_REDIS_PASSWORD"),
        ({"FAIRLEAD_REDIS_URL": "localhost"}, "does not begin with"),
        ({"FAIRLEAD_REDIS_URL": "redis://r", "FAIRLEAD_REDIS_PASSWORD_FILE": "/nowhere"}, "/nowhere"),
        ({"FAIRLEAD_REDIS_PASSWORD": "x"}, "redis.url"),
    ],
)
def test_settings_that_cannot_be(start, env, says):
    server = start(wait=False, env=env)
    assert server.process.wait(20) == 2
    assert says in server.log and "hunter2" not in server.log
