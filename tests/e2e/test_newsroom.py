"""examples/newsroom as its README says, on the local model: an article goes through the desk and is published once."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

import pytest

from harness import TOP, Fairlead, eventually, free_port

NEWSROOM = TOP / "examples" / "newsroom"


@pytest.fixture
def desk(tmp_path):
    port = free_port()
    shutil.copytree(NEWSROOM, tmp_path / "p")
    for path in ("fairlead.yaml", "chains/publish.yaml"):
        file = tmp_path / "p" / path
        file.write_text(file.read_text().replace("127.0.0.1:9000", f"127.0.0.1:{port}"))
    publisher = subprocess.Popen([sys.executable, str(NEWSROOM / "publisher.py"), str(port)], stderr=subprocess.DEVNULL)

    def articles():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/articles", timeout=5) as answer:
            return json.load(answer)

    yield tmp_path, articles
    publisher.terminate()
    publisher.wait()


def serve(folder):
    return Fairlead(folder / "data", folder / "p", settings=["--serving.slots=4", "--serving.context=4096"]).wait_ready(180)


def test_an_article_is_published_once_though_the_server_is_killed(desk):
    folder, articles = desk
    server = serve(folder)
    words = ["run", "publish", "--input", str(NEWSROOM / "article.json"), "--key", "harbour-bridge", "--json"]
    run = json.loads(server.cli(*words).stdout)["id"]
    show = lambda: json.loads(server.cli("runs", "show", run, "--json").stdout)  # noqa: E731
    eventually(lambda: any(step["name"] == "parts" and step["state"] == "done" for step in show()["steps"]), 120, "the parts")
    server.kill()
    server = serve(folder)
    try:
        asks = eventually(lambda: [step for step in show()["steps"] if step["name"] == "editor" and step["state"] == "waiting"], 180, "the question")
        assert "The judge gives it" in asks[0]["ask"] and articles() == []
        assert json.loads(server.cli(*words).stdout)["id"] == run, "the same key is the same run"
        server.cli("runs", "approve", run, "editor", "--comment", "fine")
        ended = eventually(lambda: (r := show())["state"] in ("succeeded", "failed") and r, 60, "the end")
        assert ended["state"] == "succeeded", ended
        assert [article["approved_by"] for article in articles()] == ["admin"]
        assert ended["output"]["address"] == articles()[0]["address"] and len(ended["output"]["headlines"]) == 3
        parts = json.loads(server.cli("runs", "show", run, "--history", "--json").stdout)["data"]
        done = [event["step"] for event in parts if event["event"] == "result" and event["step"].startswith("parts[")]
        assert sorted(done) == ["parts[0]", "parts[1]", "parts[2]"], "none was summed up again"
    finally:
        assert server.stop() == 0


def test_its_prompts_pass_their_tests(desk, tmp_path):
    folder, _ = desk
    environment = os.environ | {"FAIRLEAD_SERVING_SLOTS": "1"}
    with Fairlead(folder / "data", None, environment) as server:
        server.wait_ready()
        assert "2 tests pass" in server.cli("plan", str(folder / "p")).stdout
