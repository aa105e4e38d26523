#include "gateway/surfaces/completions_answer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>

#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

namespace dom = simdjson::dom;

std::string usage_json(const llm::Usage& usage) {
  return fmt::format(
      R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}},)"
      R"("completion_tokens_details":{{"reasoning_tokens":{}}}}})",
      usage.input, usage.output, usage.input + usage.output, usage.cached_input, usage.reasoning);
}

std::string_view finish_of(std::string_view reason) {
  return reason == "length" || reason == "content_filter" ? reason : "stop";
}

void add_element(std::string& array, std::string_view json) {
  if (!array.empty()) array += ',';
  array += json;
}

}  // namespace

CompletionsAnswer::CompletionsAnswer(const SurfaceCall& call)
    : call_id_(call.call.id),
      created_(call.started_at_s),
      stream_(call.call.request.stream),
      include_usage_(call.call.request.include_usage),
      model_(call.call.request.model),
      reader_(*this) {}

Result<void> CompletionsAnswer::take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) {
  if (!outcome.upstream_model.empty()) model_ = outcome.upstream_model;
  if (stream_) {
    // An event at a time: one chunk for each.
    while (!wire.empty()) {
      const std::size_t divide = wire.find("\n\n");
      const std::string_view event = wire.substr(0, divide == wire.npos ? divide : divide + 2);
      FAIRLEAD_CHECK(reader_.events(event));
      wire.remove_prefix(event.size());
      write_pending(out);
    }
    if (!end) return {};
    if (include_usage_) {
      out += "data: ";
      write_head(out);
      out += R"(,"choices":[],"usage":)" + usage_json(outcome.usage) + "}\n\n";
    }
    out += "data: [DONE]\n\n";
    return {};
  }
  FAIRLEAD_CHECK(reader_.whole(wire));
  if (!end) return {};
  write_head(out);
  out += R"(,"choices":[)";
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (i > 0) out += ',';
    write_choice(out, i, choices_[i]);
  }
  out += R"(],"usage":)" + usage_json(outcome.usage) + "}";
  return {};
}

void CompletionsAnswer::fail(const Error& error, std::string& out) {
  out += "data: " + http::error_body(error) + "\n\n";
}

CompletionsAnswer::Choice& CompletionsAnswer::choice(std::size_t number) {
  if (choices_.size() <= number) choices_.resize(number + 1);
  choices_[number].pending = true;
  return choices_[number];
}

void CompletionsAnswer::on_text(std::size_t number, std::string_view text) {
  choice(number).text += text;
}

void CompletionsAnswer::on_refusal(std::size_t number, std::string_view text) {
  choice(number).text += text;
}

void CompletionsAnswer::on_finish(std::size_t number, std::string_view reason) {
  choice(number).finish_reason = finish_of(reason);
}

void CompletionsAnswer::on_logprobs(std::size_t number, std::string_view json) {
  Choice& to = choice(number);
  dom::parser parser;
  dom::array list;
  if (parser.parse(json.data(), json.size()).get_array().get(list)) return;
  for (const dom::element one : list) {
    std::string_view token;
    double logprob = 0;
    if (one["token"].get_string().get(token) || one["logprob"].get_double().get(logprob)) continue;
    add_element(to.tokens, json::quoted(token));
    add_element(to.token_logprobs, fmt::format("{}", logprob));
    add_element(to.text_offsets, std::to_string(to.characters));
    to.characters += json::count_characters(token);
    std::string others;
    if (dom::array top; !one["top_logprobs"].get_array().get(top)) {
      for (const dom::element other : top) {
        std::string_view name;
        double value = 0;
        if (other["token"].get_string().get(name) || other["logprob"].get_double().get(value)) continue;
        // Two tokens may look alike as text; an object's member stands once.
        const std::string quoted = json::quoted(name) + ":";
        if (others.find(quoted) == std::string::npos) add_element(others, fmt::format("{}{}", quoted, value));
      }
    }
    add_element(to.top_logprobs, "{" + others + "}");
  }
}

void CompletionsAnswer::write_pending(std::string& out) {
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    Choice& one = choices_[i];
    if (!one.pending) continue;
    out += "data: ";
    write_head(out);
    out += R"(,"choices":[)";
    write_choice(out, i, one);
    out += include_usage_ ? "],\"usage\":null}\n\n" : "]}\n\n";
    Choice rest;
    rest.characters = one.characters;
    one = std::move(rest);
  }
}

void CompletionsAnswer::write_head(std::string& out) const {
  out += R"({"id":"cmpl-)" + call_id_ + R"(","object":"text_completion","created":)" + std::to_string(created_) +
         R"(,"model":)";
  json::append_string(out, model_);
}

void CompletionsAnswer::write_choice(std::string& out, std::size_t number, const Choice& choice) {
  out += R"({"index":)" + std::to_string(number) + R"(,"text":)";
  json::append_string(out, choice.text);
  if (choice.tokens.empty()) {
    out += R"(,"logprobs":null)";
  } else {
    out += R"(,"logprobs":{"tokens":[)" + choice.tokens + R"(],"token_logprobs":[)" + choice.token_logprobs +
           R"(],"top_logprobs":[)" + choice.top_logprobs + R"(],"text_offset":[)" + choice.text_offsets + "]}";
  }
  out += R"(,"finish_reason":)";
  out += choice.finish_reason.empty() ? "null" : "\"" + choice.finish_reason + "\"";
  out += '}';
}

}  // namespace fairlead::gateway
