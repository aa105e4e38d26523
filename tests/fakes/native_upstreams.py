"""Upstreams that speak more than chats: what came is said back, so that a test can see that it came as it was sent."""

import json

try:
    from .anthropic_upstream import AnthropicUpstream
    from .openai_upstream import OpenAIUpstream
    from .script import Script
except ImportError:  # run by itself
    from anthropic_upstream import AnthropicUpstream
    from openai_upstream import OpenAIUpstream
    from script import Script

USAGE = {"input_tokens": 7, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 10}  # fmt: skip
CATEGORIES = [
    "hate", "hate/threatening", "harassment", "harassment/threatening", "illicit", "illicit/violent", "self-harm", "self-harm/intent",
    "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
]  # fmt: skip


class OpenAINative(OpenAIUpstream):
    """The OpenAI API's other endpoints."""

    def answer(self, handler, request):
        native = getattr(self, request.path.removeprefix("/v1/"), None) if request.path.startswith("/v1/") else None
        if request.method != "POST" or native is None or not isinstance(request.body, dict):
            return super().answer(handler, request)
        if request.header("authorization") != f"Bearer {self.key}":
            return self.fail(handler, 401, "Incorrect API key provided.")
        script = Script.of(request.body)
        if script.error:
            return self.fail(handler, script.error, script.message)
        return native(handler, script, request.body)

    def embeddings(self, handler, script, body):
        inputs = body["input"] if isinstance(body["input"], list) and not isinstance(body["input"][0], int) else [body["input"]]
        vector = "AACAPwAAAEA=" if body.get("encoding_format") == "base64" else [1.0, 2.0]
        data = [{"object": "embedding", "index": i, "embedding": vector} for i in range(len(inputs))]
        usage = {"prompt_tokens": 5 * len(inputs), "total_tokens": 5 * len(inputs)}
        handler.send_json(200, {"object": "list", "model": body["model"], "data": data, "usage": usage, "x_seen": body})

    def moderations(self, handler, script, body):
        scores = {name: 0.5 for name in CATEGORIES}
        result = {
            "flagged": True,
            "categories": {name: name == "violence" for name in CATEGORIES},
            "category_scores": scores,
            "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
        }
        handler.send_json(200, {"id": "modr-1", "model": body["model"], "results": [result], "x_seen": body})

    def completions(self, handler, script, body):
        head = {"id": "cmpl-1", "object": "text_completion", "created": 1700000000, "model": body["model"]}
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}

        def choices(text, reason):
            return [{"index": 0, "text": text, "logprobs": None, "finish_reason": reason}]

        if not body.get("stream"):
            return handler.send_json(200, head | {"choices": choices("one two", "stop"), "usage": usage, "x_seen": body})
        chunks = [{"choices": choices("one", None)}, {"choices": choices(" two", "stop")}]
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({"choices": [], "usage": usage})
        events = ["data: " + json.dumps(head | chunk) + "\n\n" for chunk in chunks]
        self.send(handler, script, [*events, "data: [DONE]\n\n"])

    def responses(self, handler, script, body):
        item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
        text = {"type": "output_text", "text": "Found it.", "annotations": [], "logprobs": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
        response = {
            "id": "resp_upstream_1", "object": "response", "created_at": 1700000000, "status": "completed", "model": body["model"],
            "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
            "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "output": [item, message], "usage": USAGE, "x_seen": body,
        }  # fmt: skip
        if not body.get("stream"):
            return handler.send_json(200, response)
        place = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
        begun = response | {"status": "in_progress", "output": [], "usage": None}
        events = [
            {"type": "response.created", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.output_item.added", "output_index": 1, "item": message | {"content": [], "status": "in_progress"}},
            {"type": "response.content_part.added", "part": text | {"text": ""}} | place,
            {"type": "response.output_text.delta", "delta": "Found it.", "logprobs": []} | place,
            {"type": "response.output_text.done", "text": "Found it.", "logprobs": []} | place,
            {"type": "response.output_item.done", "output_index": 1, "item": message},
            {"type": "response.completed", "response": response},
        ]
        wire = [f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': i})}\n\n" for i, event in enumerate(events)]
        self.send(handler, script, wire)

    def send(self, handler, script, events):
        handler.begin_stream()
        if handler.send_events(script, events, "data: {not json}\n\n", ""):
            handler.end_stream()


class AnthropicNative(AnthropicUpstream):
    """Counting tokens too."""

    def answer(self, handler, request):
        if request.path != "/v1/messages/count_tokens":
            return super().answer(handler, request)
        handler.send_json(200, {"input_tokens": len(json.dumps(request.body["messages"]).split())})
