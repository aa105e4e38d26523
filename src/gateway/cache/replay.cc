#include "gateway/cache/replay.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "gateway/cache/canonical.h"
#include "gateway/cache/members.h"
#include "platform/json/text.h"

namespace fairlead::gateway::cache {
namespace {

using llm::Format;

std::unexpected<Error> invalid() {
  return fail(ErrorKind::kUpstream, "upstream_invalid", "The events of the answer make no sense.");
}

std::size_t index_of(const bj::object& object, std::size_t otherwise) {
  const bj::value* const value = object.if_contains("index");
  return value != nullptr && value->is_int64() && value->get_int64() >= 0 && value->get_int64() < 4096
             ? static_cast<std::size_t>(value->get_int64())
             : otherwise;
}

// Calls `take` with the data of each event. False: one is no JSON object.
bool each_event(std::string_view events, const std::function<void(bj::object&)>& take) {
  std::string data;
  while (!events.empty()) {
    const std::size_t end = std::min(events.find("\n\n"), events.size());
    std::string_view event = events.substr(0, end);
    events.remove_prefix(std::min(events.size(), end + 2));
    data.clear();
    while (!event.empty()) {
      const std::size_t line_end = std::min(event.find('\n'), event.size());
      std::string_view line = event.substr(0, line_end);
      event.remove_prefix(std::min(event.size(), line_end + 1));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.starts_with("data:")) continue;
      data += line.substr(5);
    }
    if (data.empty() || data == " [DONE]" || data == "[DONE]") continue;
    auto value = json::parse(data, kDeepest);
    if (!value || !value->is_object()) return false;
    take(value->get_object());
  }
  return true;
}

bool is_said_once(std::string_view name) {
  return name == "id" || name == "type" || name == "role" || name == "name" || name == "object";
}

void accumulate(bj::object& into, const bj::object& delta);

// Elements that name their `index` go where it says, others behind what is there.
void accumulate(bj::array& into, const bj::array& delta) {
  for (const bj::value& one : delta) {
    const bj::object* const object = one.if_object();
    if (object == nullptr || !object->contains("index")) {
      into.push_back(one);
      continue;
    }
    const std::size_t index = index_of(*object, into.size());
    const auto has_index = [index](const bj::value& value) {
      return value.is_object() && index_of(value.get_object(), static_cast<std::size_t>(-1)) == index;
    };
    const auto found = std::ranges::find_if(into, has_index);
    if (found == into.end())
      into.push_back(one);
    else
      accumulate(found->get_object(), *object);
  }
}

// As the vendor's own clients put deltas together: texts and lists grow, the rest is the last one's.
void accumulate(bj::object& into, const bj::object& delta) {
  for (const auto& [name, value] : delta) {
    bj::value* const there = into.if_contains(name);
    if (there == nullptr || there->is_null()) {
      into[name] = value;
    } else if (value.is_null() || name == "index") {
      continue;
    } else if (there->is_string() && value.is_string()) {
      if (there->get_string().empty() || !is_said_once(name))
        there->get_string() += std::string_view(value.get_string());
    } else if (there->is_object() && value.is_object()) {
      accumulate(there->get_object(), value.get_object());
    } else if (there->is_array() && value.is_array()) {
      accumulate(there->get_array(), value.get_array());
    } else {
      *there = value;
    }
  }
}

void drop_indices(bj::object& message) {
  bj::value* const calls = message.if_contains("tool_calls");
  if (calls == nullptr || !calls->is_array()) return;
  for (bj::value& call : calls->get_array())
    if (call.is_object()) call.get_object().erase("index");
}

// Chats and completions: chunks with choices.
Result<bj::object> fold_choices(bool chat, std::string_view events, const llm::Usage& usage) {
  bj::object whole;
  bj::array choices;
  const auto take = [&](bj::object& chunk) {
    const bj::array* const list = array_at(chunk, "choices");
    if (list != nullptr) {
      for (const bj::value& one : *list) {
        if (!one.is_object()) continue;
        bj::object choice = one.get_object();
        choice.emplace("index", 0);
        if (chat) {
          const bj::object* const delta = object_at(choice, "delta");
          choice["message"] = delta != nullptr ? *delta : bj::object();
          choice.erase("delta");
        }
        accumulate(choices, bj::array{std::move(choice)});
      }
    }
    for (auto& [name, value] : chunk) {
      if (name == "choices" || value.is_null()) continue;
      if (name == "usage" || !whole.contains(name)) whole[name] = value;
    }
  };
  if (!each_event(events, take)) return invalid();
  std::ranges::sort(choices, {}, [](const bj::value& one) { return index_of(one.get_object(), 0); });
  for (bj::value& one : choices) {
    bj::object& choice = one.get_object();
    choice.emplace("logprobs", nullptr);
    choice.emplace("finish_reason", nullptr);
    if (!chat) {
      choice.emplace("text", "");
      continue;
    }
    bj::object& message = choice["message"].as_object();
    message.emplace("role", "assistant");
    message.emplace("content", nullptr);
    if (message.contains("tool_calls") && message["content"].is_string() && message["content"].get_string().empty())
      message["content"] = nullptr;
    message.emplace("refusal", nullptr);
    drop_indices(message);
  }
  whole["object"] = chat ? "chat.completion" : "text_completion";
  whole["choices"] = std::move(choices);
  if (!whole.contains("usage")) whole["usage"] = usage_json(usage);
  return whole;
}

// Anthropic's: a message, and blocks that grow by deltas of their own kinds.
Result<bj::object> fold_message(std::string_view events) {
  bj::object whole;
  std::vector<bj::object> blocks;
  std::vector<std::string> inputs;  // JSON text of tools' input, by block
  bool begun = false, stopped = false;
  const auto take = [&](bj::object& event) {
    const std::string_view type = text_at(event, "type");
    const std::size_t index = index_of(event, 0);
    const bj::object* const delta = object_at(event, "delta");
    if (type == "message_start") {
      if (const bj::object* const message = object_at(event, "message")) whole = *message;
      begun = true;
    } else if (type == "content_block_start") {
      if (blocks.size() <= index) blocks.resize(index + 1), inputs.resize(index + 1);
      if (const bj::object* const block = object_at(event, "content_block")) blocks[index] = *block;
    } else if (type == "content_block_delta" && delta != nullptr && index < blocks.size()) {
      const std::string_view kind = text_at(*delta, "type");
      const auto grow = [&](std::string_view name) {
        bj::value& text = blocks[index][name];
        if (!text.is_string()) text = "";
        text.get_string() += text_at(*delta, name);
      };
      if (kind == "text_delta") grow("text");
      if (kind == "thinking_delta") grow("thinking");
      if (kind == "signature_delta") grow("signature");
      if (kind == "input_json_delta") inputs[index] += text_at(*delta, "partial_json");
      if (const bj::value* const citation = delta->if_contains("citation"); kind == "citations_delta" && citation) {
        bj::value& citations = blocks[index]["citations"];
        if (!citations.is_array()) citations.emplace_array();
        citations.get_array().push_back(*citation);
      }
    } else if (type == "message_delta") {
      if (delta != nullptr)
        for (const auto& [name, value] : *delta) whole[name] = value;
      if (const bj::object* const usage = object_at(event, "usage")) {
        bj::value& all = whole["usage"];
        if (!all.is_object()) all.emplace_object();
        for (const auto& [name, value] : *usage)
          if (!value.is_null()) all.get_object()[name] = value;
      }
    } else if (type == "message_stop") {
      stopped = true;
    }
  };
  if (!each_event(events, take) || !begun || !stopped) return invalid();
  bj::array content;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!inputs[i].empty()) {
      FAIRLEAD_TRY(bj::value input, json::parse(inputs[i], kDeepest));
      blocks[i]["input"] = std::move(input);
    }
    content.push_back(std::move(blocks[i]));
  }
  whole["content"] = std::move(content);
  return whole;
}

Result<bj::object> fold_response(std::string_view events) {
  bj::object whole;
  const auto take = [&whole](bj::object& event) {
    const std::string_view type = text_at(event, "type");
    const bj::object* const response = object_at(event, "response");
    if (response != nullptr && (type == "response.completed" || type == "response.incomplete")) whole = *response;
  };
  if (!each_event(events, take) || whole.empty()) return invalid();
  return whole;
}

class Events {
 public:
  // OpenAI's chunks.
  void chunk(const bj::object& data) { out_ += "data: " + json::to_text(data) + "\n\n"; }
  // Those that have a type, which is their name too.
  void event(bj::object data) {
    const std::string type(text_at(data, "type"));
    out_ += "event: " + type + "\ndata: " + json::to_text(data) + "\n\n";
  }
  void done() { out_ += "data: [DONE]\n\n"; }
  std::string text() && { return std::move(out_); }

 private:
  std::string out_;
};

std::string unfold_choices(bool chat, const bj::object& whole, bool include_usage) {
  Events out;
  bj::object head;
  for (const auto& [name, value] : whole)
    if (name != "choices" && name != "usage") head[name] = value;
  if (chat) head["object"] = "chat.completion.chunk";
  const auto chunk = [&](bj::array choices) {
    bj::object one = head;
    one["choices"] = std::move(choices);
    if (include_usage) one["usage"] = nullptr;
    out.chunk(one);
  };
  const bj::array* const choices = array_at(whole, "choices");
  for (std::size_t i = 0; choices != nullptr && i < choices->size(); ++i) {
    if (!(*choices)[i].is_object()) continue;
    bj::object choice = (*choices)[i].get_object();
    choice.emplace("index", i);
    if (chat) {
      bj::object delta =
          choice.contains("message") && choice["message"].is_object() ? choice["message"].get_object() : bj::object();
      if (bj::value* const calls = delta.if_contains("tool_calls"); calls != nullptr && calls->is_array()) {
        std::size_t number = 0;
        for (bj::value& call : calls->get_array())
          if (call.is_object()) call.get_object()["index"] = number++;
      }
      choice.erase("message");
      choice["delta"] = std::move(delta);
      bj::value reason = choice.contains("finish_reason") ? choice["finish_reason"] : bj::value(nullptr);
      choice["finish_reason"] = nullptr;
      chunk({choice});
      chunk({bj::object{{"index", choice["index"]},
                        {"delta", bj::object()},
                        {"logprobs", nullptr},
                        {"finish_reason", std::move(reason)}}});
    } else {
      chunk({std::move(choice)});
    }
  }
  if (include_usage) {
    bj::object last = head;
    last["choices"] = bj::array();
    if (const bj::value* const usage = whole.if_contains("usage")) last["usage"] = *usage;
    out.chunk(last);
  }
  if (!chat) out.done();
  return std::move(out).text();
}

std::string unfold_message(const bj::object& whole) {
  Events out;
  bj::object begin = whole;
  begin["content"] = bj::array();
  begin["stop_reason"] = nullptr;
  begin["stop_sequence"] = nullptr;
  bj::object usage = object_at(whole, "usage") != nullptr ? *object_at(whole, "usage") : bj::object();
  bj::object used_before = usage;
  used_before["output_tokens"] = 0;
  begin["usage"] = std::move(used_before);
  out.event({{"type", "message_start"}, {"message", std::move(begin)}});
  const bj::array* const content = array_at(whole, "content");
  for (std::size_t i = 0; content != nullptr && i < content->size(); ++i) {
    if (!(*content)[i].is_object()) continue;
    bj::object block = (*content)[i].get_object();
    std::vector<bj::object> deltas;
    const auto take_out = [&](std::string_view name, std::string_view delta, bj::value empty) {
      const bj::value* const value = block.if_contains(name);
      if (value == nullptr || !value->is_string()) return;
      if (!value->get_string().empty()) deltas.push_back({{"type", delta}, {name, *value}});
      block[name] = std::move(empty);
    };
    const std::string type(text_at(block, "type"));  // what is put into an object moves what is there
    if (const bj::value* const citations = block.if_contains("citations"); citations && citations->is_array()) {
      for (const bj::value& citation : citations->get_array())
        deltas.push_back({{"type", "citations_delta"}, {"citation", citation}});
      block["citations"] = bj::array();
    }
    if (type == "text") take_out("text", "text_delta", "");
    if (type == "thinking") {
      take_out("thinking", "thinking_delta", "");
      take_out("signature", "signature_delta", "");
    }
    if (type == "tool_use" || type == "server_tool_use") {
      if (const bj::value* const input = block.if_contains("input"))
        deltas.push_back({{"type", "input_json_delta"}, {"partial_json", json::to_text(*input)}});
      block["input"] = bj::object();
    }
    out.event({{"type", "content_block_start"}, {"index", i}, {"content_block", std::move(block)}});
    for (bj::object& delta : deltas)
      out.event({{"type", "content_block_delta"}, {"index", i}, {"delta", std::move(delta)}});
    out.event({{"type", "content_block_stop"}, {"index", i}});
  }
  bj::object last;
  for (const std::string_view name : {"stop_reason", "stop_sequence"})
    last[name] = whole.contains(name) ? whole.at(name) : bj::value(nullptr);
  out.event({{"type", "message_delta"}, {"delta", std::move(last)}, {"usage", std::move(usage)}});
  out.event({{"type", "message_stop"}});
  return std::move(out).text();
}

// One stream of a response. Items whose inside has no events of its own here (a built-in tool's) come in one piece.
class ResponseEvents {
 public:
  std::string of(const bj::object& whole) && {
    bj::object begun = whole;
    begun["status"] = "in_progress";
    begun["output"] = bj::array();
    begun["usage"] = nullptr;
    for (const std::string_view type : {"response.created", "response.in_progress"})
      send({{"type", type}, {"response", begun}});
    const bj::array* const output = array_at(whole, "output");
    for (std::size_t i = 0; output != nullptr && i < output->size(); ++i)
      if ((*output)[i].is_object()) item(i, (*output)[i].get_object());
    send({{"type", "response.completed"}, {"response", whole}});
    return std::move(out_).text();
  }

 private:
  void send(bj::object event) {
    event["sequence_number"] = sequence_++;
    out_.event(std::move(event));
  }

  void item(std::size_t index, const bj::object& item) {
    const std::string_view type = text_at(item, "type"), id = text_at(item, "id");
    bj::object empty = item;
    if (empty.contains("status")) empty["status"] = "in_progress";
    if (type == "message") empty["content"] = bj::array();
    if (type == "function_call") empty["arguments"] = "";
    send({{"type", "response.output_item.added"}, {"output_index", index}, {"item", std::move(empty)}});
    const auto at = [&](std::string_view event) {
      return bj::object{{"type", event}, {"item_id", id}, {"output_index", index}};
    };
    if (type == "function_call") {
      const std::string_view arguments = text_at(item, "arguments");
      bj::object delta = at("response.function_call_arguments.delta"),
                 done = at("response.function_call_arguments.done");
      delta["delta"] = arguments;
      done["name"] = text_at(item, "name");
      done["arguments"] = arguments;
      send(std::move(delta));
      send(std::move(done));
    }
    const bj::array* const content = array_at(item, "content");
    for (std::size_t i = 0; type == "message" && content != nullptr && i < content->size(); ++i)
      if ((*content)[i].is_object()) part(at, i, (*content)[i].get_object());
    send({{"type", "response.output_item.done"}, {"output_index", index}, {"item", item}});
  }

  template <class At>
  void part(const At& at, std::size_t index, const bj::object& part) {
    const auto in_part = [&](std::string_view event) {
      bj::object out = at(event);
      out["content_index"] = index;
      return out;
    };
    bj::object empty = part;
    if (empty.contains("text")) empty["text"] = "";
    if (empty.contains("annotations")) empty["annotations"] = bj::array();
    if (empty.contains("logprobs")) empty["logprobs"] = bj::array();
    bj::object added = in_part("response.content_part.added"), done = in_part("response.content_part.done");
    added["part"] = std::move(empty);
    send(std::move(added));
    if (text_at(part, "type") == "output_text") {
      bj::object delta = in_part("response.output_text.delta"), all = in_part("response.output_text.done");
      const bj::array* const logprobs = array_at(part, "logprobs");
      delta["delta"] = text_at(part, "text");
      all["text"] = text_at(part, "text");
      delta["logprobs"] = all["logprobs"] = logprobs != nullptr ? *logprobs : bj::array();
      send(std::move(delta));
      const bj::array* const annotations = array_at(part, "annotations");
      for (std::size_t i = 0; annotations != nullptr && i < annotations->size(); ++i) {
        bj::object annotation = in_part("response.output_text.annotation.added");
        annotation["annotation_index"] = i;
        annotation["annotation"] = (*annotations)[i];
        send(std::move(annotation));
      }
      send(std::move(all));
    }
    done["part"] = part;
    send(std::move(done));
  }

  Events out_;
  std::int64_t sequence_ = 0;
};

}  // namespace

bj::object usage_json(const llm::Usage& usage) {
  return {{"prompt_tokens", usage.input},
          {"completion_tokens", usage.output},
          {"total_tokens", usage.input + usage.output},
          {"prompt_tokens_details", bj::object{{"cached_tokens", usage.cached_input}}},
          {"completion_tokens_details", bj::object{{"reasoning_tokens", usage.reasoning}}}};
}

Result<bj::object> fold(Format format, std::string_view events, const llm::Usage& usage) {
  switch (format) {
    case Format::kChat:
    case Format::kCompletions:
      return fold_choices(format == Format::kChat, events, usage);
    case Format::kMessages:
      return fold_message(events);
    case Format::kResponses:
      return fold_response(events);
    case Format::kEmbeddings:
    case Format::kModerations:
    case Format::kCountTokens:
      break;
  }
  return invalid();
}

std::string unfold(Format format, const bj::object& whole, bool include_usage) {
  if (format == Format::kMessages) return unfold_message(whole);
  if (format == Format::kResponses) return ResponseEvents().of(whole);
  return unfold_choices(format == Format::kChat, whole, include_usage);
}

}  // namespace fairlead::gateway::cache
