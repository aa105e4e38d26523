"""A load that comes whether or not it is answered, and what was recorded of it. Of tests/e2e and tests/load."""

import asyncio
import json
import random
import time

from harness import Fairlead

RESOURCES = """kind: provider
name: loaded
type: deepseek
base_url: {url}
api_key: env:FAKE_OPENAI_KEY
---
kind: model
name: small
timeout: 30s
concurrency: {{max: {places}, queue: 500, wait: 20s}}
routes: [{{provider: loaded, model: fake}}]
"""


def serve(folder, upstream, places):
    """A server in front of that upstream, which may have so many calls at a time."""
    project = folder / "project"
    project.mkdir(parents=True)
    (project / "models.yaml").write_text(RESOURCES.format(url=upstream.url, places=places))
    return Fairlead(folder / "data", project, {"FAKE_OPENAI_KEY": "sk-fake"}).wait_ready()


def load(server, rate, seconds, seed):
    """Streams as a Poisson process, `rate` a second. Gives when it began and ended (unix time); fails if one was not answered."""
    drawn = random.Random(seed)
    body = json.dumps({"model": "small", "stream": True, "messages": [{"role": "user", "content": "Hello there"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.admin_key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"

    async def call():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
        assert b" 200 " in answer[:20] and b"[DONE]" in answer, answer[:400]

    async def arrive():
        calls, at, began = [], drawn.expovariate(rate), time.monotonic()
        while at < seconds:
            await asyncio.sleep(max(0, began + at - time.monotonic()))
            calls.append(asyncio.create_task(call()))
            at += drawn.expovariate(rate)
        await asyncio.gather(*calls)

    began = time.time()
    asyncio.run(arrive())
    return began, began + seconds


def percentiles(server, span, skip):
    """What was recorded of the calls that began in that time, but for the first `skip` seconds: (calls, p50, p90, p95) of the first token, ms."""
    began, ended = span[0] + skip, span[1]
    query = f"""select count(*), quantile_disc(first_token_ms, 0.5), quantile_disc(first_token_ms, 0.9), quantile_disc(first_token_ms, 0.95)
                from calls where epoch_us(started_at) between {int(began * 1e6)} and {int(ended * 1e6)}"""
    return server.request("POST", "/api/v1/sql", {"query": query}).json["rows"][0]
