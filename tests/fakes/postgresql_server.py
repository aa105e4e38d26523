"""Debian's PostgreSQL in a folder of its own, on a Unix socket, as an unprivileged user, for as long as a test wants it."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
USER = "nobody"  # whom it runs as where the tests run as root, which it refuses to be


class PostgresqlServer:
    def __init__(self):
        assert os.access(PROGRAMS / "initdb", os.X_OK), "postgresql-15 is not installed: run tools/deps"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgresql-"))
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.process, self.databases = None, 0
        initdb = ["initdb", "--no-sync", "--auth=trust", "--username=fairlead", "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={self.folder}/data"]
        assert self._spawn(initdb).wait() == 0, self.log
        self.start()

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def _spawn(self, words):
        def become():
            if os.geteuid() == 0:
                user = pwd.getpwnam(USER)
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)

        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen(
                [str(PROGRAMS / words[0]), *words[1:]], cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=become, start_new_session=True
            )

    def start(self):
        self.process = self._spawn(["postgres", "-D", f"{self.folder}/data", "-k", str(self.folder), "-c", "listen_addresses="])
        deadline = time.monotonic() + 60
        while self.sql("select 1") != "1":
            assert self.process.poll() is None and time.monotonic() < deadline, f"it does not start:\n{self.log}"
            time.sleep(0.02)

    def stop(self, how=signal.SIGINT):
        """SIGINT: as an administrator does; SIGQUIT: at once, so that it has to recover from its log."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(60)

    def sql(self, text, database="postgres"):
        """What psql prints, without a frame; nothing if the server is not there."""
        words = ["psql", "-X", "-q", "-A", "-t", "-h", str(self.folder), "-U", "fairlead", "-d", database, "-c", text]
        return subprocess.run([str(PROGRAMS / words[0]), *words[1:]], capture_output=True, text=True, timeout=60).stdout.strip()

    def uri(self, database):
        return f"postgresql:///{database}?user=fairlead&host={self.folder}"

    def new_database(self):
        self.databases += 1
        name = f"test{self.databases}"
        self.sql(f"create database {name}")
        return self.uri(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)
