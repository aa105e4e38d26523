#include "app/run_events.h"

#include "base/clock.h"
#include "chains/chains.h"
#include "gateway/background.h"
#include "llm/price.h"
#include "platform/json/text.h"

namespace fairlead::app {
namespace {

namespace bj = boost::json;

std::string_view word_of(const journal::Run& run) {
  if (run.state == journal::RunState::kSucceeded) return "completed";
  return run.state == journal::RunState::kCancelled ? "cancelled" : "failed";
}

// The code and the step of an error; its text may say what went into the run.
bj::object shown_error(const std::string& error) {
  bj::object out;
  const auto fields = json::parse(error);
  if (!fields || !fields->is_object()) return out;
  for (const char* const member : {"code", "step"})
    if (const bj::value* const value = fields->get_object().if_contains(member)) out[member] = *value;
  return out;
}

// Which steps are missing, without how long they take.
void add_lateness(const std::string& late, bj::object& data) {
  const auto fields = json::parse(late);
  if (!fields || !fields->is_object()) return;
  for (const char* const member : {"deadline", "predicted"})
    if (const bj::value* const value = fields->get_object().if_contains(member)) data[member] = *value;
  const bj::value* const missing = fields->get_object().if_contains("missing");
  bj::array steps;
  if (missing != nullptr && missing->is_array())
    for (const bj::value& one : missing->get_array())
      if (one.is_object() && one.get_object().contains("step")) steps.push_back(one.get_object().at("step"));
  data["missing"] = std::move(steps);
}

bj::object data_of(const journal::Run& run, int version) {
  bj::object out{{"id", run.id}, {"chain", run.asked.name}, {"state", journal::to_string(run.state)}};
  if (version > 0) out["version"] = version;
  out["created_at"] = iso8601(run.created_at);
  if (run.started_at > 0) out["started_at"] = iso8601(run.started_at);
  if (run.finished_at > 0) out["finished_at"] = iso8601(run.finished_at);
  out["cost_usd"] = llm::usd(run.cost);
  if (!run.error.empty()) out["error"] = shown_error(run.error);
  if (!run.asked.parent.empty()) {
    out["parent"] = run.asked.parent;
    out["parent_step"] = run.asked.parent_step;
  }
  return out;
}

}  // namespace

std::optional<webhooks::Event> event_of(const journal::Run& run, const journal::Event& event,
                                        const std::function<int(const journal::Run&)>& version_of) {
  webhooks::Event out;
  out.project = run.asked.project;
  out.at = event.at;
  const bool has_ended = event.kind == journal::EventKind::kFinished;
  if (run.asked.kind == gateway::Background::kKind) {
    if (!has_ended) return std::nullopt;
    const gateway::Background::Ended ended = gateway::Background::end_of(run);
    out.type = "response." + std::string(ended.status);
    out.subject = ended.id;
    out.data = {{"id", ended.id}};
    return out;
  }
  if (run.asked.kind != chains::Chains::kKind) return std::nullopt;
  out.type = "run." + std::string(has_ended ? word_of(run) : "late");
  out.subject = run.id;
  out.chain = run.asked.name;
  out.is_part = !run.asked.parent.empty();
  out.data = data_of(run, version_of(run));
  if (!has_ended) add_lateness(event.data, out.data);
  return out;
}

}  // namespace fairlead::app
