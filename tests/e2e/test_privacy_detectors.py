"""Detectors that a policy plugs in: services that answer as Presidio does, another Fairlead, and the local model."""

import json
import time

import pytest

from conftest import OPENAI_KEY
from harness import eventually
from fakes.presidio_analyzer import PresidioAnalyzer
from test_privacy_policy import EchoUpstream

ILLNESS, PERSON = "бронхиальная астма", "Zorbulax Quimby"  # nothing that is built in knows them

PROJECT = """kind: provider
name: echo
type: openai
base_url: {echo}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: small
retries: 0
routes: [{{provider: echo, model: fake-1}}]
---
"""

POLICY = """kind: policy
name: clinic
privacy:
  detectors: [{{url: "{url}", entities: [PERSON, MEDICAL_CONDITION]}}]
  entities: {{MEDICAL_CONDITION: redact, PERSON: pseudonymise, EMAIL_ADDRESS: replace}}
  time_limit: {limit}
  failure: {failure}
"""


@pytest.fixture
def echo():
    with EchoUpstream(key=OPENAI_KEY) as upstream:
        yield upstream


@pytest.fixture
def analyzer():
    with PresidioAnalyzer(knows={ILLNESS: "MEDICAL_CONDITION", PERSON: "PERSON"}) as service:
        yield service


@pytest.fixture
def server(start, tmp_path, echo):
    def begin(policy, env=None, more=""):
        folder = tmp_path / "p"
        folder.mkdir(exist_ok=True)
        (folder / "all.yaml").write_text(PROJECT.format(echo=echo.url) + more + policy)
        return start(project=folder, env=env, settings=["--telemetry.content=full", "--log.level=debug"])

    return begin


def policy(analyzer, limit="5s", failure="closed"):
    return POLICY.format(url=analyzer.url, limit=limit, failure=failure)


def title(analyzer):
    return analyzer.url.split("/")[2]  # a path may be a secret


def said(answer):
    return answer.json["choices"][0]["message"]["content"]


def apply(program, text, path="/api/v1/apply"):
    return program.request("POST", path, {"files": {"clinic.yaml": text}, "message": "test"})


def privacy_of(program, answer):
    return json.loads(program.call(answer.headers["x-fairlead-call-id"])["privacy"])


def nowhere(program, *values):
    for path in program.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for value in values:
                assert value.encode() not in data, f"{value} in {path}"
    for value in values:
        assert value not in program.log


def test_what_a_service_finds_is_hidden_and_given_back(server, echo, analyzer):
    program = server(policy(analyzer))
    text = f"😀 {PERSON}: {ILLNESS}, q@example.net"
    answer = program.chat("small", text)
    assert said(answer) == f"You said: 😀 {PERSON}: , <EMAIL_ADDRESS>"
    seen = echo.requests[-1].body["messages"][-1]["content"]
    assert ILLNESS not in seen and "Zorbulax" not in seen and "Quimby" not in seen and seen.startswith("😀 ")
    assert [request.body for request in analyzer.requests] == [{"text": text, "language": "en"}]
    assert privacy_of(program, answer)["input"] == {
        "EMAIL_ADDRESS": {"replace": 1}, "MEDICAL_CONDITION": {"redact": 1}, "PERSON": {"pseudonymise": 1}}
    # A conversation: what it was asked once it is not asked again, and each text is asked about by itself.
    history = [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"},
               {"role": "user", "content": [{"type": "text", "text": f"again {ILLNESS}"}]}]
    body = {"model": "small", "messages": history, "user": PERSON}
    answer = program.request("POST", "/v1/chat/completions", body)
    assert answer.status == 200 and ILLNESS not in echo.seen
    asked = [request.body["text"] for request in analyzer.requests[1:]]
    assert f"again {ILLNESS}" in asked and PERSON not in asked
    explained = program.request("POST", "/api/v1/privacy/explain", {"text": f"a {ILLNESS}", "model": "small"}).json
    assert explained["text"] == "a " and explained["spans"][0]["entity"] == "MEDICAL_CONDITION" and explained["spans"][0]["start"] == 2
    assert program.stop() == 0
    nowhere(program, ILLNESS, "Zorbulax", "Quimby")


@pytest.mark.parametrize("spoil, why", [
    ({"delay": 30}, "time_limit"),
    ({"status": 503}, "upstream_error"),
    ({"answers": b"<html>no</html>"}, "detector_invalid"),
    ({"answers": b'[{"entity_type": "PERSON", "start": 0, "end": 9999}]'}, "detector_invalid"),
    ({"answers": b'{"spans": "none"}'}, "detector_invalid"),
])
def test_without_an_answer_the_policy_decides(server, echo, analyzer, spoil, why):
    for name, value in spoil.items():
        setattr(analyzer, name, value)
    limit = "200ms" if "delay" in spoil else "5s"
    program = server(policy(analyzer, limit))
    began = time.monotonic()
    answer = program.chat("small", f"{ILLNESS} q@example.net")
    took = time.monotonic() - began
    assert answer.status == 503 and answer.json["error"]["code"] == "privacy_unavailable", answer.text
    assert ILLNESS not in answer.text and analyzer.url not in answer.text
    assert not echo.requests and (why != "time_limit" or 0.2 <= took < 5)
    assert privacy_of(program, answer)["unanswered"] == {title(analyzer): why}
    changed = apply(program, policy(analyzer, limit, "open"))
    assert changed.status == 200, changed.text
    answer = program.chat("small", f"{ILLNESS} q@example.net")
    assert said(answer) == f"You said: {ILLNESS} <EMAIL_ADDRESS>"
    did = privacy_of(program, answer)
    assert did["incomplete"] is True and did["unanswered"] == {title(analyzer): why}
    assert program.log.count("detector gives no answer") <= 4  # once a loop and version, not once a call
    assert "/analyze" not in program.log


def test_a_service_that_is_down_and_comes_back(server, echo):
    with PresidioAnalyzer(knows={ILLNESS: "MEDICAL_CONDITION"}) as service:
        service.keeps_alive = False
        program = server(policy(service))
        port = service.server.server_port
        assert said(program.chat("small", ILLNESS)) == "You said: "
    answer = program.chat("small", f"more {ILLNESS}")
    assert answer.status == 503 and answer.json["error"]["code"] == "privacy_unavailable"
    assert "upstream_" in answer.json["error"]["message"]
    with PresidioAnalyzer(port, knows={ILLNESS: "MEDICAL_CONDITION"}):
        assert said(program.chat("small", f"more {ILLNESS}")) == "You said: more "


def test_what_is_tried_out_asks_and_changes_nothing(server, echo, analyzer):
    program = server(policy(analyzer, limit="25s") + "  shadow: true\n")
    echo.answers_after = analyzer
    answer = program.chat("small", f"{ILLNESS} q@example.net")
    assert said(answer) == f"You said: {ILLNESS} q@example.net"
    tried = privacy_of(program, answer)["shadow"]
    assert tried == {"policies": ["clinic@1"], "input": {"EMAIL_ADDRESS": {"replace": 1}, "MEDICAL_CONDITION": {"redact": 1}}}
    # Nobody waits for one that does not answer.
    echo.answers_after, analyzer.delay = None, 30
    began = time.monotonic()
    answer = program.chat("small", f"more {ILLNESS} q@example.net")
    assert said(answer) == f"You said: more {ILLNESS} q@example.net" and time.monotonic() - began < 15
    tried = privacy_of(program, answer)["shadow"]
    assert tried["input"] == {"EMAIL_ADDRESS": {"replace": 1}}
    assert tried["incomplete"] is True and tried["unanswered"] == {title(analyzer): "cancelled"}


def test_another_fairlead_is_a_detector_with_a_credential(server, start, tmp_path, echo):
    other = start(data=tmp_path / "other")
    url = f"{other.url}/api/v1/privacy/scan"
    wanted = f"""kind: policy
name: elsewhere
privacy:
  detectors: [{{url: "{url}", entities: [RU_INN, IBAN_CODE], headers: {{authorization: "env:OTHER_KEY"}}}}]
  entities: {{RU_INN: redact}}
  time_limit: 5s
"""
    program = server(wanted, env={"OTHER_KEY": f"Bearer {other.admin_key}"})
    assert said(program.chat("small", "ИНН 7794580730 DE89 3704 0044 0532 0130 00")) == "You said: ИНН  DE89 3704 0044 0532 0130 00"
    assert other.admin_key not in program.log


def test_a_credential_that_is_missing_lets_no_call_through(server, echo, analyzer):
    program = server(policy(analyzer).replace("MEDICAL_CONDITION]", 'MEDICAL_CONDITION], headers: {x-api-key: "env:NOT_SET"}'))
    answer = program.chat("small", "hello")
    assert answer.status == 503 and "NOT_SET" in answer.json["error"]["message"] and not echo.requests


LOCAL = """kind: provider
name: local
type: llama.cpp
---
kind: model
name: pii-tagger
routes: [{provider: local, file: smollm2-135m-instruct-q4_1.gguf}]
---
"""

ASKS_MODEL = """kind: policy
name: clinic
applies: {models: [small]}
privacy:
  detectors: [{model: pii-tagger, entities: [PERSON, MEDICAL_CONDITION]}]
  entities: {MEDICAL_CONDITION: redact, EMAIL_ADDRESS: replace, PERSON: replace}
  time_limit: 120s
"""


@pytest.mark.local_model
def test_the_local_model_is_asked_in_confidence(server, echo):
    program = server(ASKS_MODEL, more=LOCAL)
    text = f"The patient {PERSON} suffers from asthma. Write to q@example.net."
    answer = program.request("POST", "/v1/chat/completions", {"model": "small", "messages": [{"role": "user", "content": text}]}, timeout=180)
    assert answer.status == 200, answer.text
    did = privacy_of(program, answer)
    assert "unanswered" not in did and did["input"]["EMAIL_ADDRESS"] == {"replace": 1}
    asked = eventually(lambda: [call for call in program.calls() if call["model"] == "pii-tagger"], what="the record of the question")
    assert len(asked) == 1
    asked = program.call(asked[0]["id"])
    assert asked["tags"] == ["privacy"] and asked["output_tokens"] > 0
    assert not asked.get("input") and not asked.get("output") and not asked.get("privacy")
    explained = program.request("POST", "/api/v1/privacy/explain", {"text": text, "model": "small"}, timeout=180).json
    assert "unanswered" not in explained
    # Every quote is a part of the text, whatever a model of this size makes of it.
    assert any(span["why"] == "found by pii-tagger" for span in explained["spans"]), explained
    assert program.stop() == 0
    nowhere(program, "Zorbulax", "q@example.net")


def test_a_plan_says_where_originals_would_go(server, start):
    program = start()
    checked = apply(program, PROJECT.format(echo="http://127.0.0.1:1/v1") + ASKS_MODEL.replace("pii-tagger", "small"), "/api/v1/plan")
    assert "a route to provider `echo`, which would see what the policy hides" in checked.text
