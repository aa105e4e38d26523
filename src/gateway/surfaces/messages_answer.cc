#include "gateway/surfaces/messages_answer.h"

#include <simdjson.h>

#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

std::string_view stop_reason_of(std::string_view finish) {
  if (finish == "length") return "max_tokens";
  if (finish == "tool_calls" || finish == "function_call") return "tool_use";
  if (finish == "content_filter") return "refusal";
  return "end_turn";
}

// The input of a tool use, from what a model wrote as its arguments.
std::string input_of(const std::string& arguments) {
  if (arguments.empty()) return "{}";
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (!parser.parse(arguments).get_object().get(object)) return arguments;
  return R"({"malformed_arguments":)" + json::quoted(arguments) + "}";
}

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

int messages_error_status(const Error& error) {
  if (error.kind == ErrorKind::kUpstream) return 500;
  if (error.kind == ErrorKind::kUnavailable) return 529;
  if (http::error_type(error) == "insufficient_quota") return 402;
  return http::error_status(error);
}

std::string messages_error(const Error& error, std::string_view call_id) {
  std::string message = error.message;
  if (!error.param.empty() && message.find(error.param) == std::string::npos) message = error.param + ": " + message;
  std::string out = R"({"type":"error","error":{"type":")";
  out += error_type(messages_error_status(error));
  out += R"(","message":)";
  json::append_string(out, message);
  out += R"(},"request_id":)";
  json::append_string(out, call_id);
  out += '}';
  return out;
}

MessagesAnswer::MessagesAnswer(const SurfaceCall& call)
    : call_id_(call.call.id),
      requested_model_(call.call.request.model),
      stream_(call.call.request.stream),
      reader_(*this) {}

Result<void> MessagesAnswer::take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) {
  out_ = &out;
  if (!stream_) {
    FAIRLEAD_CHECK(reader_.whole(wire));
    if (end) write_whole(outcome);
    return {};
  }
  if (!begun_ && (end || !wire.empty())) begin_message(outcome);
  FAIRLEAD_CHECK(reader_.events(wire));
  if (disordered_)
    return fairlead::fail(ErrorKind::kUpstream, "upstream_invalid",
                          "The upstream's answer makes no sense: it mixes the arguments of several tool calls.");
  if (end) end_message(outcome);
  return {};
}

void MessagesAnswer::fail(const Error& error, std::string& out) {
  out += "event: error\ndata: " + messages_error(error, call_id_) + "\n\n";
}

void MessagesAnswer::on_text(std::size_t choice, std::string_view text) {
  if (choice == 0) add(Kind::kText, text);
}

void MessagesAnswer::on_reasoning(std::size_t choice, std::string_view text) {
  if (choice == 0) add(Kind::kThinking, text);
}

void MessagesAnswer::on_refusal(std::size_t choice, std::string_view text) {
  if (choice != 0) return;
  refused_ = true;
  add(Kind::kText, text);
}

void MessagesAnswer::on_tool_call(std::size_t choice, std::size_t call, std::string_view id, std::string_view name) {
  if (choice == 0) begin_block({Kind::kToolUse, {}, std::string(id), std::string(name), call});
}

void MessagesAnswer::on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) {
  if (choice != 0) return;
  if (!open_ || blocks_.back().kind != Kind::kToolUse || blocks_.back().call != call) {
    disordered_ = true;
    return;
  }
  add(Kind::kToolUse, text);
}

void MessagesAnswer::on_finish(std::size_t choice, std::string_view reason) {
  if (choice == 0) stop_reason_ = stop_reason_of(reason);
}

void MessagesAnswer::add(Kind kind, std::string_view text) {
  if (!open_ || blocks_.back().kind != kind) begin_block({kind, {}, {}, {}, 0});
  if (!stream_) {
    blocks_.back().text += text;
    return;
  }
  static constexpr std::string_view kDeltas[] = {R"("text_delta","text":)", R"("thinking_delta","thinking":)",
                                                 R"("input_json_delta","partial_json":)"};
  *out_ += R"(event: content_block_delta
data: {"type":"content_block_delta","index":)";
  *out_ += std::to_string(blocks_.size() - 1);
  *out_ += R"(,"delta":{"type":)";
  *out_ += kDeltas[static_cast<int>(kind)];
  write_text(text);
  *out_ += "}}\n\n";
}

void MessagesAnswer::begin_block(Block block) {
  end_block();
  open_ = true;
  blocks_.push_back(std::move(block));
  if (!stream_) return;
  const Block& begun = blocks_.back();
  *out_ += R"(event: content_block_start
data: {"type":"content_block_start","index":)";
  *out_ += std::to_string(blocks_.size() - 1);
  *out_ += R"(,"content_block":)";
  if (begun.kind == Kind::kText) {
    *out_ += R"({"type":"text","text":""})";
  } else if (begun.kind == Kind::kThinking) {
    *out_ += R"({"type":"thinking","thinking":"","signature":""})";
  } else {
    *out_ += R"({"type":"tool_use","id":)";
    write_text(begun.id);
    *out_ += R"(,"name":)";
    write_text(begun.name);
    *out_ += R"(,"input":{}})";
  }
  *out_ += "}\n\n";
}

void MessagesAnswer::end_block() {
  if (open_ && stream_) {
    *out_ += R"(event: content_block_stop
data: {"type":"content_block_stop","index":)";
    *out_ += std::to_string(blocks_.size() - 1);
    *out_ += "}\n\n";
  }
  open_ = false;
}

void MessagesAnswer::begin_message(const llm::Outcome& outcome) {
  begun_ = true;
  *out_ += R"(event: message_start
data: {"type":"message_start","message":)";
  write_head(outcome.upstream_model);
  *out_ += R"(,"content":[],"stop_reason":null,"stop_sequence":null,"usage":)";
  write_usage({});
  *out_ += "}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n";
}

void MessagesAnswer::end_message(const llm::Outcome& outcome) {
  end_block();
  *out_ += R"(event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":")";
  *out_ += refused_ ? "refusal" : stop_reason_;
  *out_ += R"(","stop_sequence":null},"usage":)";
  write_usage(outcome.usage);
  *out_ += "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

void MessagesAnswer::write_whole(const llm::Outcome& outcome) {
  write_head(outcome.upstream_model);
  *out_ += R"(,"content":[)";
  for (const Block& block : blocks_) {
    if (&block != &blocks_.front()) *out_ += ',';
    if (block.kind == Kind::kText) {
      *out_ += R"({"type":"text","text":)";
      write_text(block.text);
      *out_ += '}';
    } else if (block.kind == Kind::kThinking) {
      *out_ += R"({"type":"thinking","thinking":)";
      write_text(block.text);
      *out_ += R"(,"signature":""})";
    } else {
      *out_ += R"({"type":"tool_use","id":)";
      write_text(block.id);
      *out_ += R"(,"name":)";
      write_text(block.name);
      *out_ += R"(,"input":)";
      *out_ += input_of(block.text);
      *out_ += '}';
    }
  }
  *out_ += R"(],"stop_reason":")";
  *out_ += refused_ ? "refusal" : stop_reason_;
  *out_ += R"(","stop_sequence":null,"usage":)";
  write_usage(outcome.usage);
  *out_ += '}';
}

// The members that are known at the start; left open.
void MessagesAnswer::write_head(std::string_view model) const {
  *out_ += R"({"id":"msg_)";
  *out_ += call_id_;
  *out_ += R"(","type":"message","role":"assistant","model":)";
  write_text(model.empty() ? std::string_view(requested_model_) : model);
}

void MessagesAnswer::write_usage(const llm::Usage& usage) const {
  *out_ += R"({"input_tokens":)";
  *out_ += std::to_string(usage.input - usage.cached_input - usage.cache_write);
  *out_ += R"(,"cache_creation_input_tokens":)";
  *out_ += std::to_string(usage.cache_write);
  *out_ += R"(,"cache_read_input_tokens":)";
  *out_ += std::to_string(usage.cached_input);
  *out_ += R"(,"output_tokens":)";
  *out_ += std::to_string(usage.output);
  *out_ += '}';
}

void MessagesAnswer::write_text(std::string_view text) const {
  json::append_string(*out_, text);
}

}  // namespace fairlead::gateway
