"""An upstream that breaks HTTP, and what goes over it, in every way that one can: bytes on a socket, no server library between.

The model that a request names is the fault that it meets; `fine` meets none. FAULTS has all of them. It answers as OpenAI's
API (chats, completions, responses) and as Anthropic's (messages), by the path."""

import gzip
import json
import socket
import struct
import threading
import time

try:
    from . import wire_answers
except ImportError:  # run by itself
    import wire_answers

FAULTS = {}
PIECE = 64 * 1024
PAUSE_S = 0.001  # between two pieces of what never ends, so that it starves nobody here
BOMB = gzip.compress(bytes(1024 * 1024), 9) * 100  # a member a megabyte


def fault(function):
    FAULTS[function.__name__] = function
    return function


def framed(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Gone(Exception):
    """The client has closed."""


class Connection:
    """A connection of one client, with the request that it meets now."""

    def __init__(self, upstream, sock):
        self.upstream, self.socket, self.buffer = upstream, sock, b""
        sock.settimeout(60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        self.path = first.split(" ")[1]
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self.fill()
        body, self.buffer = json.loads(self.buffer[:length]), self.buffer[length:]
        self.stream, self.model = bool(body.get("stream")), body["model"]
        with self.upstream.lock:
            self.upstream.seen.append((self.model, self.path, self.stream))

    def fill(self):
        got = self.socket.recv(65536)
        if not got:
            raise Gone
        self.buffer += got

    # What an answer is made of.

    @property
    def pieces(self):
        return wire_answers.answer_to(self.path, self.stream)

    def send(self, data):
        self.socket.sendall(data)

    def head(self, *lines, status="200 OK", kind=None, chunked=None, length=None):
        kind = kind or ("text/event-stream" if self.stream else "application/json")
        chunked = self.stream if chunked is None else chunked
        all_lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", *lines]
        if length is not None:
            all_lines.append(f"content-length: {length}")
        elif chunked:
            all_lines.append("transfer-encoding: chunked")
        self.send("\r\n".join([*all_lines, "", ""]).encode())

    def chunk(self, data):
        self.send(framed(data))

    def answer(self, pieces=None, *lines):
        """A proper answer of these pieces."""
        pieces = self.pieces if pieces is None else pieces
        if not self.stream:
            body = b"".join(pieces)
            self.head(*lines, length=len(body))
            return self.send(body)
        self.head(*lines)
        for piece in pieces:
            self.chunk(piece)
        self.send(b"0\r\n\r\n")

    def part(self, share=0.5):
        """A proper head and that part of what follows it."""
        if not self.stream:
            body = b"".join(self.pieces)
            self.head(length=len(body))
            return self.send(body[: int(len(body) * share)])
        self.head()
        for piece in self.pieces[: max(1, int(len(self.pieces) * share))]:
            self.chunk(piece)

    def stall(self):
        """Says nothing more, for as long as the client stays."""
        while self.socket.recv(65536):
            pass
        raise Gone

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def close(self):
        raise Gone

    def for_ever(self, data):
        while True:
            self.send(data)
            time.sleep(PAUSE_S)


@fault
def fine(c):
    c.answer()


# Before a head.


@fault
def closes_at_once(c):
    c.close()


@fault
def resets_at_once(c):
    c.reset()


@fault
def stalls_before_the_head(c):
    c.stall()


@fault
def stalls_in_the_head(c):
    c.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    c.stall()


@fault
def resets_in_the_head(c):
    c.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    c.reset()


@fault
def endless_head(c):
    c.send(b"HTTP/1.1 200 OK\r\n")
    c.for_ever(b"x-more: " + b"y" * 1000 + b"\r\n")


@fault
def endless_line_in_the_head(c):
    c.send(b"HTTP/1.1 200 OK\r\nx-more: ")
    c.for_ever(b"y" * PIECE)


@fault
def endless_interim_answers(c):
    c.for_ever(b"HTTP/1.1 100 Continue\r\n\r\n")


@fault
def switches_protocols(c):
    c.send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
    c.stall()


@fault
def speaks_another_protocol(c):
    c.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    c.stall()


@fault
def sends_bytes_for_a_head(c):
    c.send(bytes(range(256)) * 8 + b"\r\n\r\n")
    c.stall()


@fault
def length_and_chunks(c):
    c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")


@fault
def an_encoding_that_nobody_asked_for(c):
    body = gzip.compress(b"".join(c.pieces))
    c.head("content-encoding: gzip", chunked=False, length=len(body))
    c.send(body)


@fault
def a_gzip_bomb(c):
    c.head("content-encoding: gzip", chunked=False, length=len(BOMB))
    c.send(BOMB)


@fault
def a_transfer_in_gzip(c):
    c.head("transfer-encoding: gzip, chunked", chunked=False)
    c.chunk(BOMB)
    c.send(b"0\r\n\r\n")


# Instead of an answer.


@fault
def says_nothing(c):
    c.head(length=0)


@fault
def has_no_content(c):
    c.send(b"HTTP/1.1 204 No Content\r\n\r\n")


@fault
def answers_with_a_page(c):
    c.answer([b"<!doctype html><title>Sign in</title>"])


@fault
def answers_with_bytes(c):
    c.answer([bytes(range(256)) * 16])


@fault
def answers_with_another_json(c):
    c.answer([b'{"status": "ok", "choices": 7, "content": 7, "output": 7}'])


@fault
def answers_with_an_error_and_200(c):
    c.answer([b'{"type": "error", "error": {"message": "quota of the team", "type": "server_error", "code": null}}'])


@fault
def redirects(c):
    c.head("location: http://127.0.0.1:1/", status="302 Found", length=0)


@fault
def stalls_in_an_error(c):
    c.head(status="503 Service Unavailable", kind="application/json", length=1000)
    c.send(b'{"error": ')
    c.stall()


@fault
def endless_error(c):
    c.head(status="503 Service Unavailable", kind="text/html", chunked=True)
    c.for_ever(framed(b"<p>" * 1000))


# In the middle of an answer.


@fault
def stalls_at_the_first_byte(c):
    c.part(0) if not c.stream else c.head()
    c.stall()


@fault
def stalls_in_the_middle(c):
    c.part()
    c.stall()


@fault
def stalls_before_the_end(c):
    """All but the last byte; of a stream, all but what says that it is over."""
    if not c.stream:
        body = b"".join(c.pieces)
        c.head(length=len(body))
        c.send(body[:-1])
    else:
        c.head()
        for piece in c.pieces[:6]:
            c.chunk(piece)
    c.stall()


@fault
def resets_in_the_middle(c):
    c.part()
    c.reset()


@fault
def closes_in_the_middle(c):
    c.part()
    c.close()


@fault
def ends_in_the_middle(c):
    """As if all had been said."""
    if not c.stream:
        return c.answer([b"".join(c.pieces)[:40]])
    c.answer(c.pieces[:4])


@fault
def a_length_too_long(c):
    body = b"".join(c.pieces)[:-20]
    c.head(chunked=False, length=len(body) + 1000)
    c.send(body)
    c.close()


@fault
def a_length_too_short(c):
    body = b"".join(c.pieces)
    c.head(chunked=False, length=len(body) // 2)
    c.send(body)


@fault
def a_chunk_size_that_is_none(c):
    c.head(chunked=True)
    c.chunk(c.pieces[0][:20])
    c.send(b"zz\r\nhello\r\n0\r\n\r\n")


@fault
def a_chunk_that_is_too_long(c):
    c.head(chunked=True)
    c.send(b"ffffffffffffffff\r\n")
    c.for_ever(b" " * PIECE)


@fault
def invalid_utf8(c):
    c.answer([piece.replace(b"brown", b"br\xff\xfewn") for piece in c.pieces])


@fault
def half_a_character(c):
    c.answer([piece.replace(b" fox", b" f\xc3") for piece in c.pieces])


@fault
def a_bare_surrogate(c):
    c.answer([piece.replace(b" fox", b" \\ud83d") for piece in c.pieces])


@fault
def json_of_great_depth(c):
    deep = b'{"a":' * 20_000
    c.answer([b"data: " + deep + b"\n\n" if c.stream else deep])


@fault
def endless_text(c):
    c.head(chunked=True)
    if not c.stream:
        c.chunk(b"".join(c.pieces)[:60])
        c.for_ever(framed(b" " * PIECE))
    for piece in c.pieces[:3]:
        c.chunk(piece)
    c.for_ever(framed(c.pieces[3]))


@fault
def an_endless_event(c):
    c.head(chunked=True)
    c.chunk(c.pieces[0][:-2] if c.stream else b'{"a": "')
    c.for_ever(framed(b"x" * PIECE))


@fault
def endless_comments(c):
    c.head(chunked=True)
    c.for_ever(framed(b": ping\n\n" * 100 if c.stream else b"\n" * 1000))


# Odd, and right all the same.


@fault
def byte_by_byte(c):
    c.head(chunked=True)
    for byte in b"".join(c.pieces):
        c.chunk(bytes([byte]))
    c.send(b"0\r\n\r\n")


@fault
def until_it_closes(c):
    c.head(chunked=False)
    for piece in c.pieces:
        c.send(piece)
    c.close()


@fault
def after_interim_answers(c):
    c.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 3)
    c.answer()


@fault
def ten_megabytes_of_arguments(c):
    arguments = json.dumps({"text": "y" * 10 * 1024 * 1024})
    words = [arguments[at : at + 20_000] for at in range(0, len(arguments), 20_000)]
    c.answer(wire_answers.answer_to(c.path, c.stream, words, tool=True))


@fault
def ten_megabytes_at_once(c):
    c.answer(wire_answers.answer_to(c.path, c.stream, [json.dumps({"text": "y" * 10 * 1024 * 1024})], tool=True))


class BrokenUpstream:
    """Use as a context manager; `url` is where it listens. `refusing` and `silent` are places that do not answer at all."""

    def __init__(self):
        self.lock, self.seen, self.failures = threading.Lock(), [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        closed = socket.create_server(("127.0.0.1", 0))
        self.refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        # Its queue is full, and nobody takes from it: who connects waits.
        self.full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.silent = f"http://127.0.0.1:{self.full.getsockname()[1]}"
        self.waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.full.getsockname())
            self.waiting.append(one)

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        for one in [self.full, *self.waiting]:
            one.close()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[sock], daemon=True).start()

    def serve(self, sock):
        with sock:
            connection = Connection(self, sock)
            try:
                while True:
                    connection.read_request()
                    FAULTS[connection.model](connection)
            except (OSError, Gone):
                pass
            except Exception as error:  # a fault of this file
                self.failures.append(f"{getattr(connection, 'model', '?')}: {error!r}")
