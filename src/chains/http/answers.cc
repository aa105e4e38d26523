#include "chains/http/answers.h"

#include <string>
#include <utility>

#include "access/control_plane.h"
#include "base/clock.h"
#include "base/iso_time.h"
#include "llm/price.h"
#include "platform/json/text.h"

namespace fairlead::chains {

namespace bj = boost::json;

bj::object shown_run(const Chains& chains, const journal::Run& run) {
  bj::object out{{"id", run.id},
                 {"chain", run.asked.name},
                 {"version", chains.version_of(run)},
                 {"state", journal::to_string(run.state)},
                 {"created_at", iso8601(run.created_at)},
                 {"cost_usd", llm::usd(run.cost)},
                 {"by", run.asked.author}};
  if (run.started_at > 0) out["started_at"] = iso8601(run.started_at);
  if (run.finished_at > 0) out["finished_at"] = iso8601(run.finished_at);
  if (!run.asked.key.empty()) out["key"] = run.asked.key;
  if (!run.asked.queue.empty()) out["queue"] = run.asked.queue;
  if (run.asked.priority != 0) out["priority"] = run.asked.priority;
  if (run.asked.deadline > 0) out["deadline"] = iso8601(run.asked.deadline);
  if (!run.asked.parent.empty()) {
    out["parent"] = run.asked.parent;
    out["parent_step"] = run.asked.parent_step;
  }
  if (!run.held.empty()) out["held_by"] = run.held;
  if (!finished(run.state) && run.asked.due > 0 && run.held.empty()) out["due"] = iso8601(run.asked.due);
  if (run.asked.input.find("\"fork\":{") != std::string::npos) {
    const auto kept = json::parse(run.asked.input);
    const bj::value* const fork = kept && kept->is_object() ? kept->get_object().if_contains("fork") : nullptr;
    if (fork != nullptr) out["fork"] = *fork;
  }
  if (!run.error.empty()) {
    auto error = json::parse(run.error);
    if (error && error->is_object()) {
      if (const bj::value* const compensated = error->get_object().if_contains("compensated"))
        out["compensated"] = *compensated;
      error->get_object().erase("compensated");
    }
    out["error"] = error ? std::move(*error) : bj::value(run.error);
  }
  return out;
}

Result<std::int64_t> read_time(const bj::object& body, std::string_view name) {
  FAIRLEAD_TRY(const auto text, access::optional_string(body, name));
  if (!text) return 0;
  if (const auto at = parse_iso_time(*text)) return *at;
  return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(name) + "` is no time of RFC 3339.",
              std::string(name));
}

}  // namespace fairlead::chains
