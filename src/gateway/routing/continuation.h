// A streamed answer that broke midway, continued by another route.
#pragma once
#include <boost/json/object.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"
#include "llm/routing.h"

namespace fairlead::gateway::routing {

// What the client has been sent of a streamed chat.
struct SaidSoFar {
  // From the events as they went out. Empty if it cannot be continued: it has refused, given log-probabilities, ended,
  // is no single answer, or has called a tool and `tool_calls` says that this is no case for it.
  static std::optional<SaidSoFar> parse(std::string_view wire, bool tool_calls);
  std::string text;
  struct Call {
    std::string id, name, arguments;  // as far as they came
  };
  std::vector<Call> calls;  // by their index
  std::int64_t estimated_tokens() const;
  bool reasoned = false;  // some of it was reasoning, which is not in `text`
  std::string id, model;  // of the chunks, empty if they had none
  std::optional<std::int64_t> created;
};

// What another route is asked, and how its answer becomes the rest of the first one. Loop-affine.
class Continuation {
 public:
  // A prefill gives the route the text so far to go on from; a restart lets it answer anew, and what the client has
  // already is left out.
  // By `prefill`, or by a restart if that is kNone or there is no text to give. The chat outlives this. `spent` is what
  // the client's usage chunk has to hold beside what this route says.
  Continuation(SaidSoFar said, llm::Prefill prefill, const llm::ChatRequest& chat, const llm::Usage& spent);

  const llm::ChatRequest& chat() const { return chat_; }
  bool is_prefill() const { return prefill_ != llm::Prefill::kNone; }
  // Events of the route's answer as they go out: same id, model and time as before, without what was said already.
  // Valid until the next call; may be empty. Errors: upstream_invalid; continuation_differs if it does not make a call
  // that the client has some of.
  Result<std::string_view> rewrite(std::string_view wire);
  // The event that tells that a restart did not say the same again, to be sent last; else empty. Once.
  // Error: continuation_differs.
  Result<std::string> closing_event();
  bool agreed() const { return !disagreed_at_; }

 private:
  void ask_to_continue();
  Result<void> event(std::string_view data);
  Result<bool> choice(boost::json::object& choice);
  Result<void> tool_calls(boost::json::object& delta);
  Result<bool> unsaid_call(boost::json::object& call);
  Result<void> check_calls() const;  // that each was made again
  void disagree();
  std::string unsaid(std::string_view content);
  void add_spent(boost::json::object& usage) const;

  const SaidSoFar said_;
  const llm::Prefill prefill_;
  const llm::Usage spent_;  // before, which the client's usage chunk holds too
  llm::ChatRequest chat_;
  std::vector<std::unique_ptr<std::string>> owned_;  // what chat_ views
  std::string expected_;                             // of the answer, which the client has already
  std::size_t matched_ = 0;                          // of it
  bool settled_ = false;                             // nothing more is expected
  std::optional<std::size_t> disagreed_at_;          // byte of the text
  struct Again {
    bool named = false;
    std::size_t matched = 0;  // of the arguments
  };
  std::vector<Again> again_;  // for each of said_.calls
  std::string out_;
};

// A token for each four bytes, for what no upstream counted.
std::int64_t estimated_tokens(std::string_view text);

}  // namespace fairlead::gateway::routing
