"""What a request asks of a fake: in its member `x_fake`, or, where no such member can come through, in a text that a
person would have written, as x_fake={…} at its end."""

import json
from dataclasses import dataclass, field


@dataclass
class Script:
    text: str = "Hello from upstream."
    in_turn: list = field(default_factory=list)  # texts instead: the one after the last answer that the request holds
    turns: list = field(default_factory=list)  # more of the same instead: by how many answers the request holds
    window: int = 0  # refuse requests of more tokens than that
    reasoning: str = ""
    tool_calls: list = field(default_factory=list)  # [{"name", "arguments": {…}}]
    finish: str = ""  # the reason the answer ends; by default what fits
    cached: int = 0  # of the input tokens, read from the cache
    cache_write: int = 0  # and written to it
    thought: int = 0  # of the output tokens, spent on reasoning

    error: int = 0  # a status: answer with this vendor's error for it
    message: str = ""  # its message; "{key}" stands for the credential that was sent
    retry_after: str = ""
    headers: dict = field(default_factory=dict)  # more headers of the answer
    redirect: str = ""  # answer 307 with this location
    body: str = ""  # answer 200 with these bytes, whatever was asked

    delay: float = 0  # seconds before the head
    pause: float = 0  # seconds between two events
    # After that many events of a stream (-1: never) …
    stall_after: int = -1  # send nothing more and wait for the client to go
    reset_after: int = -1  # reset the connection
    truncate_after: int = -1  # end the body as if all were said
    garbage_after: int = -1  # send an event that is no JSON
    error_after: int = -1  # send an error event
    crlf: bool = False  # lines end with CR LF
    comments: bool = False  # comments between the events
    usage_with_choice: bool = False  # the usage chunk has a choice in it, as some upstreams send it
    no_usage: bool = False  # says nowhere what it used
    no_done: bool = False  # no [DONE] at the end
    split: bool = False  # the stream goes out byte by byte
    linger: float = 0  # seconds that the connection stays open after the last event

    @staticmethod
    def of(body):
        said = body.get("x_fake") if isinstance(body, dict) else None
        if said is None:
            said = next((json.loads(text.split("x_fake=")[1]) for text in texts(body) if "x_fake=" in text), {})
        if turns := said.get("turns"):
            answered = sum(message.get("role") == "assistant" for message in body.get("messages", []))
            said = said | turns[min(answered, len(turns) - 1)]
        return Script(**said)


def texts(value):
    """Every string in a body."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def words(text):
    """The pieces in which a text is streamed: words with the space before them."""
    pieces, start = [], 0
    for at in range(1, len(text)):
        if text[at] == " ":
            pieces.append(text[start:at])
            start = at
    if text:
        pieces.append(text[start:])
    return pieces


def tokens(text):
    """A count of tokens that tests can foretell: one a word."""
    return len(text.split())


def instance_of(schema):
    """A small value that fits a JSON Schema of the kind that structured output is asked for with."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return instance_of(schema[key][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance_of(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance_of(schema.get("items", {"type": "string"}))]
    return {"string": "text", "integer": 7, "number": 1.5, "boolean": True, "null": None}[kind]
