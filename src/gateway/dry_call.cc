#include "gateway/dry_call.h"

#include <utility>

#include "gateway/internal/admission.h"
#include "gateway/internal/routed_completion.h"

namespace fairlead::gateway {

async::Task<DryCourse> run_dry(llm::Call& call, std::string_view key_name, const budgets::Book* book,
                               const Clock& clock, routing::Alarms& alarms) {
  const SteadyTime began = clock.steady();
  const auto since = [&clock, began] { return std::chrono::duration_cast<Micros>(clock.steady() - began); };
  DryCourse out;
  internal::Admission admission(clock);
  auto entered = admission.enter(book, call, key_name);
  if (!entered) {
    out.error = std::move(entered).error();
    out.refused = true;
    co_return out;
  }
  internal::RoutedRequest request{
      call.request, *call.model, call.id, {}, *call.loop, *call.cancellation, began + call.model->timeout};
  request.tags = call.options.tags;
  request.project = call.project;
  request.key = key_name;
  request.admission = &admission;
  request.alarms = &alarms;
  internal::RoutedCompletion routed(request, clock);
  for (;;) {
    auto delta = co_await routed.next();
    if (!delta) {
      out.error = std::move(delta).error();
      break;
    }
    if (out.first_token.count() < 0 && !delta->wire.empty()) out.first_token = since();
    if (delta->end) break;
  }
  routed.stop();
  out.refused = admission.refused();
  telemetry::CallRecord record;
  routed.describe(record);
  admission.settle(record);
  out.duration = since();
  co_return out;
}

}  // namespace fairlead::gateway
