"""What cannot be undone asks at a terminal; a script, and whoever says --yes, is not asked."""

import json
import os
import pty
import subprocess

import pytest

from harness import Fairlead, binary


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Fairlead(tmp_path_factory.mktemp("destroying") / "data") as running:
        running.wait_ready()
        yield running


def new_key(server):
    server.cli("keys", "create", "shop", "--scope", "call")
    return json.loads(server.cli("keys", "list", "--json").stdout)["data"][-1]["id"]


def is_there(server, key):
    return key in server.cli("keys", "list").stdout


def at_a_terminal(server, said, *arguments):
    """The exit status and what was printed."""
    master, slave = pty.openpty()
    env = {"PATH": os.environ["PATH"], "FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key}
    process = subprocess.Popen([binary(), *arguments], env=env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.close(slave)
    os.write(master, said)
    output, _ = process.communicate(timeout=20)
    os.close(master)
    return process.returncode, output


@pytest.mark.parametrize("said", [b"\n", b"n\n", b"what?\n", b"\x04"])
def test_nothing_is_done_without_a_yes(server, said):
    key = new_key(server)
    status, output = at_a_terminal(server, said, "keys", "revoke", key)
    assert status == 1 and f"Revoke {key}? " in output and "Nothing has changed." in output
    assert is_there(server, key)


def test_a_yes_does_it(server):
    key = new_key(server)
    status, output = at_a_terminal(server, b"y\n", "keys", "revoke", key)
    assert status == 0 and f"{key} is revoked" in output
    assert not is_there(server, key)


def test_nobody_is_asked_who_said_yes_or_cannot_be(server):
    key = new_key(server)
    status, output = at_a_terminal(server, b"", "keys", "revoke", key, "--yes")
    assert status == 0 and "?" not in output and not is_there(server, key)
    key = new_key(server)
    assert "is revoked" in server.cli("keys", "revoke", key).stdout and not is_there(server, key)


@pytest.mark.parametrize("command", [("secrets", "remove"), ("sessions", "delete"), ("privacy", "forget")])
def test_the_others_ask_too(server, command):
    status, output = at_a_terminal(server, b"n\n", *command, "nothing")
    assert status == 1 and "[y/N]" in output and "Nothing has changed." in output
