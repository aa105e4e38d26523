"""LangChain's ChatOpenAI, by chats and by responses."""

import json

import openai
import pydantic
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

HELLO = "Hello from upstream."
CALL = {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


class Answer(pydantic.BaseModel):
    a: str


@pytest.fixture(params=["chat", "responses"])
def model(request, fairlead):
    def make(name):
        return ChatOpenAI(
            model=name, base_url=f"{fairlead.url}/v1", api_key=fairlead.admin_key, max_retries=0, timeout=20,
            use_responses_api=request.param == "responses", stream_usage=True,
        )  # fmt: skip

    return make


NAMES = pytest.mark.parametrize("name", ["gpt", "claude"])


def text_of(message):
    return message.text if isinstance(message.text, str) else message.text()


@NAMES
def test_invoke_and_stream(model, name):
    chat = model(name)
    answer = chat.invoke([SystemMessage("be kind"), HumanMessage("hi")])
    assert text_of(answer) == HELLO and answer.usage_metadata["output_tokens"] > 0
    chunks = list(chat.stream("hi"))
    assert "".join(text_of(chunk) for chunk in chunks) == HELLO and len(chunks) > 2
    assert sum((chunk.usage_metadata or {}).get("output_tokens", 0) for chunk in chunks) > 0


@NAMES
def test_tools(model, name):
    chat = model(name).bind_tools([get_weather])
    asked = HumanMessage("hi x_fake=" + json.dumps(CALL))
    answer = chat.invoke([asked])
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("get_weather", {"city": "Oslo"})]
    done = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]
    assert text_of(chat.invoke([HumanMessage("hi"), AIMessage(**answer.model_dump(exclude={"type"})), *done])) == HELLO


@NAMES
def test_structured_output(model, name):
    assert model(name).with_structured_output(Answer, method="json_schema").invoke("hi") == Answer(a="text")


def test_errors(model):
    with pytest.raises(openai.NotFoundError, match="Did you mean"):
        model("gtp").invoke("hi")
