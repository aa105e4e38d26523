// The HTTP routes of telemetry.
#pragma once
#include <atomic>
#include <string>

#include "access/guard.h"
#include "llm/privacy.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"
#include "telemetry/internal/feedback.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/internal/loader.h"
#include "telemetry/metrics.h"

namespace fairlead::telemetry {

// Its handlers refer to it and to what it is made of.
class Routes {
 public:
  Routes(SpoolRecorder& recorder, LakeService& lake, Loader& loader, const Metrics& metrics, const Clock& clock);
  void add(http::Router& router, const access::Guard& guard, const llm::Hiding* hiding);

 private:
  async::Task<void> look(http::Exchange& exchange, const access::Principal& principal, Look what);
  async::Task<void> list(http::Exchange& exchange, const access::Principal& principal);
  async::Task<void> stats(http::Exchange& exchange, const access::Principal& principal);
  async::Task<void> get(http::Exchange& exchange, const access::Principal& principal);
  async::Task<void> feedback(http::Exchange& exchange, const access::Principal& principal);
  async::Task<void> say(http::Exchange& exchange, const access::Principal& principal);
  async::Task<Result<Feedback>> hide(async::Loop& loop, Feedback feedback);
  async::Task<std::string> session_of(async::Loop& loop, std::string project, std::string call);
  async::Task<void> ask(http::Exchange& exchange, const access::Principal& principal);
  async::Task<void> metrics(http::Exchange& exchange, const access::Principal& principal);

  SpoolRecorder& recorder_;
  LakeService& lake_;
  Loader& loader_;
  const Metrics& metrics_;
  const Clock& clock_;
  const llm::Hiding* hiding_ = nullptr;
  std::atomic<int> waiting_{0}, looking_{0};
  // Own threads, one for looking things up and one for other people's SQL, so that neither keeps the process's other
  // blocking work waiting.
  async::BlockingPool reading_{1};
  async::BlockingPool asking_{1};
};

}  // namespace fairlead::telemetry
