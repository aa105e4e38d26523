"""An upstream in the shape of Anthropic's Messages API (https://docs.anthropic.com/en/api/messages)."""

import json

try:
    from .script import Script, instance_of, tokens, words
    from .upstream import Upstream, run_alone
except ImportError:  # run by itself
    from script import Script, instance_of, tokens, words
    from upstream import Upstream, run_alone

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
VERSIONS = ("2023-06-01", "2026-10-21")
MEMBERS = {
    "cache_control", "container", "max_tokens", "messages", "metadata", "model", "output_config", "service_tier", "stop_sequences",
    "stream", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p", "x_fake",
}  # fmt: skip
BLOCKS = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use"},
}


class Refused(Exception):
    pass


def check(good, message):
    if not good:
        raise Refused(message)


def check_source(where, source):
    check(isinstance(source, dict), f"{where}.source: Field required")
    if source.get("type") == "base64":
        check(set(source) == {"type", "media_type", "data"}, f"{where}.source.base64: Extra inputs are not permitted")
    else:
        check(source.get("type") == "url" and set(source) == {"type", "url"}, f"{where}.source: Input should be base64 or url")


def check_block(where, role, block):
    kind = block.get("type") if isinstance(block, dict) else None
    check(kind in BLOCKS[role], f"{where}: Input tag '{kind}' does not match any of the expected tags")
    if kind == "text":
        check(block.get("text"), f"{where}.text: text content blocks must be non-empty")
    if kind in ("image", "document"):
        check_source(where, block.get("source"))
    if kind == "tool_use":
        check(isinstance(block.get("input"), dict), f"{where}.tool_use.input: Input should be a valid dictionary")
    if kind == "tool_result":
        check(isinstance(block.get("tool_use_id"), str), f"{where}.tool_result.tool_use_id: Field required")


def check_request(body):
    """What the real API refuses, as far as its description says."""
    check(isinstance(body, dict), "The request body is not valid JSON")
    for name in ("model", "max_tokens", "messages"):
        check(name in body, f"{name}: Field required")
    for name in body:
        check(name in MEMBERS, f"{name}: Extra inputs are not permitted")
    check(isinstance(body["max_tokens"], int) and body["max_tokens"] >= 1, "max_tokens: Input should be greater than or equal to 1")
    check(0 <= body.get("temperature", 1) <= 1, "temperature: range: 0..1")
    check(isinstance(body["messages"], list) and body["messages"], "messages: at least one message is required")
    pending = set()
    for i, message in enumerate(body["messages"]):
        where = f"messages.{i}"
        check(message.get("role") in BLOCKS, f"{where}.role: Input should be 'user' or 'assistant'")
        check(set(message) == {"role", "content"}, f"{where}: Extra inputs are not permitted")
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        check(blocks, f"{where}.content: must not be empty")
        for j, block in enumerate(blocks):
            check_block(f"{where}.content.{j}", message["role"], block)
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        check(pending == results, f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after, or the reverse")
        pending = {block["id"] for block in blocks if block["type"] == "tool_use"}
    for i, tool in enumerate(body.get("tools", [])):
        check(isinstance(tool.get("input_schema"), dict), f"tools.{i}.input_schema: Field required")
        check(tool["input_schema"].get("type") == "object", f"tools.{i}.input_schema.type: Field required")
    choice = body.get("tool_choice", {"type": "auto"})
    check(choice.get("type") in ("auto", "any", "tool", "none"), "tool_choice: Input should be auto, any, tool or none")
    check("tools" in body or "tool_choice" not in body, "tool_choice may only be specified while providing tools")


class AnthropicUpstream(Upstream):
    """An Anthropic-shaped upstream."""

    def answer(self, handler, request):
        if request.path.split("?")[0] != "/v1/messages" or request.method != "POST":
            return self.fail(handler, 404, "Not found")
        # The key goes in x-api-key; newer clients send it as a bearer token.
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        if self.key not in (request.header("x-api-key"), bearer):
            return self.fail(handler, 401, f"invalid x-api-key {request.header('x-api-key')}")
        if request.header("anthropic-version") not in VERSIONS:
            return self.fail(handler, 400, "anthropic-version: header is required")
        try:
            check_request(request.body)
        except Refused as refused:
            return self.fail(handler, 400, str(refused))
        body = request.body
        script = Script.of(body)
        handler.obey(script)
        if script.error:
            return self.fail(handler, script.error, script.message.replace("{key}", self.key), script.retry_after)
        if script.body:
            return handler.send_bytes(200, "application/json", script.body.encode())
        if body.get("stream"):
            return self.stream(handler, script, body)
        return handler.send_json(200, self.whole(script, body), [("request-id", "req_fake_1")])

    def fail(self, handler, status, message="", retry_after=""):
        error = {"type": ERRORS.get(status, "api_error"), "message": message or f"Fake error {status}."}
        headers = [("request-id", "req_fake_1")] + ([("retry-after", retry_after)] if retry_after else [])
        handler.send_json(status, {"type": "error", "error": error, "request_id": "req_fake_1"}, headers)

    def blocks(self, script, body):
        out = []
        if script.reasoning:
            out.append({"type": "thinking", "thinking": script.reasoning, "signature": "c2ln"})
        text = script.text
        if form := (body.get("output_config") or {}).get("format"):
            text = json.dumps(instance_of(form["schema"]))
        if text and not (script.tool_calls and text == Script.text):
            out.append({"type": "text", "text": text})
        for i, call in enumerate(script.tool_calls):
            out.append({"type": "tool_use", "id": f"toolu_{i}", "name": call["name"], "input": call.get("arguments", {})})
        return out

    def usage(self, script, body, blocks):
        said = sum(tokens(block.get("text", block.get("thinking", ""))) for block in blocks)
        return {
            "input_tokens": tokens(json.dumps(body["messages"])),
            "cache_creation_input_tokens": script.cache_write,
            "cache_read_input_tokens": script.cached,
            "output_tokens": max(said, 1) + script.thought,
            "service_tier": "standard",
        }

    def reason(self, script):
        return script.finish or ("tool_use" if script.tool_calls else "end_turn")

    def whole(self, script, body):
        blocks = self.blocks(script, body)
        return {
            "id": "msg_fake_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"] + "-20260101",
            "content": blocks,
            "stop_reason": self.reason(script),
            "stop_sequence": None,
            "usage": self.usage(script, body, blocks),
        }

    def events(self, script, body):
        """The events of a stream, as https://docs.anthropic.com/en/api/messages-streaming tells them."""
        whole = self.whole(script, body)
        usage = whole["usage"]
        yield "message_start", {"message": whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}}
        yield "ping", {}
        for index, block in enumerate(whole["content"]):
            kind = block["type"]
            if kind == "text":
                yield "content_block_start", {"index": index, "content_block": {"type": "text", "text": ""}}
                deltas = [{"type": "text_delta", "text": word} for word in words(block["text"])]
            elif kind == "thinking":
                yield "content_block_start", {"index": index, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}
                deltas = [{"type": "thinking_delta", "thinking": word} for word in words(block["thinking"])]
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            else:
                yield "content_block_start", {"index": index, "content_block": block | {"input": {}}}
                arguments = json.dumps(block["input"]) if block["input"] else ""
                parts = [""] + [arguments[at : at + 5] for at in range(0, len(arguments), 5)]
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
            for delta in deltas:
                yield "content_block_delta", {"index": index, "delta": delta}
            yield "content_block_stop", {"index": index}
        yield "message_delta", {
            "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
            "usage": {"output_tokens": usage["output_tokens"]},
        }
        yield "message_stop", {}

    def stream(self, handler, script, body):
        handler.begin_stream([("request-id", "req_fake_1")])

        def wire(kind, members):
            return f"event: {kind}\ndata: {json.dumps({'type': kind} | members, ensure_ascii=False)}\n\n"

        events = (wire(kind, members) for kind, members in self.events(script, body))
        failure = wire("error", {"error": {"type": "overloaded_error", "message": script.message or "Overloaded"}})
        if handler.send_events(script, events, "event: content_block_delta\ndata: {not json}\n\n", failure):
            if script.linger:
                handler.wait(script.linger)
            handler.end_stream()


if __name__ == "__main__":
    run_alone(AnthropicUpstream)
