"""/v1/files: the official client, the API's own description, and crashes."""

import io
import json
import os
import time

import openai
import pytest
from contract import Contract

BATCH = "\n".join(json.dumps({"custom_id": f"r-{i}", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt"}}) for i in range(3))


@pytest.fixture(scope="module")
def contract(shared_data):
    return Contract(shared_data / "api" / "openai_openapi.json")


@pytest.fixture(scope="module")
def server(tmp_path_factory, project):
    from harness import Fairlead

    with Fairlead(tmp_path_factory.mktemp("files") / "data", project) as server:
        yield server.wait_ready()


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0, timeout=20) as client:
        yield client


def test_client(client, server, contract):
    uploaded = client.files.create(file=("réponses.jsonl", BATCH.encode()), purpose="batch")
    assert uploaded.filename == "réponses.jsonl" and uploaded.bytes == len(BATCH.encode()) and uploaded.status == "processed"
    assert client.files.retrieve(uploaded.id) == uploaded
    assert client.files.content(uploaded.id).text == BATCH
    expiring = client.files.create(file=io.BytesIO(b"hello"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600})
    assert expiring.expires_at == expiring.created_at + 3600
    assert [file.id for file in client.files.list()] == [expiring.id, uploaded.id]
    assert [file.id for file in client.files.list(purpose="batch", limit=1)] == [uploaded.id]
    assert [file.id for file in client.files.list(limit=1)] == [expiring.id, uploaded.id]  # page by page
    contract.check("ListFilesResponse", server.request("GET", "/v1/files").json)
    contract.check("OpenAIFile", server.request("GET", f"/v1/files/{uploaded.id}").json)
    contract.check("DeleteFileResponse", server.request("DELETE", f"/v1/files/{uploaded.id}").json)
    client.files.delete(expiring.id)
    with pytest.raises(openai.NotFoundError) as raised:
        client.files.content(expiring.id)
    assert raised.value.code == "file_not_found"
    assert list(client.files.list()) == []


@pytest.mark.parametrize(
    "content, purpose, named",
    [
        (b"not json", "batch", "line 1"),
        (b"<svg/>", "vision", "PNG"),
        (b"MZ\x90\x00", "user_data", "PDF"),
        (b"", "user_data", "empty"),
        (b"x", "homework", "purpose"),
    ],
)
def test_refusals(client, content, purpose, named):
    with pytest.raises(openai.BadRequestError, match=named) as raised:
        client.files.create(file=("x", content), purpose=purpose)
    assert raised.value.param in ("file", "purpose")


def test_a_file_over_the_limit(client):
    with pytest.raises((openai.APIStatusError, openai.APIConnectionError)) as raised:
        client.files.create(file=("x.txt", b"x" * (11 * 1024 * 1024)), purpose="assistants")
    assert getattr(raised.value, "status_code", 413) == 413


def test_files_survive_kill_9(start, project):
    server = start(project=project)
    body = b"x" * 2_000_000 + b"\n"
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.admin_key, max_retries=0) as client:
        kept = client.files.create(file=("large.txt", body), purpose="assistants").id
    server.kill()
    folder = server.data / "files"
    assert (folder / kept).stat().st_mode & 0o077 == 0
    orphan = folder / "file-01JD0000000000000000000000"
    orphan.write_bytes(b"x")
    again = start(data=server.data)
    with openai.OpenAI(base_url=f"{again.url}/v1", api_key=again.admin_key, max_retries=0) as client:
        assert client.files.content(kept).read() == body
    assert sorted(os.listdir(folder)) == [kept]


@pytest.mark.skipif("/asan/" in os.environ.get("FAIRLEAD_BINARY", ""), reason="AddressSanitizer keeps what is freed for a while")
def test_memory_follows_what_is_kept_no_longer(client, server):
    def resident():
        with open(f"/proc/{server.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    body = b"line of text\n" * 400_000  # 5 MB
    client.files.delete(client.files.create(file=("x.txt", body), purpose="assistants").id)
    before = resident()
    for _ in range(20):
        file = client.files.create(file=("x.txt", body), purpose="assistants")
        assert len(client.files.content(file.id).read()) == len(body)
        client.files.delete(file.id)
    deadline = time.monotonic() + 5
    while resident() > before + 30_000_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert resident() <= before + 30_000_000
