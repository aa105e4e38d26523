"""An upstream that slows down the more calls it has: OpenAI-shaped streams whose times are known."""

import asyncio
import json
import random

from fakes.async_server import AsyncServer


class LoadedUpstream(AsyncServer):
    """The first token of a stream comes after `alone` seconds times 1 + `contention` for each other call in flight, spread by a
    log-normal factor of `sigma`; its `tokens` then take `a_token` seconds each."""

    def __init__(self, alone=0.3, contention=0.03, sigma=0.25, tokens=10, a_token=0.02, seed=1):
        self.alone, self.contention, self.sigma, self.tokens, self.a_token = alone, contention, sigma, tokens, a_token
        self.in_flight = self.most = 0
        self._random = random.Random(seed)
        super().__init__()

    async def _answer(self, path, body, writer):
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await self._stream(writer)
        finally:
            self.in_flight -= 1

    async def _stream(self, writer):
        factor = self._random.lognormvariate(0, self.sigma)
        await asyncio.sleep(self.alone * (1 + self.contention * (self.in_flight - 1)) * factor)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        self._event(writer, choices=[{"index": 0, "delta": {"role": "assistant", "content": "word "}, "finish_reason": None}])
        await writer.drain()
        await asyncio.sleep(self.a_token * (self.tokens - 1))
        self._event(writer, choices=[{"index": 0, "delta": {"content": "word"}, "finish_reason": "stop"}])
        self._event(writer, choices=[], usage={"prompt_tokens": 10, "completion_tokens": self.tokens, "total_tokens": 10 + self.tokens})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()

    @staticmethod
    def _event(writer, **members):
        event = b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | members).encode() + b"\n\n"
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
