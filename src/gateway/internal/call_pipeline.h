// One chat call from the head of its request to its record.
#pragma once
#include <memory>
#include <string>

#include "access/keys.h"
#include "base/clock.h"
#include "gateway/internal/routed_completion.h"
#include "gateway/snapshot.h"
#include "llm/call.h"
#include "platform/http/server.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway::internal {

// Lives on the handler's coroutine frame. Its steps run in the order of their declaration.
class ChatCall {
 public:
  ChatCall(http::Exchange& exchange, std::shared_ptr<const Snapshot> snapshot, const Clock& clock, bool with_content);

  // The whole of it. True if there is a record to keep: the caller was known.
  async::Task<bool> run();
  telemetry::CallRecord take_record();  // once, after run() said that there is one

 private:
  Result<void> authenticate();
  async::Task<Result<void>> prepare();  // read, parse, resolve, run the target's stages
  async::Task<Result<void>> answer();
  async::Task<Result<void>> relay_whole(RoutedCompletion& routed);
  async::Task<Result<void>> relay_stream(RoutedCompletion& routed);
  async::Task<void> refuse(Error error);
  void add_answer_headers(const llm::Route& route);
  void note_outcome(RoutedCompletion& routed);
  void note_client_gone();

  http::Exchange& exchange_;
  std::shared_ptr<const Snapshot> snapshot_;
  const Clock& clock_;
  const bool with_content_;
  const SteadyTime started_;
  const access::Principal* principal_ = nullptr;
  llm::Call call_;
  telemetry::CallRecord record_;
};

}  // namespace fairlead::gateway::internal
