#include "serving/internal/answer_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/id.h"
#include "platform/json/text.h"

namespace fairlead::serving {

struct AnswerWriter::Choice {
  std::string raw;    // the model's text; kept where it must be read again
  ParsedAnswer sent;  // while streaming: what has gone out
  std::vector<std::string> call_ids;
  std::string logprobs;  // entries, divided by commas; not streaming
  Finish finish = Finish::kNone;
  bool began = false;
  bool called_tools = false;
  int tokens = 0;
  int reasoning_tokens = 0;
};

namespace {

using json::append_string;

void append_bytes(std::string& out, std::string_view bytes) {
  out += '[';
  for (const char byte : bytes) {
    if (out.back() != '[') out += ',';
    fmt::format_to(std::back_inserter(out), "{}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  out += ']';
}

void append_token(std::string& out, std::string_view bytes, float logprob) {
  out += "{\"token\":";
  append_string(out, bytes);
  // JSON has no infinity; OpenAI writes -9999 for what is as good as impossible.
  fmt::format_to(std::back_inserter(out), ",\"logprob\":{},\"bytes\":", std::isfinite(logprob) ? logprob : -9999.0F);
  append_bytes(out, bytes);
}

std::string entries(const std::vector<TokenLogprob>& logprobs) {
  std::string out;
  for (const TokenLogprob& entry : logprobs) {
    if (!out.empty()) out += ',';
    append_token(out, entry.bytes, entry.logprob);
    out += ",\"top_logprobs\":[";
    for (std::size_t i = 0; i < entry.top.size(); ++i) {
      if (i > 0) out += ',';
      append_token(out, entry.top[i].first, entry.top[i].second);
      out += '}';
    }
    out += "]}";
  }
  return out;
}

std::string logprobs_object(std::string_view entries) {
  return fmt::format(R"({{"content":[{}],"refusal":null}})", entries);
}

std::string_view finish_name(Finish finish, bool called_tools) {
  if (finish == Finish::kLength) return "length";
  return called_tools ? "tool_calls" : "stop";
}

// What `now` has beyond `before`. A reader may change its mind about the last characters of a text that grows; what has
// gone out stays.
std::string_view beyond(std::string_view now, std::string_view before) {
  return now.size() > before.size() && now.starts_with(before) ? now.substr(before.size()) : std::string_view();
}

}  // namespace

AnswerWriter::AnswerWriter(AnswerOptions options)
    : options_(std::move(options)), choices_(static_cast<std::size_t>(options_.choices)) {}
AnswerWriter::~AnswerWriter() = default;

std::string AnswerWriter::head(std::string_view object) const {
  std::string out =
      fmt::format(R"({{"id":"{}","object":"{}","created":{},"model":)", options_.id, object, options_.created);
  append_string(out, options_.model);
  return out;
}

void AnswerWriter::take(const Piece& piece) {
  Choice& choice = choices_[static_cast<std::size_t>(piece.choice)];
  choice.finish = piece.finish;
  if (piece.finish != Finish::kNone) ++finished_;
  const int fresh = piece.tokens - choice.tokens;
  choice.tokens = piece.tokens;
  if (!options_.stream) {
    choice.raw += piece.text;
    const std::string made = entries(piece.logprobs);
    if (!choice.logprobs.empty() && !made.empty()) choice.logprobs += ',';
    choice.logprobs += made;
    if (options_.reader && !choice.began) {
      const ParsedAnswer so_far = options_.reader->read(choice.raw, false);
      choice.began = !so_far.content.empty() || !so_far.tool_calls.empty();
      if (!so_far.reasoning.empty() && !choice.began) choice.reasoning_tokens += fresh;
    }
    if (piece.finish != Finish::kNone && options_.reader) {
      ParsedAnswer parsed = options_.reader->read(choice.raw, true);
      choice.called_tools = !parsed.tool_calls.empty();
      choice.sent = std::move(parsed);
    }
    return;
  }
  ParsedAnswer now;
  if (options_.reader) {
    choice.raw += piece.text;
    now = options_.reader->read(choice.raw, piece.finish != Finish::kNone);
    if (!now.reasoning.empty() && now.content.empty() && now.tool_calls.empty()) choice.reasoning_tokens += fresh;
  } else {
    now.content = choice.sent.content + piece.text;
  }
  append_delta(piece.choice, choice, now,
               options_.logprobs && !piece.logprobs.empty() ? logprobs_object(entries(piece.logprobs)) : "null");
  if (!options_.reader) choice.sent.content.clear();
}

void AnswerWriter::append_chunk(int index, std::string_view delta, std::string_view logprobs, std::string_view finish) {
  events_ += "data: ";
  events_ += head("chat.completion.chunk");
  fmt::format_to(std::back_inserter(events_), R"(,"choices":[{{"index":{},"delta":{},"logprobs":{},"finish_reason":)",
                 index, delta, logprobs);
  if (finish.empty()) {
    events_ += "null}]";
  } else {
    fmt::format_to(std::back_inserter(events_), "\"{}\"}}]", finish);
  }
  events_ += options_.usage_null ? ",\"usage\":null}\n\n" : "}\n\n";
}

void AnswerWriter::append_tool_calls(int index, Choice& choice, const ParsedAnswer& now) {
  for (std::size_t i = 0; i < now.tool_calls.size(); ++i) {
    const llm::ToolCall& call = now.tool_calls[i];
    const bool begins = i >= choice.sent.tool_calls.size();
    if (begins) {
      if (call.name.empty()) return;  // not known yet
      choice.call_ids.push_back("call_" + new_id(options_.created * 1'000'000));
      choice.sent.tool_calls.push_back({choice.call_ids.back(), call.name, ""});
    }
    llm::ToolCall& sent = choice.sent.tool_calls[i];
    const std::string_view more = beyond(call.arguments, sent.arguments);
    if (!begins && more.empty()) continue;
    std::string delta = fmt::format(R"({{"tool_calls":[{{"index":{},)", i);
    if (begins) {
      delta += fmt::format(R"("id":"{}","type":"function","function":{{"name":)", sent.id);
      append_string(delta, sent.name);
      delta += ",\"arguments\":";
    } else {
      delta += "\"function\":{\"arguments\":";
    }
    append_string(delta, more);
    delta += "}}]}";
    append_chunk(index, delta, "null", {});
    sent.arguments += more;
    choice.called_tools = true;
  }
}

void AnswerWriter::append_delta(int index, Choice& choice, const ParsedAnswer& now, const std::string& logprobs) {
  if (!choice.began) {
    choice.began = true;
    append_chunk(index, R"({"role":"assistant","content":"","refusal":null})", "null", {});
  }
  if (const auto more = beyond(now.reasoning, choice.sent.reasoning); !more.empty()) {
    std::string delta = "{\"reasoning_content\":";
    append_string(delta, more);
    append_chunk(index, delta + "}", "null", {});
    choice.sent.reasoning += more;
  }
  const auto more = beyond(now.content, choice.sent.content);
  if (!more.empty() || logprobs != "null") {
    std::string delta = "{\"content\":";
    append_string(delta, more);
    append_chunk(index, delta + "}", logprobs, {});
    choice.sent.content += more;
  }
  append_tool_calls(index, choice, now);
  if (choice.finish != Finish::kNone && choice.finish != Finish::kFailed) {
    append_chunk(index, "{}", "null", finish_name(choice.finish, choice.called_tools));
  }
}

std::string AnswerWriter::take_events() {
  std::string out;
  out.swap(events_);
  return out;
}

std::string AnswerWriter::usage(int prompt_tokens, int cached_tokens) const {
  int completion = 0, reasoning = 0;
  for (const Choice& choice : choices_) {
    completion += choice.tokens;
    reasoning += choice.reasoning_tokens;
  }
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":{},"audio_tokens":0}},)"
                     R"("completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,)"
                     R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}})",
                     prompt_tokens, completion, prompt_tokens + completion, cached_tokens, reasoning);
}

std::string AnswerWriter::end_events(int prompt_tokens, int cached_tokens) const {
  return "data: " + head("chat.completion.chunk") + ",\"choices\":[],\"usage\":" + usage(prompt_tokens, cached_tokens) +
         "}\n\ndata: [DONE]\n\n";
}

std::string AnswerWriter::whole(int prompt_tokens, int cached_tokens) const {
  std::string out = head("chat.completion") + ",\"choices\":[";
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    const Choice& choice = choices_[i];
    if (i > 0) out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"index":{},"message":{{"role":"assistant","content":)", i);
    const std::string& content = options_.reader ? choice.sent.content : choice.raw;
    if (choice.called_tools && content.empty()) {
      out += "null";
    } else {
      append_string(out, content);
    }
    out += ",\"refusal\":null";
    if (!choice.sent.reasoning.empty()) {
      out += ",\"reasoning_content\":";
      append_string(out, choice.sent.reasoning);
    }
    if (choice.called_tools) {
      out += ",\"tool_calls\":[";
      for (const llm::ToolCall& call : choice.sent.tool_calls) {
        if (out.back() != '[') out += ',';
        fmt::format_to(std::back_inserter(out), R"({{"id":"call_{}","type":"function","function":{{"name":)",
                       new_id(options_.created * 1'000'000));
        append_string(out, call.name);
        out += ",\"arguments\":";
        append_string(out, call.arguments);
        out += "}}";
      }
      out += ']';
    }
    fmt::format_to(std::back_inserter(out), R"(}},"logprobs":{},"finish_reason":"{}"}})",
                   options_.logprobs ? logprobs_object(choice.logprobs) : "null",
                   finish_name(choice.finish, choice.called_tools));
  }
  return out + "],\"usage\":" + usage(prompt_tokens, cached_tokens) + "}";
}

}  // namespace fairlead::serving
