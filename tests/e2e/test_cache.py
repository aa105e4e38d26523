"""Answers that are given again, by the official clients: on every surface, whole and streamed, and to nobody else."""

import asyncio
import json
import re

import anthropic
import openai
import pytest
from conftest import UPSTREAM_KEYS
from fakes.native_upstreams import AnthropicNative, OpenAINative
from harness import Fairlead, eventually

MODEL = "kind: model\nname: {name}\nprices: {{input: 1, output: 10}}\ncache: {cache}\nroutes: [{{provider: {provider}, model: gpt}}]\n---\n"
PROMPT = 'kind: prompt\nname: reply\nmodel: plain\ncache: {{ttl: 1d}}\ninput: {{q: {{type: string}}}}\nmessages: [{{system: "{text}"}}, {{user: "{{{{ q }}}}"}}]\n'
HI = [{"role": "user", "content": "Where is my card?"}]


CHATS_ALONE = "kind: provider\nname: chats\ntype: deepseek\nbase_url: {url}\napi_key: env:FAKE_OPENAI_KEY\n---\n"
NATIVE = """
kind: provider
name: openai
type: openai
base_url: "{openai}"
api_key: env:FAKE_OPENAI_KEY
---
kind: provider
name: anthropic
type: anthropic
base_url: "{anthropic}"
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: gpt
cache: on
routes: [{{provider: openai, model: gpt-up}}]
---
kind: model
name: claude
cache: on
routes: [{{provider: anthropic, model: claude-fake}}]
---
kind: model
name: embedder
prices: {{input: 1000}}
routes: [{{provider: openai, model: embedder-up}}]
---
kind: model
name: alike
cache: {{semantic: {{embedding: embedder, threshold: 0.9}}}}
prices: {{input: 1, output: 10}}
routes: [{{provider: openai, model: gpt-up}}]
"""


@pytest.fixture
def server(serve_models, upstreams):
    return serve_models(
        CHATS_ALONE.format(url=upstreams[0].url)
        + MODEL.format(name="chats", cache="on", provider="chats")
        + MODEL.format(name="kept", cache="on", provider="a")
        + MODEL.format(name="plain", cache="off", provider="a").replace("cache: off\n", "")
        + MODEL.format(name="mine", cache="{per: user}", provider="a")
        + MODEL.format(name="alike", cache="{semantic: {threshold: 0.9}}", provider="a")
        + PROMPT.format(text="Be brief.")
    )


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0, timeout=20) as client:
        yield client


def said(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


@pytest.mark.parametrize("first_is_streamed", [False, True])
def test_chats(server, client, upstreams, first_is_streamed):
    a, _ = upstreams
    a.always = {"text": "It is on its way to you."}

    def whole():
        raw = client.chat.completions.with_raw_response.create(model="kept", messages=HI)
        return raw.headers["x-fairlead-cache"].split(";")[0], raw.parse().choices[0].message.content

    def streamed(**more):
        raw = client.chat.completions.with_raw_response.create(model="kept", messages=HI, stream=True, **more)
        return raw.headers["x-fairlead-cache"].split(";")[0], said(raw.parse())

    order = [streamed, whole, streamed, whole] if first_is_streamed else [whole, streamed, whole, streamed]
    results = [ask() for ask in order]
    assert [word for word, _ in results] == ["miss", "hit", "hit", "hit"]
    assert {text for _, text in results} == {"It is on its way to you."}
    last = list(client.chat.completions.create(model="kept", messages=HI, stream=True, stream_options={"include_usage": True}))[-1]
    assert last.choices == [] and last.usage.total_tokens > 0
    assert len(a.requests) == 1


def askers(server, model):
    """For each surface but chats, ask(stream): what the official client makes of the answer."""
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0, timeout=20)
    claude = anthropic.Anthropic(base_url=server.url, api_key=server.admin_key, max_retries=0, timeout=20)

    def response(stream, store=False):
        asked = {"model": model, "input": "Where is my card?", "store": store}
        if not stream:
            return client.responses.create(**asked).output_text
        with client.responses.stream(**asked) as events:
            return events.get_final_response().output_text

    def stored(stream):
        return response(stream, True)

    def completion(stream):
        made = client.completions.create(model=model, prompt="Where is my card?", max_tokens=50, stream=stream)
        return "".join(chunk.choices[0].text for chunk in made if chunk.choices) if stream else made.choices[0].text

    def message(stream):
        asked = {"model": model, "max_tokens": 50, "messages": HI}
        if not stream:
            return claude.messages.create(**asked).content[0].text
        with claude.messages.stream(**asked) as events:
            return events.get_final_message().content[0].text

    return {"response": response, "stored": stored, "completion": completion, "message": message}


@pytest.mark.parametrize("first_is_streamed", [False, True])
def test_other_surfaces_over_chats(server, upstreams, first_is_streamed):
    a, _ = upstreams
    a.always = {"text": "It is on its way to you."}
    count = 0
    for name, ask in askers(server, "chats").items():
        texts = [ask(stream) for stream in (first_is_streamed, not first_is_streamed, True, False)]
        assert set(texts) == {"It is on its way to you."}, name
        count += 1
        assert len(a.requests) == count, name


@pytest.fixture
def native(tmp_path):
    with OpenAINative(key=UPSTREAM_KEYS["FAKE_OPENAI_KEY"]) as one, AnthropicNative(key=UPSTREAM_KEYS["FAKE_OPENAI_KEY"]) as other:
        (tmp_path / "p").mkdir()
        (tmp_path / "p" / "m.yaml").write_text(NATIVE.format(openai=one.url, anthropic=other.url))
        with Fairlead(tmp_path / "data", tmp_path / "p", UPSTREAM_KEYS) as server:
            yield server.wait_ready(), one, other


@pytest.mark.parametrize("first_is_streamed", [False, True])
def test_answers_that_were_passed_on_as_they_came(native, first_is_streamed):
    server, one, other = native
    for model, name, upstream in (("gpt", "response", one), ("gpt", "completion", one), ("claude", "message", other)):
        before = len(upstream.requests)
        ask = askers(server, model)[name]
        texts = [ask(stream) for stream in (first_is_streamed, not first_is_streamed, True, False)]
        assert len(set(texts)) == 1 and texts[0], name
        assert len(upstream.requests) == before + 1, name
    # All of it, what no chat has words for too.
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0) as client:
        kinds = [item.type for item in client.responses.create(model="gpt", input="Where is my card?", store=False).output]
        with client.responses.stream(model="gpt", input="Where is my card?", store=False) as events:
            assert [item.type for item in events.get_final_response().output] == kinds == ["web_search_call", "message"]


def test_other_words_by_a_models_embedding(native):
    server, one, _ = native  # all of its embeddings are the same
    first, second, third, again = (server.chat("alike", text) for text in ("Where is it?", "Something else", "Not that", "Where is it?"))
    assert [answer.headers["x-fairlead-cache"].split(";")[0] for answer in (first, second, third, again)] == ["miss", "semantic", "miss", "hit"]
    assert [request.path for request in one.requests] == ["/v1/embeddings", "/v1/chat/completions", "/v1/embeddings", "/v1/embeddings", "/v1/chat/completions"]
    assert one.requests[2].body["input"] == "Something else"
    paid, found, _, free = (server.call(answer.headers["x-fairlead-call-id"]) for answer in (first, second, third, again))
    assert found["cost_usd"] == pytest.approx(0.005) and free["cost_usd"] == 0 and paid["cost_usd"] > 0.005
    assert [attempt["reason"] for attempt in found["attempts"]] == ["embedding"] and found["attempts"][0]["model"] == "embedder"


def test_what_it_costs_and_where_that_is_seen(server, upstreams):
    first, second = server.chat("kept"), server.chat("kept")
    assert first.text == second.text
    assert re.fullmatch(r"hit; age=\d+", second.headers["x-fairlead-cache"]) and first.headers["x-fairlead-cache"] == "miss"
    paid, free = (server.call(answer.headers["x-fairlead-call-id"]) for answer in (first, second))
    assert (paid["cache"], free["cache"]) == ("miss", "hit")
    assert paid["cost_usd"] > 0 and free["cost_usd"] == 0 and free["input_tokens"] == free["output_tokens"] == 0
    assert (free["status"], free["provider"], free["attempts"]) == (200, "a", [])
    assert server.chat("plain").headers.get("x-fairlead-cache") is None
    metrics = server.request("GET", "/metrics").text
    assert 'fairlead_cache_calls_total{project="default",target="kept",model="kept",provider="a",result="hit"} 1' in metrics
    assert re.search(r"^fairlead_cache_answers 1$", metrics, re.M) and re.search(r"^fairlead_cache_bytes [1-9]\d+$", metrics, re.M)


def test_a_new_version_never_sees_the_answers_of_the_old_one(server, upstreams, tmp_path):
    a, _ = upstreams
    ask = {"fairlead": {"variables": {"q": "Where?"}}, "messages": []}
    for word in ("miss", "hit"):
        assert server.chat("reply", **ask).headers["x-fairlead-cache"].startswith(word)
    folder = tmp_path / "p0"
    (folder / "reply.yaml").write_text(PROMPT.format(text="Be kind."))
    models = folder / "models.yaml"
    models.write_text(models.read_text().replace(PROMPT.format(text="Be brief."), ""))
    server.cli("apply", str(folder), "-m", "kinder")
    assert server.chat("reply", **ask).headers["x-fairlead-cache"] == "miss"
    assert server.chat("reply@1", **ask).headers["x-fairlead-cache"].startswith("hit")
    assert a.requests[-1].body["messages"][0]["content"] == "Be kind."
    # Another upstream under the same model and prompt.
    models.write_text(models.read_text().replace("name: a\ntype: openai\n", "name: a\ntype: openai\nheaders: {x-team: blue}\n"))
    server.cli("apply", str(folder), "-m", "another upstream")
    assert server.chat("reply", **ask).headers["x-fairlead-cache"] == "miss"


def test_two_projects_and_two_users_never_share_an_answer(server, tmp_path, upstreams):
    a, _ = upstreams
    key = json.loads(server.cli("keys", "create", "other", "--project", "other", "--scope", "call,read,write", "--json").stdout)["key"]
    server.cli("apply", str(tmp_path / "p0"), "-m", "the same", key=key)
    for caller in ("admin", key):
        assert [server.chat("kept", key=caller).headers["x-fairlead-cache"].split(";")[0] for _ in range(2)] == ["miss", "hit"]
    assert server.request("DELETE", "/api/v1/cache", key=key).json == {"cleared": 1}
    assert server.chat("kept").headers["x-fairlead-cache"].startswith("hit")
    words = [server.chat("mine", fairlead={"user": user}).headers["x-fairlead-cache"].split(";")[0] for user in ("u-1", "u-2", "u-1", "u-2")]
    assert words == ["miss", "miss", "hit", "hit"]
    assert "x-fairlead-cache" not in server.chat("mine").headers
    caller = json.loads(server.cli("keys", "create", "caller", "--scope", "call", "--json").stdout)["key"]
    assert server.request("GET", "/api/v1/cache", key=caller).status == server.request("DELETE", "/api/v1/cache", key=caller).status == 403


def test_clearing(server, upstreams):
    ask = {"fairlead": {"variables": {"q": "Where?"}}, "messages": []}
    server.chat("reply", **ask)
    server.chat("kept")
    shown = server.cli("cache", "show").stdout
    assert re.search(r"reply\s+plain\s+1 ", shown) and re.search(r"-\s+kept\s+1 ", shown)
    assert "1 answer forgotten" in server.cli("cache", "clear", "--prompt", "reply").stdout
    assert server.chat("reply", **ask).headers["x-fairlead-cache"] == "miss"
    assert server.chat("kept").headers["x-fairlead-cache"].startswith("hit")
    assert json.loads(server.cli("cache", "clear", "--json").stdout) == {"cleared": 2}
    assert "Nothing is kept" in server.cli("cache", "show").stdout


def test_other_words(server, upstreams):
    a, _ = upstreams
    assert server.chat("alike", "Как заблокировать карту?").headers["x-fairlead-cache"] == "miss"
    found = server.chat("alike", "Здравствуйте, как мне заблокировать карту")
    assert re.fullmatch(r"semantic; age=\d+; similarity=0\.9\d", found.headers["x-fairlead-cache"])
    assert server.call(found.headers["x-fairlead-call-id"])["cache"] == "semantic"
    for other in ("Как активировать карту?", "Как заблокировать 2 карты?", "Как не заблокировать карту?"):
        assert server.chat("alike", other).headers["x-fairlead-cache"] == "miss"


@pytest.mark.parametrize("cache", ["sometimes", "{ttl: 1 week}", "{per: team}", "{semantic: {threshold: 2}}", "{semantic: {embedding: kept}}", "{semantic: {embedding: nobody, threshold: 0.9}}", "{mode: on, size: 3}"])
def test_a_spec_that_is_wrong_is_refused(server, tmp_path, cache):
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "m.yaml").write_text(MODEL.format(name="wrong", cache=cache, provider="a").replace("---\n", ""))
    refused = server.cli("plan", str(folder), check=False)
    assert refused.returncode == 2 and re.search("cache|nobody", refused.stderr)


def test_ten_thousand_equal_calls_in_flight_reach_the_upstream_once(serve_models, upstreams):
    a, _ = upstreams
    server = serve_models(MODEL.format(name="kept", cache="on", provider="a"), ["--http.connections=12000"])
    a.always = {"text": "Once.", "delay": 25}
    count = 10_000
    body = json.dumps({"model": "kept", "messages": HI}).encode()
    streamed = json.dumps({"model": "kept", "messages": HI, "stream": True}).encode()

    async def call(number, gate):
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        sent = streamed if number % 2 else body
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.admin_key}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {len(sent)}\r\n\r\n"
        writer.write(head.encode() + sent)
        answer = await reader.read()
        while more := await reader.read(1 << 16):
            answer += more
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
        assert b"Once." in answer
        return re.search(rb"x-fairlead-cache: (\w+)", answer)[1].decode()

    async def all_of_them():
        gate = asyncio.Semaphore(200)
        return await asyncio.gather(*(call(number, gate) for number in range(count)))

    words = asyncio.run(all_of_them())
    assert len(a.requests) == 1
    assert words.count("miss") == 1 and words.count("shared") > count * 0.9
    total = eventually(lambda: (lambda row: row if row[0] == count else None)(
        server.request("POST", "/api/v1/sql", {"query": "select count(*), sum(cost_usd), max(cost_usd) from calls"}).json["rows"][0]), 20, "all records")
    assert total[1] == total[2] > 0  # one of them paid
