"""Upstreams that speak the OpenAI API with differences of their own, as far as their descriptions tell."""

import json
import re

try:
    from .openai_upstream import OpenAIUpstream
except ImportError:  # run by itself
    from openai_upstream import OpenAIUpstream

# Members that each of them refuses, or would pass over in silence: the fake refuses both.
UNKNOWN = {
    "vllm": set(),
    "llama-server": {"max_completion_tokens"},
    "ollama": {"max_completion_tokens", "n", "logit_bias", "tool_choice"},
    "openrouter": {"n"},
    "mistral": {"max_completion_tokens", "stream_options", "seed", "store", "logprobs", "logit_bias"},
    "deepseek": {"max_completion_tokens", "n", "logit_bias"},
    "groq": {"logprobs", "logit_bias"},
    "tgi": {"max_completion_tokens", "n", "logit_bias"},
}
SAYS_REASONING = {"vllm", "ollama", "openrouter", "groq"}
KNOWS_DEVELOPER = {"openrouter"}
USAGE_UNASKED = {"mistral"}


class DialectUpstream(OpenAIUpstream):
    """One of them."""

    dialect = "vllm"

    def refuses(self, body):
        for name in sorted(UNKNOWN[self.dialect] & set(body)):
            return f"Extra inputs are not permitted: {name}"
        if self.dialect not in KNOWS_DEVELOPER and any(message.get("role") == "developer" for message in body["messages"]):
            return "Unexpected role developer"

    def renamed(self, value):
        if self.dialect not in SAYS_REASONING:
            return value
        return json.loads(json.dumps(value).replace('"reasoning_content":', '"reasoning":'))

    def whole(self, script, body):
        return self.renamed(super().whole(script, body))

    def chunks(self, script, body):
        if self.dialect in USAGE_UNASKED:
            body = body | {"stream_options": {"include_usage": True}}
        return (self.renamed(chunk) for chunk in super().chunks(script, body))


class AzureUpstream(OpenAIUpstream):
    """Azure OpenAI: the v1 surface, and deployments with an API version."""

    base_path = ""

    def is_chat(self, request):
        deployment = re.fullmatch(r"/openai/deployments/[\w.-]+/chat/completions\?api-version=\d{4}-\d\d-\d\d(-preview)?", request.path)
        return request.path == "/openai/v1/chat/completions" or deployment is not None

    def key_of(self, request):
        return request.header("api-key") or ""
