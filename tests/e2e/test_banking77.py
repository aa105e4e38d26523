"""One hundred customers' questions through the example project on the local model."""

import csv
import itertools
import queue
import threading

import openai
import pytest
from harness import eventually

pytestmark = pytest.mark.local_model
QUESTIONS, AT_ONCE, MAX_TOKENS = 100, 4, 12


@pytest.fixture(scope="module")
def questions(shared_data):
    with open(shared_data / "support" / "banking77_test.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in itertools.islice(rows, 0, None, len(rows) // QUESTIONS)][:QUESTIONS]


def test_one_hundred_questions(local_fairlead, questions):
    assert len(questions) == QUESTIONS
    waiting, answers, faults = queue.SimpleQueue(), {}, []
    for number, question in enumerate(questions):
        waiting.put((number, question))
    client = openai.OpenAI(base_url=f"{local_fairlead.url}/v1", api_key=local_fairlead.admin_key, max_retries=0, timeout=300)

    def customer():
        while True:
            try:
                number, question = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                options = {"variables": {"question": question}, "session": "banking77", "user": f"customer-{number}"}
                stream = client.chat.completions.create(
                    model="support-reply", messages=[], stream=True, max_tokens=MAX_TOKENS, extra_body={"fairlead": options}
                )
                text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
                answers[stream.response.headers["x-fairlead-call-id"]] = text
            except Exception as fault:  # told below, with its question
                faults.append(f"{number}: {question!r}: {fault!r}")

    customers = [threading.Thread(target=customer) for _ in range(AT_ONCE)]
    for one in customers:
        one.start()
    for one in customers:
        one.join()
    assert not faults, faults[:5]
    assert len(answers) == QUESTIONS and all(text.strip() for text in answers.values())

    def recorded():
        found = local_fairlead.calls("?session=banking77&limit=1000")
        return found if len(found) == QUESTIONS else None

    for record in eventually(recorded, 20, "one hundred records"):
        assert record["id"] in answers
        assert record["status"] == 200 and record["stream"] is True and not record["error_code"]
        assert record["target_kind"] == "prompt" and record["target"] == "support-reply" and record["target_version"] == 2
        assert record["model"] == "small" and record["provider"] == "local" and record["upstream_model"]
        assert record["usage_reported"] is True and record["input_tokens"] > 50 and 0 < record["output_tokens"] <= MAX_TOKENS
        assert 0 < record["first_token_ms"] <= record["duration_ms"]
        assert record["finish_reason"] in ("stop", "length")
