"""Personal data in texts: `fairlead privacy scan` and its route (docs/reference/privacy.md)."""

import json
import subprocess

import pytest
from harness import binary

TEXT = "Моя карта 2200 7001 1234 5673? Нет: 4111 1111 1111 1111, почта 😀 ivan@example.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory, project):
    from conftest import UPSTREAM_KEYS
    from harness import Fairlead

    with Fairlead(tmp_path_factory.mktemp("privacy") / "data", project, UPSTREAM_KEYS) as running:
        yield running.wait_ready()


def scan(*arguments, given=None):
    return subprocess.run([binary(), "privacy", "scan", *arguments], input=given, capture_output=True, text=True, timeout=120)


def ask(server, body, key="admin"):
    return server.request("POST", "/api/v1/privacy/scan", body, key=key)


def found(text, spans):
    return [(one["entity"], text[one["start"] : one["end"]]) for one in spans]


def test_offsets_count_characters_and_both_ways_find_the_same(server):
    spans = ask(server, {"text": TEXT}).json["spans"]
    assert found(TEXT, spans) == [("CREDIT_CARD", "4111 1111 1111 1111"), ("EMAIL_ADDRESS", "ivan@example.com")]
    assert set(spans[0]) == {"start", "end", "entity", "score", "why"} and 0.5 <= spans[0]["score"] <= 1
    assert json.loads(scan("--json", "-", given=TEXT).stdout)["spans"] == spans
    lines = json.dumps({"id": 7, "text": TEXT}) + "\n\n" + json.dumps({"id": "b", "text": "nothing", "more": 1}) + "\n"
    read = [json.loads(line) for line in scan("--jsonl", "-", given=lines).stdout.splitlines()]
    assert read == [{"id": 7, "spans": spans}, {"id": "b", "spans": []}]


def test_names_are_found_in_both_languages(server):
    text = "Dear Mr. Keller, Анна Сергеевна ждёт вас в Казани. Send it to 24 Clarke Avenue, thanks."
    spans = ask(server, {"text": text}).json["spans"]
    assert found(text, spans) == [
        ("TITLE", "Mr."),
        ("PERSON", "Keller"),
        ("PERSON", "Анна Сергеевна"),
        ("GPE", "Казани"),
        ("STREET_ADDRESS", "24 Clarke Avenue"),
    ]
    assert all(one["why"].startswith("name model") for one in spans)
    assert json.loads(scan("--json", "-", given=text).stdout)["spans"] == spans
    only = ask(server, {"text": text, "entities": ["PERSON"], "threshold": 0.9}).json["spans"]
    assert [one["entity"] for one in only] == ["PERSON", "PERSON"]


def test_many_and_large_texts(server):
    texts = ["write to a@example.com"] * 3_000 + ["x" * 3_000_000 + " b@example.com", ""]
    results = ask(server, {"texts": texts}).json["results"]
    assert len(results) == len(texts)
    assert all(len(one["spans"]) == 1 for one in results[:-1]) and results[-1]["spans"] == []
    assert results[-2]["spans"][0]["start"] == 3_000_001


def test_a_request_says_what_it_wants(server):
    custom = [{"name": "CONTRACT", "patterns": ["\\bC-\\d{4,6}\\b"], "context": ["договор"], "score": 0.4, "score_near": 0.9}]
    text = "Договор C-20417, карта 4111 1111 1111 1111"
    spans = ask(server, {"text": text, "custom": custom, "entities": ["CONTRACT"]}).json["spans"]
    assert found(text, spans) == [("CONTRACT", "C-20417")]
    spans = ask(server, {"text": "7794580730", "thresholds": {"RU_INN": 0.3}}).json["spans"]
    assert found("7794580730", spans) == [("RU_INN", "7794580730")]


@pytest.mark.parametrize(
    "body, code, param, says",
    [
        ({}, "missing_required_parameter", "text", "`text`"),
        ({"text": 1}, "invalid_type", "text", "string"),
        ({"texts": ["a", 1]}, "invalid_type", "texts[1]", "string"),
        ({"text": "a", "treshold": 1}, "unknown_parameter", "treshold", "Did you mean `threshold`?"),
        ({"text": "a", "threshold": 2}, "invalid_value", "threshold", "from 0 to 1"),
        ({"text": "a", "entities": ["CREDIT_CARDS"]}, "invalid_value", "entities[0]", "Did you mean `CREDIT_CARD`?"),
        ({"text": "a", "regions": ["Russia"]}, "invalid_value", "regions", "two capital letters"),
        ({"text": "a", "custom": [{"name": "X", "patterns": ["(a+)+$"]}]}, "invalid_pattern", "custom[0].patterns[0]", "any length"),
    ],
)
def test_bad_requests_say_what_is_wrong(server, body, code, param, says):
    answer = ask(server, body)
    assert answer.status == 400
    error = answer.json["error"]
    assert (error["code"], error["param"]) == (code, param) and says in error["message"]


def test_the_route_needs_a_key_that_may_read(server):
    key = server.request("POST", "/api/v1/keys", {"name": "caller", "scopes": ["call"]}).json["key"]
    assert ask(server, {"text": "a"}, key=key).status == 403
    assert ask(server, {"text": "a"}, key=None).status == 401


def test_nothing_of_a_text_is_kept(server):
    secret = "kept-nowhere-4817@example.com"
    assert len(ask(server, {"text": f"write to {secret}"}).json["spans"]) == 1
    assert secret not in server.log
    for path in server.data.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_the_command_reads_files_and_says_what_it_cannot_read(tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("one\nsecond ivan@example.com\n")
    shown = scan(str(letter)).stdout.splitlines()
    assert shown[1].split()[:4] == ["2:8", "16", "EMAIL_ADDRESS", "1.00"]
    assert scan("-", given="nothing here").stdout == "nothing was found\n"
    assert scan(str(letter), "--entities", "IP_ADDRESS").stdout == "nothing was found\n"
    missing = scan(str(tmp_path / "none"))
    assert missing.returncode == 2 and "cannot be read" in missing.stderr
    bad = scan("--jsonl", "-", given='{"id": 1, "text": "a"}\n{"id": 2}\n')
    assert bad.returncode == 2 and "-:2" in bad.stderr and bad.stdout.count("\n") == 1
    options = tmp_path / "options.json"
    options.write_text('{"custom": [{"name": "WORD", "words": ["second"]}]}')
    assert "WORD" in scan(str(letter), "--options", str(options)).stdout
    options.write_text('{"custom": [{"name": "WORD", "patterns": ["a*"]}]}')
    refused = scan(str(letter), "--options", str(options))
    assert refused.returncode == 2 and "matches where there is nothing" in refused.stderr
