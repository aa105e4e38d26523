#include "gateway/surfaces/completions.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/internal/body.h"
#include "gateway/internal/reading.h"
#include "gateway/surfaces/completions_answer.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Array;
using internal::Document;
using internal::Element;
using internal::flag_of;
using internal::integer_of;
using internal::invalid_value;
using internal::missing;
using internal::ObjectWriter;
using internal::text_of;
using internal::unsupported_parameter;
using internal::unsupported_value;
using internal::wrong_type;

constexpr std::string_view kSame[] = {"model",
                                      "fairlead",
                                      "n",
                                      "temperature",
                                      "top_p",
                                      "stop",
                                      "seed",
                                      "user",
                                      "presence_penalty",
                                      "frequency_penalty",
                                      "logit_bias",
                                      "stream",
                                      "stream_options",
                                      "top_k",
                                      "min_p",
                                      "repeat_penalty"};

// The one prompt that a chat can be asked with.
Result<std::string_view> prompt_of(Element prompt) {
  if (prompt.is_string()) return prompt.get_string().value_unsafe();
  if (!prompt.is_array()) return wrong_type("prompt", "a string or an array", prompt);
  const Array list = prompt.get_array().value_unsafe();
  if (list.size() != 1) return unsupported_value("prompt", "it takes one prompt in a request");
  const Element first = list.at(0).value_unsafe();
  if (!first.is_string()) return unsupported_value("prompt", "it takes text, not tokens");
  return first.get_string().value_unsafe();
}

Result<void> add_member(ObjectWriter& out, const llm::Member& member, std::int64_t n) {
  if (std::ranges::find(kSame, member.name) != std::end(kSame)) {
    out.raw(member.name, member.json);
    return {};
  }
  FAIRLEAD_TRY(const Document document, Document::parse(member.json));
  const Element value = document.root();
  if (member.name == "max_tokens") {
    FAIRLEAD_CHECK(integer_of("max_tokens", value, 1, INT32_MAX));
    out.raw("max_completion_tokens", member.json);
  } else if (member.name == "logprobs") {
    FAIRLEAD_TRY(const std::int64_t count, integer_of("logprobs", value, 0, 5));
    out.raw("logprobs", "true");
    if (count > 0) out.number("top_logprobs", count);
  } else if (member.name == "echo") {
    FAIRLEAD_TRY(const bool echo, flag_of("echo", value));
    if (echo) return unsupported_parameter("echo", "a chat does not repeat what it was asked");
  } else if (member.name == "suffix") {
    FAIRLEAD_TRY(const std::string_view suffix, text_of("suffix", value));
    if (!suffix.empty()) return unsupported_parameter("suffix", "a chat does not fill a gap");
  } else if (member.name == "best_of") {
    FAIRLEAD_TRY(const std::int64_t best_of, integer_of("best_of", value, 1, 20));
    if (best_of < n) return invalid_value("best_of", "it must not be below n");
    if (best_of > n) return unsupported_parameter("best_of", "a chat gives all of its answers");
  } else {
    return unsupported_parameter(member.name, "a chat has no such thing");
  }
  return {};
}

}  // namespace

Result<std::string> chat_of_completion(const llm::RequestBody& body) {
  std::string text;
  ObjectWriter out(text);
  std::int64_t n = 1;
  if (const llm::Member* const given = body.member("n"); given && given->json != "null") {
    FAIRLEAD_TRY(const Document document, Document::parse(given->json));
    FAIRLEAD_TRY(n, integer_of("n", document.root(), 1, 128));
  }
  std::string messages = "[]";
  bool limited = false;
  for (const llm::Member& member : body.members) {
    if (member.json == "null") continue;
    if (member.name == "prompt") {
      FAIRLEAD_TRY(const Document document, Document::parse(member.json));
      FAIRLEAD_TRY(const std::string_view prompt, prompt_of(document.root()));
      if (!prompt.empty()) messages = R"([{"role":"user","content":)" + json::quoted(prompt) + "}]";
      continue;
    }
    limited |= member.name == "max_tokens";
    FAIRLEAD_CHECK(add_member(out, member, n));
  }
  if (!limited) out.raw("max_completion_tokens", "16");  // OpenAI's own default
  out.raw("messages", messages);
  out.end();
  return text;
}

Result<void> CompletionsSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_CHECK(internal::read_body(body, call));
  if (call.body.model.empty()) return missing("model");
  const llm::Member* const prompt = call.body.member("prompt");
  if (!prompt || prompt->json == "null") return missing("prompt");
  return {};
}

Result<void> CompletionsSurface::to_chat(SurfaceCall& call) const {
  FAIRLEAD_TRY(std::string chat, chat_of_completion(call.body));
  return internal::set_chat(call, std::move(chat));
}

std::unique_ptr<AnswerForm> CompletionsSurface::answer_form(const SurfaceCall& call) const {
  return std::make_unique<CompletionsAnswer>(call);
}

}  // namespace fairlead::gateway
