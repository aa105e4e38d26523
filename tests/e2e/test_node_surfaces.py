"""Node's clients on every surface that they know: node/surfaces.mjs and node/ai.mjs say what they saw."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

NODE = pathlib.Path(__file__).parent / "node"
HELLO = "Hello from upstream."


def run(script, fairlead, package):
    if not shutil.which("node"):
        pytest.skip("needs Node.js")
    if not (NODE / "node_modules" / package).is_dir():
        pytest.skip("needs `npm ci --ignore-scripts` in tests/e2e/node")
    env = os.environ | {"BASE_URL": f"{fairlead.url}/v1", "API_KEY": fairlead.admin_key, "AI_SDK_LOG_WARNINGS": "false"}
    done = subprocess.run(["node", script], cwd=NODE, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_openai(fairlead):
    seen = run("surfaces.mjs", fairlead, "openai")
    assert seen == {
        "response": HELLO,
        "conversation": [HELLO, True, ["two"]],
        "responseStream": ["well then", ["reasoning", "message"], True],
        "responseTools": [["get_weather", {"city": "Oslo"}]],
        "completion": HELLO,
        "completionStream": HELLO,
        "file": [5, "hello", True],
        "refusal": [400, "truncation"],
    }


def test_ai_package(fairlead):
    seen = run("ai.mjs", fairlead, "ai")
    for model in ("gpt", "claude"):
        one = seen[model]
        assert one["whole"] == one["streamed"] == HELLO and one["finish"] == "stop"
        assert one["tokens"] > 0 and one["streamedTokens"] > 0
        assert one["tools"] == ["rain in Oslo"] and one["object"] == {"city": "text"} and one["reasoning"] == "let me see"
    assert seen["completion"] == HELLO
    assert seen["unknown"][0] == 404 and "Did you mean" in seen["unknown"][1]
