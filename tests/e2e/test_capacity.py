"""fairlead plan-capacity: what it says of a load, beside what then happens, and what it says to those who ask wrongly."""

import json
import pathlib
import sys

import pytest
from fakes.loaded_upstream import LoadedUpstream

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load/capacity"))
from rehearsal import load, percentiles, serve  # noqa: E402

PLAN = ("plan-capacity", "--target", "p90 first_token <= 900ms")


@pytest.fixture(scope="module")
def upstream():
    with LoadedUpstream(alone=0.4, contention=0.02, sigma=0.15, tokens=5) as fake:
        yield fake


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, upstream):
    """A server that has recorded 12 s of 15 calls a second."""
    with serve(tmp_path_factory.mktemp("capacity"), upstream, places=40) as server:
        load(server, 15, 12, seed=1)
        yield server
        assert "Sanitizer" not in server.log, server.log[-8000:]


# The three loads of the issue are in tests/load/capacity.
def test_a_plan_says_what_then_happens(recorded):
    plan = json.loads(recorded.cli(*PLAN, "--load", "2x", "--json").stdout)
    predicted = {one["load"]: one["at_target_ms"] for one in plan["loads"]}
    calls, _, measured, _ = percentiles(recorded, load(recorded, 30, 12, seed=2), skip=2)
    assert calls > 200
    assert predicted[2] == pytest.approx(measured, rel=0.15)
    assert plan["models"][0]["concurrency"] == 40
    assert plan["models"][0]["concurrency_needed"] <= 40
    assert plan["models"][0]["routes"][0]["recorded_in_flight_most"] > 3
    (use_case,) = plan["use_cases"]
    assert use_case["use_case"] == "model:small"
    assert use_case["requests_per_minute"] == pytest.approx(1800, rel=0.15)


def test_a_plan_is_the_same_again_and_reads_well(recorded, tmp_path):
    plot = tmp_path / "plan.svg"
    arguments = [*PLAN, "--load", "1.5x", "--by", "key", "--seed", "3"]
    since = recorded.cli(*arguments, "--plot", str(plot)).stdout
    assert since.splitlines()[0].startswith("p90 first_token <= 900ms, at 1.5x the recorded peak: ")
    for words in ("holds", "concurrency.max", "requests/min", "\nkey ", f"The plot is in {plot}."):
        assert words in since, since
    svg = plot.read_text()
    assert svg.startswith("<svg ") and svg.rstrip().endswith("</svg>") and "time to first token, ms" in svg
    assert recorded.cli(*arguments, "--plot", str(plot)).stdout == since
    assert plot.read_text() == svg


@pytest.mark.parametrize(
    "words, says",
    [
        (["--target", "p95 latency <= 1s"], "  p95 latency <= 1s\n      ^ here belongs `first_token` or `duration`"),
        (["--target", "p95 first_token <= 1s", "--load", "many"], "--load must be a number of times, such as 3x, not `many`."),
        (["--target", "p95 first_token <= 1s", "--load", "1000x"], "`load` must be a number from"),
        (["--target", "p95 first_token <= 1s", "--since", "1y"], "`since` must be a time such as"),
        (["--target", "p95 first_token <= 1s", "--model", "smal"], "There is no model `smal`. Did you mean `small`?"),
        (["--target", "p99.9 first_token <= 1s"], "p99.9 takes 10000 at least."),
        (["--target", "p95 first_token <= 1s", "--by", "team"], "`by` must be `target`, `key`, `tag` or `user`."),
        (["--target", "p95 first_token <= 1s", "--plot", "/nonexistent/plan.svg"], "The plot cannot be written to /nonexistent/plan.svg."),
    ],
)
def test_what_cannot_be_planned_is_said(recorded, words, says):
    done = recorded.cli("plan-capacity", *words, check=False)
    assert done.returncode == (1 if "--plot" in words else 2)
    assert says in done.stderr, done.stderr


def test_without_records_there_is_no_plan(start):
    server = start()
    done = server.cli(*PLAN, check=False)
    assert done.returncode == 2 and "No calls to upstreams are recorded since" in done.stderr, done.stderr
    answer = server.request("POST", "/api/v1/capacity", {"target": "p95 first_token <= 1s", "loads": 3})
    assert answer.status == 400 and answer.error["code"] == "unknown_parameter"
    server.kill()
    done = server.cli(*PLAN, check=False)
    assert done.returncode == 1 and "No server answers at" in done.stderr
