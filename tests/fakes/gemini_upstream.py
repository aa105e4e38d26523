"""An upstream in the shape of the Gemini API (https://ai.google.dev/api/generate-content)."""

import json
import re

try:
    from .script import Script, instance_of, tokens, words
    from .upstream import Upstream, run_alone
except ImportError:  # run by itself
    from script import Script, instance_of, tokens, words
    from upstream import Upstream, run_alone

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MEMBERS = {"cachedContent", "contents", "generationConfig", "safetySettings", "systemInstruction", "toolConfig", "tools", "x_fake"}
CONFIG = {
    "candidateCount", "frequencyPenalty", "maxOutputTokens", "presencePenalty", "responseJsonSchema", "responseMimeType",
    "responseSchema", "seed", "stopSequences", "temperature", "thinkingConfig", "topK", "topP",
}  # fmt: skip
PARTS = {"text", "inlineData", "fileData", "functionCall", "functionResponse"}


class Refused(Exception):
    pass


def check(good, message):
    if not good:
        raise Refused(message)


def check_request(body):
    check(isinstance(body, dict) and body.get("contents"), "* GenerateContentRequest.contents: contents is not specified")
    for name in body:
        check(name in MEMBERS, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    for name in body.get("generationConfig", {}):
        check(name in CONFIG, f'Invalid JSON payload received. Unknown name "{name}" at \'generation_config\': Cannot find field.')
    calls = []
    for content in body["contents"]:
        check(content.get("role") in ("user", "model"), "Please use a valid role: user, model.")
        check(content.get("parts"), "contents.parts must not be empty.")
        for part in content["parts"]:
            check(len(PARTS & set(part)) == 1, "contents.parts.data: required oneof field 'data' must have one initialized field")
            if "functionCall" in part:
                check(isinstance(part["functionCall"].get("args"), dict), "functionCall.args must be a struct")
                calls.append(part["functionCall"]["name"])
            if "functionResponse" in part:
                check(isinstance(part["functionResponse"].get("response"), dict), "functionResponse.response must be a struct")
                check(part["functionResponse"]["name"] in calls, "the number of function response parts must equal the function calls")
    if "responseJsonSchema" in body.get("generationConfig", {}):
        check(body["generationConfig"].get("responseMimeType") == "application/json", "responseJsonSchema needs application/json")


class GeminiUpstream(Upstream):
    """A Gemini-shaped upstream."""

    base_path = "/v1beta"

    def answer(self, handler, request):
        path = re.fullmatch(r"/v1beta/models/([\w.-]+):(generateContent|streamGenerateContent\?alt=sse)", request.path)
        if not path or request.method != "POST":
            return self.fail(handler, 404, "Requested entity was not found.")
        if request.header("x-goog-api-key") != self.key:
            details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            return self.fail(handler, 400, "API key not valid. Please pass a valid API key.", details=details)
        try:
            check_request(request.body)
        except Refused as refused:
            return self.fail(handler, 400, str(refused))
        script = Script.of(request.body)
        handler.obey(script)
        if script.error:
            return self.fail(handler, script.error, script.message.replace("{key}", self.key), script.retry_after)
        if script.body:
            return handler.send_bytes(200, "application/json", script.body.encode())
        if path[2] == "generateContent":
            return handler.send_json(200, self.whole(script, request.body, path[1]))
        return self.stream(handler, script, request.body, path[1])

    def fail(self, handler, status, message="", retry_after="", details=()):
        error = {"code": status, "message": message or f"Fake error {status}.", "status": STATUS.get(status, "UNKNOWN")}
        if details:
            error["details"] = list(details)
        handler.send_json(status, {"error": error}, [("retry-after", retry_after)] if retry_after else [])

    def parts(self, script, body):
        if script.reasoning and body.get("generationConfig", {}).get("thinkingConfig", {}).get("includeThoughts"):
            yield from ({"text": word, "thought": True} for word in words(script.reasoning))
        text = script.text
        config = body.get("generationConfig", {})
        if "responseJsonSchema" in config:
            text = json.dumps(instance_of(config["responseJsonSchema"]))
        elif config.get("responseMimeType") == "application/json":
            text = '{"answer": 7}'
        if not (script.tool_calls and text == Script.text):
            yield from ({"text": word} for word in words(text))
        for i, call in enumerate(script.tool_calls):
            signature = {"thoughtSignature": "c2ln"} if i == 0 else {}
            yield {"functionCall": {"name": call["name"], "args": call.get("arguments", {})}} | signature

    def usage(self, script, body):
        said = tokens("".join(part.get("text", "") for part in self.parts(script, body) if not part.get("thought")))
        prompt = tokens(json.dumps(body["contents"])) + script.cached
        out = {"promptTokenCount": prompt, "candidatesTokenCount": said, "totalTokenCount": prompt + said + script.thought}
        if script.cached:
            out["cachedContentTokenCount"] = script.cached
        return out | ({"thoughtsTokenCount": script.thought} if script.thought else {})

    def response(self, parts, model, reason=None, usage=None):
        candidate = {"index": 0, "content": {"role": "model", "parts": parts}} | ({"finishReason": reason} if reason else {})
        out = {"candidates": [candidate], "modelVersion": model + "-001", "responseId": "fake-response-1"}
        return out | ({"usageMetadata": usage} if usage else {})

    def whole(self, script, body, model):
        return self.response(list(self.parts(script, body)), model, script.finish or "STOP", self.usage(script, body))

    def stream(self, handler, script, body, model):
        handler.begin_stream()

        def events():
            for part in self.parts(script, body):
                yield self.response([part], model, usage={"promptTokenCount": 1})
            yield self.response([{"text": ""}], model, script.finish or "STOP", self.usage(script, body))

        def wire(value):
            return "data: " + json.dumps(value, ensure_ascii=False) + "\r\n\r\n"

        failure = wire({"error": {"code": 503, "message": script.message or "Overloaded", "status": "UNAVAILABLE"}})
        if handler.send_events(script, (wire(one) for one in events()), "data: {not json}\r\n\r\n", failure):
            handler.end_stream()


if __name__ == "__main__":
    run_alone(GeminiUpstream)
