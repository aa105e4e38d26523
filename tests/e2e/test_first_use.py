"""What somebody meets in the first hour: wrong words, keys taken from the shell, a label's first move, tests that are counted."""

import re

import pytest
from harness import finished, start as start_run


@pytest.fixture
def server(start, project):
    return start(project=project)


def refused(server, *words, status=2):
    done = server.cli(*words, check=False)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stderr


def test_a_word_that_is_no_command_is_told_with_what_was_meant(server):
    assert refused(server, "promt") == "There is no command `fairlead promt`. `fairlead --help` lists those that there are.\n"
    assert "`fairlead calls lst`. Did you mean `list`? `fairlead calls --help`" in refused(server, "calls", "lst")
    assert "Exactly 1 option" in refused(server, "runs", "resolve", "01JDF3", "publish")
    assert re.fullmatch(r"fairlead \d+\.\d+\.\d+\n", server.cli("--version").stdout)


def test_a_kind_that_there_is_not_is_told(server):
    assert "There is no kind `promt`. Did you mean `prompt`? Kinds: provider, model, prompt" in refused(server, "list", "promt")
    assert "prompt/greeting" in server.cli("list", "prompt").stdout


def test_a_key_can_be_taken_from_standard_output(server):
    made = server.cli("keys", "create", "checkout", "--scope", "read")
    assert re.fullmatch(r"fl-[\w-]{43}\n", made.stdout) and "undo: fairlead keys revoke key_" in made.stderr
    assert server.cli("calls", "list", key=made.stdout.strip()).returncode == 0


def test_the_first_move_of_a_label_promises_no_way_back(server, tmp_path):
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "p.yaml").write_text("kind: prompt\nname: headline\nmodel: gpt\nmessages: [{user: Hi}]\n")
    server.cli("apply", str(folder))
    moved = server.cli("promote", "headline@1", "--to", "production").stdout
    assert "production: none → v1" in moved and "undo" not in moved
    refused(server, "rollback", "headline", status=1)


def test_tests_of_policies_are_counted(server, tmp_path):
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "p.yaml").write_text(
        "kind: policy\nname: personal-data\nprivacy: {entities: {EMAIL_ADDRESS: redact}}\ntests:\n  - {given: to a@b.example, expect: {lacks: ['@']}}\n"
    )
    assert "1 new, 0 as they are. 1 test passes." in server.cli("plan", str(folder)).stdout


def test_what_is_said_of_runs_names_them(server, tmp_path):
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "c.yaml").write_text("kind: chain\nname: two\nsteps: [{name: one, transform: 1}, {name: editor, approve: Fine}]\noutput: 2\n")
    server.cli("apply", str(folder))
    assert "There is no run `foo` in this project." in refused(server, "runs", "show", "foo", status=1)
    run = start_run(server, "two")
    asked = refused(server, "runs", "approve", run, "edit", status=1)
    assert asked == f"No step `edit` asks for this now. What the run waits for: fairlead runs show {run}\n"
    assert "asked to stop" in server.cli("runs", "cancel", run).stdout
    finished(server, run)
    assert "ended already" in server.cli("runs", "cancel", run).stdout


def test_a_provider_without_its_credential_is_named_once(server, tmp_path):
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "m.yaml").write_text(
        "kind: provider\nname: far\ntype: openai\napi_key: env:NOT_SET_ANYWHERE\n---\nkind: model\nname: larger\nroutes: [{provider: far, model: gpt-5-mini}]\n"
    )
    server.cli("apply", str(folder))
    said = server.chat("larger").error["message"]
    assert said.count("Provider `far`") == 1 and "NOT_SET_ANYWHERE" in said


def test_a_file_that_is_no_model_is_not_to_be_asked_for_again(server, tmp_path):
    (tmp_path / "x.gguf").write_text("not a model, and long enough to be looked at as one" * 10)
    said = refused(server, "models", "add", str(tmp_path / "x.gguf"), status=1)
    assert "is not a GGUF file" in said and "again" not in said
