// Rewrites the texts of an answer in the chat form, streamed or whole.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "llm/privacy.h"
#include "safety/policy/internal/filters.h"

namespace fairlead::policy {

class ChatRewriter final : public llm::AnswerRewriter {
 public:
  enum class Kind : std::uint8_t { kContent, kReasoning, kRefusal, kArguments };
  using MakeFilter = std::function<std::unique_ptr<TextFilter>(Kind kind)>;

  ChatRewriter(MakeFilter make, bool stream) : make_(std::move(make)), stream_(stream) {}
  Result<std::string_view> take(std::string_view wire, bool end) override;

 private:
  // One text of an answer: choice, kind, number of the tool call.
  using Channel = std::tuple<std::int64_t, Kind, std::int64_t>;
  struct Slot {
    Channel channel;
    std::size_t begin = 0, end = 0;  // of the JSON string, with quotes
    std::string_view member;         // that it stands in
  };
  struct Event;
  Result<bool> read(std::string_view json, Event& event) const;
  Result<void> event(std::string_view json, std::string_view whole);
  Result<void> flush(std::int64_t choice, const Channel* but);
  TextFilter& filter(const Channel& channel);
  void note_head(const Event& event);

  const MakeFilter make_;
  const bool stream_;
  std::map<Channel, std::unique_ptr<TextFilter>> filters_;
  std::map<Channel, std::string> members_;  // what the member is called there
  std::string head_;                        // of an event: id, created, model
  std::string out_;
};

}  // namespace fairlead::policy
