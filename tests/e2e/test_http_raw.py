"""What RFC 9110 and 9112 ask of a server, byte by byte, against the running program."""

import json
import select
import socket
import threading
import time

import pytest

CHAT = json.dumps({"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}).encode()


class Wire:
    """A connection that says what is written and reads answers off the wire."""

    def __init__(self, fairlead, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", fairlead.port), timeout=timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def _fill(self):
        got = self.socket.recv(65536)
        self.buffer += got
        return bool(got)

    def head(self):
        """The next answer's status and headers; None at the end of the connection."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                assert not self.buffer, f"half an answer: {self.buffer!r}"
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value.strip()
        return int(first.split(" ")[1]), headers

    def exactly(self, count):
        while len(self.buffer) < count:
            assert self._fill(), "the connection ended in the middle of a body"
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def answer(self):
        """The next answer: status, headers, body."""
        head = self.head()
        if head is None:
            return None
        status, headers = head
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                while b"\r\n" not in self.buffer:
                    assert self._fill()
                size, self.buffer = self.buffer.split(b"\r\n", 1)
                chunk = self.exactly(int(size, 16))
                assert self.exactly(2) == b"\r\n"
                if not chunk:
                    return status, headers, body
                body += chunk
        return status, headers, self.exactly(int(headers.get("content-length", 0)))

    def is_closed(self, seconds=5):
        self.socket.settimeout(seconds)
        try:
            while self._fill():
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@pytest.fixture
def wire(fairlead):
    with Wire(fairlead) as connection:
        yield connection


@pytest.fixture(scope="session")
def key(fairlead):
    return fairlead.admin_key


def request(key, *lines, target="/v1/chat/completions", method="POST", host="x", version="HTTP/1.1"):
    head = [f"{method} {target} {version}"] + ([f"Host: {host}"] if host is not None else [])
    head += [f"Authorization: Bearer {key}", "Content-Type: application/json", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def whole(key, body=CHAT, *lines):
    return request(key, f"Content-Length: {len(body)}", *lines) + body


def chunked(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


# What is fine.


def test_keep_alive_and_pipelining(wire, key):
    wire.send(whole(key) + whole(key))
    for _ in range(2):
        status, headers, body = wire.answer()
        assert status == 200 and json.loads(body)["object"] == "chat.completion" and "date" in headers
    assert wire.send(whole(key)).answer()[0] == 200


def test_chunked_body(wire, key):
    wire.send(request(key, "Transfer-Encoding: chunked") + chunked(CHAT[:10], CHAT[10:11], CHAT[11:]))
    assert wire.answer()[0] == 200
    sent = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(CHAT), CHAT)
    assert wire.send(request(key, "transfer-encoding: Chunked") + sent).answer()[0] == 200


def test_byte_by_byte(wire, key):
    for byte in whole(key):
        wire.send(bytes([byte]))
    assert wire.answer()[0] == 200


def test_expect_continue(wire, key):
    wire.send(request(key, f"Content-Length: {len(CHAT)}", "Expect: 100-continue"))
    status, _ = wire.head()
    assert status == 100
    assert wire.send(CHAT).answer()[0] == 200


def test_expectation_without_a_key_is_refused_before_the_body(wire):
    wire.send(request("fl-wrong", "Content-Length: 1000000", "Expect: 100-continue"))
    assert wire.answer()[0] == 401


def test_connection_close_and_http_1_0(fairlead, key):
    with Wire(fairlead) as wire:
        assert wire.send(whole(key, CHAT, "Connection: close")).answer()[0] == 200
        assert wire.is_closed()
    with Wire(fairlead) as wire:
        wire.send(request(key, f"Content-Length: {len(CHAT)}", version="HTTP/1.0") + CHAT)
        status, headers, _ = wire.answer()
        assert status == 200 and "transfer-encoding" not in headers
        assert wire.is_closed()


def test_head_answers_without_a_body(wire, key):
    wire.send(request(key, method="HEAD", target="/v1/models"))
    status, headers = wire.head()
    assert status == 200 and int(headers["content-length"]) > 0
    assert wire.send(request(key, method="GET", target="/v1/models")).answer()[0] == 200


def test_half_closed_client_gets_its_answer(wire, key):
    wire.send(whole(key))
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.answer()[0] == 200


def test_streamed_answer_is_chunked(wire, key):
    body = json.dumps({"model": "gpt", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    status, headers, text = wire.send(whole(key, body)).answer()
    assert status == 200 and headers["transfer-encoding"] == "chunked" and text.endswith(b"data: [DONE]\n\n")
    assert wire.send(whole(key)).answer()[0] == 200


def test_absolute_form_and_query(wire, key):
    assert wire.send(request(key, method="GET", target="http://x/v1/models")).answer()[0] == 200
    assert wire.send(request(key, method="GET", target="/v1/models?limit=2&x=%zz")).answer()[0] == 200


# What must be refused, and the connection closed, so that nothing behind it is taken for a request.

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
REFUSED = {
    "length and chunked": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "chunked and length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "two equal lengths": ["Content-Length: 5", "Content-Length: 5"],
    "a list of lengths": ["Content-Length: 5, 5"],
    "a length with a sign": ["Content-Length: +5"],
    "a negative length": ["Content-Length: -5"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "an empty length": ["Content-Length: "],
    "a length with a space": ["Content-Length: 5 5"],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
    "two encodings": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "a misspelled encoding": ["Transfer-Encoding: xchunked"],
    "an encoding behind chunked": ["Transfer-Encoding: chunked, identity"],
    "identity": ["Transfer-Encoding: identity", "Content-Length: 5"],
    "a space before the colon": ["Content-Length : 5"],
    "a folded line": ["X-A: 1", " Content-Length: 5"],
    "a bare CR in a value": ["X-A: 1\rX-B: 2"],
    "a bare LF between lines": ["X-A: 1\nX-B: 2"],
    "a NUL in a value": ["X-A: 1\0"],
    "a name with a space": ["X A: 1"],
    "no colon": ["nonsense"],
    "no name": [": 1"],
    "a second Host": ["Host: y"],
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED.keys())
def test_ambiguous_heads(wire, key, lines):
    wire.send(request(key, *lines) + b"hello" + HIDDEN)
    status, headers, _ = wire.answer()
    assert status in (400, 501) and headers["connection"] == "close"
    assert wire.answer() is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: x\n\n",
        b"GET /healthz\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /healthz http/1.1\r\nHost: x\r\n\r\n",
        b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x/y\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"G@T /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n",
    ],
)
def test_malformed_heads(wire, head):
    wire.send(head)
    status, headers, _ = wire.answer()
    assert status in (400, 505) and headers["connection"] == "close"
    assert wire.is_closed()


BAD_CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "no hexadecimal size": b"g\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size with space": b"5 5\r\nhello\r\n0\r\n\r\n",
    "a size of 2^64": b"10000000000000000\r\nhello\r\n0\r\n\r\n",
    "a size ended by LF": b"5\nhello\r\n0\r\n\r\n",
    "data ended by LF": b"5\r\nhello\n0\r\n\r\n",
    "too much data": b"5\r\nhello!\r\n0\r\n\r\n",
    "a trailer that is none": b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks(wire, key, body):
    wire.send(request(key, "Transfer-Encoding: chunked") + body + HIDDEN)
    status, headers, _ = wire.answer()
    assert status in (400, 413) and headers["connection"] == "close"
    assert wire.answer() is None


# Sizes.


@pytest.mark.parametrize("length", ["11534336", "18446744073709551616", "99999999999999999999999999"])
def test_large_bodies_are_refused_before_they_come(wire, key, length):
    began = time.monotonic()
    status, headers, _ = wire.send(request(key, f"Content-Length: {length}")).answer()
    assert status in (400, 413) and headers["connection"] == "close" and time.monotonic() - began < 3


def test_endless_chunked_body(fairlead, key):
    with Wire(fairlead) as wire:
        wire.send(request(key, "Transfer-Encoding: chunked"))
        sent, piece = 0, b"10000\r\n" + b" " * 65536 + b"\r\n"
        with pytest.raises(OSError):
            for _ in range(1024):
                wire.send(piece)
                sent += 65536
        assert sent < 40 * 1024 * 1024


def test_large_head(fairlead, key):
    with Wire(fairlead) as wire:
        assert wire.send(request(key, "X-Large: " + "a" * 70_000)).answer()[0] == 431
        assert wire.is_closed()
    with Wire(fairlead) as wire:
        assert wire.send(request(key, *[f"X-{i}: 1" for i in range(150)])).answer()[0] == 431
    with Wire(fairlead) as wire:
        assert wire.send(f"GET /{'a' * 70_000} HTTP/1.1\r\nHost: x\r\n\r\n").answer()[0] in (414, 431)


def test_ten_megabytes_are_taken(fairlead, key):
    body = json.dumps({"model": "gpt", "messages": [{"role": "user", "content": "x" * 9_900_000}]}).encode()
    with Wire(fairlead, timeout=30) as wire:
        assert wire.send(whole(key, body)).answer()[0] == 200


# Time.


def test_slow_heads_are_given_up(start, project):
    server = start(project=project, settings=["--http.head_timeout=1s", "--http.idle_timeout=2s"])
    with Wire(server) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nHo")
        began = time.monotonic()
        answer = wire.answer()
        assert answer is None or answer[0] == 408
        assert wire.is_closed() and time.monotonic() - began < 4
    with Wire(server) as wire:  # a byte now and then does not help
        began = time.monotonic()
        while not select.select([wire.socket], [], [], 0.1)[0]:
            wire.send(b"X")
            assert time.monotonic() - began < 6
        answer = wire.answer()
        assert answer is None or answer[0] == 408
    with Wire(server) as wire:  # and who says nothing is let go too
        assert wire.is_closed(6)


def test_slow_bodies_are_given_up(start, project):
    server = start(project=project, settings=["--http.body_timeout=1s"])
    with Wire(server) as wire:
        wire.send(request(server.admin_key, "Content-Length: 1000") + b"{")
        began = time.monotonic()
        answer = wire.answer()
        assert answer is None or answer[0] == 408
        assert wire.is_closed() and time.monotonic() - began < 5


def test_a_drain_lets_calls_end(start, project, openai_fake):
    server = start(project=project)
    seen = {}

    def long_call():
        seen["answer"] = server.chat("gpt", stream=True, x_fake={"text": "a b c d e f", "pause": 0.2})

    caller = threading.Thread(target=long_call)
    key = server.admin_key
    caller.start()
    before = len(openai_fake.requests)
    while len(openai_fake.requests) == before and caller.is_alive() and "answer" not in seen:
        time.sleep(0.05)
        if openai_fake.requests and openai_fake.last.body.get("x_fake", {}).get("pause") == 0.2:
            break
    assert server.stop() == 0
    caller.join(10)
    assert seen["answer"].status == 200 and seen["answer"].text.endswith("data: [DONE]\n\n")
    with pytest.raises(OSError):
        server.request("GET", "/v1/models", key=key)


# Keys and errors.


def test_two_authorizations_are_refused(wire, key):
    wire.send(whole(key, CHAT, f"Authorization: Bearer {key}"))
    assert wire.answer()[0] == 400


def test_two_keys_that_differ_are_refused(wire, key):
    wire.send(whole(key, CHAT, "x-api-key: fl-other"))
    assert wire.answer()[0] == 401


def test_key_is_checked_before_the_body_is_read(wire):
    began = time.monotonic()
    wire.send(request("fl-wrong", "Content-Length: 1000000") + b"{")
    status, _, _ = wire.answer()
    assert status == 401 and time.monotonic() - began < 3


@pytest.mark.parametrize("place", ["model", "path", "authorization", "role"])
def test_a_pasted_key_is_not_repeated(fairlead, key, place):
    secret = "sk-proj-S3cretS3cretS3cretS3cretS3cret"
    message = {"role": secret if place == "role" else "user", "content": "x"}
    if place == "path":
        answer = fairlead.request("GET", f"/v1/models/{secret}")
    else:
        body = {"model": secret if place == "model" else "gpt", "messages": [message]}
        answer = fairlead.request("POST", "/v1/chat/completions", body, key=secret if place == "authorization" else key)
    assert answer.status in (400, 401, 404)
    assert "S3cret" not in answer.text and "S3cret" not in str(answer.headers)
    assert "S3cret" not in fairlead.log


def test_answers_carry_no_client_bytes_in_their_heads(wire, key):
    wire.send(request(key, method="GET", target="/v1/models/a%0d%0aSet-Cookie:%20x=1"))
    status, headers, _ = wire.answer()
    assert status == 404 and "set-cookie" not in headers


def test_connections_survive_a_storm(fairlead):
    """Many clients that send half a request and leave."""
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", fairlead.port), timeout=5) as one:
            one.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Le")
    assert fairlead.chat("gpt").status == 200


# Methods, types and versions that nothing here takes.


@pytest.mark.parametrize("method", ["FLY", "get", "TRACE"])
def test_methods_that_nothing_takes_are_501(wire, key, method):
    wire.send(request(key, method=method, target="/v1/models"))
    status, _, body = wire.answer()
    assert status == 501 and json.loads(body)["error"]["code"] == "unsupported_method"
    assert wire.send(request(key, method="GET", target="/v1/models")).answer()[0] == 200


@pytest.mark.parametrize("target, allow", [("/v1/models", "GET, HEAD, OPTIONS"), ("/v1/chat/completions", "POST, OPTIONS"), ("/v1/files", "GET, HEAD, POST, OPTIONS")])
def test_options_says_what_a_path_takes(wire, key, target, allow):
    status, headers, body = wire.send(request(key, method="OPTIONS", target=target)).answer()
    assert status == 204 and headers["allow"] == allow and not body and "content-length" not in headers
    status, headers, _ = wire.send(request(key, method="PATCH", target=target)).answer()
    assert status == 405 and headers["allow"] == allow


def test_a_later_minor_version_is_read_as_1_1(wire, key):
    for _ in range(2):
        assert wire.send(request(key, method="GET", target="/v1/models", version="HTTP/1.2")).answer()[0] == 200


def test_tls_to_the_plain_port_is_refused_at_once(wire):
    began = time.monotonic()
    wire.send(b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03" + b"r" * 100)  # no line end in it
    status, headers, _ = wire.answer()
    assert status == 400 and headers["connection"] == "close" and time.monotonic() - began < 3


def test_an_encoded_body_is_415(wire, key):
    status, headers, body = wire.send(whole(key, CHAT, "Content-Encoding: gzip")).answer()
    assert status == 415 and headers["accept-encoding"] == "identity" and headers["connection"] == "close"
    assert json.loads(body)["error"]["code"] == "unsupported_content_encoding"


@pytest.mark.parametrize(
    "target, kind, status",
    [
        ("/v1/chat/completions", "text/plain", 415),
        ("/v1/messages", "application/xml", 415),
        ("/v1/responses", "multipart/form-data; boundary=x", 415),
        ("/v1/files", "application/json", 415),
        ("/v1/chat/completions", "Application/JSON;charset=utf-8", 200),
        ("/v1/chat/completions", "application/vnd.x+json", 200),
        ("/v1/chat/completions", "application/x-www-form-urlencoded", 200),  # what `curl -d` says of anything
    ],
)
def test_types_of_bodies(wire, key, target, kind, status):
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: {kind}\r\nContent-Length: {len(CHAT)}\r\n\r\n"
    assert wire.send(head.encode() + CHAT).answer()[0] == status
    assert wire.send(whole(key)).answer()[0] == 200


@pytest.mark.parametrize(
    "method, target",
    [("POST", "/v1/chat/completions"), ("POST", "/v1/messages"), ("GET", "/v1/models"), ("GET", "/v1/files"), ("GET", "/v1/responses/resp_1"), ("GET", "/v1/nothing"), ("GET", "/api/v1/keys")],
)
def test_401_has_a_challenge(wire, method, target):
    for key in ("fl-wrong", ""):
        status, headers, _ = wire.send(request(key, "Content-Length: 0", method=method, target=target)).answer()
        assert status == 401 and headers["www-authenticate"] == "Bearer"
