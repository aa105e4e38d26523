"""Prompts by the model field: names, versions, labels, variables."""

import pytest


def sent(openai_fake):
    return [(message["role"], message["content"]) for message in openai_fake.last.body["messages"]]


def greet(fairlead, model, messages=(), **variables):
    return fairlead.chat(model, messages=list(messages), fairlead={"variables": variables})


def test_production_is_in_force(fairlead, openai_fake):
    answer = greet(fairlead, "greeting", name="Ada")
    assert answer.status == 200
    assert sent(openai_fake) == [("system", "Be brief."), ("user", "Greet Ada.")]
    assert answer.headers["x-fairlead-target"] == "prompt:greeting@1"


@pytest.mark.parametrize("model", ["greeting@staging", "greeting@2", "greeting@latest", "prompt:greeting@staging"])
def test_labels_and_versions(fairlead, openai_fake, model):
    assert greet(fairlead, model, name="Ada", locale="ru").status == 200
    assert sent(openai_fake) == [("system", "Be brief. Language: ru."), ("user", "Greet Ada warmly.")]
    assert openai_fake.last.body["temperature"] == 0.25 and openai_fake.last.body["max_tokens"] == 30


def test_defaults_and_the_clients_own_parameters(fairlead, openai_fake):
    answer = fairlead.chat("greeting@2", messages=[], temperature=1, fairlead={"variables": {"name": "Ada"}})
    assert answer.status == 200
    assert sent(openai_fake)[0] == ("system", "Be brief. Language: en.")
    assert openai_fake.last.body["temperature"] == 1


def test_messages_follow_the_prompts(fairlead, openai_fake):
    assert greet(fairlead, "greeting", [{"role": "user", "content": "and me"}], name="Ada").status == 200
    assert sent(openai_fake) == [("system", "Be brief."), ("user", "Greet Ada."), ("user", "and me")]


def test_values_are_data_not_templates(fairlead, openai_fake):
    assert greet(fairlead, "greeting", name='{{ 7 * 7 }}"\\\u2603').status == 200
    assert sent(openai_fake)[1] == ("user", 'Greet {{ 7 * 7 }}"\\\u2603.')


@pytest.mark.parametrize(
    "variables, param",
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"name": "Ada", "nmae": "x"}, "nmae"),
        ({"name": "Ada", "locale": "fr"}, "locale"),
    ],
)
def test_wrong_variables_are_named(fairlead, openai_fake, variables, param):
    before = len(openai_fake.requests)
    answer = fairlead.chat("greeting@2", messages=[], fairlead={"variables": variables})
    assert answer.status == 400 and param in answer.error["message"] + str(answer.error["param"])
    assert len(openai_fake.requests) == before


@pytest.mark.parametrize(
    "model, hint",
    [("greetin", "greeting"), ("greeting@stagin", "staging"), ("greeting@9", ""), ("model:greeting", ""), ("prompt:gpt", "")],
)
def test_unknown_targets(fairlead, model, hint):
    answer = greet(fairlead, model, name="Ada")
    assert answer.status == 404 and answer.error["code"] == "model_not_found" and hint in answer.error["message"]


def test_models_take_no_variables(fairlead):
    assert fairlead.chat("gpt", fairlead={"variables": {"a": 1}}).status == 400


def test_promote_and_roll_back(start, project, openai_fake):
    server = start(project=project)
    assert greet(server, "greeting", name="Ada").headers["x-fairlead-target"] == "prompt:greeting@1"
    said = server.cli("promote", "greeting@staging", "--to", "production").stdout
    assert "v1" in said and "v2" in said and "rollback" in said
    assert greet(server, "greeting", name="Ada").headers["x-fairlead-target"] == "prompt:greeting@2"
    server.cli("rollback", "greeting")
    assert greet(server, "greeting", name="Ada").headers["x-fairlead-target"] == "prompt:greeting@1"
    assert {row["action"] for row in server.request("GET", "/api/v1/audit").json["data"]} >= {"apply", "promote", "rollback"}


def test_plan_apply_diff_get_list_pull(start, project, tmp_path):
    import shutil

    folder = tmp_path / "mine"
    shutil.copytree(project, folder)
    server = start(project=folder)
    assert "0 changed" in server.cli("plan", str(folder)).stdout or "as they are" in server.cli("plan", str(folder)).stdout
    prompt = folder / "prompts" / "greeting.yaml"
    prompt.write_text(prompt.read_text().replace("warmly", "coldly"))
    # A version never changes: the folder says version 2 is something else than what is stored.
    refused = server.cli("apply", str(folder), check=False)
    assert refused.returncode == 2 and "greeting.yaml" in refused.stderr
    prompt.write_text(prompt.read_text().replace("version: 2", "version: 3"))
    planned = server.cli("plan", str(folder)).stdout
    assert "prompt/greeting" in planned and "coldly" in planned
    server.cli("apply", str(folder), "-m", "colder")
    assert "coldly" in server.cli("get", "prompt", "greeting", "--ref", "3").stdout
    assert "coldly" in server.cli("diff", "greeting@2", "@3").stdout
    assert "greeting" in server.cli("list", "prompt").stdout
    pulled = tmp_path / "pulled"
    server.cli("pull", str(pulled))
    assert "coldly" in (pulled / "prompts" / "greeting.yaml").read_text()
    again = server.cli("plan", str(pulled)).stdout
    assert "coldly" not in again


def test_a_prompt_whose_test_fails_is_not_applied(start, project, tmp_path):
    server = start(project=project)
    prompt = tmp_path / "tested" / "greeting.yaml"
    prompt.parent.mkdir()
    text = """kind: prompt
name: tested
model: gpt
input:
  name: {type: string}
  locale: {enum: [en, ru], default: en}
messages:
  - system: "Answer in {{ locale }}."
  - user: "{{ name }}"
tests:
  - given: {name: Ada, locale: ru}
    expect:
      - system: {contains: LANGUAGE}
      - user: Ada
  - given: {name: Ada, locale: fr}
    expect: {error: invalid_value}
"""
    prompt.write_text(text.replace("LANGUAGE", "in en"))
    for command in ("plan", "apply"):
        refused = server.cli(command, str(prompt.parent), check=False)
        assert refused.returncode == 2
        assert "greeting.yaml:13:17: test 1: no system message contains `in en`; there is: \"Answer in ru.\"" in refused.stderr, refused.stderr
    assert server.chat("tested", messages=[], fairlead={"variables": {"name": "Ada"}}).status == 404
    prompt.write_text(text.replace("LANGUAGE", "in ru"))
    server.cli("apply", str(prompt.parent))
    assert server.chat("tested", messages=[], fairlead={"variables": {"name": "Ada"}}).status == 200
