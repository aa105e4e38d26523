"""Debian's Redis in a folder of its own, on a Unix socket or a port, for as long as a test wants it."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# The server under another name: the package that calls it redis-server would start one on the machine.
PROGRAM = "/usr/bin/redis-check-rdb"


class RedisServer:
    def __init__(self, password="", port=0):
        assert os.access(PROGRAM, os.X_OK), "redis-tools is not installed: run tools/deps"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket = str(self.folder / "socket")
        self.port, self.password, self.process = port, password, None
        self.url = f"redis://127.0.0.1:{port}" if port else f"redis+unix://{self.socket}"
        self.start()

    def start(self, keep=True):
        """With all that was written before, or without."""
        if not keep:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        pathlib.Path(self.socket).unlink(missing_ok=True)
        arguments = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--dir", str(self.folder)]
        arguments += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        if self.password:
            arguments += ["--requirepass", self.password]
        self.process = subprocess.Popen(arguments, executable=PROGRAM, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self.ask("PING"):
            assert time.monotonic() < deadline and self.process.poll() is None, "redis-server does not start"
            time.sleep(0.005)

    def ask(self, *words):
        """What it says to one command; nothing if it is not there."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(self.socket)
                if self.password:
                    client.sendall(f"AUTH {self.password}\r\n".encode())
                    client.recv(100)
                client.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words)))
                return client.recv(65536).decode(errors="replace")
        except OSError:
            return ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
