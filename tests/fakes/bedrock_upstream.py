"""An upstream in the shape of AWS Bedrock's Converse (https://docs.aws.amazon.com/bedrock/latest/APIReference). Checks signatures."""

import base64
import hashlib
import hmac
import json
import re
import struct
import urllib.parse
import zlib

try:
    from .script import Script, instance_of, tokens, words
    from .upstream import Upstream, run_alone
except ImportError:  # run by itself
    from script import Script, instance_of, tokens, words
    from upstream import Upstream, run_alone

ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
MEMBERS = {
    "additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "inferenceConfig", "messages", "outputConfig",
    "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "system", "toolConfig",
}  # fmt: skip
BLOCKS = {"user": {"text", "image", "document", "toolResult"}, "assistant": {"text", "toolUse", "reasoningContent"}}
ACCESS_KEY_ID = "AKIDFAKEUPSTREAM0001"


class Refused(Exception):
    pass


def check(good, message):
    if not good:
        raise Refused(message)


def check_request(body):
    check(isinstance(body, dict) and body.get("messages"), "messages: must not be empty")
    for name in body:
        check(name in MEMBERS, f"Unexpected field: {name}")
    check(set(body.get("inferenceConfig", {})) <= {"maxTokens", "temperature", "topP", "stopSequences"}, "inferenceConfig: unexpected field")
    check(0 <= body.get("inferenceConfig", {}).get("temperature", 0) <= 1, "temperature: must be at most 1")
    pending, last = set(), None
    for message in body["messages"]:
        role = message.get("role")
        check(role in BLOCKS and role != last, "A conversation must alternate between user and assistant roles.")
        check(message.get("content"), "The content field in the Message object is empty.")
        last = role
        for block in message["content"]:
            check(len(block) == 1 and next(iter(block)) in BLOCKS[role], f"Unexpected content block: {sorted(block)}")
            if "text" in block:
                check(block["text"].strip(), "The text field in the ContentBlock object is blank.")
            for kind in ("image", "document"):
                if kind in block:
                    base64.b64decode(block[kind]["source"]["bytes"], validate=True)
            if "document" in block:
                check(re.fullmatch(r"[\w\s()\[\]-]+", block["document"]["name"]), "document.name: not allowed")
        results = {block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block}
        check(results == pending, "Expected toolResult blocks for all toolUse blocks of the turn before.")
        pending = {block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block}
        check(not (pending or results) or "toolConfig" in body, "The toolConfig field must be defined when using toolUse and toolResult.")
    for tool in body.get("toolConfig", {}).get("tools", []):
        check(tool["toolSpec"]["inputSchema"]["json"]["type"] == "object", "inputSchema.json.type must be object")


def header(name, value):
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()


def frame(kind, payload, message_type="event"):
    headers = header(f":{message_type}-type", kind) + header(":content-type", "application/json") + header(":message-type", message_type)
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    head = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + body
    return head + struct.pack("!I", zlib.crc32(head))


def signature(request, secret):
    """What the signature of the request has to be."""
    fields = dict(re.findall(r"(\w+)=([^,\s]+)", request.header("authorization")))
    _, date, region, service, _ = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    path = "/".join(urllib.parse.quote(segment, safe="-_.~") for segment in request.path.split("/"))
    headers = "".join(f"{name}:{request.header(name)}\n" for name in names)
    canonical = "\n".join(("POST", path, "", headers, ";".join(names), hashlib.sha256(request.raw).hexdigest()))
    scope = f"{date}/{region}/{service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", request.header("x-amz-date"), scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), fields["Signature"]


class BedrockUpstream(Upstream):
    """A Bedrock-shaped upstream; its key is the secret access key."""

    def answer(self, handler, request):
        path = re.fullmatch(r"/model/([^/]+)/(converse|converse-stream)", request.path)
        if not path or request.method != "POST":
            return self.fail(handler, 404, "The resource is not found.")
        if not (request.header("authorization") or "").startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/"):
            return self.fail(handler, 403, "The security token included in the request is invalid.")
        expected, sent = signature(request, self.key)
        if not hmac.compare_digest(expected, sent):
            return self.fail(handler, 403, "The request signature we calculated does not match the signature you provided.")
        try:
            check_request(request.body)
        except Refused as refused:
            return self.fail(handler, 400, str(refused))
        fields = request.body.get("additionalModelRequestFields", {})
        script = Script.of(fields)
        handler.obey(script)
        if script.error:
            return self.fail(handler, script.error, script.message.replace("{key}", self.key), script.retry_after)
        if script.body:
            return handler.send_bytes(200, "application/json", script.body.encode())
        if path[2] == "converse":
            return handler.send_json(200, self.whole(script, request.body))
        return self.stream(handler, script, request.body)

    def fail(self, handler, status, message="", retry_after=""):
        headers = [("x-amzn-errortype", ERRORS.get(status, "InternalServerException") + ":http://internal.amazon.com/coral/")]
        headers += [("retry-after", retry_after)] if retry_after else []
        handler.send_json(status, {"message": message or f"Fake error {status}."}, headers)

    def blocks(self, script, body):
        out = []
        if script.reasoning:
            out.append({"reasoningContent": {"reasoningText": {"text": script.reasoning, "signature": "c2ln"}}})
        text = script.text
        if form := body.get("outputConfig", {}).get("textFormat"):
            text = json.dumps(instance_of(json.loads(form["structure"]["jsonSchema"]["schema"])))
        if not (script.tool_calls and text == Script.text):
            out.append({"text": text})
        for i, call in enumerate(script.tool_calls):
            out.append({"toolUse": {"toolUseId": f"tooluse_{i}", "name": call["name"], "input": call.get("arguments", {})}})
        return out

    def usage(self, script, body):
        prompt, said = tokens(json.dumps(body["messages"])), tokens(script.text) + script.thought
        out = {"inputTokens": prompt, "outputTokens": said, "totalTokens": prompt + said + script.cached + script.cache_write}
        return out | {"cacheReadInputTokens": script.cached, "cacheWriteInputTokens": script.cache_write}

    def reason(self, script):
        return script.finish or ("tool_use" if script.tool_calls else "end_turn")

    def whole(self, script, body):
        message = {"role": "assistant", "content": self.blocks(script, body)}
        usage = self.usage(script, body)
        return {"output": {"message": message}, "stopReason": self.reason(script), "usage": usage, "metrics": {"latencyMs": 5}}

    def events(self, script, body):
        yield "messageStart", {"role": "assistant", "p": "abcdefgh"}
        for index, block in enumerate(self.blocks(script, body)):
            if "toolUse" in block:
                use = block["toolUse"]
                start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
                yield "contentBlockStart", {"start": start, "contentBlockIndex": index}
                arguments = json.dumps(use["input"]) if use["input"] else ""
                deltas = [{"toolUse": {"input": arguments[at : at + 5]}} for at in range(0, len(arguments), 5)]
            elif "text" in block:
                deltas = [{"text": word} for word in words(block["text"])]
            else:
                text = block["reasoningContent"]["reasoningText"]
                deltas = [{"reasoningContent": {"text": word}} for word in words(text["text"])]
                deltas.append({"reasoningContent": {"signature": text["signature"]}})
            for delta in deltas:
                yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": index, "p": "ab"}
            yield "contentBlockStop", {"contentBlockIndex": index}
        yield "messageStop", {"stopReason": self.reason(script)}
        yield "metadata", {"usage": self.usage(script, body), "metrics": {"latencyMs": 5}}

    def stream(self, handler, script, body):
        handler.begin_stream(content_type="application/vnd.amazon.eventstream")
        torn = bytearray(frame("contentBlockDelta", {"delta": {"text": "x"}, "contentBlockIndex": 0}))
        torn[-1] ^= 1
        failure = frame("serviceUnavailableException", {"message": script.message or "Overloaded"}, "exception")
        events = (frame(kind, payload) for kind, payload in self.events(script, body))
        if handler.send_events(script, events, bytes(torn), failure):
            handler.end_stream()


if __name__ == "__main__":
    run_alone(BedrockUpstream)
