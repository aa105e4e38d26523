// Where a call's answer comes from, as its pipeline sees it.
#pragma once
#include <string>
#include <string_view>

#include "llm/provider.h"
#include "platform/async/task.h"
#include "telemetry/record.h"

namespace fairlead::gateway::internal {

class Answer : public llm::Completion {
 public:
  // How it is written: as RoutedRequest::format, or as a chat.
  virtual llm::Format format() const = 0;
  virtual std::string_view provider() const = 0;  // the resource that answers, or was tried last; once one was
  virtual bool asked_upstream() const = 0;        // a route has been tried for this call
  // Ends an answer that nobody waits for any longer; does nothing to one that has ended.
  virtual void stop() = 0;
  // If so, finish() is awaited before the answer is destroyed, and before stop() and describe() if it has not ended.
  virtual bool wants_finishing() const { return false; }
  virtual async::Task<void> finish() { co_return; }
  // Writes what came of it into the record: route, usage and cost of all tries, attempts. Once, when the answer has
  // ended, failed, or been stopped.
  virtual void describe(telemetry::CallRecord& record) = 0;
  // What the client is told of the cache; empty: nothing was asked of it. Once something has come.
  virtual std::string cache_header() const { return {}; }
};

}  // namespace fairlead::gateway::internal
