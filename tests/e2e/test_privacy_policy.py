"""Privacy policies on real calls: nothing personal goes upstream or stays behind, and the caller's answer names the right people."""

import json
import random
import re
import threading

import anthropic
import openai
import pytest

from conftest import OPENAI_KEY
from fakes.openai_upstream import OpenAIUpstream
from harness import eventually

# Every value here is looked for where it must not be.
PEOPLE = {
    "name": "Мария Соколова",
    "dative": "Марии Соколовой",
    "boss": "Пётр Достоевский",
    "email": "maria.sokolova@bank-yug.ru",
    "phone": "+7 916 555-31-27",
    "card": "4276 1634 5678 9010",
    "inn": "7707083893",
    "english": "Eleonora Vanderbilt",
}

POLICY = """kind: policy
name: customers
privacy:
  entities:
    SECRET: block
    CREDIT_CARD: {do: pseudonymise, threshold: 0.3}
    EMAIL_ADDRESS: pseudonymise
    PHONE_NUMBER: pseudonymise
    RU_INN: {do: pseudonymise, threshold: 0.3}
    PERSON: pseudonymise
    ORGANIZATION: pseudonymise  # what a name is of is sometimes taken for another
    GPE: pseudonymise
tests:
  - given: Письмо от maria@bank.ru
    expect: {lacks: [maria], contains: [example]}
  - given: "key ghp_0123456789abcdefghijABCDEFGHIJ012345"
    expect: {blocked: SECRET}
---
"""

MODELS = """kind: provider
name: echo
type: openai
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
kind: provider
name: other
type: openai
base_url: {other}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: small
retries: 0
cache: {{mode: "on"}}
routes: [{{provider: echo, model: fake-1}}]
---
kind: model
name: two
retries: 0
routes: [{{provider: echo, model: fake-1}}, {{provider: other, model: fake-2}}]
---
kind: prompt
name: chat
model: small
memory: {{turns: 5}}
messages: [{{system: "Be kind."}}]
---
kind: prompt
name: ask
model: small
input: {{question: {{type: string}}, inn: {{type: integer, default: 0}}}}
messages: [{{user: "Q: {{{{ question }}}} ({{{{ inn }}}})"}}]
---
kind: chain
name: twice
input: {{q: {{type: string}}}}
steps:
  - name: first
    model: small
    messages: [{{role: user, content: "${{{{ input.q }}}}"}}]
output: ${{{{ steps.first.output }}}}
---
"""


class EchoUpstream(OpenAIUpstream):
    """Says what it was told, in pieces of any size; or what a test has it say."""

    says = None
    calls = None
    seed = 0
    answers_after = None  # another fake has

    def answer(self, handler, request):
        if self.answers_after:
            eventually(lambda: self.answers_after.requests, what="what it waits for")
            assert self.answers_after.requests[-1].answered.wait(20)
        if self.calls and isinstance(request.body, dict):
            request.body["x_fake"] = {"tool_calls": self.calls}
        return super().answer(handler, request)

    def text_of(self, script, body):
        if self.says is not None:
            return self.says
        content = body["messages"][-1]["content"]
        return "You said: " + (content if isinstance(content, str) else " ".join(part.get("text", "") for part in content))

    def chunks(self, script, body):
        for chunk in super().chunks(script, body):
            delta = chunk["choices"][0]["delta"] if chunk["choices"] else {}
            text = delta.get("content")
            if not text:
                yield chunk
                continue
            pieces = random.Random(self.seed)
            while text:
                size = pieces.randint(1, 4)
                yield {"choices": [chunk["choices"][0] | {"delta": {"content": text[:size]}}]}
                text = text[size:]

    @property
    def seen(self):
        return json.dumps([request.body for request in self.requests], ensure_ascii=False)


@pytest.fixture
def echo():
    with EchoUpstream(key=OPENAI_KEY) as upstream:
        yield upstream


@pytest.fixture
def other():
    with EchoUpstream(key=OPENAI_KEY) as upstream:
        yield upstream


@pytest.fixture
def server(start, tmp_path, echo, other):
    """server(policies): a server with these policies that keeps all that it may keep."""

    def begin(policies=POLICY, data=None, settings=("--telemetry.content=full", "--log.level=debug")):
        folder = tmp_path / "p"
        folder.mkdir(exist_ok=True)
        (folder / "all.yaml").write_text(MODELS.format(url=echo.url, other=other.url) + policies)
        return start(data=data, project=folder, settings=list(settings))

    return begin


def clean(text):
    """None of the values, in any form in which they were sent."""
    plain = re.sub(r"[\s\-()+.]", "", text)
    for value in PEOPLE.values():
        assert value not in text, value
        assert json.dumps(value).strip('"') not in text, value
        bare = re.sub(r"[\s\-()+.]", "", value)
        assert not bare.isdigit() or bare not in plain, value
    for part in ("Соколова", "Соколовой", "Достоевск", "Vanderbilt", "sokolova"):
        assert part not in text, part


def clean_files(*servers):
    """Nothing of anybody's in any file that a server wrote, nor in its log."""
    for server in servers:
        clean(server.log)
        for path in server.data.rglob("*"):
            if not path.is_file():
                continue
            data = path.read_bytes()
            for value in list(PEOPLE.values()) + ["Соколова", "Соколовой", "Достоевск", "Vanderbilt"]:
                assert value.encode() not in data, f"{value} in {path}"
                assert json.dumps(value).strip('"').encode() not in data, f"{value} in {path}"
                assert value.encode("utf-16-le") not in data, f"{value} in {path}"


TEXT = (
    f"Меня зовут {PEOPLE['name']}, почта {PEOPLE['email']}, телефон {PEOPLE['phone']}, карта {PEOPLE['card']}, "
    f"ИНН {PEOPLE['inn']}. Передайте {PEOPLE['dative']} и {PEOPLE['boss']}; {PEOPLE['english']} agrees."
)


def openai_client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin_key, max_retries=0)


def test_official_clients_get_their_people_back_and_the_model_others(server, echo):
    program = server()
    client = openai_client(program)
    said = client.chat.completions.create(model="small", messages=[{"role": "user", "content": TEXT}])
    assert said.choices[0].message.content == "You said: " + TEXT
    clean(echo.seen)
    seen = echo.requests[-1].body["messages"][-1]["content"]
    assert "@example." in seen and "+7 916" in seen
    for seed in range(5):
        echo.seed = seed
        pieces = client.chat.completions.create(model="small", stream=True, messages=[{"role": "user", "content": TEXT + " да" * seed}])
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == f"You said: {TEXT}" + " да" * seed
    with anthropic.Anthropic(base_url=program.url, api_key=program.admin_key, max_retries=0) as claude:
        message = claude.messages.create(model="small", max_tokens=500, system="Be kind.", messages=[{"role": "user", "content": TEXT}])
        assert message.content[0].text == "You said: " + TEXT
        with claude.messages.stream(model="small", max_tokens=500, messages=[{"role": "user", "content": TEXT + " ещё"}]) as stream:
            assert stream.get_final_text() == f"You said: {TEXT} ещё"
    kept = client.responses.create(model="small", input=TEXT, extra_body={"fairlead": {"session": "s-resp"}})
    assert kept.output_text == "You said: " + TEXT
    clean(json.dumps(program.request("GET", f"/v1/responses/{kept.id}").json, ensure_ascii=False))
    again = client.responses.create(model="small", input="и ещё раз?", previous_response_id=kept.id, extra_body={"fairlead": {"session": "s-resp"}})
    assert again.output_text == "You said: и ещё раз?"
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="small", input="x", previous_response_id=kept.id)
    assert refused.value.param == "fairlead.session"
    clean(echo.seen)
    old = client.completions.create(model="small", prompt=TEXT, max_tokens=300)
    assert old.choices[0].text.endswith(TEXT)
    record = program.call(said._request_id)
    did = json.loads(record["privacy"])
    assert did["policies"] == ["customers@1"] and did["input"]["EMAIL_ADDRESS"] == {"pseudonymise": 1}
    assert "example" in record["input"] and "example" in record["output"]
    clean(json.dumps(record, ensure_ascii=False))
    program.stop()
    clean_files(program)
    clean(echo.seen)


def test_a_session_remembers_and_survives_and_is_forgotten(server, echo):
    program = server()

    def ask(program, text, session="s-1"):
        return program.chat("chat", text, fairlead={"session": session}).json["choices"][0]["message"]["content"]

    assert ask(program, f"Я {PEOPLE['name']}, {PEOPLE['email']}") == f"You said: Я {PEOPLE['name']}, {PEOPLE['email']}"
    made = re.search(r"Я (.+), (\S+)", echo.requests[-1].body["messages"][-1]["content"])
    program.stop()
    program = server(data=program.data)
    # The model remembers a name that this caller has not sent again.
    echo.says = f"Здравствуйте, {made[1].split()[0]}! Писать на {made[2]}?"
    assert ask(program, "Кто я?") == f"Здравствуйте, {PEOPLE['name'].split()[0]}! Писать на {PEOPLE['email']}?"
    assert made[1] in json.dumps(echo.requests[-1].body, ensure_ascii=False), "the session's memory holds the pseudonym"
    assert PEOPLE["email"] not in ask(program, "Кто я?", session="s-2"), "another session"
    assert program.cli("privacy", "forget", "s-1").returncode == 0
    assert PEOPLE["email"] not in ask(program, "А теперь?")
    assert program.cli("privacy", "forget", "nobody", check=False).returncode == 1
    shown = program.request("GET", "/api/v1/sessions/s-1").json
    clean(json.dumps(shown, ensure_ascii=False))
    program.stop()
    clean_files(program)


def test_a_mapping_outlives_kill(server, echo):
    program = server()
    answer = program.chat("chat", f"Я {PEOPLE['name']}", fairlead={"session": "s-1"})
    assert PEOPLE["name"] in answer.text
    made = echo.requests[-1].body["messages"][-1]["content"].removeprefix("Я ")
    program.kill()
    program = server(data=program.data)
    echo.says = f"{made}, добрый день"
    assert program.chat("chat", "?", fairlead={"session": "s-1"}).json["choices"][0]["message"]["content"] == f"{PEOPLE['name']}, добрый день"


def test_variables_tools_and_numbers(server, echo):
    program = server()
    answer = program.chat("ask", messages=[], fairlead={"variables": {"question": f"Где {PEOPLE['name']}?", "inn": int(PEOPLE["inn"])}})
    assert answer.json["choices"][0]["message"]["content"] == f"You said: Q: Где {PEOPLE['name']}? ({PEOPLE['inn']})"
    messages = [
        {"role": "user", "content": "find"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": json.dumps({"who": PEOPLE["name"]})}}]},
        {"role": "tool", "tool_call_id": "c1", "content": json.dumps({"mail": PEOPLE["email"], "inn": int(PEOPLE["inn"]), "boss": [PEOPLE["boss"]]})},
    ]
    said = program.chat("small", messages=messages).json["choices"][0]["message"]["content"]
    assert json.loads(said.removeprefix("You said: ")) == json.loads(messages[2]["content"])
    clean(echo.seen)
    made = json.loads(echo.requests[-1].body["messages"][-1]["content"])
    echo.calls = [{"name": "send", "arguments": {"to": made["mail"], "who": made["boss"]}}]
    for stream in (False, True):
        client = openai_client(program)
        answer = client.chat.completions.create(model="small", messages=messages, stream=stream, seed=int(stream))
        if stream:
            text = "".join(d.function.arguments or "" for piece in answer for choice in piece.choices for d in choice.delta.tool_calls or [])
        else:
            text = answer.choices[0].message.tool_calls[0].function.arguments
        assert json.loads(text) == {"to": PEOPLE["email"], "who": [PEOPLE["boss"]]}
    echo.calls = None
    names = program.chat("small", "hi", user=PEOPLE["email"], metadata={"who": PEOPLE["email"]}, fairlead={"user": PEOPLE["email"], "tags": [PEOPLE["email"]]})
    record = program.call(names.headers["x-fairlead-call-id"])
    assert record["user_id"].startswith("EMAIL_ADDRESS-") and record["user_id"] == record["tags"][0]
    assert program.chat("small", "ho", fairlead={"user": PEOPLE["email"]}).status == 200
    clean(echo.seen)
    program.stop()
    clean_files(program)


def test_embeddings_go_without_names(server, echo):
    program = server()
    program.request("POST", "/v1/embeddings", {"model": "small", "input": [TEXT]})  # the fake has none; it has been asked
    clean(echo.seen)
    before = len(echo.requests)
    refused = program.request("POST", "/v1/embeddings", {"model": "small", "input": [[1, 2, 3]]})
    assert refused.error["code"] == "privacy_blocked" and refused.error["param"] == "input" and len(echo.requests) == before


def test_a_message_in_brackets_is_a_text(server, echo):
    program = server()
    for text in (f"[{PEOPLE['card']}]", f"{{call {PEOPLE['phone']}}}", f"[write to {PEOPLE['email']}, now]"):
        assert program.chat("small", text).json["choices"][0]["message"]["content"] == f"You said: {text}"
    clean(echo.seen)


def test_towns_are_other_towns(server, echo):
    program = server()
    text = "Меня зовут Мария Соколова, я живу в Казани."
    assert program.chat("small", text).json["choices"][0]["message"]["content"] == f"You said: {text}"
    seen = echo.requests[-1].body["messages"][-1]["content"]
    assert "Казан" not in seen and re.fullmatch(r"Меня зовут [А-Я][а-яё]+ [А-Я][а-яё]+, я живу в [А-Я][а-яё]+( [А-Я][а-яё]+)?\.", seen), seen


def test_what_is_blocked_is_refused_and_left_nowhere(server, echo):
    program = server()
    secret = "ghp_Zz34567890abcdefghijABCDEFGHIJ012345"
    before = len(echo.requests)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        openai_client(program).chat.completions.create(model="small", messages=[{"role": "user", "content": f"my key is {secret}, {PEOPLE['email']}"}])
    assert refused.value.code == "privacy_blocked" and "SECRET" in refused.value.message and secret not in str(refused.value)
    assert program.chat("small", "hi", fairlead={"user": f"key {secret}"}).error["code"] == "privacy_blocked"
    with pytest.raises(openai.PermissionDeniedError):
        openai_client(program).chat.completions.create(
            model="small", messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
        )
    # Calls that no policy has seen, since they come to nothing.
    program.chat("nothing", f"{secret} {TEXT}", fairlead={"user": PEOPLE["email"]})
    assert len(echo.requests) == before
    records = eventually(lambda: (found := program.calls()) and len(found) >= 4 and found)
    whole = [program.call(one["id"]) for one in records]
    blocked = [json.loads(one["privacy"])["blocked"] for one in whole if one["privacy"]]
    assert sorted(blocked) == ["SECRET", "SECRET", "media"]
    assert all(not one["input"] for one in whole)
    text = json.dumps(whole, ensure_ascii=False)
    clean(text)
    assert secret not in text
    program.stop()
    clean_files(program)
    for path in program.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


RESIDENCY = """kind: policy
name: at-home
privacy:
  entities:
    RU_INN: {do: pass, threshold: 0.3, not_to: [echo]}
---
"""


def test_residency_chooses_or_refuses(server, echo, other):
    program = server(RESIDENCY)
    answer = program.chat("two", f"ИНН {PEOPLE['inn']}")
    assert answer.status == 200 and answer.headers["x-fairlead-provider"] == "other"
    assert program.chat("two", "nothing").headers["x-fairlead-provider"] == "echo"
    refused = program.chat("small", f"ИНН {PEOPLE['inn']}")
    assert refused.status == 403 and refused.error["code"] == "privacy_residency" and "`echo`" in refused.error["message"]
    assert PEOPLE["inn"] not in echo.seen and PEOPLE["inn"] in other.seen


SHADOW = """kind: policy
name: tried
privacy:
  shadow: true
  entities: {EMAIL_ADDRESS: mask, PHONE_NUMBER: block}
---
"""


def test_shadow_mode_only_tells(server, echo):
    program = server(SHADOW)
    answer = program.chat("small", f"{PEOPLE['email']} {PEOPLE['phone']}")
    assert answer.status == 200 and PEOPLE["email"] in echo.seen
    did = json.loads(program.call(answer.headers["x-fairlead-call-id"])["privacy"])
    assert did["shadow"] == {"policies": ["tried@1"], "input": {"EMAIL_ADDRESS": {"mask": 1}, "PHONE_NUMBER": {"block": 1}}, "blocked": "PHONE_NUMBER"}


@pytest.mark.parametrize("failure", ["closed", "open"])
def test_when_there_is_no_time_to_look(server, echo, failure):
    program = server(f"kind: policy\nname: hasty\nprivacy: {{default: redact, time_limit: 1ms, failure: {failure}}}\n---\n")
    answer = program.chat("small", ("word 1234 " * 300_000) + PEOPLE["email"])
    if failure == "closed":
        assert answer.status == 503 and answer.error["code"] == "privacy_unavailable" and not echo.requests
    else:
        assert answer.status == 200
        assert json.loads(program.call(answer.headers["x-fairlead-call-id"])["privacy"])["incomplete"]
    assert program.chat("small", PEOPLE["email"]).status == 200
    assert echo.requests[-1].body["messages"][-1]["content"] == ""


WATCH = """kind: policy
name: watching
privacy:
  entities:
    CREDIT_CARD: {do: mask, direction: both}
    EMAIL_ADDRESS: pseudonymise
    SECRET: {do: block, direction: output}
---
"""


def test_what_a_model_says_of_itself(server, echo):
    program = server(WATCH)
    client = openai_client(program)
    echo.says = "Your old card was 5555 5555 5555 4444. " + "Nothing more about that. " * 30
    for stream in (False, True):
        answer = client.chat.completions.create(model="small", messages=[{"role": "user", "content": f"hi {PEOPLE['email']}"}], stream=stream)
        text = "".join(p.choices[0].delta.content or "" for p in answer if p.choices) if stream else answer.choices[0].message.content
        assert text == echo.says.replace("5555 5555 5555", "**** **** ****")
    record = program.call(program.calls()[0]["id"])
    assert "5555" not in record["output"] and json.loads(record["privacy"])["output"] == {"CREDIT_CARD": {"mask": 1}}
    assert record["cache"] is None
    refused = program.chat("small", "hi", logprobs=True)
    assert refused.status == 400 and refused.error["param"] == "logprobs"
    echo.says = "x " * 400 + "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    assert program.chat("small", "tell").error["code"] == "privacy_blocked"
    with pytest.raises(openai.APIError) as ended:
        for _ in client.chat.completions.create(model="small", messages=[{"role": "user", "content": "tell"}], stream=True):
            pass
    assert "privacy_blocked" in str(ended.value.body)


def test_where_policies_apply(server, echo):
    program = server("kind: policy\nname: only-ask\napplies: {prompts: [ask]}\nprivacy: {default: redact}\n---\n")
    assert PEOPLE["email"] in program.chat("small", PEOPLE["email"]).text
    asked = program.chat("ask", messages=[], fairlead={"variables": {"question": PEOPLE["email"]}})
    assert PEOPLE["email"] not in asked.text
    told = program.chat("small", PEOPLE["email"], fairlead={"prompt": "ask"})
    assert PEOPLE["email"] not in told.text


def test_chains_that_are_called(server, echo):
    program = server()
    answer = program.chat("chain:twice", messages=[], fairlead={"variables": {"q": f"Я {PEOPLE['name']}, {PEOPLE['email']}"}})
    assert answer.status == 200, answer.text
    assert f"{PEOPLE['name']}, {PEOPLE['email']}" in answer.json["choices"][0]["message"]["content"]
    clean(echo.seen)
    program.stop()
    clean_files(program)


def test_runs_keep_what_was_made_of_their_input(server, echo, tmp_path):
    program = server()
    asked = {"chain": "twice", "input": {"q": f"Я {PEOPLE['name']}, {PEOPLE['email']}"}, "session": "s-run", "user": PEOPLE["email"], "key": f"of {PEOPLE['email']}"}
    run = program.request("POST", "/api/v1/runs", asked)
    assert run.status == 201, run.text

    def ended():
        now = program.request("GET", f"/api/v1/runs/{run.json['id']}")
        clean(now.text)
        return now.json if now.json["state"] not in ("queued", "running", "waiting") else None

    done = eventually(ended, seconds=20)
    assert done["state"] == "succeeded", done
    again = program.request("POST", "/api/v1/runs", asked)
    assert again.status == 200 and again.json["id"] == run.json["id"], "the same key, the same input"
    clean(program.request("GET", f"/api/v1/runs/{run.json['id']}/events").text)
    kept = tmp_path / "output.txt"
    kept.write_text(done["output"])
    assert done["output"].startswith("You said: Я ") and PEOPLE["email"] not in done["output"]
    restored = program.cli("privacy", "restore", str(kept), "--session", "s-run").stdout
    assert f"You said: Я {PEOPLE['name']}, {PEOPLE['email']}" in restored
    assert program.cli("privacy", "restore", str(kept), "--session", "nobody", check=False).returncode == 1
    blocked = program.request("POST", "/api/v1/runs", {"chain": "twice", "input": {"q": "ghp_0123456789abcdefghijABCDEFGHIJ012345"}})
    assert blocked.status == 403 and blocked.error["code"] == "privacy_blocked"
    clean(echo.seen)
    program.stop()
    clean_files(program)


def test_explaining_and_applying(server, tmp_path):
    program = server()
    letter = tmp_path / "letter.txt"
    letter.write_text(f"card 4111 1111 1111 1111, {PEOPLE['email']}")
    shown = program.cli("privacy", "explain", str(letter), "--model", "ask")
    assert "customers@1" in shown.stdout and "pseudonymise" in shown.stdout and "@example." in shown.stdout
    whole = program.request("POST", "/api/v1/privacy/explain", {"text": "token ghp_0123456789abcdefghijABCDEFGHIJ012345", "model": "small"}).json
    assert whole["blocked"] == "SECRET" and whole["text"] is None
    assert program.request("POST", "/api/v1/privacy/explain", {"text": "x", "model": "nothing"}).status == 404
    assert program.request("POST", "/api/v1/privacy/explain", {"txt": "x"}).error["param"] == "txt"
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "p.yaml").write_text("kind: policy\nname: bad\nprivacy:\n  entities: {CREDIT_CARD: mask}\ntests:\n  - given: 4111 1111 1111 1111\n    expect: nothing\n")
    done = program.cli("apply", str(folder), check=False)
    assert done.returncode == 2 and "p.yaml:7" in done.stderr and "**** **** **** 1111" in done.stderr


def test_what_was_encrypted_opens_for_an_admin(server, echo, tmp_path):
    program = server("kind: policy\nname: sealed\nprivacy: {entities: {EMAIL_ADDRESS: encrypt}}\n---\n")
    answer = program.chat("small", f"write to {PEOPLE['email']}").json["choices"][0]["message"]["content"]
    assert "<EMAIL_ADDRESS:enc:" in answer and PEOPLE["email"] not in answer
    letter = tmp_path / "answer.txt"
    letter.write_text(answer)
    assert f"write to {PEOPLE['email']}" in program.cli("privacy", "decrypt", str(letter)).stdout
    key = program.request("POST", "/api/v1/keys", {"name": "reader", "scopes": ["read", "call"]}).json["key"]
    assert program.request("POST", "/api/v1/privacy/decrypt", {"text": answer}, key=key).status == 403


def test_calls_of_one_session_at_once(server, echo):
    program = server()
    answers = {}

    def ask(i):
        text = f"user{i}@bank.ru and {PEOPLE['email']}"
        answers[i] = (text, program.chat("small", text, fairlead={"session": "s-1"}).json["choices"][0]["message"]["content"])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(said == "You said: " + text for text, said in answers.values())
    made = {request.body["messages"][-1]["content"].split()[-1] for request in echo.requests}
    assert len(made) == 1, "one person, one pseudonym"


def test_the_example_in_russian(local_fairlead):
    card, email, passport = "2200 7000 1234 5673", "maria@bank-yug.ru", "4510 123456"
    questions = [f"Банкомат съел мою карту {card}.", f"Пишите мне на {email}, паспорт {passport}.", f"Повторите, пожалуйста: {email}?"]
    for question in questions:
        answer = local_fairlead.chat("support-reply", messages=[], max_tokens=30, fairlead={"session": "s-ru", "variables": {"question": question}})
        assert answer.status == 200, answer.text
        record = local_fairlead.call(answer.headers["x-fairlead-call-id"])
        for value in (card, email, passport):
            assert value not in record["input"]
        assert json.loads(record["privacy"])["policies"] == ["customers@1"]
    assert "@example." in record["input"], "the model was asked about another address"
    refused = local_fairlead.chat("support-reply", messages=[], fairlead={"variables": {"question": "пароль: zaq12wsxCDE"}})
    assert refused.status == 403 and refused.error["code"] == "privacy_blocked"
