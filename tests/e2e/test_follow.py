"""`--follow` on a terminal: a line a step, drawn in place."""

import os
import pty
import re
import subprocess

from harness import Fairlead, binary

CHAIN = """kind: chain
name: steady
steps:
  - {name: first, wait: 300ms}
  - {name: each, map: "${{ [1, 2, 3] }}", after: [first], wait: 200ms}
  - {name: last, transform: "${{ steps.each.output.size() }}"}
"""


def test_steps_are_drawn_in_place(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "all.yaml").write_text(CHAIN)
    with Fairlead(tmp_path / "data", tmp_path / "p") as server:
        server.wait_ready()
        env = {"PATH": os.environ["PATH"], "FAIRLEAD_URL": server.url, "FAIRLEAD_KEY": server.admin_key, "LANG": "C.UTF-8", "TERM": "xterm"}
        master, slave = pty.openpty()
        process = subprocess.Popen([binary(), "run", "steady", "--follow"], env=env, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL)
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
        assert "first          · waits" in "".join(frames) and "each           ·" in frames[1]
        assert "last           ✓" in frames[-1] and "succeeded" in frames[-1] and "intent" not in text
        plain = server.cli("run", "steady", "--follow").stdout
        assert "\x1b" not in plain and "wait" in plain
