"""A step over many elements: what fails stays within its rules, and the memory of the server flat."""

from conftest import UPSTREAM_KEYS
from fakes.openai_upstream import OpenAIUpstream
from harness import FAKE_PROVIDER, FAKE_SMALL, eventually

CHAIN = """kind: chain
name: many
input: {{items: {{type: array, items: {{type: integer}}}}}}
steps:
  - name: each
    map: ${{{{ input.items }}}}
    at_once: 32
    failures: {failures}
    model: small
    messages: number ${{{{ item }}}}
  - name: lost
    transform: ${{{{ steps.each.output.filter(one, one == null).size() }}}}
output: {{elements: "${{{{ steps.each.output.size() }}}}", lost: "${{{{ steps.lost.output }}}}"}}
"""
ELEMENTS = 10_000


class EveryHundredth(OpenAIUpstream):
    """Refuses each hundredth number for good, and counts what it is asked."""

    asked = 0

    def answer(self, handler, request):
        with self._lock:
            self.asked += 1
            self.requests.clear()
        if int(request.body["messages"][-1]["content"].split()[-1]) % 100 == 7:
            request.body["x_fake"] = {"error": 400}
        return super().answer(handler, request)


def memory_mib(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def run_over(start, tmp_path, elements, failures):
    with EveryHundredth(key=UPSTREAM_KEYS["FAKE_OPENAI_KEY"]) as upstream:
        project = tmp_path / "p"
        project.mkdir()
        (project / "all.yaml").write_text(FAKE_PROVIDER.format(url=upstream.url) + FAKE_SMALL.format() + CHAIN.format(failures=failures))
        server = start(project=project, env=UPSTREAM_KEYS)
        before = memory_mib(server)
        run = server.request("POST", "/api/v1/runs", {"chain": "many", "input": {"items": list(range(elements))}})
        assert run.status == 201, run.body
        ended = eventually(lambda: (now := server.request("GET", f"/api/v1/runs/{run.json['id']}").json)["state"] in ("succeeded", "failed") and now,
                           300, "the run's end")
        return ended, upstream.asked, memory_mib(server) - before


def test_ten_thousand_elements_of_which_one_in_a_hundred_fails(start, tmp_path):
    run, asked, grown = run_over(start, tmp_path, ELEMENTS, "1%")
    assert run["state"] == "succeeded", run
    assert run["output"] == {"elements": ELEMENTS, "lost": ELEMENTS // 100}
    assert asked == ELEMENTS  # each once
    # The run's own texts and the records of its calls; measured: 24 MiB.
    assert grown < 80, grown


def test_one_failure_more_than_allowed_ends_the_run(start, tmp_path):
    run, asked, _ = run_over(start, tmp_path, 1_000, 9)
    assert run["state"] == "failed" and "each" in str(run["error"]), run
    assert asked < 1_000  # nothing begins after the tenth failure
