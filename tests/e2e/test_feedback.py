"""What is said of answers: kept before it is confirmed, counted once, seen where calls are seen."""

import concurrent.futures
import http.client
import json

import pytest


def say(server, key="admin", **members):
    return server.request("POST", "/v1/feedback", members, key=key)


def sql(server, query):
    return server.request("POST", "/api/v1/sql", {"query": query}).json["rows"]


def test_what_is_said_of_a_call_is_seen_with_it(fairlead):
    call = fairlead.chat("gpt").headers["x-fairlead-call-id"]
    kept = say(fairlead, call=call, vote=False, comment="Wrong fee.", correction="2 %", author="u-17")
    assert kept.status == 200, kept.text
    assert kept.json["object"] == "feedback" and kept.json["call"] == call and kept.json["author"] == "u-17"
    (said,) = fairlead.call(call)["feedback"]
    assert said["id"] == kept.json["id"] and said["vote"] is False and said["comment"] == "Wrong fee." and said["correction"] == "2 %"
    shown = fairlead.cli("calls", "show", call).stdout
    assert "feedback by u-17  no, corrected  Wrong fee." in shown
    assert say(fairlead, call=call, vote=True, author="u-17").status == 200
    assert [one["vote"] for one in fairlead.call(call)["feedback"]] == [True]
    history = fairlead.request("GET", f"/api/v1/feedback?call={call}&history=true").json["data"]
    assert [one["vote"] for one in history] == [True, False]


def test_the_command_line_says_and_lists(fairlead):
    call = fairlead.chat("gpt", fairlead={"session": "s-cli"}).headers["x-fairlead-call-id"]
    assert fairlead.cli("feedback", "add", call, "--vote", "yes", "--score", "0.5", "--category", "fee", "--name", "cli").stdout.startswith("kept as ")
    listed = fairlead.cli("feedback", "list", "--target", "gpt", "--name", "cli").stdout
    assert f"call {call}" in listed and "yes, 0.5, fee" in listed
    assert fairlead.cli("feedback", "add", "--session", "s-cli", "--comment", "a\nb", "--name", "cli").returncode == 0
    assert "session s-cli" in fairlead.cli("feedback", "list", "--session", "s-cli").stdout
    assert fairlead.cli("feedback", "add", call, "--withdraw", "--name", "cli").returncode == 0
    assert call not in fairlead.cli("feedback", "list", "--name", "cli").stdout
    assert "withdrawn" in fairlead.cli("feedback", "list", "--name", "cli", "--history").stdout
    wrong = fairlead.cli("feedback", "add", "nonsense", "--vote", "yes", check=False)
    assert wrong.returncode == 2 and "x-fairlead-call-id" in wrong.stderr


def test_versions_are_compared_by_it(fairlead):
    calls = [fairlead.chat("gpt", fairlead={"tags": ["compared"]}).headers["x-fairlead-call-id"] for _ in range(4)]
    for i, call in enumerate(calls):
        for _ in range(3):  # sent again and again: counted once
            assert say(fairlead, call=call, name="compared", vote=i > 0, author="judge").status == 200
    query = "select target_version, count(*), avg(vote::int) from calls join feedback on call_id = calls.id where name = 'compared' group by all"
    assert sql(fairlead, query) == [[1, 4, 0.75]]
    (row,) = fairlead.request("GET", "/api/v1/stats?target=model:gpt").json["data"]
    assert row["calls"] >= 4 and row["p50_ms"] > 0
    (compared,) = [one for one in row["feedback"] if one["name"] == "compared"]
    assert (compared["count"], compared["votes"], compared["yes"]) == (4, 4, 3)
    shown = fairlead.cli("stats", "gpt").stdout
    assert "compared: yes 75% of 4" in shown
    wrong = fairlead.cli("stats", "gpt", "--since", "yesterday", check=False)
    assert wrong.returncode == 2 and "24h" in wrong.stderr


@pytest.mark.parametrize(
    "body, param",
    [
        ({"vote": True}, "call"),
        ({"call": "01", "vote": True}, "call"),
        ({"user": "u", "session": "s", "vote": True}, "call"),
        ({"user": "u"}, "vote"),
        ({"user": "u", "vote": "yes"}, "vote"),
        ({"user": "u", "score": "high"}, "score"),
        ({"user": "u", "comment": "x" * 4001}, "comment"),
        ({"user": "u", "vote": True, "rating": 5}, "rating"),
    ],
)
def test_what_is_wrong_is_named(fairlead, body, param):
    answer = say(fairlead, **body)
    assert answer.status == 400 and answer.error["param"] == param and answer.error["message"], answer.text


def test_it_needs_a_key_that_may_call_and_stays_in_its_project(fairlead):
    assert say(fairlead, key=None, user="u", vote=True).status == 401
    reader = fairlead.request("POST", "/api/v1/keys", {"name": "reader", "scopes": ["read"]}).json["key"]
    assert say(fairlead, key=reader, user="u", vote=True).status == 403
    stranger = fairlead.request("POST", "/api/v1/keys", {"name": "s", "project": "other", "scopes": ["call", "read"]}).json["key"]
    call = fairlead.chat("gpt").headers["x-fairlead-call-id"]
    assert say(fairlead, key=stranger, call=call, vote=False).status == 200  # about a call that its project does not have
    assert fairlead.call(call)["feedback"] == []
    assert len(fairlead.request("GET", f"/api/v1/feedback?call={call}", key=stranger).json["data"]) == 1


def test_what_was_confirmed_outlives_kill_9(start, project):
    server = start(project=project)
    call = server.chat("gpt").headers["x-fairlead-call-id"]

    def many(thread):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        confirmed = []
        for i in range(50):
            body = json.dumps({"call": call, "score": i, "author": f"{thread}.{i}"})
            headers = {"authorization": f"Bearer {server.admin_key}", "content-type": "application/json"}
            connection.request("POST", "/v1/feedback", body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            confirmed.append(f"{thread}.{i}")
        connection.close()
        return confirmed

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        confirmed = [author for done in pool.map(many, range(4)) for author in done]
    server.kill()
    again = start(data=server.data)
    kept = {row[0] for row in again.request("POST", "/api/v1/sql", {"query": "select author from feedback", "limit": 1000}).json["rows"]}
    assert kept == set(confirmed)
