"""The real quickstart model behind the real program."""

import json
import os
import signal
import threading
import time

import openai
import pytest
from harness import eventually

pytestmark = pytest.mark.local_model
HI = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def client(local_fairlead):
    with openai.OpenAI(base_url=f"{local_fairlead.url}/v1", api_key=local_fairlead.admin_key, max_retries=0, timeout=120) as client:
        yield client


def test_chat(client):
    answer = client.chat.completions.create(model="small", messages=HI, max_tokens=16, temperature=0)
    assert answer.choices[0].message.content.strip()
    assert answer.usage.completion_tokens <= 16 and answer.usage.prompt_tokens > 5
    assert answer.choices[0].finish_reason in ("stop", "length")


def test_greedy_and_seeded_answers_repeat(client):
    def say(**parameters):
        return client.chat.completions.create(model="small", messages=HI, max_tokens=12, **parameters).choices[0].message.content

    # Without a seed the cache may hold some of the prompt, which then is computed in other shapes (docs/reference/serving.md).
    assert say(temperature=0, seed=7) == say(temperature=0, seed=7)
    assert say(temperature=1, seed=7) == say(temperature=1, seed=7)


def test_streamed_text_is_the_same(client):
    request = {"model": "small", "messages": HI, "max_tokens": 16, "temperature": 0, "seed": 7}
    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_stop_sequences(client):
    question = [{"role": "user", "content": "Count from 1 to 10, with commas."}]
    free = client.chat.completions.create(model="small", messages=question, max_tokens=24, temperature=0).choices[0].message.content
    word = free.split()[1]
    stopped = client.chat.completions.create(model="small", messages=question, max_tokens=24, temperature=0, stop=[word])
    assert word not in stopped.choices[0].message.content and stopped.choices[0].finish_reason == "stop"


def test_structured_output(client):
    schema = {
        "type": "object",
        "properties": {"mood": {"type": "string", "enum": ["good", "bad"]}, "score": {"type": "integer"}},
        "required": ["mood", "score"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "mood", "strict": True, "schema": schema}}
    answer = client.chat.completions.create(model="small", messages=HI, response_format=form, max_tokens=60, temperature=0)
    value = json.loads(answer.choices[0].message.content)
    assert set(value) == {"mood", "score"} and value["mood"] in ("good", "bad") and isinstance(value["score"], int)


@pytest.mark.parametrize(
    "name, value",
    [("functions", [{"name": "f"}]), ("modalities", ["text", "audio"]), ("audio", {"voice": "alloy", "format": "mp3"}), ("web_search_options", {})],
)
def test_what_it_cannot_do_is_not_left_out_silently(client, name, value):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="small", messages=HI, max_tokens=2, extra_body={name: value})
    assert raised.value.param == name and raised.value.code == "unsupported_parameter"
    assert client.chat.completions.create(model="small", messages=HI, max_tokens=2, extra_body={name: None}).choices


def test_n_and_logprobs(client):
    answer = client.chat.completions.create(model="small", messages=HI, max_tokens=4, n=2, logprobs=True, top_logprobs=3, temperature=1)
    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        for token in choice.logprobs.content:
            assert token.logprob <= 0 and len(token.top_logprobs) == 3
            assert token.top_logprobs[0].logprob >= token.top_logprobs[2].logprob


def test_logit_bias(client):
    plain = client.chat.completions.create(model="small", messages=HI, max_tokens=1, temperature=0, logprobs=True, top_logprobs=1)
    first = plain.choices[0].logprobs.content[0].token
    banned = {str(i): -100 for i in range(0, 300)}
    biased = client.chat.completions.create(model="small", messages=HI, max_tokens=1, temperature=0, logit_bias=banned)
    assert biased.choices[0].message.content is not None and first is not None


def test_a_begun_answer_is_gone_on_with(client):
    def say(messages, **extra):
        return client.chat.completions.create(model="small", messages=messages, max_tokens=8, temperature=0, extra_body=extra)

    begun = HI + [{"role": "assistant", "content": "Hello"}]
    bare, closed, continued = say(HI), say(begun), say(begun, continue_final_message=True)
    assert bare.usage.prompt_tokens < continued.usage.prompt_tokens < closed.usage.prompt_tokens
    assert not continued.choices[0].message.content.startswith("Hello")
    for wrong in (HI, begun[1:]):
        with pytest.raises(openai.BadRequestError) as caught:
            say(wrong, continue_final_message=True)
        assert caught.value.param == "continue_final_message"


def test_two_clients_at_once(local_fairlead):
    answers = []

    def ask():
        answers.append(local_fairlead.chat("small", "Say hello.", max_tokens=8).status)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 6


def test_too_long_a_prompt_is_refused(local_fairlead):
    answer = local_fairlead.chat("small", "word " * 9000, max_tokens=4)
    assert answer.status == 400 and answer.error["code"] == "context_length_exceeded"


def test_cancelled_call_frees_its_slot(client, local_fairlead):
    began = time.monotonic()
    streams = [client.chat.completions.create(model="small", messages=HI, max_tokens=700, stream=True, temperature=1) for _ in range(4)]
    for stream in streams:
        next(stream)
        stream.close()
    answer = client.chat.completions.create(model="small", messages=HI, max_tokens=4)
    assert answer.choices and time.monotonic() - began < 40


def cpu_seconds(process):
    with open(f"/proc/{process}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_cancelling_a_run_stops_the_model_that_writes_for_it(local_fairlead, tmp_path):
    (tmp_path / "long.yaml").write_text(
        "kind: chain\nname: long\nsteps:\n  - name: story\n    model: small\n    messages: Tell a long story.\n"
        "    parameters: {max_tokens: 900, ignore_eos: true, temperature: 1}\n")
    local_fairlead.cli("apply", str(tmp_path))
    (worker,) = workers(local_fairlead)
    before = cpu_seconds(worker)
    run = local_fairlead.request("POST", "/api/v1/runs", {"chain": "long", "input": {}}).json["id"]
    eventually(lambda: cpu_seconds(worker) > before + 0.5, 60, "the model writing")
    assert local_fairlead.request("POST", f"/api/v1/runs/{run}/cancel", {}).status == 202
    time.sleep(0.5)  # a decode step takes some 50 ms here
    at_rest = cpu_seconds(worker)
    time.sleep(1)
    assert cpu_seconds(worker) - at_rest < 0.1
    assert eventually(lambda: (now := local_fairlead.request("GET", f"/api/v1/runs/{run}").json)["state"] == "cancelled" and now)


def test_prompt_is_answered_and_recorded(client, local_fairlead):
    extra = {"fairlead": {"variables": {"question": "My card was swallowed by the machine."}, "session": "s-1"}}
    raw = client.chat.completions.with_raw_response.create(model="support-reply", messages=[], max_tokens=24, extra_body=extra)
    assert raw.parse().choices[0].message.content
    record = local_fairlead.call(raw.headers["x-fairlead-call-id"])
    assert record["target"] == "support-reply" and record["target_version"] == 2 and record["model"] == "small"
    assert record["input_tokens"] > 50 and record["output_tokens"] <= 24 and record["duration_ms"] > 0


def workers(server):
    children = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as command:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                    if parent == server.process.pid and "lake" not in command.read():
                        children.append(int(entry))
            except OSError:
                pass
    return children


def test_dead_worker_is_restarted(client, local_fairlead):
    before = workers(local_fairlead)
    assert before
    stream = client.chat.completions.create(model="small", messages=HI, max_tokens=400, stream=True, temperature=1)
    next(stream)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass
    assert local_fairlead.request("GET", "/healthz", key=None).status == 200
    eventually(lambda: local_fairlead.chat("small", max_tokens=2).status == 200, 60, "a new worker")
