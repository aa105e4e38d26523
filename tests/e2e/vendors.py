"""The vendors that Fairlead calls, for the suite that all of them pass: how each is configured, faked, and what must reach it."""

import dataclasses
import json

from fakes.anthropic_upstream import AnthropicUpstream
from fakes.bedrock_upstream import ACCESS_KEY_ID, BedrockUpstream
from fakes.gemini_upstream import GeminiUpstream
from fakes.gigachat_upstream import GigaChatUpstream
from fakes.openai_dialects import AzureUpstream, DialectUpstream
from fakes.openai_upstream import OpenAIUpstream
from fakes.yandexgpt_upstream import YandexGPTUpstream

PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"], "additionalProperties": False}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": PARAMETERS}}
CALLS = [{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {"city": "Bergen"}}]
HISTORY = [
    {"role": "user", "content": "weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": f"t{i}", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps(call["arguments"])}}
            for i, call in enumerate(CALLS)
        ],
    },
    {"role": "tool", "tool_call_id": "t0", "content": "rain"},
    {"role": "tool", "tool_call_id": "t1", "content": "sun"},
]


def user(*parts):
    return {"messages": [{"role": "user", "content": list(parts)}]}


# What a client may ask for, as members of its request; columns of the matrix in docs/reference/providers.md.
FEATURES = {
    "system": {"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]},
    "tools": {"tools": [TOOL], "messages": HISTORY},
    "forced tool": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
    "one tool a turn": {"tools": [TOOL], "parallel_tool_calls": False},
    "image": user({"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": PNG}}),
    "image by URL": user({"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    "PDF": user({"type": "text", "text": "see"}, {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}),
    "JSON": {"response_format": {"type": "json_object"}},
    "schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": SCHEMA}}},
    "reasoning": {"reasoning_effort": "high"},
    "stop": {"stop": ["END", "STOP"]},
    "seed": {"seed": 3},
    "penalties": {"frequency_penalty": 0.5, "presence_penalty": 0.25},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "n": {"n": 2},
}


def openai_reached(feature, members, body):
    """Whether an OpenAI-shaped upstream got the members as they were sent."""
    return all(body.get(name) == value for name, value in members.items())


def mistral_reached(feature, members, body):
    if feature == "seed":
        return body.get("random_seed") == 3 and "seed" not in body
    return openai_reached(feature, members, body)


def anthropic_reached(feature, members, body):
    content = body["messages"][-1]["content"]
    return {
        "system": lambda: body["system"] == [{"type": "text", "text": "be kind"}],
        "tools": lambda: [b["id"] for b in body["messages"][1]["content"]] == ["t0", "t1"]
        and [b["content"][0]["text"] for b in content] == ["rain", "sun"]
        and body["tools"][0]["input_schema"] == PARAMETERS,
        "forced tool": lambda: body["tool_choice"] == {"type": "tool", "name": "get_weather"},
        "one tool a turn": lambda: body["tool_choice"]["disable_parallel_tool_use"] is True,
        "image": lambda: content[1]["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
        "image by URL": lambda: content[1]["source"] == {"type": "url", "url": "https://example.com/a.png"},
        "PDF": lambda: content[1]["type"] == "document" and content[1]["source"]["data"] == "JVBERi0=",
        "schema": lambda: body["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA},
        "reasoning": lambda: body["thinking"] == {"type": "adaptive"} and body["output_config"]["effort"] == "high",
        "stop": lambda: body["stop_sequences"] == ["END", "STOP"],
        "seed": lambda: None,
    }[feature]()


def gemini_reached(feature, members, body):
    parts, config = body["contents"][-1]["parts"], body.get("generationConfig", {})
    return {
        "system": lambda: body["systemInstruction"] == {"parts": [{"text": "be kind"}]},
        "tools": lambda: [p["functionCall"]["args"]["city"] for p in body["contents"][1]["parts"]] == ["Oslo", "Bergen"]
        and [p["functionResponse"]["response"]["result"] for p in parts] == ["rain", "sun"]
        and body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == PARAMETERS,
        "forced tool": lambda: body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
        "image": lambda: parts[1] == {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        "image by URL": lambda: parts[1] == {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}},
        "PDF": lambda: parts[1] == {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        "JSON": lambda: config["responseMimeType"] == "application/json",
        "schema": lambda: config["responseJsonSchema"] == SCHEMA,
        "reasoning": lambda: config["thinkingConfig"] == {"includeThoughts": True, "thinkingLevel": "high"},
        "stop": lambda: config["stopSequences"] == ["END", "STOP"],
        "seed": lambda: config["seed"] == 3,
        "penalties": lambda: (config["frequencyPenalty"], config["presencePenalty"]) == (0.5, 0.25),
    }[feature]()


def bedrock_reached(feature, members, body):
    content, fields = body["messages"][-1]["content"], body.get("additionalModelRequestFields", {})
    return {
        "system": lambda: body["system"] == [{"text": "be kind"}],
        "tools": lambda: [b["toolUse"]["input"]["city"] for b in body["messages"][1]["content"]] == ["Oslo", "Bergen"]
        and [b["toolResult"]["content"][0]["text"] for b in content] == ["rain", "sun"]
        and body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == PARAMETERS,
        "forced tool": lambda: body["toolConfig"]["toolChoice"] == {"tool": {"name": "get_weather"}},
        "image": lambda: content[1] == {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
        "PDF": lambda: content[1]["document"]["source"]["bytes"] == "JVBERi0=",
        "schema": lambda: json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]) == SCHEMA,
        "reasoning": lambda: fields["thinking"] == {"type": "adaptive"} and fields["output_config"] == {"effort": "high"},
        "stop": lambda: body["inferenceConfig"]["stopSequences"] == ["END", "STOP"],
        "seed": lambda: None,
    }[feature]()


def yandexgpt_reached(feature, members, body):
    messages, options = body["messages"], body["completionOptions"]
    return {
        "system": lambda: messages[0] == {"role": "system", "text": "be kind"},
        "tools": lambda: [c["functionCall"]["arguments"]["city"] for c in messages[1]["toolCallList"]["toolCalls"]] == ["Oslo", "Bergen"]
        and [r["functionResult"]["content"] for r in messages[2]["toolResultList"]["toolResults"]] == ["rain", "sun"]
        and body["tools"][0]["function"]["parameters"] == PARAMETERS,
        "forced tool": lambda: body["toolChoice"] == {"functionName": "get_weather"},
        "one tool a turn": lambda: body["parallelToolCalls"] is False,
        "JSON": lambda: body["jsonObject"] is True,
        "schema": lambda: body["jsonSchema"] == {"schema": SCHEMA},
        "reasoning": lambda: options["reasoningOptions"] == {"mode": "ENABLED_HIDDEN"},
        "seed": lambda: None,
    }[feature]()


def gigachat_reached(feature, members, body):
    messages = body["messages"]
    return {
        "system": lambda: messages[0] == {"role": "system", "content": "be kind"},
        "tools": lambda: [m["function_call"]["arguments"]["city"] for m in messages if "function_call" in m] == ["Oslo", "Bergen"]
        and [json.loads(m["content"])["result"] for m in messages if m["role"] == "function"] == ["rain", "sun"]
        and body["functions"][0]["parameters"] == PARAMETERS,
        "forced tool": lambda: body["function_call"] == {"name": "get_weather"},
        "one tool a turn": lambda: "parallel_tool_calls" not in body and len(body["functions"]) == 1,
        "schema": lambda: body["response_format"] == {"type": "json_schema", "schema": SCHEMA, "strict": True},
        "reasoning": lambda: body["reasoning_effort"] == "high",
        "seed": lambda: None,
    }[feature]()


@dataclasses.dataclass
class Vendor:
    type: str
    fake: type
    reached: object  # (feature, members, body): True: lossless; None: left out, as it only advises
    spec: dict = dataclasses.field(default_factory=dict)
    key_field: str = "api_key"
    model: str = "fake-1"
    cut_off: str = "length"  # its word for an answer that max_tokens ended
    filtered: str = "content_filter"
    counts_cache_write: bool = False
    counts_cached: bool = True
    counts_thought: bool = True
    calls_at_once: int = 2  # how many tools one answer may call
    shows_thinking: bool = True

    @property
    def name(self):
        return self.type.replace(".", "-")


def dialect(type):
    return Vendor(type, DialectUpstream, mistral_reached if type == "mistral" else openai_reached)


VENDORS = [
    Vendor("openai", OpenAIUpstream, openai_reached),
    Vendor("azure", AzureUpstream, openai_reached),
    *(dialect(type) for type in ("vllm", "llama-server", "ollama", "openrouter", "mistral", "deepseek", "groq", "tgi")),
    Vendor(
        "anthropic", AnthropicUpstream, anthropic_reached, cut_off="max_tokens", filtered="refusal", counts_cache_write=True, counts_thought=False
    ),
    Vendor("gemini", GeminiUpstream, gemini_reached, cut_off="MAX_TOKENS", filtered="SAFETY"),
    Vendor(
        "bedrock",
        BedrockUpstream,
        bedrock_reached,
        spec={"region": "us-east-1", "access_key_id": "env:FAKE_ACCESS_KEY_ID"},
        key_field="secret_access_key",
        model="anthropic.claude-fake-v1:0",
        cut_off="max_tokens",
        filtered="guardrail_intervened",
        counts_cache_write=True,
        counts_thought=False,
    ),
    Vendor(
        "yandexgpt",
        YandexGPTUpstream,
        yandexgpt_reached,
        spec={"folder": "b1gfolder"},
        cut_off="TRUNCATED_FINAL",
        filtered="CONTENT_FILTER",
        counts_cached=False,
        shows_thinking=False,
    ),
    Vendor("gigachat", GigaChatUpstream, gigachat_reached, filtered="blacklist", counts_thought=False, calls_at_once=1),
]
ENVIRONMENT = {"FAKE_VENDOR_KEY": "vendor-key-0123456789abcdef", "FAKE_ACCESS_KEY_ID": ACCESS_KEY_ID}


def start_fake(vendor):
    made = type(f"Fake_{vendor.name}", (vendor.fake,), {"dialect": vendor.type})
    return made(key=ENVIRONMENT["FAKE_VENDOR_KEY"])


def resources(vendor, fake):
    provider = {"kind": "provider", "name": vendor.name, "type": vendor.type, "base_url": fake.url, vendor.key_field: "env:FAKE_VENDOR_KEY"}
    if vendor.type == "gigachat":
        provider["auth_url"] = fake.auth_url
    model = {"kind": "model", "name": f"m-{vendor.name}", "retries": 0, "routes": [{"provider": vendor.name, "model": vendor.model}]}
    return [provider | vendor.spec, model]


# The matrix of the documentation, from what was answered.

BEGIN, END = "<!-- the matrix: written by pytest tests/e2e -k matrix --write-matrix -->", "<!-- end of the matrix -->"


def matrix_text(results):
    """`results`: for each vendor and feature, "yes", "advice", or the message with which it was refused."""
    notes, lines = [], []
    head = " | ".join(FEATURES)
    lines += [f"| | {head} |", "|---|" + "---|" * len(FEATURES)]
    for vendor in VENDORS:
        cells = []
        for feature in FEATURES:
            result = results[vendor.type, feature]
            if result not in ("yes", "advice"):
                if result not in notes:
                    notes.append(result)
                result = f"[{notes.index(result) + 1}]"
            cells.append({"yes": "✓", "advice": "–"}.get(result, result))
        lines.append(f"| {vendor.type} | " + " | ".join(cells) + " |")
    lines += ["", "✓: reaches the upstream whole; –: left out, as it only advises; a number: refused with 400 and this message:", ""]
    lines += [f"{i}. {note}" for i, note in enumerate(notes, 1)]
    return "\n".join(lines)
