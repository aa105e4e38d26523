#include "safety/policy/internal/call_texts.h"

#include <algorithm>
#include <utility>

namespace fairlead::policy {
namespace {

// Members of a body that hold nobody's text: what developers write, and what is no text.
constexpr std::string_view kNoTexts[] = {"model",
                                         "stream",
                                         "stream_options",
                                         "tools",
                                         "tool_choice",
                                         "functions",
                                         "function_call",
                                         "response_format",
                                         "text",
                                         "n",
                                         "temperature",
                                         "top_p",
                                         "top_k",
                                         "min_p",
                                         "max_tokens",
                                         "max_completion_tokens",
                                         "max_output_tokens",
                                         "stop",
                                         "stop_sequences",
                                         "seed",
                                         "logit_bias",
                                         "logprobs",
                                         "top_logprobs",
                                         "modalities",
                                         "audio",
                                         "encoding_format",
                                         "dimensions",
                                         "service_tier",
                                         "reasoning",
                                         "reasoning_effort",
                                         "include",
                                         "store",
                                         "truncation",
                                         "previous_response_id",
                                         "conversation",
                                         "parallel_tool_calls",
                                         "presence_penalty",
                                         "frequency_penalty",
                                         "thinking",
                                         "background",
                                         "echo",
                                         "best_of",
                                         "repeat_penalty",
                                         "verbosity",
                                         "prompt_cache_retention",
                                         "max_tool_calls",
                                         "output_config",
                                         "fairlead",
                                         "anthropic_version",
                                         "anthropic_beta",
                                         "betas",
                                         "container",
                                         "context_management"};
constexpr std::string_view kNamesOfPeople[] = {"user", "safety_identifier", "prompt_cache_key"};

template <class List>
bool is_among(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

JsonDocument::Kind kind_of(std::string_view member) {
  if (is_among(kNamesOfPeople, member)) return JsonDocument::Kind::kName;
  if (member == "metadata") return JsonDocument::Kind::kData;
  return JsonDocument::Kind::kConversation;
}

// A prompt as numbers of tokens, which nobody can read.
bool holds_tokens(const llm::Member& member) {
  if ((member.name != "input" && member.name != "prompt") || !member.json.starts_with('[')) return false;
  const std::size_t first = member.json.find_first_not_of("[ \t\r\n");
  return first != std::string_view::npos && member.json[first] >= '0' && member.json[first] <= '9';
}

// Whether it asks for what the answer is made of, token by token.
bool asks_for_tokens(const llm::Member& member) {
  if (member.name == "logprobs") return member.json != "false" && member.json != "null" && member.json != "0";
  return member.name == "include" && member.json.find("logprobs") != std::string_view::npos;
}

}  // namespace

Result<void> CallTexts::read(const llm::Call& call, std::span<const llm::Member> members, const Rules& rules) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (rules.watches && asks_for_tokens(members[i]))
      return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                  "The privacy policy watches answers, and the tokens that they are made of would get around it.",
                  std::string(members[i].name));
    if (is_among(kNoTexts, members[i].name) || members[i].json == "null") continue;
    if (!rules.passes_media && holds_tokens(members[i]))
      return fail(ErrorKind::kPermissionDenied, "privacy_blocked",
                  "This call holds tokens in place of text, which cannot be searched for personal data, and the "
                  "privacy policy lets none through (`media: pass` does).",
                  std::string(members[i].name));
    FAIRLEAD_CHECK(add(members[i].json, kind_of(members[i].name), rules.passes_media, i));
  }
  if (!call.options.variables.empty())
    FAIRLEAD_CHECK(add(call.options.variables, JsonDocument::Kind::kData, true, members.size()));
  for (Part& part : parts_) part.document->jobs(jobs);
  for (const TextJob* const job : jobs) {
    bytes += job->text.size();
    haystack.add(job->text);
  }
  return {};
}

Result<void> CallTexts::add(std::string_view json, JsonDocument::Kind kind, bool passes_media, std::size_t member) {
  Part& part = parts_.emplace_back();
  part.source = json;
  part.member = member;
  FAIRLEAD_TRY(part.document, JsonDocument::read(part.source, kind, passes_media));
  return {};
}

void CallTexts::look(const Rules& rules, const Clock& clock, SteadyTime deadline) {
  for (TextJob* const job : jobs) {
    if (find(rules, *job, clock, deadline)) continue;
    all_seen = false;
    return;
  }
}

void CallTexts::write(llm::Call& call, std::span<llm::Member> members) const {
  for (const Part& part : parts_) {
    if (!part.document->changed()) continue;
    std::string json = part.document->write();
    if (part.member == members.size())
      call.options.variables = std::move(json);
    else
      members[part.member].json = call.own(std::move(json));
  }
  for (llm::Member& member : members)
    if (member.name == "fairlead") member.json = "{}";  // it has been read
}

}  // namespace fairlead::policy
