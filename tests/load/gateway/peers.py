"""The peers that the gateway is measured beside: installed by package name into the cache folder, pinned with their hashes."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def cache():
    return Path(subprocess.run([ROOT / "tools/deps", "--where"], check=True, capture_output=True, text=True).stdout.strip())


def folder(name, *pins):
    """A folder of the cache that is named for what it holds, so that another version is another folder."""
    digest = hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()[:12]
    return cache() / f"peer-{name}-{digest}"


def install(into, commands):
    if (into / ".done").exists():
        return
    print(f"installing into {into}", file=sys.stderr, flush=True)
    into.mkdir(parents=True, exist_ok=True)
    for command in commands:
        if subprocess.run(command, cwd=into, stdout=subprocess.DEVNULL).returncode != 0:
            sys.exit(f"`{' '.join(map(str, command))}` failed: is its registry within reach?")
    (into / ".done").touch()


def litellm():
    """The LiteLLM proxy from PyPI; the path of its program."""
    pins = HERE / "peers/litellm.txt"
    into = folder("litellm", pins)
    pip = [into / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
    install(into, [[sys.executable, "-m", "venv", "--clear", into], [*pip, "-r", pins]])
    return into / "bin/litellm"


def portkey():
    """The Portkey gateway from npm; the path of its script."""
    pins = [HERE / "peers/portkey" / name for name in ("package.json", "package-lock.json")]
    into = folder("portkey", *pins)
    into.mkdir(parents=True, exist_ok=True)
    for pin in pins:
        shutil.copy(pin, into)
    install(into, [["npm", "ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund"]])
    return into / "node_modules/@portkey-ai/gateway/build/start-server.js"
