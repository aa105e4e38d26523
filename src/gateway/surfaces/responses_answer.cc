#include "gateway/surfaces/responses_answer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "gateway/surfaces/responses_request.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

namespace dom = simdjson::dom;

std::string usage_json(const llm::Usage& usage) {
  return fmt::format(
      R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{},"cache_write_tokens":{}}},"output_tokens":{},)"
      R"("output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}})",
      usage.input, usage.cached_input, usage.cache_write, usage.output, usage.reasoning, usage.input + usage.output);
}

// The words that the API has for what went wrong are few.
std::string_view failure_code(const Error& error) {
  if (error.kind == ErrorKind::kExhausted) return "rate_limit_exceeded";
  return error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kUnsupported ? "invalid_prompt" : "server_error";
}

// The chat's log probabilities, whose bytes may be null; elements of an array.
std::string logprob_elements(std::string_view json) {
  dom::parser parser;
  dom::array list;
  if (parser.parse(json.data(), json.size()).get_array().get(list)) return {};
  const auto write = [](std::string& out, dom::element one) {
    std::string_view token;
    double logprob = 0;
    dom::array bytes;
    if (one["token"].get_string().get(token) || one["logprob"].get_double().get(logprob)) return false;
    out += fmt::format(R"({{"token":{},"logprob":{},"bytes":)", json::quoted(token), logprob);
    out += one["bytes"].get_array().get(bytes) ? "[]" : std::string(simdjson::minify(bytes));
    return true;
  };
  std::string out;
  for (const dom::element one : list) {
    std::string element;
    if (!write(element, one)) continue;
    element += R"(,"top_logprobs":[)";
    if (dom::array top; !one["top_logprobs"].get_array().get(top)) {
      bool first = true;
      for (const dom::element other : top) {
        std::string inner;
        if (!write(inner, other)) continue;
        if (!std::exchange(first, false)) element += ',';
        element += inner + "}";
      }
    }
    element += "]}";
    if (!out.empty()) out += ',';
    out += element;
  }
  return out;
}

}  // namespace

ResponsesAnswer::ResponsesAnswer(const SurfaceCall& call, ResponseStore& store)
    : call_id_(call.call.id),
      project_(call.call.project),
      previous_(previous_response_of(call.body)),
      repeated_(repeated_members(call.body)),
      items_(is_kept(call.body) ? items_of(call.body, call.call.id) : ""),
      created_(call.started_at_s),
      stream_(call.call.request.stream),
      kept_(is_kept(call.body)),
      background_(is_in_background(call.body)),
      store_(store),
      model_(call.call.request.model),
      reader_(*this) {}

Result<void> ResponsesAnswer::take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) {
  out_ = &out;
  if (!outcome.upstream_model.empty()) model_ = outcome.upstream_model;
  if (stream_ && !background_ && !begun_ && (end || !wire.empty())) {
    begun_ = true;
    for (const std::string_view type : {"response.created", "response.in_progress"}) {
      begin_event(type) += R"(,"response":)" + response_json("in_progress", nullptr, nullptr);
      end_event();
    }
  }
  FAIRLEAD_CHECK(stream_ && !background_ ? reader_.events(wire) : reader_.whole(wire));
  send_text();
  if (disordered_)
    return fairlead::fail(ErrorKind::kUpstream, "upstream_invalid",
                          "The upstream's answer makes no sense: it mixes the arguments of several tool calls.");
  if (!end) return {};
  end_item();
  const std::string_view status = incomplete_.empty() ? "completed" : "incomplete";
  whole_ = response_json(status, &outcome.usage, nullptr);
  if (!stream_) {
    out += whole_;
    return {};
  }
  begin_event(incomplete_.empty() ? "response.completed" : "response.incomplete") += R"(,"response":)" + whole_;
  end_event();
  return {};
}

void ResponsesAnswer::begin(bool in_progress, std::string& out) {
  out_ = &out;
  for (const std::string_view type : {"response.created", "response.queued", "response.in_progress"}) {
    const bool told = type == "response.in_progress";
    if (told && !in_progress) continue;
    begin_event(type) += R"(,"response":)" + response_json(told ? "in_progress" : "queued", nullptr, nullptr);
    end_event();
  }
}

void ResponsesAnswer::fail(const Error& error, std::string& out) {
  out_ = &out;
  begin_event("response.failed") += R"(,"response":)" + response_json("failed", nullptr, &error);
  end_event();
}

async::Task<Result<void>> ResponsesAnswer::keep() {
  StoredResponse response{project_, "resp_" + call_id_, previous_, created_ * 1'000'000, items_, whole_};
  auto kept = co_await store_.keep(std::move(response));
  co_return kept;
}

void ResponsesAnswer::on_text(std::size_t choice, std::string_view text) {
  if (choice == 0) add(Kind::kMessage, false, text);
}

void ResponsesAnswer::on_refusal(std::size_t choice, std::string_view text) {
  if (choice == 0) add(Kind::kMessage, true, text);
}

void ResponsesAnswer::on_reasoning(std::size_t choice, std::string_view text) {
  if (choice == 0) add(Kind::kReasoning, false, text);
}

void ResponsesAnswer::on_tool_call(std::size_t choice, std::size_t call, std::string_view id, std::string_view name) {
  if (choice != 0) return;
  begin_item({Kind::kCall, {}, {}, std::string(id), std::string(name), {}, call});
}

void ResponsesAnswer::on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) {
  if (choice != 0) return;
  if (!open_ || output_.back().kind != Kind::kCall || output_.back().call != call) {
    disordered_ = true;
    return;
  }
  output_.back().arguments += text;
  if (!stream_) return;
  begin_event("response.function_call_arguments.delta");
  add_place(false);
  *out_ += R"(,"delta":)" + json::quoted(text);
  end_event();
}

void ResponsesAnswer::on_logprobs(std::size_t choice, std::string_view json) {
  if (choice != 0 || !part_open_ || output_.back().kind != Kind::kMessage) return;
  const std::string elements = logprob_elements(json);
  std::string& all = output_.back().parts.back().logprobs;
  if (!all.empty() && !elements.empty()) all += ',';
  all += elements;
  if (!stream_ || unsent_.empty()) return;
  begin_event("response.output_text.delta");
  add_place(true);
  *out_ += R"(,"delta":)" + json::quoted(unsent_) + R"(,"logprobs":[)" + elements + "]";
  end_event();
  unsent_.clear();
}

std::string_view incomplete_reason(std::string_view finish_reason) {
  if (finish_reason == "length") return "max_output_tokens";
  return finish_reason == "content_filter" ? finish_reason : std::string_view();
}

void ResponsesAnswer::on_finish(std::size_t choice, std::string_view reason) {
  if (choice != 0) return;
  if (const std::string_view why = incomplete_reason(reason); !why.empty()) incomplete_ = why;
}

void ResponsesAnswer::add(Kind kind, bool refusal, std::string_view text) {
  send_text();
  if (!open_ || output_.back().kind != kind) begin_item({kind, {}, {}, {}, {}, {}, 0});
  if (!part_open_ || output_.back().parts.back().refusal != refusal) begin_part(refusal);
  output_.back().parts.back().text += text;
  if (!stream_) return;
  if (kind == Kind::kMessage && !refusal) {
    unsent_ = text;
    return;
  }
  begin_event(refusal ? "response.refusal.delta" : "response.reasoning_text.delta");
  add_place(true);
  *out_ += R"(,"delta":)" + json::quoted(text);
  end_event();
}

void ResponsesAnswer::send_text() {
  if (unsent_.empty()) return;
  begin_event("response.output_text.delta");
  add_place(true);
  *out_ += R"(,"delta":)" + json::quoted(unsent_) + R"(,"logprobs":[])";
  end_event();
  unsent_.clear();
}

void ResponsesAnswer::begin_item(Item item) {
  end_item();
  static constexpr std::string_view kPrefixes[] = {"msg", "rs", "fc"};
  item.id = fmt::format("{}_{}_{}", kPrefixes[static_cast<int>(item.kind)], call_id_, output_.size());
  open_ = true;
  output_.push_back(std::move(item));
  if (!stream_) return;
  begin_event("response.output_item.added") += fmt::format(R"(,"output_index":{},"item":)", output_.size() - 1);
  *out_ += item_json(output_.back(), "in_progress");
  end_event();
}

void ResponsesAnswer::end_item() {
  send_text();
  end_part();
  if (!open_) return;
  open_ = false;
  if (!stream_) return;
  const Item& item = output_.back();
  if (item.kind == Kind::kCall) {
    begin_event("response.function_call_arguments.done");
    add_place(false);
    *out_ += R"(,"name":)" + json::quoted(item.name) + R"(,"arguments":)" + json::quoted(item.arguments);
    end_event();
  }
  begin_event("response.output_item.done") += fmt::format(R"(,"output_index":{},"item":)", output_.size() - 1);
  *out_ += item_json(item, incomplete_.empty() ? "completed" : "incomplete");
  end_event();
}

void ResponsesAnswer::begin_part(bool refusal) {
  end_part();
  part_open_ = true;
  Item& item = output_.back();
  item.parts.push_back({refusal, {}, {}});
  if (!stream_) return;
  begin_event("response.content_part.added");
  add_place(true);
  *out_ += R"(,"part":)" + part_json(item.parts.back(), item.kind);
  end_event();
}

void ResponsesAnswer::end_part() {
  send_text();
  if (!part_open_) return;
  if (stream_) {
    const Item& item = output_.back();
    const Part& part = item.parts.back();
    const std::string text = json::quoted(part.text);
    begin_event(part.refusal                    ? "response.refusal.done"
                : item.kind == Kind::kReasoning ? "response.reasoning_text.done"
                                                : "response.output_text.done");
    add_place(true);
    *out_ += (part.refusal ? R"(,"refusal":)" : R"(,"text":)") + text;
    if (item.kind == Kind::kMessage && !part.refusal) *out_ += R"(,"logprobs":[)" + part.logprobs + "]";
    end_event();
    begin_event("response.content_part.done");
    add_place(true);
    *out_ += R"(,"part":)" + part_json(part, item.kind);
    end_event();
  }
  part_open_ = false;
}

std::string& ResponsesAnswer::begin_event(std::string_view type) {
  *out_ += fmt::format("event: {}\ndata: {{\"type\":\"{}\",\"sequence_number\":{}", type, type, sequence_++);
  return *out_;
}

void ResponsesAnswer::add_place(bool in_part) {
  *out_ += fmt::format(R"(,"item_id":"{}","output_index":{})", output_.back().id, output_.size() - 1);
  if (in_part) *out_ += fmt::format(R"(,"content_index":{})", output_.back().parts.size() - 1);
}

std::string ResponsesAnswer::part_json(const Part& part, Kind kind) const {
  const std::string text = json::quoted(part.text);
  if (kind == Kind::kReasoning) return R"({"type":"reasoning_text","text":)" + text + "}";
  if (part.refusal) return R"({"type":"refusal","refusal":)" + text + "}";
  return R"({"type":"output_text","text":)" + text + R"(,"annotations":[],"logprobs":[)" + part.logprobs + "]}";
}

std::string ResponsesAnswer::item_json(const Item& item, std::string_view status) const {
  if (item.kind == Kind::kCall) {
    return fmt::format(R"({{"id":"{}","type":"function_call","status":"{}","call_id":{},"name":{},"arguments":{}}})",
                       item.id, status, json::quoted(item.call_id), json::quoted(item.name),
                       json::quoted(item.arguments));
  }
  std::string parts;
  for (const Part& part : item.parts) {
    if (!parts.empty()) parts += ',';
    parts += part_json(part, item.kind);
  }
  if (item.kind == Kind::kReasoning)
    return fmt::format(R"({{"id":"{}","type":"reasoning","summary":[],"content":[{}],"status":"{}"}})", item.id, parts,
                       status);
  return fmt::format(R"({{"id":"{}","type":"message","status":"{}","role":"assistant","content":[{}]}})", item.id,
                     status, parts);
}

std::string ResponsesAnswer::response_json(std::string_view status, const llm::Usage* usage, const Error* error) const {
  std::string output;
  for (const Item& item : output_) {
    if (!output.empty()) output += ',';
    output += item_json(item, status == "in_progress" || status == "failed" ? "incomplete" : status);
  }
  std::string out = fmt::format(R"({{"id":"resp_{}","object":"response","created_at":{},"status":"{}","model":{},)",
                                call_id_, created_, status, json::quoted(model_));
  out += R"("error":)";
  out += error ? fmt::format(R"({{"code":"{}","message":{}}})", failure_code(*error), json::quoted(error->message))
               : "null";
  out += R"(,"incomplete_details":)";
  out += incomplete_.empty() ? "null" : fmt::format(R"({{"reason":"{}"}})", incomplete_);
  out += R"(,"output":[)" + output + "]," + repeated_;
  if (usage) out += R"(,"usage":)" + usage_json(*usage);
  out += '}';
  return out;
}

}  // namespace fairlead::gateway
