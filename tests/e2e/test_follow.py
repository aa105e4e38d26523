"""`--follow` on a terminal: a line a step, drawn in place."""

import contextlib
import os
import pty
import re
import signal
import subprocess

from harness import Fairlead, binary, eventually

CHAIN = """kind: chain
name: steady
steps:
  - {name: first, wait: 300ms}
  - {name: each, map: "${{ [1, 2, 3] }}", after: [first], wait: 200ms}
  - {name: last, transform: "${{ steps.each.output.size() }}"}
"""


@contextlib.contextmanager
def server_of(folder, chain):
    (folder / "p").mkdir()
    (folder / "p" / "all.yaml").write_text(chain)
    with Fairlead(folder / "data", folder / "p") as server:
        yield server.wait_ready()


def follow(server, chain, **options):
    env = {"PATH": os.environ["PATH"], "FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key, "LANG": "C.UTF-8", "TERM": "xterm"}
    return subprocess.Popen([binary(), "run", chain, "--follow"], env=env, stdin=subprocess.DEVNULL, **options)


def test_steps_are_drawn_in_place(tmp_path):
    with server_of(tmp_path, CHAIN) as server:
        master, slave = pty.openpty()
        process = follow(server, "steady", stdout=slave, stderr=slave)
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(master)
        assert process.wait(20) == 0
        text = shown.decode()
        assert text.count("\x1b[3A\x1b[J") >= 3, "three lines, again and again"
        frames = [re.sub(r"\x1b\[[0-9;]*m", "", frame) for frame in text.split("\x1b[3A\x1b[J")]
        assert "first          · sleeps until " in "".join(frames)
        assert "each           · waits for first" in frames[1] and "last           · waits for each" in frames[1]
        assert re.search(r"each            {16}   0/3", "".join(frames)), "a bar, as the map's elements are known"
        assert "last           ✓" in frames[-1] and "succeeded" in frames[-1] and "intent" not in text
        plain = server.cli("run", "steady", "--follow").stdout
        assert "\x1b" not in plain and "wait" in plain


ASKING = """kind: chain
name: asking
steps:
  - {name: each, map: "${{ [1, 2, 3] }}", wait: 60s}
  - {name: editor, approve: "Publish it?"}
  - {name: check, transform: "${{ steps.each.output.size() }}"}
"""


def test_a_run_says_what_it_waits_for_and_ctrl_c_says_how_to_go_on(tmp_path):
    with server_of(tmp_path, ASKING) as server:
        process = follow(server, "asking", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        run = process.stdout.readline().split()[0]
        for _ in range(2):
            assert process.stdout.readline(), "it follows"
        eventually(lambda: "waits for approval: Publish it?" in server.cli("runs", "show", run).stdout, what="the question")
        shown = server.cli("runs", "show", run).stdout
        assert "  editor         · waits for approval: Publish it?\n" in shown
        assert "  each           · sleeps until " in shown and "0 of 3 done" in shown
        assert "  check          · waits for each\n" in shown
        steps = {step["name"]: step for step in server.request("GET", f"/api/v1/runs/{run}").json["steps"]}
        assert steps["each"]["of"] == 3 and steps["check"]["after"] == ["each"] and "after" not in steps["editor"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == -signal.SIGINT
        assert f"The run goes on: fairlead runs tail {run} shows the rest" in said
