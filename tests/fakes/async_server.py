"""A server on an event loop and thread of its own: what fakes for thousands of connections are built on."""

import asyncio
import threading


class AsyncServer:
    """A context manager; `url` ends in /v1. A subclass answers: `async _answer(path, body, writer)`, the body in bytes."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _start(self):
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(next(line for line in head.split("\r\n") if line.startswith("content-length")).split(":")[1])
                await self._answer(head.split()[1], await reader.readexactly(length), writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()
