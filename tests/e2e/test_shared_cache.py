"""Answers that several nodes share through Redis, and that outlive a node; and what becomes of calls when Redis does not answer."""

import asyncio
import json
import re
import time

import pytest
from fakes.flaky_upstream import FlakyUpstream
from fakes.redis_server import RedisServer

from conftest import UPSTREAM_KEYS
from harness import Fairlead, eventually, free_port

MODELS = """kind: provider
name: a
type: openai
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: kept
cache: {{ttl: 1m}}
prices: {{input: 1, output: 10}}
routes: [{{provider: a, model: gpt}}]
---
kind: model
name: short
cache: {{ttl: 3s}}
routes: [{{provider: a, model: gpt}}]
---
kind: model
name: mine
cache: {{per: user}}
routes: [{{provider: a, model: gpt}}]
---
kind: model
name: other
cache: on
routes: [{{provider: a, model: gpt}}]
"""


@pytest.fixture
def upstream():
    with FlakyUpstream() as fake:
        fake.always = {"text": "It is on its way to you."}
        yield fake


@pytest.fixture
def redis():
    with RedisServer() as server:
        yield server


@pytest.fixture
def serve(tmp_path, upstream, redis):
    """serve("a", "b"): nodes of those names with the same resources on that Redis; again with a name: it is started anew."""
    servers = []
    project = tmp_path / "p"
    project.mkdir()
    (project / "all.yaml").write_text(MODELS.format(url=upstream.url))

    def begin(*names, settings=(), url=None):
        begun = [Fairlead(tmp_path / name, project, UPSTREAM_KEYS | {"FAIRLEAD_CACHE_REDIS": url or redis.url}, settings=settings) for name in names]
        servers.extend(begun)
        for one in begun:
            one.wait_ready()
        for one in begun:
            connected(one)
        return begun

    yield begin
    for server in servers:
        server.stop()


def metric(node, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", node.request("GET", "/metrics").text, re.M)[1])


def lookups(node, outcome):
    return metric(node, f'fairlead_cache_redis_lookups_total{{outcome="{outcome}"}}')


def connected(node, is_there=True):
    return eventually(lambda: metric(node, "fairlead_cache_redis_connected") == is_there, 20, what="the connection" if is_there else "notice of the outage")


def cached(node, model="kept", content="Where is my card?", **members):
    answer = node.chat(model, content, **members)
    assert answer.status == 200, answer.text
    assert "It is on its way to you." in answer.text or members.get("stream")
    return answer.headers["x-fairlead-cache"].split(";")[0]


def written(node, count=1):
    eventually(lambda: metric(node, "fairlead_cache_redis_writes_total") >= count, what="an answer in Redis")


def answers(redis):
    return [line for line in redis.ask("KEYS", "fairlead:cache:answer:*").split("\r\n") if line.startswith("fairlead:")]


def test_two_nodes_share_an_answer_and_a_new_start_finds_it(serve, upstream, redis):
    a, b = serve("a", "b")
    assert cached(a) == "miss"
    written(a)
    found = b.chat("kept", "Where is my card?")
    assert re.fullmatch(r"hit; age=\d+", found.headers["x-fairlead-cache"])
    record = b.call(found.headers["x-fairlead-call-id"])
    assert (record["cache"], record["cost_usd"], record["attempts"], record["provider"]) == ("hit", 0, [], "a")
    # A stream of what came whole, and the other way round, also by another node.
    streamed = b.chat("kept", "Where is my card?", stream=True)
    assert streamed.headers["x-fairlead-cache"].startswith("hit") and streamed.text.endswith("data: [DONE]\n\n")
    assert cached(b, content="And my PIN?", stream=True) == "miss"
    written(b)
    assert cached(a, content="And my PIN?") == "hit"
    assert lookups(b, "hit") == lookups(a, "hit") == 1, "after that it is from memory"
    assert len(upstream.requests) == 2
    b.stop()
    (b,) = serve("b")
    assert cached(b) == "hit" and len(upstream.requests) == 2
    # What lies there tells nothing of the question.
    everything = redis.ask("KEYS", "*") + "".join(redis.ask("GET", key) for key in answers(redis))
    assert "card?" not in everything and "PIN" not in everything and "on its way" in everything


def test_who_is_given_nothing(serve, upstream, redis):
    """Another project, another user, an error, an answer that was cut off; and what is off stays off."""
    a, b = serve("a", "b")
    assert cached(a) == "miss"
    written(a)
    key = json.loads(b.cli("keys", "create", "shop", "--project", "shop", "--scope", "call,read,write", "--json").stdout)["key"]
    b.cli("apply", str(a.data.parent / "p"), "-m", "the same", key=key)
    other = b.chat("kept", "Where is my card?", key=key)
    assert (other.status, other.headers["x-fairlead-cache"]) == (200, "miss")
    one, two = {"user": "u-1"}, {"user": "u-2"}
    assert cached(a, "mine", fairlead=one) == "miss"
    written(a, 2)
    assert cached(b, "mine", fairlead=two) == "miss"
    assert cached(b, "mine", fairlead=one) == "hit"
    before = eventually(lambda: len(answers(redis)) == 4, what="all four") and 4
    upstream.always = {"text": "It is on its way to you.", "finish": "length"}
    assert cached(a, content="cut off") == "miss"
    upstream.always = {"error": 400}
    assert a.chat("kept", "refused").status == 400
    upstream.always = {"text": "It is on its way to you."}
    assert cached(b, content="cut off") == cached(b, content="refused") == "miss"
    assert "x-fairlead-cache" not in b.chat("kept", "Where is my card?", fairlead={"cache": "off"}).headers
    assert cached(b, content="Where is my card?", fairlead={"cache": "write"}) == "miss"
    eventually(lambda: len(answers(redis)) == before + 2, what="the two that were whole")


def test_time_and_clearing_count_for_all_nodes(serve, upstream, redis):
    a, b = serve("a", "b")
    assert cached(a, "short") == "miss"
    written(a)
    assert 0 < int(redis.ask("PTTL", answers(redis)[0])[1:]) <= 3000
    eventually(lambda: not answers(redis), 10, what="the end of its time")
    assert cached(b, "short") == "miss"
    assert [cached(a), cached(a, "other")] == ["miss"] * 2
    written(a, 3)
    assert [cached(b), cached(b, "other")] == ["hit"] * 2
    assert json.loads(a.cli("cache", "clear", "--model", "kept", "--json").stdout) == {"cleared": 1, "cleared_in_redis": 1}
    assert cached(a) == "miss"
    eventually(lambda: all("kept" not in row["model"] for row in b.request("GET", "/api/v1/cache").json["data"]), what="what the other node heard")
    assert cached(b, "other") == "hit"
    said = a.cli("cache", "clear").stdout
    assert "forgotten" in said and "in Redis" in said
    assert not answers(redis)


def test_a_value_that_is_torn_or_anothers_is_a_miss(serve, upstream, redis):
    (a,) = serve("a")
    for content in ("one", "two"):
        assert cached(a, content=content) == "miss"
    written(a, 2)
    one, two = answers(redis)
    tear = "redis.call('SET', KEYS[1], string.sub(redis.call('GET', KEYS[1]), 1, -2), 'KEEPTTL')"
    redis.ask("EVAL", tear, "1", one)
    (b,) = serve("b")
    words = {content: cached(b, content=content) for content in ("one", "two")}
    assert sorted(words.values()) == ["hit", "miss"] and lookups(b, "invalid") == 1
    # One that lies in another's place.
    eventually(lambda: metric(b, "fairlead_cache_redis_writes_total") == 1, what="the torn one's replacement")
    redis.ask("EVAL", "redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]), 'PX', 60000)", "2", one, two)
    (c,) = serve("c")
    assert sorted(cached(c, content=content) for content in ("one", "two")) == ["hit", "miss"] and lookups(c, "invalid") == 1


def test_redis_killed_and_restarted_in_the_middle(serve, upstream, redis):
    a, b = serve("a", "b")
    assert cached(a) == "miss"
    written(a)
    redis.kill()
    connected(a, False)
    assert a.request("GET", "/readyz", key=None).status == 200
    assert cached(a) == "hit", "its own memory goes on"
    assert [cached(node, content="new") for node in (a, b, a, b)] == ["miss", "miss", "hit", "hit"]
    assert lookups(a, "away") > 0 and "redis_away" in a.log
    refused = a.request("DELETE", "/api/v1/cache")
    assert (refused.status, refused.error["code"]) == (503, "cache_unavailable")
    redis.start()
    connected(a), connected(b)
    assert "redis_connected" in a.log
    assert cached(b) == "hit", "it kept its data"
    assert cached(a, content="newer") == "miss"
    written(a, 2)
    assert cached(b, content="newer") == "hit"


async def many(node, count, model="kept"):
    """Status, cache and seconds of that many calls, a hundred at once, all of them different."""
    places = asyncio.Semaphore(100)

    async def one(number):
        async with places:
            return await call(number)

    async def call(number):
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": f"call {number}"}], "stream": number % 2 == 0}).encode()
        begin = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {node.admin_key}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.read(-1)).decode()
        writer.close()
        return int(answer.split()[1]), re.search(r"x-fairlead-cache: (\w+)", answer)[1], time.monotonic() - begin

    return await asyncio.gather(*(one(number) for number in range(count)))


def test_a_thousand_calls_while_redis_does_not_answer(serve, upstream, redis):
    (a,) = serve("a")
    assert cached(a) == "miss"
    usual = max(seconds for *_, seconds in asyncio.run(many(a, 1000, "other")))
    redis.pause()
    try:
        begin = time.monotonic()
        all_of_them = asyncio.run(many(a, 1000))
        took = time.monotonic() - begin
    finally:
        redis.resume()
    assert {(status, word) for status, word, _ in all_of_them} == {(200, "miss")}
    # Each waits 100 ms at most (the timers are coarse), beside what a call among a hundred takes here anyway.
    assert max(seconds for *_, seconds in all_of_them) < 2 * usual + 0.5, (usual, took)
    assert lookups(a, "late") >= 1
    connected(a)
    assert cached(a) == "hit"
    assert cached(a, content="after") == "miss"
    assert lookups(a, "miss") > 0


def test_a_full_redis_makes_room(serve, upstream, redis):
    """With volatile-lru it drops what nobody asks for; with noeviction it is as if it were away."""
    (a,) = serve("a")
    used = int(re.search(r"used_memory:(\d+)", redis.ask("INFO", "memory"))[1])
    redis.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    redis.ask("CONFIG", "SET", "maxmemory", str(used + 300_000))
    upstream.always = {"text": "It is on its way to you. " + "x" * 20_000}
    for number in range(60):
        assert cached(a, content=f"call {number}") == "miss"
    written(a, 60)
    assert 0 < len(answers(redis)) < 30
    redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    assert cached(a, content="one more") == "miss"
    connected(a, False)
    assert cached(a, content="one more") == "hit" and cached(a, content="yet another") == "miss"
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    connected(a)


def test_a_password(serve, tmp_path, upstream):
    secret = tmp_path / "password"
    secret.write_text("correct-horse-battery\n")
    with RedisServer(password="correct-horse-battery", port=free_port()) as other:
        a, b = serve("a", "b", url=other.url + "/2", settings=["--cache.redis_password_file", str(secret)])
        assert cached(a) == "miss"
        written(a)
        assert cached(b) == "hit"
        assert all("correct-horse" not in node.log for node in (a, b))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["--cache.redis=rediss://r"], "`cache.redis` asks for TLS"),
        (["--cache.redis=localhost"], "does not begin with"),
        (["--cache.redis=redis://r", "--cache.memory=0"], "`cache.memory` is 0"),
        (["--cache.redis_password_file=/nowhere"], "`cache.redis` does not say"),
        (["--cache.redis=redis://r", "--cache.redis_password_file=/nowhere"], "/nowhere"),
    ],
)
def test_settings_that_cannot_be(start, settings, says):
    server = start(wait=False, settings=settings)
    assert server.process.wait(20) == 2
    assert says in server.log
