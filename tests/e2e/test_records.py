"""Every call is recorded, can be looked at, and survives kill -9."""

import json
import time

import pytest
from harness import eventually


def test_kill_9_loses_no_record_that_is_100_ms_old(start, project):
    server = start(project=project)
    answered = []
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        answer = server.chat("gpt", stream=len(answered) % 2 == 0)
        answered.append((answer.headers["x-fairlead-call-id"], time.monotonic()))
    server.kill()
    killed = time.monotonic()
    owed = [call for call, at in answered if killed - at > 0.1]
    assert len(owed) > 20
    again = start(data=server.data)
    kept = {row[0] for row in again.request("POST", "/api/v1/sql", {"query": "select id from calls", "limit": 10000}).json["rows"]}
    assert set(owed) <= kept
    assert len(kept) <= len(answered)


def test_kill_9_again_and_again(start, project):
    server = start(project=project)
    owed = set()
    for _ in range(4):
        for _ in range(15):
            owed.add(server.chat("gpt").headers["x-fairlead-call-id"])
        time.sleep(0.15)
        server.kill()
        server = start(data=server.data)
    rows = server.request("POST", "/api/v1/sql", {"query": "select id, count(*) from calls group by id", "limit": 10000}).json["rows"]
    assert {row[0] for row in rows} >= owed
    assert all(count == 1 for _, count in rows)


def test_errors_are_recorded(fairlead):
    for members, code in (({"x_fake": {"error": 429}}, "rate_limit_exceeded"), ({"x_fake": {"error": 500}}, "upstream_error")):
        record = fairlead.call(fairlead.chat("gpt", **members).headers["x-fairlead-call-id"])
        assert record["error_code"] == code and record["status"] in (429, 502) and record["attempts"]
    record = fairlead.call(fairlead.chat("gtp").headers["x-fairlead-call-id"])
    assert record["status"] == 404 and record["error_code"] == "model_not_found" and record["requested_model"] == "gtp"


def test_streams_have_a_first_token(fairlead):
    record = fairlead.call(fairlead.chat("gpt", stream=True, x_fake={"delay": 0.3}).headers["x-fairlead-call-id"])
    assert record["stream"] is True and 250 < record["first_token_ms"] < record["duration_ms"] + 1
    assert record["usage_reported"] is True and record["output_tokens"] == 3


def test_broken_streams_are_recorded(fairlead):
    record = fairlead.call(fairlead.chat("gpt", stream=True, x_fake={"truncate_after": 2}).headers["x-fairlead-call-id"])
    assert record["error_code"] == "upstream_reset"


def test_prompts_and_labels_are_recorded(fairlead):
    answer = fairlead.chat("greeting@staging", messages=[], fairlead={"variables": {"name": "Ada"}})
    record = fairlead.call(answer.headers["x-fairlead-call-id"])
    assert (record["target_kind"], record["target"], record["target_version"], record["label"]) == ("prompt", "greeting", 2, "staging")
    assert record["model"] == "gpt" and record["upstream_model"] == "gpt-fake-2026-01-01"


def test_content_is_kept_only_if_asked(start, fairlead, project):
    secret = "a very particular sentence"
    record = fairlead.call(fairlead.chat("gpt", secret).headers["x-fairlead-call-id"])
    assert secret not in json.dumps(record)
    server = start(project=project, settings=["--telemetry.content=full"])
    record = server.call(server.chat("gpt", secret).headers["x-fairlead-call-id"])
    assert secret in record["input"] and "Hello from upstream." in record["output"]
    streamed = server.call(server.chat("gpt", secret, stream=True).headers["x-fairlead-call-id"])
    assert streamed["output"] == record["output"] == "Hello from upstream."
    script = {"tool_calls": [{"name": "f", "arguments": {"city": "Oslo"}}]}
    tools = [{"type": "function", "function": {"name": "f"}}]
    for stream in (False, True):
        record = server.call(server.chat("gpt", stream=stream, tools=tools, x_fake=script).headers["x-fairlead-call-id"])
        call = json.loads(record["output"])["tool_call"]
        assert call["name"] == "f" and json.loads(call["arguments"]) == {"city": "Oslo"}


def test_strict_durability_keeps_every_answered_call(start, project):
    server = start(project=project, settings=["--telemetry.durability=strict", "--telemetry.flush=10s"])
    answers = [server.chat("gpt", stream=stream) for stream in (False, True, False, True)] + [server.chat("gtp")]
    server.kill()
    assert all("[DONE]" in answer.text for answer in answers[1:4:2])
    again = start(data=server.data)
    kept = {row[0] for row in again.request("POST", "/api/v1/sql", {"query": "select id from calls", "limit": 10000}).json["rows"]}
    assert kept == {answer.headers["x-fairlead-call-id"] for answer in answers}


def test_filters_and_pages(fairlead):
    # Two loops may make two of them in one millisecond; their order is that of the ids then.
    ids = sorted(fairlead.chat("gpt", fairlead={"session": "pages"}).headers["x-fairlead-call-id"] for _ in range(5))
    eventually(lambda: len(fairlead.calls("?session=pages")) == 5)
    page = fairlead.request("GET", "/api/v1/calls?session=pages&limit=2").json
    assert [call["id"] for call in page["data"]] == ids[:2:-1] and page["has_more"] is True
    older = fairlead.request("GET", f"/api/v1/calls?session=pages&limit=9&before={ids[3]}").json
    assert [call["id"] for call in older["data"]] == ids[2::-1] and older["has_more"] is False
    newer = fairlead.calls(f"?session=pages&after={ids[2]}")
    assert [call["id"] for call in newer] == ids[3:]


def test_command_line(fairlead):
    call_id = fairlead.chat("gpt", fairlead={"user": "cli"}).headers["x-fairlead-call-id"]
    fairlead.call(call_id)
    assert "gpt" in fairlead.cli("calls", "list", "--user", "cli").stdout
    assert "openai-fake" in fairlead.cli("calls", "show", call_id).stdout
    assert json.loads(fairlead.cli("calls", "show", call_id, "--json").stdout)["id"] == call_id
    assert "openai-fake" in fairlead.cli("sql", f"select provider from calls where id = '{call_id}'").stdout


@pytest.mark.parametrize(
    "query",
    [
        "drop table calls",
        "insert into calls select * from calls",
        "select * from read_csv('/etc/passwd')",
        "copy calls to '/tmp/x.csv'",
        "attach '/tmp/x.db'",
        "select 1; drop table calls",
        "select * from nothing",
        "set memory_limit = '1TB'",
    ],
)
def test_sql_only_reads(fairlead, query):
    answer = fairlead.request("POST", "/api/v1/sql", {"query": query})
    assert answer.status == 400, answer.text
    assert fairlead.request("POST", "/api/v1/sql", {"query": "select count(*) from calls"}).json["rows"][0][0] >= 0


def test_sql_is_bounded(fairlead):
    began = time.monotonic()
    answer = fairlead.request("POST", "/api/v1/sql", {"query": "select sum(a.range * b.range) from range(1000000) a, range(1000000) b"}, timeout=60)
    assert answer.status in (400, 408, 504) and time.monotonic() - began < 30
    assert fairlead.chat("gpt").status == 200


def test_metrics(fairlead):
    fairlead.chat("gpt")
    answer = fairlead.request("GET", "/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
    assert "fairlead_" in answer.text and "# TYPE" in answer.text
