"""`fairlead prompts try`: one answer, or several side by side, in a pipe and on a terminal."""

import json
import os
import pty
import re
import struct
import subprocess
import fcntl
import termios

import pytest
from harness import binary


@pytest.fixture
def server(start, project):
    return start(project=project)


FIGURES = r"  \d+ ms   first \d+ ms   \d+→\d+ tok   \d\.\d{4} \$"


def test_one_answer_comes_with_its_figures(server, openai_fake):
    said = server.cli("prompts", "try", "greeting@2", "--var", "name=Ada", "--message", "And me?").stdout
    assert re.search(rf"^{FIGURES}   greeting@2   gpt→[\w-]+$", said, re.M), said
    assert openai_fake.last.body["messages"][-1] == {"role": "user", "content": "And me?"}
    call = server.cli("prompts", "try", "greeting@2", "--var", "name=Ada", "--rendered").stdout
    assert call.startswith("system: Be brief. Language: en.\n")
    refused = server.cli("prompts", "try", "greeting@2", check=False)
    assert refused.returncode == 2 and "name" in refused.stderr and refused.stdout == ""


def test_two_versions_stand_below_each_other_in_a_pipe(server):
    said = server.cli("prompts", "try", "greeting@1", "greeting@2", "--var", "name=Ada").stdout
    first, second = said.split("\n\n")
    for name, part in (("greeting@1", first), ("greeting@2", second)):
        assert part.startswith(name + "\n") and re.search(rf"{FIGURES}   {name}   gpt", part), part
    assert "\x1b" not in said


def test_an_error_of_one_does_not_hide_the_other(server):
    tried = server.cli("prompts", "try", "greeting@9", "greeting@2", "--var", "name=Ada", check=False)
    assert tried.returncode == 2
    assert "error: `greeting` has no version or label `9`" in tried.stdout and re.search(FIGURES, tried.stdout)
    answers = server.cli("prompts", "try", "greeting@9", "greeting@2", "--var", "name=Ada", "--json", check=False)
    assert answers.returncode == 2
    wrong, right = json.loads(answers.stdout)["data"]
    assert wrong["name"] == "greeting@9" and wrong["answer"]["error"]["code"] == "model_not_found"
    assert right["answer"]["choices"] and right["call"]["target_version"] == 2 and right["call"]["cost_usd"] is not None


def test_a_prompt_on_two_models(server, openai_fake):
    before = len(openai_fake.requests)
    said = server.cli("prompts", "try", "greeting@2", "--model", "gpt", "--model", "gpt@1", "--var", "name=Ada").stdout
    assert len(re.findall(rf"{FIGURES}   gpt@1   gpt", said)) == 2, said
    asked = [request.body for request in openai_fake.requests[before:]]
    assert len(asked) == 2 and asked[0]["messages"] == asked[1]["messages"]
    assert asked[0]["messages"][0] == {"role": "system", "content": "Be brief. Language: en."}
    refused = server.cli("prompts", "try", "greeting@1", "greeting@2", "--model", "gpt", check=False)
    assert refused.returncode == 2 and "name one prompt" in refused.stderr


def on_a_terminal(server, columns, *words):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key, "LANG": "C.UTF-8", "NO_COLOR": "1"}
    process = subprocess.Popen([binary(), *words], stdout=slave, stderr=slave, stdin=subprocess.DEVNULL, env=env)
    os.close(slave)
    said = b""
    while True:
        try:
            said += os.read(master, 65536)
        except OSError:  # the other end is closed
            break
    os.close(master)
    return process.wait(30), said.decode().replace("\r\n", "\n")


def test_on_a_terminal_they_stand_side_by_side(server):
    words = ["prompts", "try", "greeting@1", "nobody", "--var", "name=Ada"]
    status, said = on_a_terminal(server, 80, *words)
    assert status == 2
    lines = said.split("\x1b[J")[-1].splitlines()  # after the last that was drawn over
    assert all(len(line) <= 80 and line[38:41] == " │ " for line in lines), lines
    left, right = ("\n".join(line[cut].rstrip() for line in lines) for cut in (slice(0, 38), slice(41, None)))
    assert re.fullmatch(r"greeting@1\ngreeting@1   gpt→[\w-]+\n[^\n]+\n\d+ ms   first \d+ ms\n\d+→\d+ tok   \d\.\d{4} \$\n*", left), left
    assert right.startswith("nobody") and "Model `nobody` does not exist" in right.replace("\n", " ")
    status, said = on_a_terminal(server, 40, *words)  # too narrow
    assert status == 2 and "│" not in said and "error: Model `nobody` does not exist" in said
