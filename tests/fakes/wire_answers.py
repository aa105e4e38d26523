"""What OpenAI's and Anthropic's APIs answer, as bytes: the good answers that broken upstreams break."""

import json

TEXT = "The quick brown fox jumps over it."
WORDS = ["The", " quick", " brown", " fox", " jumps", " over", " it."]
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
ANTHROPIC_USAGE = {"input_tokens": 5, "output_tokens": 7}
RESPONSES_USAGE = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}


def data(value, name=None):
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def chat(words, stream, tool):
    head = {"id": "chatcmpl-1", "created": 1700000000, "model": "up"}
    reason = "tool_calls" if tool else "stop"

    def call(arguments):
        return {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}

    if not stream:
        message = {"role": "assistant", "content": None if tool else "".join(words)}
        if tool:
            message["tool_calls"] = [call("".join(words))]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return [json.dumps(head | {"object": "chat.completion", "choices": [choice], "usage": USAGE}, ensure_ascii=False)]

    def chunk(delta, why=None, **more):
        return data(head | {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": why}]} | more)

    events = [chunk({"role": "assistant", "content": None if tool else ""})]
    if tool:
        events.append(chunk({"tool_calls": [{"index": 0} | call("")]}))
        events += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": word}}]}) for word in words]
    else:
        events += [chunk({"content": word}) for word in words]
    return [*events, chunk({}, reason), data(head | {"object": "chat.completion.chunk", "choices": [], "usage": USAGE}), "data: [DONE]\n\n"]


def completions(words, stream, tool):
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1700000000, "model": "up"}

    def choice(text, why):
        return {"choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": why}]}

    if not stream:
        return [json.dumps(head | choice("".join(words), "stop") | {"usage": USAGE}, ensure_ascii=False)]
    events = [data(head | choice(word, None)) for word in words]
    return [*events, data(head | choice("", "stop")), data(head | {"choices": [], "usage": USAGE}), "data: [DONE]\n\n"]


def responses(words, stream, tool):
    text = "".join(words)
    if tool:
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": text, "status": "completed"}
    else:
        content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    whole = {
        "id": "resp_1", "object": "response", "created_at": 1700000000, "status": "completed", "model": "up", "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0,
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "output": [item], "usage": RESPONSES_USAGE,
    }  # fmt: skip
    if not stream:
        return [json.dumps(whole, ensure_ascii=False)]
    place = {"item_id": item["id"], "output_index": 0} | ({} if tool else {"content_index": 0})
    kind = "response.function_call_arguments.delta" if tool else "response.output_text.delta"
    empty = item | ({"arguments": ""} if tool else {"content": []}) | {"status": "in_progress"}
    events = [{"type": "response.created", "response": whole | {"status": "in_progress", "output": [], "usage": None}}]
    events.append({"type": "response.output_item.added", "output_index": 0, "item": empty})
    events += [{"type": kind, "delta": word} | place for word in words]
    events += [{"type": "response.output_item.done", "output_index": 0, "item": item}, {"type": "response.completed", "response": whole}]
    return [data(event | {"sequence_number": i}, event["type"]) for i, event in enumerate(events)]


def messages(words, stream, tool):
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "stop_sequence": None}
    reason = "tool_use" if tool else "end_turn"
    if not stream:
        text = "".join(words)
        block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": json.loads(text)} if tool else {"type": "text", "text": text}
        return [json.dumps(head | {"content": [block], "stop_reason": reason, "usage": ANTHROPIC_USAGE}, ensure_ascii=False)]
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}} if tool else {"type": "text", "text": ""}
    begun = head | {"content": [], "stop_reason": None, "usage": ANTHROPIC_USAGE | {"output_tokens": 1}}

    def delta(word):
        return {"type": "input_json_delta", "partial_json": word} if tool else {"type": "text_delta", "text": word}

    events = [{"type": "message_start", "message": begun}, {"type": "content_block_start", "index": 0, "content_block": block}]
    events += [{"type": "content_block_delta", "index": 0, "delta": delta(word)} for word in words]
    events += [{"type": "content_block_stop", "index": 0}]
    events += [{"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 7}}]
    return [data(event, event["type"]) for event in [*events, {"type": "message_stop"}]]


PATHS = {"/v1/chat/completions": chat, "/v1/completions": completions, "/v1/responses": responses, "/v1/messages": messages}


def answer_to(path, stream, words=None, tool=False):
    """The pieces of an answer: one whole body, or the events of a stream."""
    return [piece.encode() for piece in PATHS[path](words or WORDS, stream, tool)]
