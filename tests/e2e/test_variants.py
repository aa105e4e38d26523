"""Variants of prompts: which one a call gets, what is said of it, and what is refused."""

import json

import pytest
from openai import OpenAI

PROMPTS = """kind: prompt
name: reply
model: gpt
input:
  question: {type: string}
  tier: {type: string, default: standard}
  order: {type: object, default: {}}
messages:
  - system: Answer.
  - user: "{{ question }}"
variants:
  - name: gold
    when: tier == 'gold' && language == 'ru'
    messages:
      - system: "Вы отвечаете клиенту премиального обслуживания."
      - user: "{{ question }}"
  - name: large
    when: order.sum > 100
    parameters: {temperature: 0.125}
  - name: beta
    when: "'beta' in tags || user.id.endsWith('@example.com')"
    parameters: {temperature: 0.25}
tests:
  - given: {question: "Где моя карта?", tier: gold}
    expect: {variant: gold, contains: премиального}
  - given: {question: "Where is my card?"}
    tags: [beta]
    expect:
      - variant: beta
      - system: Answer.
"""


@pytest.fixture
def server(start, project, tmp_path):
    server = start(project=project)
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "reply.yaml").write_text(PROMPTS)
    server.cli("apply", str(folder))
    return server


def ask(server, variables, **own):
    client = OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0)
    return client.chat.completions.with_raw_response.create(
        model="reply", messages=[], extra_body={"fairlead": {"variables": variables, **own}}
    )


def test_the_openai_client_gets_the_variant_of_its_context(server, openai_fake):
    answer = ask(server, {"question": "Где моя карта?", "tier": "gold"})
    assert answer.headers["x-fairlead-variant"] == "gold"
    assert openai_fake.last.body["messages"][0]["content"] == "Вы отвечаете клиенту премиального обслуживания."
    answer = ask(server, {"question": "Where is my card?", "tier": "gold"}, user="ana@example.com")
    assert answer.headers["x-fairlead-variant"] == "beta"
    assert openai_fake.last.body["temperature"] == 0.25
    assert [m["content"] for m in openai_fake.last.body["messages"]] == ["Answer.", "Where is my card?"]
    assert ask(server, {"question": "Where is my card?"}).headers["x-fairlead-variant"] == "default"
    assert "temperature" not in openai_fake.last.body


def test_the_record_says_which_and_what_failed(server):
    call = ask(server, {"question": "Hi"}, tags=["beta"]).headers["x-fairlead-call-id"]
    record = json.loads(server.cli("calls", "show", call, "--json").stdout)
    assert record["variant"] == "beta"
    assert record["variant_error"].startswith("large: line 1, column 7: there is no key"), record["variant_error"]
    call = ask(server, {"question": "Hi", "order": {"sum": 101}}).headers["x-fairlead-call-id"]
    record = json.loads(server.cli("calls", "show", call, "--json").stdout)
    assert (record["variant"], record["variant_error"]) == ("large", None)


def test_explain_says_which_and_why(server, tmp_path, openai_fake):
    before = len(openai_fake.requests)
    variables = tmp_path / "v.json"
    variables.write_text(json.dumps({"question": "Where is my card?", "tier": "gold", "order": {"sum": 5}}))
    said = server.cli("prompts", "explain", "reply@latest", "--vars", str(variables), "--tag", "beta").stdout
    assert "reply v1/beta   model gpt" in said, said
    assert "gold: does not hold" in said and "beta: holds" in said
    assert "  false       language == 'ru'" in said, said
    assert said.endswith("system\nAnswer.\n\nuser\nWhere is my card?\n")
    told = json.loads(server.cli("prompts", "explain", "reply", "--var", "question=Hi", "--now", "2026-01-01T00:00:00Z", "--json").stdout)
    assert told["variant"] == "default" and told["language"] == "und" and told["now"].startswith("2026-01-01T00:00:00")
    assert [one["came_to"] for one in told["conditions"]] == ["false", "error", "false"]
    assert len(openai_fake.requests) == before
    refused = server.cli("prompts", "explain", "gpt", check=False)
    assert refused.returncode != 0 and "is a model" in refused.stderr


def test_a_slip_in_a_condition_is_told_with_its_place(server, tmp_path):
    slip = tmp_path / "slip"
    slip.mkdir()
    (slip / "reply.yaml").write_text(PROMPTS.replace("when: tier ==", "when: tir =="))
    refused = server.cli("apply", str(slip), check=False)
    assert refused.returncode == 2
    assert "reply.yaml:13:11: unknown variable `tir` in `when: tir == 'gold' && language == 'ru'`\n  did you mean `tier`?" in refused.stderr
    assert "nothing was applied" in refused.stderr


HOUSE = """kind: prompt
name: house-style
labels: [LABEL]
model: gpt
input:
  tone: {type: string, default: calm}
messages:
  - system: "TEXT"
"""
LETTER = """kind: prompt
name: letter
labels: [production]
model: gpt
input:
  topic: {type: string}
messages:
  - prompt: house-style@production
  - user: "{{ topic }}"
"""


def write(server, folder, **prompts):
    folder.mkdir(exist_ok=True)
    for name, text in prompts.items():
        (folder / f"{name}.yaml").write_text(text)
    return server.cli("apply", str(folder), check=False)


def letter(server, openai_fake):
    answer = server.chat("letter", messages=[], fairlead={"variables": {"topic": "rain"}})
    return openai_fake.last.body["messages"][0]["content"], answer.headers["x-fairlead-call-id"]


def test_what_is_included_follows_its_label(start, project, tmp_path, openai_fake):
    server = start(project=project)
    first = HOUSE.replace("LABEL", "production").replace("TEXT", "Be {{ tone }}.")
    assert write(server, tmp_path / "a", house=first, letter=LETTER).returncode == 0
    text, call = letter(server, openai_fake)
    assert text == "Be calm."
    assert json.loads(server.cli("calls", "show", call, "--json").stdout)["includes"] == ["house-style@1"]
    second = HOUSE.replace("LABEL", "staging").replace("TEXT", "Be kind.")
    assert write(server, tmp_path / "b", house=second).returncode == 0
    assert letter(server, openai_fake)[0] == "Be calm."
    server.cli("promote", "house-style@2", "--to", "production")
    text, call = letter(server, openai_fake)
    assert text == "Be kind."
    assert json.loads(server.cli("calls", "show", call, "--json").stdout)["includes"] == ["house-style@2"]
    server.cli("rollback", "house-style")
    assert letter(server, openai_fake)[0] == "Be calm."


def test_a_label_does_not_move_to_what_others_cannot_take(start, project, tmp_path, openai_fake):
    server = start(project=project)
    first = HOUSE.replace("LABEL", "production").replace("TEXT", "Be {{ tone }}.")
    assert write(server, tmp_path / "a", house=first, letter=LETTER).returncode == 0
    needs_more = HOUSE.replace("LABEL", "staging").replace("TEXT", "For {{ reader }}.").replace("  tone:", "  reader: {type: string}\n  tone:")
    assert write(server, tmp_path / "b", house=needs_more).returncode == 0
    refused = server.cli("promote", "house-style@2", "--to", "production", check=False)
    assert refused.returncode != 0 and "unknown variable `reader`" in refused.stderr and "`letter`" in refused.stderr, refused.stderr
    assert letter(server, openai_fake)[0] == "Be calm."
    circle = LETTER.replace("name: letter", "name: house-style").replace("house-style@production", "letter@production")
    refused = write(server, tmp_path / "c", house=circle)
    assert refused.returncode == 2 and "leads back to itself: house-style → letter@1 → house-style@3" in refused.stderr, refused.stderr


def test_the_nearest_examples_stand_before_the_question(start, project, tmp_path, openai_fake):
    server = start(project=project)
    folder = tmp_path / "bot"
    folder.mkdir()
    lines = [("How do I block my card?", "block"), ("What is the exchange rate?", "rate"), ("How do I close my account?", "close")]
    (folder / "intents.jsonl").write_text("".join(json.dumps({"given": {"q": q}, "assistant": {"intent": a}}) + "\n" for q, a in lines))
    text = """kind: prompt
name: intent
model: gpt
input: {q: {type: string}}
messages:
  - system: Name it.
  - user: "{{ q }}"
examples: {from: {file: intents.jsonl}, nearest: 1}
"""
    (folder / "intent.yaml").write_text(text)
    server.cli("apply", str(folder))
    assert server.chat("intent", messages=[], fairlead={"variables": {"q": "exchange rates?"}}).status == 200
    assert [m["content"] for m in openai_fake.last.body["messages"]] == [
        "Name it.", "What is the exchange rate?", '{"intent":"rate"}', "exchange rates?"]  # fmt: skip
    (folder / "intents.jsonl").write_text('{"given": {"question": "x"}, "assistant": "y"}\n')
    refused = server.cli("apply", str(folder), check=False)
    assert refused.returncode == 2 and "line 1: Prompt `intent` has no variable `question`" in refused.stderr, refused.stderr
