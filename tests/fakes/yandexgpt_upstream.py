"""An upstream in the shape of YandexGPT's text generation API
(https://yandex.cloud/en/docs/ai-studio/text-generation/api-ref/TextGeneration/completion)."""

import json

try:
    from .script import Script, instance_of, tokens, words
    from .upstream import Upstream, run_alone
except ImportError:  # run by itself
    from script import Script, instance_of, tokens, words
    from upstream import Upstream, run_alone

GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 500: 13, 503: 14, 504: 4}
MEMBERS = {"completionOptions", "jsonObject", "jsonSchema", "messages", "modelUri", "parallelToolCalls", "toolChoice", "tools", "x_fake"}
OPTIONS = {"maxTokens", "reasoningOptions", "stream", "temperature"}
CONTENT = {"text", "toolCallList", "toolResultList"}


class Refused(Exception):
    pass


def check(good, message):
    if not good:
        raise Refused(message)


def check_request(body):
    check(isinstance(body, dict), "request body is not valid JSON")
    for name in body:
        check(name in MEMBERS, f'unknown field "{name}"')
    check(str(body.get("modelUri", "")).startswith("gpt://"), "Specified invalid model URI")
    options = body.get("completionOptions", {})
    check(set(options) <= OPTIONS, f"unknown field in completionOptions: {sorted(set(options) - OPTIONS)}")
    check(0 <= options.get("temperature", 0) <= 1, "temperature must be in the interval [0, 1]")
    check(isinstance(options.get("maxTokens", "1"), str) and int(options.get("maxTokens", "1")) > 0, "maxTokens must be positive")
    check(body.get("messages"), "messages must not be empty")
    pending = []
    for message in body["messages"]:
        check(message.get("role") in ("system", "user", "assistant"), "unknown role")
        check(len(CONTENT & set(message)) == 1 and len(message) == 2, "a message holds one content")
        results = [one["functionResult"]["name"] for one in message.get("toolResultList", {}).get("toolResults", [])]
        check(sorted(results) == sorted(pending), "results must follow their calls")
        pending = [one["functionCall"]["name"] for one in message.get("toolCallList", {}).get("toolCalls", [])]
        for one in message.get("toolCallList", {}).get("toolCalls", []):
            check(isinstance(one["functionCall"]["arguments"], dict), "arguments must be a struct")


class YandexGPTUpstream(Upstream):
    """A YandexGPT-shaped upstream."""

    def answer(self, handler, request):
        if request.path != "/foundationModels/v1/completion" or request.method != "POST":
            return self.fail(handler, 404, "Not Found")
        if request.header("authorization") != f"Api-Key {self.key}" or not request.header("x-folder-id"):
            return self.fail(handler, 401, f"Unknown api key '{(request.header('authorization') or '')[8:16]}********'")
        try:
            check_request(request.body)
        except Refused as refused:
            return self.fail(handler, 400, str(refused))
        body, script = request.body, Script.of(request.body)
        handler.obey(script)
        if script.error:
            return self.fail(handler, script.error, script.message.replace("{key}", self.key), script.retry_after)
        if script.body:
            return handler.send_bytes(200, "application/json", script.body.encode())
        if body["completionOptions"].get("stream"):
            return self.stream(handler, script, body)
        return handler.send_json(200, list(self.results(script, body))[-1])

    def fail(self, handler, status, message="", retry_after=""):
        message = message or f"Fake error {status}."
        error = {"grpcCode": GRPC.get(status, 2), "httpCode": status, "message": message, "httpStatus": str(status), "details": []}
        handler.send_json(status, {"error": error}, [("retry-after", retry_after)] if retry_after else [])

    def text_of(self, script, body):
        if "jsonSchema" in body:
            return json.dumps(instance_of(body["jsonSchema"]["schema"]))
        return '{"answer": 7}' if body.get("jsonObject") else script.text

    def usage(self, script, body, text):
        prompt, said = tokens(json.dumps(body["messages"])), tokens(text) + script.thought
        details = {"reasoningTokens": str(script.thought)}
        return {"inputTextTokens": str(prompt), "completionTokens": str(said), "totalTokens": str(prompt + said), "completionTokensDetails": details}

    def results(self, script, body):
        """Each holds all of the text so far."""

        def result(message, status, text):
            alternative = {"message": {"role": "assistant"} | message, "status": f"ALTERNATIVE_STATUS_{status}"}
            return {"result": {"alternatives": [alternative], "usage": self.usage(script, body, text), "modelVersion": "09.02.2026"}}

        text, so_far = self.text_of(script, body), ""
        if script.tool_calls:
            calls = [{"functionCall": {"name": call["name"], "arguments": call.get("arguments", {})}} for call in script.tool_calls]
            yield result({"toolCallList": {"toolCalls": calls}}, "TOOL_CALLS", "")
            return
        for word in words(text):
            so_far += word
            yield result({"text": so_far}, "PARTIAL", so_far)
        yield result({"text": text}, script.finish or "FINAL", text)

    def stream(self, handler, script, body):
        handler.begin_stream(content_type="application/json")
        failure = {"error": {"grpcCode": 14, "httpCode": 503, "message": script.message or "Overloaded", "httpStatus": "x", "details": []}}
        lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in self.results(script, body))
        if handler.send_events(script, lines, "{not json}\n", json.dumps(failure) + "\n"):
            handler.end_stream()


if __name__ == "__main__":
    run_alone(YandexGPTUpstream)
