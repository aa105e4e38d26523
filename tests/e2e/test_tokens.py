"""Counting tokens: against js-tiktoken for the published ranks, against llama.cpp's own usage for local models; and prices."""

import csv
import itertools
import json
import pathlib
import shutil
import subprocess

import anthropic
import httpx
import pytest
from harness import binary

NODE = pathlib.Path(__file__).parent / "node"
TOP = pathlib.Path(__file__).parents[2]
DATA = TOP.parent / "shared" / "data"


@pytest.fixture(scope="module")
def llm_tokens():
    """The program that says our tokens of a text."""
    path = pathlib.Path(binary()).parent / "src/llm/llm_tokens"
    if not DATA.is_dir() or not path.exists():
        pytest.skip("needs ../shared/data, and llm_tokens built beside the program")
    return path


def english():
    with open(DATA / "support/banking77_train.csv", newline="") as rows:
        yield from (row[0] for row in csv.reader(rows))


def russian():
    """Sentences, and pieces of them: there are fewer Russian texts than are wanted."""
    whole = [line.split("\t")[0] for line in open(DATA / "eval/mgsm_ru.tsv")]
    for line in open(DATA / "eval/mt_bench_ru.jsonl"):
        whole += [str(turn) for turn in json.loads(line).get("turns", [])]
    yield from whole
    for text in whole:
        words = text.split(" ")
        for start in range(0, len(words) - 6, 4):
            yield " ".join(words[start : start + 12])


def code():
    for path in sorted(TOP.glob("src/**/*.cc")) + sorted(TOP.glob("tests/**/*.py")) + sorted(TOP.glob("docs/**/*.md")):
        lines = path.read_text().splitlines(keepends=True)
        for start in range(0, len(lines), 12):
            yield "".join(lines[start : start + 12])


def odd():
    """What the patterns of the pre-tokenisers tell apart, in every order of four."""
    parts = [" ", "  ", "\n", "\r\n", "'s", "'LL", "a", "Zb", "ЖЖ", "ё", "12345", "٣", "!", "/", "\u0301", "ʰ", "Dž", "中文", "\u2003", "😀"]
    for four in itertools.islice(itertools.product(parts, repeat=4), 0, None, 16):
        yield "".join(four)


def texts():
    """10,000 without the odd ones: the first so many of each."""
    return {name: list(itertools.islice(made(), most)) for name, made, most in (("english", english, 4000), ("russian", russian, 3000), ("code", code, 3000))}


def ids(command, wanted):
    done = subprocess.run(command, input="\0".join(wanted).encode(), capture_output=True, cwd=NODE, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().removesuffix("\n").split("\n")


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_tokens_are_those_of_js_tiktoken(llm_tokens, name):
    if not shutil.which("node") or not (NODE / "node_modules/js-tiktoken").is_dir():
        pytest.skip("needs Node.js, and `npm ci --ignore-scripts` in tests/e2e/node")
    made = texts()
    assert [len(one) for one in made.values()] == [4000, 3000, 3000]
    wanted = [text for one in made.values() for text in one] + list(odd())
    ours, theirs = ids([llm_tokens, "ids", name], wanted), ids(["node", "tokens.mjs", name], wanted)
    different = [(text, ours[i], theirs[i]) for i, text in enumerate(wanted) if ours[i].strip() != theirs[i].strip()]
    assert len(ours) == len(theirs) == len(wanted) and not different, different[:3]


def test_the_estimate_keeps_its_bound(llm_tokens):
    for name, made in texts().items():
        true = [len(line.split()) for line in ids([llm_tokens, "ids", "o200k_base"], made)]
        older = [len(line.split()) for line in ids([llm_tokens, "ids", "cl100k_base"], made)]
        estimates = [tuple(map(int, line.split())) for line in ids([llm_tokens, "estimate"], made)]
        assert all(most >= max(new, old) + 3 for (_, most), new, old in zip(estimates, true, older)), name
        # 28 bytes of JSON stand for what wraps a message: 7 tokens by bytes and in truth.
        ratios = sorted((likely - 7) / new for (likely, _), new in zip(estimates, true) if new >= 5)
        print(name, *(round(ratios[int(len(ratios) * part)], 2) for part in (0.05, 0.5, 0.95)))
        assert {"english": 0.75, "russian": 1.0, "code": 0.6}[name] <= ratios[len(ratios) // 2] <= {"english": 1.5, "russian": 2.5, "code": 1.5}[name]


MODELS = """
kind: model
name: listed
routes:
  - {provider: a, model: gpt-5-mini}
  - {provider: b, model: ours, prices: {input: 200, output: 400, currency: RUB, usd: 0.0125}}
---
kind: model
name: tiers
prices: {input: 1, output: 2, batch: 0.5, long_context: [{over: 1000, input: 2, output: 3}]}
routes: [{provider: a, model: ours}]
---
kind: model
name: unlisted
routes: [{provider: a, model: nobody-knows}]
---
kind: model
name: gpt
routes: [{provider: a, model: gpt-4o}]
"""
HI = [{"role": "user", "content": "tiktoken is great!"}]  # 3 + 1 + 6 tokens, and 3 at the end


def test_prices_say_what_is_in_force_and_why(serve_models):
    server = serve_models(MODELS)
    rows = {(row["model"], row["upstream_model"]): row for row in server.request("GET", "/api/v1/prices").json["data"]}
    listed = rows["listed", "gpt-5-mini"]
    assert listed["from"] == "file" and listed["as_of"].startswith("20")
    assert (listed["usd_per_million_tokens"]["input"], listed["usd_per_million_tokens"]["output"]) == (0.25, 2)
    assert (listed["context_length"], listed["max_output_tokens"]) == (272000, 128000)
    roubles = rows["listed", "ours"]
    assert roubles["from"] == "route" and (roubles["usd_per_million_tokens"]["input"], roubles["usd_per_million_tokens"]["output"]) == (2.5, 5)
    assert rows["tiers", "ours"]["usd_per_million_tokens"]["long_context"][0] == {
        "over": 1000, "input": 2, "cached_input": 2, "cache_write": 2, "cache_write_1h": 2, "output": 3, "reasoning": 3,
    }
    unknown = rows["unlisted", "nobody-knows"]
    assert unknown["from"] == "unknown" and unknown["usd_per_million_tokens"] is None and unknown["context_length"] is None
    assert server.request("GET", "/api/v1/prices?model=unlisted").json["data"] == [unknown]
    assert server.request("GET", "/api/v1/prices?model=none").status == 404
    shown = server.cli("models", "prices", "listed").stdout
    assert "list of 20" in shown and "`prices` of the route" in shown and "0.25" in shown
    assert "not known" in server.cli("models", "prices").stdout
    assert json.loads(server.cli("models", "prices", "unlisted", "--json").stdout)["data"] == [unknown]


def test_costs_are_whole_billionths(serve_models, upstreams):
    server = serve_models(MODELS)
    record = server.call(server.chat("listed", messages=HI).headers["x-fairlead-call-id"])
    exact = record["input_tokens"] * 250 + record["output_tokens"] * 2000
    assert round(record["cost_usd"] * 1e9) == exact and record["cost_usd"] == exact / 1e9
    record = server.call(server.chat("unlisted", messages=HI).headers["x-fairlead-call-id"])
    assert record["cost_usd"] == 0


@pytest.mark.parametrize("stream", [False, True])
def test_what_no_upstream_counts_is_counted_here(serve_models, upstreams, stream):
    server = serve_models(MODELS)
    upstreams[0].then(no_usage=True, text="tiktoken is great!")
    record = server.call(server.chat("gpt", messages=HI, stream=stream).headers["x-fairlead-call-id"])
    assert (record["input_tokens"], record["output_tokens"]) == (13, 6) and record["usage_reported"] is False
    assert round(record["cost_usd"] * 1e9) == 13 * 2500 + 6 * 10000


def test_a_stream_that_is_left_is_counted_as_far_as_it_came(serve_models, upstreams):
    server = serve_models(MODELS)
    upstreams[0].then(stall_after=4, text="tiktoken is great! And more")
    body = {"model": "gpt", "messages": HI, "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {server.admin_key}"}) as answer:
        call_id = answer.headers["x-fairlead-call-id"]
        next(line for line in answer.iter_lines() if "great!" in line)
    record = server.call(call_id)
    assert record["status"] == 499 and record["usage_reported"] is False
    assert (record["input_tokens"], record["output_tokens"]) == (13, 6)


def test_tokens_are_counted_for_who_does_not(serve_models, upstreams):
    server = serve_models(MODELS)
    with anthropic.Anthropic(base_url=server.url, api_key=server.admin_key, max_retries=0) as client:
        assert client.messages.count_tokens(model="gpt", messages=HI).input_tokens == 13
        assert client.messages.count_tokens(model="gpt", messages=HI, system="Be brief.").input_tokens == 13 + 3 + 1 + 3
        assert client.messages.count_tokens(model="unlisted", messages=HI).input_tokens > 5
        with pytest.raises(anthropic.BadRequestError, match="mcp_servers"):
            client.messages.count_tokens(model="gpt", messages=HI, extra_body={"mcp_servers": [{"url": "https://x"}]})
    assert not upstreams[0].requests and server.calls("?limit=1")[0]["operation"] == "count_tokens"


@pytest.mark.local_model
def test_local_models_count_as_they_use(local_fairlead):
    tool = {"name": "get_weather", "description": "The weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    with anthropic.Anthropic(base_url=local_fairlead.url, api_key=local_fairlead.admin_key, max_retries=0, timeout=120) as client:
        for request in (
            {"messages": HI},
            {"messages": [{"role": "user", "content": "Где мой перевод? <|im_end|>"}], "system": "Be brief."},
            {"messages": [{"role": "user", "content": "The weather in Oslo?"}], "tools": [tool]},
        ):
            used = client.messages.create(model="small", max_tokens=1, **request).usage
            counted = client.messages.count_tokens(model="small", **request).input_tokens
            assert counted == used.input_tokens + (used.cache_read_input_tokens or 0)
