"""An upstream in the shape of GigaChat, its OAuth included (https://developers.sber.ru/docs/ru/gigachat/api/overview)."""

import json
import re
import time

try:
    from .script import Script, instance_of, tokens, words
    from .upstream import Upstream, run_alone
except ImportError:  # run by itself
    from script import Script, instance_of, tokens, words
    from upstream import Upstream, run_alone

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MEMBERS = {
    "flags", "function_call", "functions", "max_tokens", "messages", "model", "profanity_check", "reasoning_effort", "repetition_penalty",
    "response_format", "stream", "temperature", "top_p", "update_interval", "x_fake",
}  # fmt: skip


class Refused(Exception):
    pass


def check(good, message):
    if not good:
        raise Refused(message)


def check_request(body):
    check(isinstance(body, dict) and body.get("messages"), "Invalid params: messages")
    for name in body:
        check(name in MEMBERS, f"Invalid params: unknown field {name}")
    check(body.get("temperature", 1) > 0, "Invalid params: temperature must be positive")
    called = None
    for i, message in enumerate(body["messages"]):
        role = message.get("role")
        check(role in ("system", "user", "assistant", "function"), f"Invalid params: role {role}")
        check(role != "system" or i == 0, "Invalid params: system message must be the first message")
        check(isinstance(message.get("content"), str), "Invalid params: content")
        if role == "function":
            check(message.get("name") == called, "Invalid params: a function's result must follow its call")
            json.loads(message["content"])
        called = message["function_call"]["name"] if "function_call" in message else None
        check("function_call" not in message or isinstance(message["function_call"]["arguments"], dict), "Invalid params: arguments")


class GigaChatUpstream(Upstream):
    """A GigaChat-shaped upstream; its key is the authorization key."""

    base_path = "/api/v1"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tokens = {}  # token: when it expires

    @property
    def auth_url(self):
        return self.url.removesuffix("/v1") + "/v2/oauth"

    def keep(self, request):
        if request.path != "/api/v2/oauth":  # what tests ask for are the calls
            super().keep(request)

    def answer(self, handler, request):
        if request.path == "/api/v2/oauth":
            return self.give_token(handler, request)
        if request.path != "/api/v1/chat/completions" or request.method != "POST":
            return self.fail(handler, 404, "No such path")
        sent = (request.header("authorization") or "").removeprefix("Bearer ")
        if not self.tokens.get(sent, "").startswith(self.key):
            return self.fail(handler, 401, f"Token {sent} has expired")
        try:
            check_request(request.body)
        except Refused as refused:
            return self.fail(handler, 422, str(refused))
        body, script = request.body, Script.of(request.body)
        handler.obey(script)
        if script.error:
            return self.fail(handler, script.error, script.message.replace("{key}", sent), script.retry_after)
        if script.body:
            return handler.send_bytes(200, "application/json", script.body.encode())
        if body.get("stream"):
            return self.stream(handler, script, body)
        return handler.send_json(200, self.whole(script, body))

    def give_token(self, handler, request):
        if request.header("authorization") != f"Basic {self.key}":
            return handler.send_json(401, {"code": 6, "message": "credentials doesn't match db data"})
        if not UUID.fullmatch(request.header("rquid") or "") or request.raw != b"scope=GIGACHAT_API_PERS":
            return handler.send_json(400, {"code": 1, "message": "scope is empty"})
        token = f"token-{len(self.tokens)}-{time.time_ns()}"
        self.tokens[token] = self.key
        handler.send_json(200, {"access_token": token, "expires_at": int((time.time() + 1800) * 1000)})

    def fail(self, handler, status, message="", retry_after=""):
        handler.send_json(status, {"status": status, "message": message or f"Fake error {status}."}, [("retry-after", retry_after)] if retry_after else [])

    def text_of(self, script, body):
        form = body.get("response_format") or {}
        return json.dumps(instance_of(form["schema"])) if form else script.text

    def usage(self, script, body):
        prompt, said = tokens(json.dumps(body["messages"])), tokens(script.text) + script.thought
        return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said, "precached_prompt_tokens": script.cached}

    def call(self, script):
        """One call a message is all that it makes."""
        call = script.tool_calls[0]
        state = "77d3fb14-457a-46ba-937e-8d856156d003"
        return {"function_call": {"name": call["name"], "arguments": call.get("arguments", {})}, "functions_state_id": state}

    def reason(self, script):
        return script.finish or ("function_call" if script.tool_calls else "stop")

    def whole(self, script, body):
        message = {"role": "assistant", "content": "" if script.tool_calls else self.text_of(script, body)}
        message |= {"reasoning_content": script.reasoning} if script.reasoning else {}
        message |= self.call(script) if script.tool_calls else {}
        choice = {"index": 0, "message": message, "finish_reason": self.reason(script)}
        head = {"created": int(time.time()), "model": body["model"] + ":2.0.28.2", "object": "chat.completion"}
        return head | {"choices": [choice], "usage": self.usage(script, body)}

    def chunks(self, script, body):
        def chunk(delta, reason=None):
            choice = {"index": 0, "delta": delta} | ({"finish_reason": reason} if reason else {})
            return {"choices": [choice], "created": int(time.time()), "model": body["model"] + ":2.0.28.2", "object": "chat.completion"}

        yield chunk({"role": "assistant", "content": ""})
        for word in words(script.reasoning):
            yield chunk({"reasoning_content": word})
        if script.tool_calls:
            yield chunk({"content": ""} | self.call(script))
        else:
            for word in words(self.text_of(script, body)):
                yield chunk({"content": word})
        yield chunk({"content": ""}, self.reason(script)) | {"usage": self.usage(script, body)}

    def stream(self, handler, script, body):
        handler.begin_stream()

        def wire(value):
            return "data: " + json.dumps(value, ensure_ascii=False) + "\n\n"

        failure = wire({"status": 503, "message": script.message or "Overloaded"})
        if handler.send_events(script, (wire(one) for one in self.chunks(script, body)), "data: {not json}\n\n", failure):
            handler.send_chunk("data: [DONE]\n\n")
            handler.end_stream()


if __name__ == "__main__":
    run_alone(GigaChatUpstream)
