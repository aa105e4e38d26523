"""An upstream in the shape of the OpenAI chat-completions API (https://platform.openai.com/docs/api-reference/chat)."""

import json
import time

try:
    from .script import Script, instance_of, tokens, words
    from .upstream import Upstream, run_alone
except ImportError:  # run by itself
    from script import Script, instance_of, tokens, words
    from upstream import Upstream, run_alone

ERRORS = {
    400: ("invalid_request_error", "invalid_value", "temperature"),
    401: ("invalid_request_error", "invalid_api_key", None),
    403: ("invalid_request_error", "unsupported_country_region_territory", None),
    404: ("invalid_request_error", "model_not_found", None),
    409: ("invalid_request_error", None, None),
    413: ("invalid_request_error", "request_too_large", None),
    422: ("invalid_request_error", None, None),
    429: ("requests", "rate_limit_exceeded", None),
    500: ("server_error", None, None),
    502: ("server_error", None, None),
    503: ("server_error", None, None),
}
LIMITS = [("x-ratelimit-limit-requests", "60"), ("x-ratelimit-remaining-requests", "59")]


class OpenAIUpstream(Upstream):
    """An OpenAI-shaped upstream."""

    base_path = "/v1"

    def answer(self, handler, request):
        if request.path == "/v1/models" and request.method == "GET":
            model = {"id": "gpt-fake", "object": "model", "created": 1700000000, "owned_by": "fake"}
            return handler.send_json(200, {"object": "list", "data": [model]})
        if not self.is_chat(request) or request.method != "POST":
            return self.fail(handler, 404, f"Invalid URL ({request.method} {request.path})")
        sent = self.key_of(request)
        if sent != self.key:
            return self.fail(handler, 401, f"Incorrect API key provided: {sent}. You can find your API key at the dashboard.")
        body = request.body
        if not isinstance(body, dict):
            return self.fail(handler, 400, "We could not parse the JSON body of your request.")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return self.fail(handler, 400, "Missing required parameter: 'messages'.", param="messages")
        if message := self.refuses(body):
            return self.fail(handler, 400, message)
        script = Script.of(body)
        handler.obey(script)
        if script.redirect:
            return handler.send_bytes(307, "text/plain", b"", [("location", script.redirect)])
        if script.error:
            return self.fail(handler, script.error, script.message.replace("{key}", self.key), retry_after=script.retry_after)
        size = sum(tokens(json.dumps(message.get("content"))) for message in body["messages"])
        if script.window and size > script.window:
            return self.fail(handler, 400, f"This model's maximum context length is {script.window} tokens.", param="messages")
        if script.body:
            kind = "text/event-stream" if body.get("stream") else "application/json"
            return handler.send_bytes(200, kind, script.body.encode())
        if body.get("stream"):
            return self.stream(handler, script, body)
        return handler.send_json(200, self.whole(script, body), LIMITS)

    def is_chat(self, request):
        return request.path == "/v1/chat/completions"

    def key_of(self, request):
        return (request.header("authorization") or "").removeprefix("Bearer ")

    def refuses(self, body):
        """What is said of a request that a server of this kind does not take."""

    def fail(self, handler, status, message="", param=None, retry_after=""):
        kind, code, default_param = ERRORS.get(status, ("server_error", None, None))
        error = {"message": message or f"Fake error {status}.", "type": kind, "param": param or default_param, "code": code}
        headers = [("retry-after", retry_after)] if retry_after else []
        handler.send_json(status, {"error": error}, LIMITS + headers)

    # The answer.

    def text_of(self, script, body):
        if script.in_turn:
            said = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
            after = script.in_turn.index(said[-1]) + 1 if said and said[-1] in script.in_turn else 0
            return script.in_turn[min(after, len(script.in_turn) - 1)]
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            return json.dumps(instance_of(form["json_schema"]["schema"]))
        if form.get("type") == "json_object":
            return '{"answer": 7}'
        return script.text

    def usage(self, script, body, text):
        prompt = sum(tokens(json.dumps(message.get("content"))) for message in body["messages"]) + script.cached + script.cache_write
        output = tokens(text) * body.get("n", 1) + script.thought
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": script.cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": script.thought,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def logprob(self, body, token):
        top = [{"token": token, "logprob": -0.25, "bytes": list(token.encode())}] * body.get("top_logprobs", 0)
        return {"token": token, "logprob": -0.25, "bytes": list(token.encode()), "top_logprobs": top}

    def tool_calls(self, script):
        return [
            {"id": f"call_{i}", "type": "function", "function": {"name": call["name"], "arguments": json.dumps(call.get("arguments", {}))}}
            for i, call in enumerate(script.tool_calls)
        ]

    def head(self, body, kind):
        return {
            "id": "chatcmpl-fake-1",
            "object": kind,
            "created": int(time.time()),
            "model": body["model"] + "-2026-01-01",
            "system_fingerprint": "fp_fake",
        }

    def whole(self, script, body):
        text = self.text_of(script, body)
        message = {"role": "assistant", "content": None if script.tool_calls else text, "refusal": None, "annotations": []}
        if script.reasoning:
            message["reasoning_content"] = script.reasoning
        if script.tool_calls:
            message["tool_calls"] = self.tool_calls(script)
        logprobs = {"content": [self.logprob(body, word) for word in words(text)], "refusal": None} if body.get("logprobs") else None
        reason = script.finish or ("tool_calls" if script.tool_calls else "stop")
        choices = [
            {"index": i, "message": message, "logprobs": logprobs, "finish_reason": reason} for i in range(body.get("n", 1))
        ]
        usage = {} if script.no_usage else {"usage": self.usage(script, body, text)}
        return self.head(body, "chat.completion") | {"choices": choices} | usage

    def chunks(self, script, body):
        """The chunks of a streamed answer, choice by choice in turn."""
        text = self.text_of(script, body)
        indices = range(body.get("n", 1))

        def chunk(index, delta, reason=None, logprobs=None):
            return {"choices": [{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}]}

        for index in indices:
            yield chunk(index, {"role": "assistant", "content": None if script.tool_calls else "", "refusal": None})
        for word in words(script.reasoning):
            yield chunk(0, {"reasoning_content": word})
        if script.tool_calls:
            for at, call in enumerate(self.tool_calls(script)):
                arguments = call["function"].pop("arguments")
                yield chunk(0, {"tool_calls": [{"index": at} | call | {"function": call["function"] | {"arguments": ""}}]})
                for start in range(0, len(arguments), 5):
                    yield chunk(0, {"tool_calls": [{"index": at, "function": {"arguments": arguments[start : start + 5]}}]})
        else:
            for word in words(text):
                logprobs = {"content": [self.logprob(body, word)], "refusal": None} if body.get("logprobs") else None
                for index in indices:
                    yield chunk(index, {"content": word}, logprobs=logprobs)
        for index in indices:
            yield chunk(index, {}, script.finish or ("tool_calls" if script.tool_calls else "stop"))
        if (body.get("stream_options") or {}).get("include_usage") and not script.no_usage:
            last = chunk(0, {"role": "assistant", "content": ""}) if script.usage_with_choice else {"choices": []}
            yield last | {"usage": self.usage(script, body, text)}

    def stream(self, handler, script, body):
        handler.begin_stream(LIMITS)
        head = self.head(body, "chat.completion.chunk")
        wants_usage = (body.get("stream_options") or {}).get("include_usage")
        fill = {"usage": None} if wants_usage else {}
        events = ("data: " + json.dumps(head | fill | chunk, ensure_ascii=False) + "\n\n" for chunk in self.chunks(script, body))
        failure = {"error": {"message": script.message or "The server had an error.", "type": "server_error", "param": None, "code": None}}
        if not handler.send_events(script, events, "data: {not json}\n\n", "data: " + json.dumps(failure) + "\n\n"):
            return
        if not script.no_done:
            handler.send_chunk("data: [DONE]\r\n\r\n" if script.crlf else "data: [DONE]\n\n")
        if script.linger:
            handler.wait(script.linger)
        handler.end_stream()


if __name__ == "__main__":
    run_alone(OpenAIUpstream)
