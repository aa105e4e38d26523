"""What people's data comes in by beside calls: nothing of it is kept, and what is read back is as it was for runs."""

import http.server
import json
import re
import threading

import openai
import pytest
from test_privacy_policy import PEOPLE, POLICY, clean, clean_files, echo, other, server  # noqa: F401

from harness import eventually

SECRET = "ghp_Zz34567890abcdefghijABCDEFGHIJ012345"
SAYS = f"Я {PEOPLE['name']}, {PEOPLE['email']}, карта {PEOPLE['card']}"
CHAINS = """kind: chain
name: desk
input: {{q: {{type: string, default: ""}}}}
steps:
  - name: note
    wait: note
  - name: ok
    approve: "Send it?"
  - name: found
    after: [note, ok]
    http: {{method: POST, url: "{desk}/find", json: {{note: "${{{{ steps.note.output }}}}"}}}}
  - name: done
    task: clerk
    input: {{found: "${{{{ steps.found.output.body }}}}"}}
    retry: {{attempts: 1}}
output: {{note: "${{{{ steps.note.output }}}}", ok: "${{{{ steps.ok.output }}}}", found: "${{{{ steps.found.output.body }}}}", done: "${{{{ steps.done.output }}}}", q: "${{{{ input.q }}}}"}}
---
kind: chain
name: say
input: {{q: {{type: string}}}}
steps:
  - name: first
    model: small
    messages: [{{role: user, content: "${{{{ input.q }}}}"}}]
output: ${{{{ steps.first.output }}}}
---
kind: schedule
name: daily
chain: say
input: {{q: "Write to {colleague} at ${{{{ string(schedule.time) }}}}"}}
every: 366d
---
"""
COLLEAGUE = "boss.of.all@bank-yug.ru"  # of the developers' own file


class Desk(http.server.BaseHTTPRequestHandler):
    answer, status, seen = {}, 200, []

    def do_POST(self):
        self.seen.append(self.rfile.read(int(self.headers["content-length"])).decode())
        body = json.dumps(self.answer).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def desk():
    Desk.seen = []
    Desk.status = 200
    Desk.answer = {"who": PEOPLE["name"], "mail": PEOPLE["email"], "inn": int(PEOPLE["inn"]), "count": 12}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Desk) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


@pytest.fixture
def program(server, desk):  # noqa: F811
    address = f"127.0.0.1:{desk.server_port}"
    policies = CHAINS.format(desk=f"http://{address}", colleague=COLLEAGUE) + POLICY
    return server(policies, settings=("--telemetry.content=full", "--log.level=debug", f"--chains.hosts={address}", "--chains.internal=true"))


def send(program, run, what, body, status=202):
    answer = program.request("POST", f"/api/v1/runs/{run}/{what}", body)
    assert answer.status == status, answer.text
    return answer.json


def show(program, run):
    answer = program.request("GET", f"/api/v1/runs/{run}")
    clean(answer.text)
    return answer.json


def until(program, run, step, state="waiting"):
    return eventually(lambda: {one["name"]: one for one in show(program, run)["steps"]}[step]["state"] == state, seconds=20, what=f"{step} {state}")


def ended(program, run):
    return eventually(lambda: (now := show(program, run))["state"] in ("succeeded", "failed", "cancelled") and now, seconds=20, what="the run's end")


def take(program):
    task = program.request("POST", "/api/v1/tasks/poll", {"tasks": ["clerk"], "wait_s": 20})
    assert task.status == 200, task.text
    return task.json


def begin(program, **members):
    answer = program.request("POST", "/api/v1/runs", {"chain": "desk", "session": "s-desk"} | members)
    assert answer.status == 201, answer.text
    return answer.json["id"]


def to_the_clerk(program, run):
    send(program, run, "signals", {"name": "note", "data": {"text": SAYS, "inn": int(PEOPLE["inn"])}, "id": f"from {PEOPLE['email']}"})
    until(program, run, "ok")
    send(program, run, "approvals", {"step": "ok", "approved": True, "comment": f"Спросите {PEOPLE['boss']}, {PEOPLE['phone']}"})
    return take(program)


def stopped_and_clean(program, *more):
    clean_files(program)  # the store's log too, which is gone when it is closed
    program.stop()
    clean_files(program)
    for path in program.data.rglob("*"):
        for value in more:
            assert not path.is_file() or value.encode() not in path.read_bytes(), f"{value} in {path}"


def test_signals_approvals_answers_of_hosts_and_of_workers(program, desk, tmp_path):
    run = begin(program, queue=f"of-{PEOPLE['email']}", input={"q": SAYS})
    task = to_the_clerk(program, run)
    clean(json.dumps(task, ensure_ascii=False))
    assert task["input"]["found"]["count"] == 12 and "@example." in task["input"]["found"]["mail"]
    clean(json.dumps(Desk.seen, ensure_ascii=False))
    for what, body in (("heartbeat", {"progress": {"at": PEOPLE["english"], "mail": PEOPLE["email"]}}), ("complete", {"output": {"sent": SAYS, "inn": PEOPLE["inn"]}})):
        assert program.request("POST", f"/api/v1/tasks/{task['id']}/{what}", body).status == 200
        clean(program.request("GET", "/api/v1/tasks").text)
    done = ended(program, run)
    assert done["state"] == "succeeded", done
    output = done["output"]
    # One person is the same one, by whichever door.
    (mail,) = {re.search(r"\S+@example\.\w+", text)[0].rstrip(",") for text in (output["note"]["text"], output["q"], output["found"]["mail"], output["done"]["sent"])}
    assert isinstance(output["found"]["inn"], int) and output["found"]["inn"] == output["note"]["inn"] == int(output["done"]["inn"])
    assert output["ok"]["approved"] is True and output["ok"]["by"] == "admin"
    clean(program.request("GET", f"/api/v1/runs/{run}/events").text)
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(output, ensure_ascii=False))
    restored = json.loads(program.cli("privacy", "restore", str(kept), "--session", "s-desk").stdout)
    assert restored["note"]["text"] == restored["done"]["sent"] == restored["q"] == SAYS
    assert restored["found"]["who"] == PEOPLE["name"] and str(restored["found"]["inn"]) == PEOPLE["inn"]
    assert PEOPLE["boss"] in restored["ok"]["comment"] and PEOPLE["phone"] in restored["ok"]["comment"]
    stopped_and_clean(program)


def test_failures_say_nothing_of_anybody(program, desk):
    run = begin(program)
    Desk.status, Desk.answer = 404, {"error": {"message": f"There is no {PEOPLE['email']}, ask {PEOPLE['name']}"}}
    send(program, run, "signals", {"name": "note", "data": 1})
    send(program, run, "signals", {"name": "note", "data": 1, "id": "x"})
    until(program, run, "ok")
    send(program, run, "approvals", {"step": "ok", "approved": True})
    failed = ended(program, run)
    assert failed["error"]["code"] == "http_404" and "There is no" in failed["error"]["message"] and "@example." in failed["error"]["message"]
    Desk.status, Desk.answer = 200, {}
    run = begin(program)
    task = to_the_clerk(program, run)
    told = program.request("POST", f"/api/v1/tasks/{task['id']}/fail", {"class": "permanent", "message": f"{PEOPLE['name']} is not there", "code": PEOPLE["email"]})
    assert told.status == 200
    failed = ended(program, run)
    assert failed["error"]["message"].endswith("is not there"), failed
    stopped_and_clean(program)


def test_what_is_blocked_goes_nowhere(program, desk):
    run = begin(program)
    blocked = program.request("POST", f"/api/v1/runs/{run}/signals", {"name": "note", "data": f"key {SECRET}"})
    assert blocked.status == 403 and blocked.error["code"] == "privacy_blocked"
    send(program, run, "signals", {"name": "note", "data": 1})
    until(program, run, "ok")
    assert program.request("POST", f"/api/v1/runs/{run}/approvals", {"step": "ok", "approved": True, "comment": SECRET}).status == 403
    send(program, run, "approvals", {"step": "ok", "approved": True})
    task = take(program)
    beat = program.request("POST", f"/api/v1/tasks/{task['id']}/heartbeat", {"progress": SECRET})
    assert beat.status == 200 and beat.json["lease_s"] > 0 and beat.json["progress_refused"]["code"] == "privacy_blocked", beat.text
    refused = program.request("POST", f"/api/v1/tasks/{task['id']}/complete", {"output": {"token": SECRET}})
    assert refused.status == 403 and refused.error["code"] == "privacy_blocked"
    failed = ended(program, run)
    assert failed["state"] == "failed" and failed["error"]["code"] == "privacy_blocked", failed
    Desk.answer = {"token": SECRET}
    run = begin(program)
    send(program, run, "signals", {"name": "note", "data": 1})
    until(program, run, "ok")
    send(program, run, "approvals", {"step": "ok", "approved": True})
    failed = ended(program, run)
    assert failed["error"]["code"] == "privacy_blocked" and failed["error"]["class"] == "permanent", failed
    assert program.request("POST", "/v1/feedback", {"user": "u", "comment": SECRET}).error["code"] == "privacy_blocked"
    stopped_and_clean(program, SECRET)


def test_forks_retries_and_keys(program, echo):  # noqa: F811
    asked = {"chain": "say", "input": {"q": SAYS}, "session": f"s {PEOPLE['email']}", "key": f"of {PEOPLE['phone']}"}
    run = program.request("POST", "/api/v1/runs", asked).json["id"]
    first = ended(program, run)
    changed = {"from": "first", "input": {"q": f"И ещё: {PEOPLE['english']}, {PEOPLE['email']}"}, "key": f"fork of {PEOPLE['email']}"}
    forked = program.request("POST", f"/api/v1/runs/{run}/fork", changed)
    assert forked.status == 201, forked.text
    assert program.request("POST", f"/api/v1/runs/{run}/fork", changed).status == 200, "the same key, the same input"
    clean(forked.text)
    second = ended(program, forked.json["id"])
    assert second["output"].startswith("You said: И ещё: ")
    assert re.search(r"\S+@example\.\w+", second["output"])[0] == re.search(r"\S+@example\.\w+", first["output"])[0], "the same session"
    blocked = program.request("POST", f"/api/v1/runs/{run}/fork", {"from": "first", "input": {"q": SECRET}})
    assert blocked.status == 403 and blocked.error["code"] == "privacy_blocked"
    assert program.request("POST", f"/api/v1/runs/{run}/retry", {"id": PEOPLE["email"]}).status == 409
    clean(echo.seen)
    stopped_and_clean(program, SECRET)


def test_what_developers_wrote_in_a_schedule_is_theirs(program, echo):  # noqa: F811
    started = program.request("POST", "/api/v1/schedules/daily/run", {})
    assert started.status == 201, started.text
    done = ended(program, started.json["id"])
    assert done["input"]["q"].startswith(f"Write to {COLLEAGUE} at "), "as it stands in their file"
    assert COLLEAGUE not in echo.seen and "@example." in echo.seen, "the call that it makes is under the policy"
    (call,) = [program.call(one["id"]) for one in program.calls()]
    assert COLLEAGUE not in call["input"]


def test_feedback_has_the_pseudonyms_of_its_call(program):
    said = program.chat("small", SAYS, fairlead={"session": "s-1", "user": PEOPLE["email"]})
    call = said.headers["x-fairlead-call-id"]
    kept = {"category": "name", "comment": f"{PEOPLE['boss']} писал, {PEOPLE['phone']}", "correction": f"You said: {SAYS}", "author": PEOPLE["email"]}
    for about in ({"call": call}, {"session": "s-1"}, {"user": PEOPLE["email"]}):
        told = program.request("POST", "/v1/feedback", kept | about)
        assert told.status == 200 and told.json["author"] == PEOPLE["email"], told.text
        assert about.items() <= told.json.items()
    record = program.call(call)
    (said,) = record["feedback"]
    assert said["correction"] == record["output"] and said["category"] == "name", "the same person"
    assert said["author"].startswith("EMAIL_ADDRESS-")
    listed = program.request("GET", "/api/v1/feedback")
    clean(listed.text)
    by_user = [one for one in listed.json["data"] if one.get("user_id")]
    assert by_user[0]["user_id"] == record["user_id"]
    again = program.request("POST", "/v1/feedback", {"call": call, "author": PEOPLE["email"], "withdraw": True})
    assert again.status == 200
    assert program.call(call)["feedback"] == [], "the same author"
    # A call that nobody knows, and one that is in no session.
    assert program.request("POST", "/v1/feedback", {"call": "01KB0Z2N8V6Q4X3T5R7W9Y1A2C", "comment": SAYS}).status == 200
    clean(program.request("GET", "/api/v1/feedback").text)
    stopped_and_clean(program)


def test_files_are_kept_encrypted(program, server):  # noqa: F811
    letter = (f"{SAYS}\n" * 20_000).encode()  # of more than one piece
    lines = "".join(json.dumps({"messages": [{"role": "user", "content": f"{i} {SAYS}"}]}, ensure_ascii=False) + "\n" for i in range(3))
    image = b"\x89PNG\r\n\x1a\n" + PEOPLE["name"].encode()
    uploads = [("user_data", f"{PEOPLE['english']}.txt", letter), ("fine-tune", "lines.jsonl", lines.encode()), ("vision", f"{PEOPLE['name']}.png", image)]
    with openai.OpenAI(base_url=program.url + "/v1", api_key=program.admin_key, max_retries=0) as client:
        ids = [client.files.create(file=(name, content), purpose=purpose).id for purpose, name, content in uploads]
        stopped_and_clean(program)
    again = server(data=program.data)  # without the chains; the policy is the same
    with openai.OpenAI(base_url=again.url + "/v1", api_key=again.admin_key, max_retries=0) as client:
        for id, (purpose, name, content) in zip(ids, uploads):
            told = client.files.retrieve(id)
            assert (told.filename, told.bytes, told.purpose) == (name, len(content), purpose)
            assert client.files.content(id).read() == content
        assert {file.filename for file in client.files.list()} == {name for _, name, _ in uploads}
    again.stop()
    whole = again.data / "files" / ids[0]
    data = bytearray(whole.read_bytes())
    data[300_000] ^= 1
    whole.write_bytes(data)
    again = server(data=program.data)
    broken = again.request("GET", f"/v1/files/{ids[1]}/content")
    assert broken.status == 200
    with pytest.raises(Exception), openai.OpenAI(base_url=again.url + "/v1", api_key=again.admin_key, max_retries=0) as client:
        client.files.content(ids[0]).read()


def test_what_is_kept_of_responses_and_sessions(program):
    client = openai.OpenAI(base_url=program.url + "/v1", api_key=program.admin_key, max_retries=0)
    more = {"fairlead": {"session": f"s-{PEOPLE['email']}", "user": PEOPLE["email"], "tags": [PEOPLE["phone"]], "idempotency_key": PEOPLE["card"]}}
    kept = client.responses.create(model="small", input=SAYS, metadata={"who": PEOPLE["name"], "mail": PEOPLE["email"]}, extra_body=more)
    assert kept.output_text == "You said: " + SAYS
    for model in ("small", "chain:say"):
        more["fairlead"]["idempotency_key"] = f"{PEOPLE['card']} {model}"
        behind = client.responses.create(model=model, input=SAYS, background=True, metadata={"who": PEOPLE["english"]}, extra_body=more)
        done = eventually(lambda: (now := program.request("GET", f"/v1/responses/{behind.id}").json)["status"] == "completed" and now, seconds=20)
        assert "You said: " in done["output"][0]["content"][0]["text"]
        clean(json.dumps(done, ensure_ascii=False))
    clean(program.request("GET", f"/v1/responses/{kept.id}").text)
    clean(program.request("GET", f"/v1/responses/{kept.id}/input_items").text)
    for text in (SAYS, "А теперь?"):
        told = program.chat("chat", text, fairlead={"session": "s-memory"})
        assert told.json["choices"][0]["message"]["content"] == "You said: " + text
    clean(program.request("GET", "/api/v1/sessions/s-memory").text)
    stopped_and_clean(program)


def test_a_policy_for_one_prompt_counts_for_feedback_and_files_but_not_for_runs(server, echo):  # noqa: F811
    narrow = POLICY.replace("name: customers\n", "name: customers\napplies: {prompts: [ask]}\n", 1)
    program = server(narrow)
    said = program.chat("small", "hi")
    assert program.request("POST", "/v1/feedback", {"call": said.headers["x-fairlead-call-id"], "comment": SAYS}).status == 200
    clean(program.request("GET", "/api/v1/feedback").text)
    assert program.request("POST", "/v1/feedback", {"user": "u", "comment": SECRET}).status == 403
    with openai.OpenAI(base_url=program.url + "/v1", api_key=program.admin_key, max_retries=0) as client:
        client.files.create(file=("a.txt", SAYS.encode()), purpose="user_data")
    stopped_and_clean(program, SECRET)
    program = server(narrow, data=program.data)
    run = program.request("POST", "/api/v1/runs", {"chain": "twice", "input": {"q": SAYS}}).json["id"]
    done = eventually(lambda: (now := program.request("GET", f"/api/v1/runs/{run}").json)["state"] == "succeeded" and now, seconds=20)
    assert done["input"]["q"] == SAYS and done["output"] == "You said: " + SAYS


def test_a_long_output_is_looked_through(program):
    run = begin(program)
    Desk.answer = {}
    task = to_the_clerk(program, run)
    output = [f"{i}: the boxes went out on time, and {PEOPLE['english']} at {PEOPLE['email']} was told so by the clerk" for i in range(20_000)]
    assert len(json.dumps(output)) > 1_900_000
    told = program.request("POST", f"/api/v1/tasks/{task['id']}/complete", {"output": output})
    assert told.status == 200, told.text
    done = ended(program, run)
    assert len(done["output"]["done"]) == 20_000 and "@example." in done["output"]["done"][0]
    assert re.search(r"at (\S+@example\.\w+|<EMAIL_ADDRESS>) was", done["output"]["done"][-1]), "what comes late is replaced"
    stopped_and_clean(program)
