"""Eight clients apply, promote and call at once: what they see could have happened one after another.

A bigger run: FAIRLEAD_VERSIONS=1000 FAIRLEAD_LABELS=100 python -m pytest tests/e2e/test_histories.py
"""

import os
import random
import threading
import time

from histories import Read, Write, fault

CLIENTS = 8
VERSIONS = int(os.environ.get("FAIRLEAD_VERSIONS", 96))
LABELS = int(os.environ.get("FAIRLEAD_LABELS", 12))


def test_the_check_sees_what_cannot_have_happened():
    writes = [Write(0, 1, 1, None, "a"), Write(2, 3, 2, "a", "b")]
    assert fault(None, writes, [Read(0.5, 0.6, None), Read(0.5, 0.6, "a"), Read(2.5, 2.6, "b"), Read(4, 5, "b")]) is None
    assert "replaced before" in fault(None, writes, [Read(4, 5, "a")])
    assert "not begun" in fault(None, writes, [Read(0.5, 0.6, "b")])
    assert "nobody wrote" in fault(None, writes, [Read(4, 5, "c")])
    assert "older value" in fault(None, writes, [Read(2.1, 2.2, "b"), Read(2.3, 2.4, "a")])
    assert "left a" in fault(None, [writes[0], Write(2, 3, 2, None, "b")], [])
    assert "had returned before" in fault(None, [Write(2, 3, 1, None, "a"), Write(0, 1, 2, "a", "b")], [])


def files(text):
    """Two prompts and a model, applied together: `text` says of each which apply it is from."""
    prompt = "kind: prompt\nname: {}\nlabels: []\nmodel: m\nmessages:\n  - system: {}\n"
    return {
        "m.yaml": f"kind: model\nname: m\nretries: 0\nroutes: [{{provider: up, model: {text}}}]\n",
        "x.yaml": prompt.format("x", text),
        "y.yaml": prompt.format("y", text),
    }


class Client(threading.Thread):
    def __init__(self, server, number):
        super().__init__()
        self.server, self.number = server, number
        self.random = random.Random(number)
        self.writes, self.reads, self.made, self.pairs, self.failures = {}, {}, {}, [], []

    def run(self):
        try:
            for step in range(VERSIONS // CLIENTS):
                version = self.apply(f"c{self.number}-{step}")
                for _ in range(2):
                    self.promote(version)
                for _ in range(3):
                    self.read()
                self.read_pair()
        except Exception as error:  # shown by the test
            self.failures.append(repr(error))

    def timed(self, method, path, body=None):
        invoked = time.monotonic()
        answer = self.server.request(method, path, body)
        assert answer.status == 200, answer.text
        return invoked, time.monotonic(), answer

    def apply(self, text):
        invoked, returned, answer = self.timed("POST", "/api/v1/apply", {"files": files(text)})
        changes = {(one["kind"], one["name"]): one for one in answer.json["changes"]}
        x, y = changes["prompt", "x"], changes["prompt", "y"]
        assert (x["from"], x["to"]) == (y["from"], y["to"]), changes  # made together, always
        self.made[x["to"]] = text
        self.writes.setdefault("latest", []).append(Write(invoked, returned, x["to"], x["from"], x["to"]))
        return x["to"]

    def promote(self, version):
        label = f"label-{self.random.randrange(LABELS)}"
        if any(one.value == version for one in self.writes.get(label, [])):
            return  # no two writes of a value
        invoked, returned, answer = self.timed("POST", "/api/v1/promote", {"name": "x", "ref": version, "to": label})
        moved = answer.json
        self.writes.setdefault(label, []).append(Write(invoked, returned, moved["audit"], moved["from"], moved["to"]))

    def call(self, target):
        invoked, returned, answer = self.timed("POST", "/v1/chat/completions", {"model": target, "messages": []})
        return Read(invoked, returned, int(answer.headers["x-fairlead-target"].split("@")[1]))

    def read(self):
        label = self.random.choice(list(self.writes))
        self.reads.setdefault(label, []).append(self.call(f"x@{label}"))

    def read_pair(self):
        """One prompt, then the other: the second is of the same apply or a later one."""
        names = self.random.sample("xy", 2)
        first, second = (self.call(name) for name in names)
        if first.value > second.value:
            self.failures.append(f"{names[0]} was seen from apply {first.value}, and then {names[1]} from {second.value}")


def test_labels_and_applies_are_linearizable(start, tmp_path, openai_fake):
    folder = tmp_path / "p"
    folder.mkdir()
    provider = f"kind: provider\nname: up\ntype: openai\nbase_url: {openai_fake.url}\napi_key: env:FAKE_OPENAI_KEY\n"
    (folder / "p.yaml").write_text("---\n".join([provider, *files("first").values()]))
    server = start(project=folder)
    clients = [Client(server, number) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert [failure for one in clients for failure in one.failures] == []

    # Nothing is lost: every version that was answered is there, with what was sent, and there are no others.
    made = {1: "first"}
    for one in clients:
        assert not made.keys() & one.made.keys()
        made |= one.made
    assert sorted(made) == list(range(1, len(made) + 1)) and len(made) == 1 + CLIENTS * (VERSIONS // CLIENTS)
    listed = server.request("GET", "/api/v1/resources/prompt/x/versions").json["data"]
    assert sorted(one["version"] for one in listed) == sorted(made)
    for version in random.Random(0).sample(sorted(made), min(20, len(made))):
        spec = server.request("GET", f"/api/v1/resources/prompt/x?ref={version}").json["spec"]
        assert spec["messages"][0]["system"] == made[version]

    labels = {label for one in clients for label in one.writes}
    for label in labels:
        writes = [write for one in clients for write in one.writes.get(label, [])]
        reads = [read for one in clients for read in one.reads.get(label, [])]
        assert fault(1 if label == "latest" else None, writes, reads) is None, label
        last = max(writes, key=lambda write: write.order).value
        assert server.request("GET", f"/api/v1/resources/prompt/x?ref={label}").json["version"] == last
    assert sum(len(reads) for one in clients for reads in one.reads.values()) >= CLIENTS * (VERSIONS // CLIENTS)



def test_a_call_sees_a_prompt_and_its_model_of_one_apply(start, tmp_path, openai_fake):
    folder = tmp_path / "p"
    folder.mkdir()
    provider = f"kind: provider\nname: up\ntype: openai\nbase_url: {openai_fake.url}\napi_key: env:FAKE_OPENAI_KEY\n"
    (folder / "p.yaml").write_text("---\n".join([provider, *files("a-0").values()]))
    server = start(project=folder)
    seen, done = len(openai_fake.requests), threading.Event()
    wrong = []

    def call():
        while not done.is_set():
            answer = server.request("POST", "/v1/chat/completions", {"model": "x", "messages": []})
            if answer.status != 200:
                wrong.append(answer.text)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for one in callers:
        one.start()
    try:
        for step in range(1, 31):
            assert server.request("POST", "/api/v1/apply", {"files": files(f"a-{step}")}).status == 200
    finally:
        done.set()
        for one in callers:
            one.join()
    assert wrong == []
    bodies = [request.body for request in openai_fake.requests[seen:]]
    assert len({body["model"] for body in bodies}) > 3, "too few applies were seen by calls"
    for body in bodies:
        assert body["model"] == body["messages"][0]["content"]
