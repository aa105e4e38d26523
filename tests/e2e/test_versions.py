"""What a team does with versions: compare them, let others approve, fetch them from other programs, keep the folder in step."""

import json
import re

import pytest
from harness import eventually


def key(server, name, *scopes):
    answer = server.request("POST", "/api/v1/keys", {"name": name, "scopes": list(scopes)})
    assert answer.status == 201, answer.text
    return answer.json["key"]


@pytest.fixture
def server(start, project):
    return start(project=project)


def test_diff_shows_texts_by_word_and_what_variables_make_of_both(server, tmp_path):
    said = server.cli("diff", "greeting@1", "@2").stdout
    assert "prompt/greeting   v1 → v2" in said
    assert "messages[0].system\n        Be [-brief.-]{+brief. Language: {{ locale }}.+}" in said
    assert "Greet {{ name [-}}.-]{+}} warmly.+}" in said
    assert "\x1b" not in said  # no colours in a pipe
    variables = tmp_path / "ada.json"
    variables.write_text('{"name": "Ada"}')
    said = server.cli("diff", "greeting@1", "greeting@2", "--vars", str(variables)).stdout
    assert "rendered with these variables" in said
    assert "Be [-brief.-]{+brief. Language: en.+}" in said and "Greet [-Ada.-]{+Ada warmly.+}" in said
    variables.write_text('{"name": "Ada", "locale": "ru"}')
    said = server.cli("diff", "greeting@1", "@2", "--vars", str(variables)).stdout
    assert "unknown_variable" in said and "Language: ru" in said
    assert server.cli("diff", "greeting", "gpt", check=False).returncode == 2


def test_plan_counts_the_tests_that_pass(server, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "p.yaml").write_text(
        "kind: prompt\nname: tested\nmodel: gpt\ninput: {n: {type: string}}\nmessages: [{system: 'Say {{ n }}.'}]\n"
        "tests:\n  - {given: {n: hi}, expect: [{system: Say hi.}]}\n  - {given: {}, expect: {error: missing_required_parameter}}\n"
    )
    assert "1 new, 0 as they are. 2 tests pass." in server.cli("plan", str(folder)).stdout
    server.cli("apply", str(folder), "-m", "a first try")
    listed = server.cli("versions", "tested").stdout
    assert "v1" in listed and "staging" in listed and "admin" in listed and "a first try" in listed
    (folder / "p.yaml").write_text((folder / "p.yaml").read_text().replace("'Say {{ n }}.'", "'Say {{ n }}. '").replace("Say hi.", "'Say hi. '"))
    server.cli("apply", str(folder))
    said = server.cli("diff", "tested@1", "@2", "--rendered").stdout
    assert "rendered with test 1" in said and "1 of 2 rendered alike" in said


def test_apply_says_what_undoes_it(server, tmp_path):
    folder = tmp_path / "undone"
    folder.mkdir()
    text = "kind: prompt\nname: kept\nmodel: gpt\nmessages: [{system: Say one.}]\n"
    (folder / "p.yaml").write_text(text)
    assert "undo:" not in server.cli("apply", str(folder)).stdout, "nothing takes back what is new"
    (folder / "p.yaml").write_text(text.replace("one", "two"))
    assert "undo:" not in server.cli("plan", str(folder)).stdout
    assert f"(undo: fairlead apply {folder}, with its files as they were)" in server.cli("apply", str(folder)).stdout
    (folder / "p.yaml").write_text(text)
    assert "v2 → v1   (label staging moves here)" in server.cli("apply", str(folder)).stdout
    assert all("one" in server.cli("get", "prompt", "kept", "--ref", ref).stdout for ref in ("latest", "staging"))
    assert "undo:" not in server.cli("apply", str(folder)).stdout, "nothing changed"


def test_a_protected_label_takes_checks_and_a_second_person(server):
    maria, olga = key(server, "maria", "read", "write"), key(server, "olga", "read", "approve")
    boris = key(server, "boris", "read", "write")
    assert server.cli("labels", "protect", "production", "--checks", "evals", key=maria, check=False).returncode == 1
    assert "approval by a second person" in server.cli("labels", "protect", "production", "--checks", "evals").stdout
    assert "production" in server.cli("labels", "list", key=maria).stdout

    refused = server.cli("promote", "greeting@2", "--to", "production", key=maria, check=False)
    assert refused.returncode == 3 and "lacks the check `evals`" in refused.stderr
    server.cli("checks", "add", "greeting@2", "evals", "--passed", "--url", "https://ci.example/77", key=maria)
    assert "evals ✓" in server.cli("versions", "greeting", key=maria).stdout
    asked = server.cli("promote", "greeting@2", "--to", "production", "-m", "warmer", key=maria, check=False)
    assert asked.returncode == 3 and "v1 → v2 waits for approval" in asked.stdout
    (first,) = json.loads(server.cli("approvals", "list", "--json", key=olga).stdout)["data"]
    assert "`maria` asked for this" in server.cli("withdraw", first["id"], key=boris, check=False).stderr
    assert "withdrawn" in server.cli("withdraw", first["id"], "--note", "a slip", key=maria).stdout
    assert "was withdrawn by `maria`" in server.cli("approve", first["id"], key=olga, check=False).stderr
    server.cli("promote", "greeting@2", "--to", "production", "-m", "warmer", key=maria, check=False)

    waiting = json.loads(server.cli("approvals", "list", "--json", key=olga).stdout)["data"]
    assert [(one["name"], one["from"], one["to"], one["asked_by"], one["message"]) for one in waiting] == [("greeting", 1, 2, "maria", "warmer")]
    target = {"fairlead": {"variables": {"name": "Ada"}}, "messages": []}
    assert server.chat("greeting", **target).headers["x-fairlead-target"] == "prompt:greeting@1"
    assert server.cli("approve", waiting[0]["id"], key=maria, check=False).returncode == 1
    moved = server.cli("approve", waiting[0]["id"][:20], "--note", "read it", key=olga).stdout
    assert re.fullmatch(r"  production: v1 → v2   by olga, \d\d:\d\d:\d\d, audit #\d+   \(undo: fairlead rollback greeting\)\n", moved)
    assert server.chat("greeting", **target).headers["x-fairlead-target"] == "prompt:greeting@2"

    # An emergency does not wait.
    server.cli("rollback", "greeting", key=maria)
    assert server.chat("greeting", **target).headers["x-fairlead-target"] == "prompt:greeting@1"
    audit = server.request("GET", "/api/v1/audit").json["data"]
    assert [row["action"] for row in audit[:7]] == ["rollback", "promote", "request", "withdraw", "request", "check", "protect"]
    assert audit[0]["detail"]["unapproved"] is True
    assert audit[1]["detail"]["asked_by"] == "maria" and audit[1]["actor"] == "olga" and audit[1]["detail"]["note"] == "read it"


def test_a_program_fetches_a_prompt_once_and_names_it_in_its_calls(server, openai_fake):
    first = server.request("GET", "/api/v1/prompts/greeting")
    assert first.status == 200 and first.json["version"] == 1 and first.json["spec"]["messages"][0]["system"] == "Be brief."
    known = {"if-none-match": first.headers["etag"]}
    again = server.request("GET", "/api/v1/prompts/greeting", headers=known)
    assert again.status == 304 and again.text == "" and again.headers["etag"] == first.headers["etag"]
    server.cli("promote", "greeting@2", "--to", "production")
    assert server.request("GET", "/api/v1/prompts/greeting", headers=known).json["version"] == 2

    answer = server.chat("gpt", "Greet Ada.", fairlead={"prompt": "greeting@1", "session": "s"})
    assert answer.status == 200 and answer.headers["x-fairlead-target"] == "prompt:greeting@1"
    assert [message["content"] for message in openai_fake.last.body["messages"]] == ["Greet Ada."]
    record = server.call(answer.headers["x-fairlead-call-id"])
    assert (record["target_kind"], record["target"], record["target_version"]) == ("prompt", "greeting", 1)
    assert record["model"] == "gpt" and record["requested_model"] == "gpt"

    def counted():
        rows = server.request("GET", "/api/v1/stats?target=greeting").json["data"]
        return [row for row in rows if row["target_version"] == 1 and row["calls"] >= 1]

    eventually(counted, what="the call in the stats of version 1")


@pytest.mark.parametrize(
    "model, prompt, code",
    [("gpt", "greeting@9", "prompt_not_found"), ("gpt", "greetin@1", "prompt_not_found"), ("gpt", "gpt", "prompt_not_found"),
     ("gpt", "model:gpt", "prompt_not_found"), ("greeting", "greeting@1", "invalid_value"), ("gpt", 7, "invalid_type")],
)  # fmt: skip
def test_attribution_to_what_is_not_there_is_refused(fairlead, openai_fake, model, prompt, code):
    before = len(openai_fake.requests)
    answer = fairlead.chat(model, fairlead={"prompt": prompt})
    assert answer.status == 400 and answer.error["code"] == code and answer.error["param"] == "fairlead.prompt", answer.text
    assert len(openai_fake.requests) == before


def put(server, path, text, message):
    """As the console does."""
    answer = server.request("POST", "/api/v1/apply", {"files": {path: text}, "message": message})
    assert answer.status == 200, answer.text


def test_edits_of_the_console_come_back_to_the_folder(server, project, tmp_path):
    folder = tmp_path / "mine"
    (folder / "prompts").mkdir(parents=True)
    ours = (
        "# Ask Maria before you change this.\nkind: prompt\nname: ours\nmodel: gpt   # the big one\nparameters: {temperature: 0.2}\n"
        "messages:\n  # the tone\n  - system: {file: ours.md}\n  - user: 'Hello'\n"
    )
    (folder / "prompts" / "ours.yaml").write_text(ours)
    (folder / "prompts" / "ours.md").write_text("Be kind.\n")
    server.cli("apply", str(folder), "-m", "first")
    def known():
        return json.loads((folder / "fairlead.lock.json").read_text())

    def digest(version):
        return server.request("GET", f"/api/v1/resources/prompt/ours?ref={version}").json["digest"]

    assert known() == {"prompt/ours": digest(1)}
    put(server, "x.yaml", ours.replace("{file: ours.md}", "Be very kind.").replace("0.2", "0.3"), "kinder")

    # The folder has an edit of its own: it is not applied over what it does not know.
    (folder / "prompts" / "ours.yaml").write_text(ours.replace("'Hello'", "'Hi'"))
    planned = server.cli("plan", str(folder)).stdout
    assert "! v2 is not in this folder, which knows v1: by admin" in planned and '"kinder"' in planned
    refused = server.cli("apply", str(folder), check=False)
    assert refused.returncode == 1 and "prompt/ours v2 by admin" in refused.stderr and "fairlead pull" in refused.stderr
    kept = server.cli("pull", str(folder), check=False)
    assert kept.returncode == 1 and "left as it is" in kept.stdout
    assert "'Hi'" in (folder / "prompts" / "ours.yaml").read_text()

    (folder / "prompts" / "ours.yaml").write_text(ours)
    pulled = server.cli("pull", str(folder)).stdout
    assert "~ prompt/ours   v2   prompts/ours.yaml" in pulled
    assert (folder / "prompts" / "ours.yaml").read_text() == ours.replace("0.2", "0.3")
    assert (folder / "prompts" / "ours.md").read_text() == "Be very kind."
    assert known()["prompt/ours"] == digest(2)
    planned = server.cli("plan", str(folder)).stdout
    assert "0 changed, 0 new" in planned
    assert "  ~" not in server.cli("pull", str(folder)).stdout
    # What was pulled is known: an edit on top of it is applied.
    (folder / "prompts" / "ours.md").write_text("Be brief.\n")
    assert "v2 → v3" in server.cli("apply", str(folder)).stdout

    put(server, "x.yaml", ours.replace("{file: ours.md}", "Be loud."), "louder")
    (folder / "prompts" / "ours.md").write_text("Be quiet.\n")
    assert server.cli("apply", str(folder), check=False).returncode == 1
    assert "v4 → v5" in server.cli("apply", str(folder), "--overwrite").stdout


def test_a_restart_does_not_undo_the_console(start, project, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "m.yaml").write_text((project / "models.yaml").read_text())
    text = "kind: prompt\nname: ours\nmodel: gpt\nmessages: [{system: a}]\n"
    (folder / "p.yaml").write_text(text)
    server = start(data=tmp_path / "d", project=folder)
    put(server, "p.yaml", text.replace("system: a", "system: b"), "")
    assert server.stop() == 0
    again = start(data=tmp_path / "d", project=folder)
    assert again.request("GET", "/api/v1/resources/prompt/ours").json["version"] == 2
    assert "left as it is" in again.log
