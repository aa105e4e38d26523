// A call of a session that its prompt remembers: docs/reference/memory.md.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "gateway/sessions/sessions.h"
#include "gateway/snapshot.h"
#include "llm/call.h"

namespace fairlead::gateway::internal {

// On the frame of the call, which outlives it. What is recalled and not remembered in the end is left.
class SessionCall {
 public:
  // Null: nothing is remembered of this call.
  static std::unique_ptr<SessionCall> create(sessions::Sessions& sessions, const Target& target, llm::Call& call);
  SessionCall(sessions::Sessions& sessions, const llm::MemoryPolicy& policy, sessions::Key key, llm::Call& call);
  ~SessionCall();
  SessionCall(const SessionCall&) = delete;
  SessionCall& operator=(const SessionCall&) = delete;

  async::Task<Result<void>> recall();  // before the prompt's stages
  // When they have run: puts what is remembered before the caller's messages; if there are none, before the last one of
  // the prompt's own, if that is a user's.
  void weave();
  // What the client gets of a chat's answer.
  void take(std::string_view wire);
  // The answer has ended, and the client has not seen its end yet.
  void remember(std::string key_id, std::string key_name);

 private:
  class Reading;
  sessions::Sessions& sessions_;
  const llm::MemoryPolicy& policy_;
  const sessions::Key key_;
  llm::Call& call_;
  bool recalled_ = false;
  std::size_t own_count_ = 0;             // messages of the caller
  std::string recalled_messages_, said_;  // JSON objects divided by commas
  bool goes_on_ = false;
  std::unique_ptr<Reading> reading_;
};

}  // namespace fairlead::gateway::internal
