"""What the fakes have in common: a threaded HTTP/1.1 server that keeps what it received."""

import json
import select
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Request:
    """One request as it arrived."""

    def __init__(self, method, path, headers, raw):
        self.method, self.path, self.headers, self.raw = method, path, headers, raw
        self.answered = threading.Event()  # the whole answer has been written
        self.client_gone = threading.Event()  # the client closed before that
        try:
            self.body = json.loads(raw) if raw else None
        except ValueError:
            self.body = None

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} was sent {len(values)} times"
        return values[0] if values else None


class ClientGone(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.upstream.connections += 1

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ClientGone):
            self.close_connection = True

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("content-length", 0))))

    def do_GET(self):
        self.serve(b"")

    def serve(self, raw):
        self.split, self.more_headers = False, {}
        self.request_seen = Request(self.command, self.path, list(self.headers.items()), raw)
        self.upstream.keep(self.request_seen)
        try:
            self.upstream.answer(self, self.request_seen)
            self.request_seen.answered.set()
        except (ConnectionError, ClientGone):
            self.request_seen.client_gone.set()
            self.close_connection = True

    # What the fakes answer with.

    def send_json(self, status, value, headers=()):
        self.send_bytes(status, "application/json", json.dumps(value, ensure_ascii=False).encode(), headers)

    def send_bytes(self, status, content_type, body, headers=()):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        for name, value in [*headers, *self.more_headers.items()]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def obey(self, script):
        """What a script says of the whole answer."""
        self.split, self.more_headers = script.split, script.headers
        if script.delay:
            self.wait(script.delay)

    def begin_stream(self, headers=(), content_type="text/event-stream; charset=utf-8"):
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def send_chunk(self, data):
        data = data.encode() if isinstance(data, str) else data
        for piece in (data[at : at + 1] for at in range(len(data))) if self.split else (data,):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def end_stream(self):
        self.wfile.write(b"0\r\n\r\n")

    def wait(self, seconds):
        """Waits; raises ClientGone as soon as the client has closed."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.connection], [], [], left)[0]:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    raise ClientGone
                time.sleep(0.01)

    def reset(self):
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise ClientGone

    def send_events(self, script, events, garbage, failure):
        """Sends events (wire text, one each) as the script says. False: the stream has been broken off."""
        for sent, event in enumerate(events):
            if sent == script.stall_after:
                self.wait(60)
            if sent == script.reset_after:
                self.reset()
            if sent == script.truncate_after:
                self.end_stream()
                return False
            if sent == script.garbage_after:
                self.send_chunk(garbage)
            if sent == script.error_after:
                self.send_chunk(failure)
                self.end_stream()
                return False
            if script.comments:
                self.send_chunk(": keep-alive\n\n")
            self.send_chunk(event.replace("\n", "\r\n") if script.crlf else event)
            if script.pause:
                self.wait(script.pause)
        return True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that goes away is what many tests are about


class Upstream:
    """Base of the fakes. Use it as a context manager; `url` is where it listens."""

    base_path = ""

    def __init__(self, port=0, key="sk-fake-upstream-key-0123456789"):
        self.key = key
        self.requests = []
        self.connections = 0
        self._lock = threading.Lock()
        handler = type("BoundHandler", (Handler,), {"upstream": self})
        self.server = Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{self.base_path}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def keep(self, request):
        with self._lock:
            self.requests.append(request)

    @property
    def last(self):
        return self.requests[-1]

    def answer(self, handler, request):
        raise NotImplementedError


def run_alone(upstream_class):
    import argparse

    parser = argparse.ArgumentParser(description=upstream_class.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="sk-fake-upstream-key-0123456789")
    arguments = parser.parse_args()
    with upstream_class(arguments.port, arguments.key) as upstream:
        print(upstream.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
