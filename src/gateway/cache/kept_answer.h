// An answer as the cache keeps it, and how it is given.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/provider.h"

namespace fairlead::gateway::cache {

// Immutable once it is kept; loops share it.
struct KeptAnswer {
  llm::Format format = llm::Format::kChat;
  bool streamed = false;   // `wire` is events, else one JSON object
  bool has_usage = false;  // of streamed completions: with a chunk that says what was used. A chat's never has one
  std::string wire;        // as llm::Delta has it, all of it
  llm::Outcome outcome;    // of the upstream's answer
  std::string provider;    // the provider resource
  std::string model;       // the model resource that answered
  int model_version = 0;
  std::int64_t made_at_us = 0;  // unix time of its end

  std::size_t bytes() const;
};

// Which form a call wants.
struct AnswerShape {
  bool stream = false;
  bool include_usage = false;  // stream_options.include_usage, of chats and completions
  bool operator==(const AnswerShape&) const = default;
};

// The answer's text in that shape: as it was kept, if it is the same, else written anew. Error: kInternal if it makes
// no sense, which is_complete() has seen to.
Result<std::string> written_as(const KeptAnswer& answer, AnswerShape shape);
// Whether written_as() gives answer.wire as it is.
bool is_written_as(const KeptAnswer& answer, AnswerShape shape);

// Whether an answer ended by itself, says something, and is no refusal: only then it may be given again.
bool is_complete(const KeptAnswer& answer);

// The chunk that carries a chat's usage, as an event; `wire` is the chat's events.
std::string usage_event(std::string_view wire, const llm::Usage& usage);

}  // namespace fairlead::gateway::cache
