"""An upstream that bills: OpenAI-shaped chats and embeddings for thousands of connections at once, and the sum of what it has billed."""

import asyncio
import json

from fakes.async_server import AsyncServer


class MeteredUpstream(AsyncServer):
    """Answers with as many tokens as `tokens` says, at most what the request allows, after `delay` seconds; bills them when it begins."""

    def __init__(self, tokens=20, delay=0.0, prompt=10, usage=True):
        self.tokens, self.delay, self.prompt, self.usage = tokens, delay, prompt, usage
        self.failures = 0  # answer so many requests with 500 first
        self.pause = 0.0  # between two tokens of a stream
        self.billed_input = self.billed_output = self.requests = 0
        super().__init__()

    async def _answer(self, path, body, writer):
        body = json.loads(body)
        self.requests += 1
        await asyncio.sleep(self.delay)
        if self.failures > 0:
            self.failures -= 1
            return self._send(writer, 500, {"error": {"message": "no", "type": "server_error", "param": None, "code": None}})
        self.billed_input += self.prompt
        if path.endswith("/embeddings"):
            usage = {"prompt_tokens": self.prompt, "total_tokens": self.prompt}
            data = [{"object": "embedding", "index": 0, "embedding": [1.0]}]
            return self._send(writer, 200, {"object": "list", "model": "m", "data": data, "usage": usage})
        most = body.get("max_completion_tokens") or body.get("max_tokens") or self.tokens
        count = min(self.tokens, most)
        usage = {"prompt_tokens": self.prompt, "completion_tokens": count, "total_tokens": self.prompt + count}
        head = {"id": "c", "created": 1, "model": "m"}
        if not body.get("stream"):
            self.billed_output += count
            choice = {"index": 0, "message": {"role": "assistant", "content": "word " * count}, "finish_reason": "stop"}
            end = {"usage": usage} if self.usage else {}
            return self._send(writer, 200, head | {"object": "chat.completion", "choices": [choice]} | end)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        head |= {"object": "chat.completion.chunk"}
        for i in range(count):
            delta = {"role": "assistant", "content": "word "} if i == 0 else {"content": "word "}
            self.billed_output += 1
            self._event(writer, head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            if self.pause:
                await writer.drain()
                await asyncio.sleep(self.pause)
        self._event(writer, head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if self.usage:
            self._event(writer, head | {"choices": [], "usage": usage})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    @staticmethod
    def _event(writer, value):
        event = b"data: " + json.dumps(value).encode() + b"\n\n"
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))

    @staticmethod
    def _send(writer, status, value):
        body = json.dumps(value).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))
