"""Schedules: chains by the clock, through kill -9 and on two nodes (docs/reference/schedules.md)."""

import datetime
import json
import time

from fakes.postgresql_server import PostgresqlServer

from harness import Fairlead, eventually, two_nodes

CHAIN = """kind: chain
name: echo
input: {at: {type: string}}
steps:
  - name: echo
    transform: "${{ input.at }}"
---
"""
OFTEN = """kind: schedule
name: often
chain: echo
input: {at: "${{ string(schedule.time) }}"}
"""
UTC = datetime.timezone.utc


def folder(tmp_path, rest, schedule=OFTEN):
    project = tmp_path / "p"
    project.mkdir(exist_ok=True)
    (project / "all.yaml").write_text(CHAIN + schedule + rest)
    return str(project)


def runs(server):
    """The runs of ticks, by the second of the tick; one that is there twice fails."""
    found, before = {}, ""
    while True:
        page = server.request("GET", f"/api/v1/runs?chain=echo&limit=1000{before}").json["data"]
        for run in page:
            if key := run.get("key"):
                at = datetime.datetime.fromisoformat(key.removeprefix("schedule:often:")).timestamp()
                assert at not in found, key
                found[at] = run
        if len(page) < 1000:
            return found
        before = f"&before={page[-1]['id']}"


def assert_each_second(found):
    ticks = sorted(found)
    assert ticks == [ticks[0] + i for i in range(len(ticks))], ticks


def show(server, name="often"):
    return server.request("GET", f"/api/v1/schedules/{name}").json


def test_no_tick_is_lost_and_none_runs_twice_through_kills(tmp_path):
    server = Fairlead(tmp_path / "data").wait_ready()
    try:
        server.cli("apply", folder(tmp_path, "every: 1s\ncatch_up: all\n"))
        for _ in range(4):
            eventually(lambda: len(runs(server)) > 0, 5, "a tick")
            time.sleep(1.3)
            server.kill()
            time.sleep(1.6)
            server = Fairlead(tmp_path / "data").wait_ready()
        before = len(runs(server))
        eventually(lambda: len(runs(server)) >= before + 2, 5, "further ticks")
        eventually(lambda: all(run["state"] == "succeeded" for run in runs(server).values()), 10, "the end of them")
        found = runs(server)
        assert_each_second(found)
        assert len(found) >= 4 * 2
        some = server.request("GET", f"/api/v1/runs/{found[min(found)]['id']}").json
        assert some["output"] == some["key"].removeprefix("schedule:often:") and some["by"] == "schedule:often"
        assert abs(show(server)["started"] - len(runs(server))) <= 1
    finally:
        server.stop()


def test_latest_starts_one_of_those_that_were_missed_and_pausing_stops_it(tmp_path):
    server = Fairlead(tmp_path / "data").wait_ready()
    try:
        server.cli("apply", folder(tmp_path, "every: 1s\n"))
        eventually(lambda: len(runs(server)) > 0, 5, "a tick")
        server.kill()
        time.sleep(13)  # more than what counts as on time
        back = time.time()
        server = Fairlead(tmp_path / "data").wait_ready()
        eventually(lambda: max(runs(server)) > back, 5, "a tick of now")
        ticks = sorted(runs(server))
        gaps = [b - a for a, b in zip(ticks, ticks[1:]) if b - a > 1]
        assert len(gaps) == 1 and gaps[0] > 10, ticks
        server.cli("apply", folder(tmp_path, "every: 1s\npaused: true\n"))
        eventually(lambda: show(server)["paused"], 5, "the pause")
        time.sleep(1.2)
        count = len(runs(server))
        time.sleep(2.5)
        assert len(runs(server)) == count and show(server)["next"] == []
    finally:
        server.stop()


def test_two_nodes_on_postgresql_make_one_run_of_a_tick(tmp_path):
    with two_nodes(tmp_path, lambda data, env: Fairlead(data, env=env).wait_ready()) as nodes:
        nodes[0].cli("apply", folder(tmp_path, "every: 1s\ncatch_up: all\n"))
        eventually(lambda: len(runs(nodes[1])) >= 4, 12, "four ticks")
        end = datetime.datetime.now(UTC) - datetime.timedelta(hours=1)
        body = {"from": (end - datetime.timedelta(seconds=19)).isoformat(), "to": end.isoformat(), "at_once": 2}
        made = nodes[1].request("POST", "/api/v1/schedules/often/backfills", body)
        assert made.status == 201, made.text
        done = eventually(lambda: next((one for one in show(nodes[0])["backfills"] if one["state"] == "done"), None), 15, "the backfill")
        assert done["ticks"] == done["started"] + done["had_run"] == 20 and done["failed"] == 0
        assert sum(at < end.timestamp() for at in runs(nodes[0])) == 20
        nodes[0].kill()  # the other goes on
        before = len(runs(nodes[1]))
        eventually(lambda: len(runs(nodes[1])) >= before + 3, 12, "further ticks")
        assert_each_second(at for at in runs(nodes[1]) if at > end.timestamp())


def test_ticks_of_a_time_without_the_store_are_started_afterwards(tmp_path):
    with PostgresqlServer() as postgresql:
        server = Fairlead(tmp_path / "data", env={"FAIRLEAD_STORE": postgresql.new_database()}).wait_ready()
        try:
            server.cli("apply", folder(tmp_path, "every: 1s\ncatch_up: all\n"))
            eventually(lambda: len(runs(server)) > 0, 5, "a tick")
            postgresql.stop()
            stopped = time.time()
            time.sleep(3)
            postgresql.start()
            back = time.time()
            eventually(lambda: server.request("GET", "/api/v1/schedules").status == 200, 20, "the store")
            eventually(lambda: max(runs(server)) > back, 20, "a tick of afterwards")
            found = runs(server)
            assert_each_second(found)
            assert sum(stopped < at < back for at in found) >= 2
        finally:
            server.stop()


def test_a_backfill_survives_a_kill_and_runs_no_tick_again(tmp_path):
    waits = CHAIN.replace('    transform: "${{ input.at }}"', "    wait: 150ms")
    project = tmp_path / "p"
    project.mkdir()
    (project / "all.yaml").write_text(waits + OFTEN + 'cron: "*/5 * * * *"\nzone: Europe/Berlin\n')
    server = Fairlead(tmp_path / "data").wait_ready()
    try:
        server.cli("apply", str(project))
        begin = datetime.datetime.now(UTC).replace(second=0, microsecond=0) - datetime.timedelta(days=1)
        words = ["--from", f"{begin:%Y-%m-%dT%H:%M:%SZ}", "--to", f"{begin + datetime.timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"]
        made = json.loads(server.cli("schedules", "backfill", "often", *words, "--at-once", "3", "--json").stdout)
        assert made["state"] == "running" and made["ticks"] in (24, 25)
        most = 0
        for _ in range(3):
            done = len(runs(server))
            eventually(lambda: len(runs(server)) > done, 10, "progress")
            most = max(most, sum(run["state"] not in ("succeeded", "failed") for run in runs(server).values()))
            server.kill()
            server = Fairlead(tmp_path / "data").wait_ready()
        over = eventually(lambda: next((one for one in show(server)["backfills"] if one["state"] == "done"), None), 40, "its end")
        assert most <= 3 and over["id"] == made["id"]
        assert over["started"] + over["had_run"] == over["ticks"] == len(runs(server)) and over["failed"] == 0
        again = json.loads(server.cli("schedules", "backfill", "often", *words, "--at-once", "3", "--json").stdout)
        over = eventually(lambda: next((b for b in show(server)["backfills"] if b["id"] == again["id"] and b["state"] == "done"), None), 20, "the second")
        assert over["had_run"] == over["ticks"] == len(runs(server)) and over["started"] == 0
    finally:
        server.stop()


def test_what_is_wrong_is_refused_and_the_command_line_tells_the_rest(tmp_path):
    with Fairlead(tmp_path / "data").wait_ready() as server:
        for rest, word in [
            ('cron: "0 0 30 2 *"\n', "never comes"),
            ('cron: "@daily"\nzone: Europe/Atlantis\n', "Europe/Atlantis"),
            ("every: 0.5s\n", "whole seconds"),
            ("", "`cron` or `every`"),
        ]:
            done = server.cli("apply", folder(tmp_path, rest), check=False)
            assert done.returncode != 0 and word in done.stdout + done.stderr, done
        server.cli("apply", folder(tmp_path, 'cron: "30 2 * * mon-fri"\nzone: Europe/Berlin\n'))
        assert "30 2 * * mon-fri Europe/Berlin" in server.cli("schedules", "list").stdout
        assert server.cli("schedules", "show", "often").stdout.count("next ") == 5
        run = json.loads(server.cli("schedules", "run", "often", "--json").stdout)
        ended = eventually(lambda: (r := server.request("GET", f"/api/v1/runs/{run['id']}").json)["state"] == "succeeded" and r, 5, "it")
        assert "key" not in ended
        done = server.cli("schedules", "show", "oftn", check=False)
        assert done.returncode != 0 and "Did you mean `often`?" in done.stderr
        answer = server.request("POST", "/api/v1/schedules/often/backfills", {"from": "2026-01-01T00:00:00Z", "to": "2126-01-01T00:00:00Z"})
        assert answer.status == 400 and "future" in answer.error["message"]
        answer = server.request("POST", "/api/v1/backfills/none/cancel")
        assert answer.status == 404 and answer.error["code"] == "backfill_not_found"
