#include "gateway/models.h"

#include <fmt/format.h>

#include "gateway/internal/caller.h"
#include "platform/http/problem.h"

namespace fairlead::gateway {
namespace {

Result<const Project*> project_of(const http::Exchange& exchange, const Snapshot& snapshot, std::int64_t now_us) {
  static const Project kEmpty("");
  FAIRLEAD_TRY(const access::Principal* principal, internal::caller_of(exchange, snapshot, now_us));
  const Project* const project = snapshot.project(principal->project);
  return project ? project : &kEmpty;
}

// Names hold only [a-z0-9._-] and versions are numbers, so nothing here needs escaping.
std::string model_json(std::string_view id, const Target& target) {
  return fmt::format(R"({{"id":"{}","object":"model","created":{},"owned_by":"fairlead:{}"}})", id, target.created_at_s,
                     target.kind);
}

}  // namespace

async::Task<void> Models::list(http::Exchange& exchange) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_.current(exchange.loop());
  auto project = project_of(exchange, *snapshot, clock_.unix_micros());
  if (!project) {
    co_await http::respond_error(exchange, std::move(project).error());
    co_return;
  }
  std::string body = R"({"object":"list","data":[)";
  for (const auto& [key, addressable] : (*project)->addressables()) {
    const Target* const target = addressable.in_force();
    if (!target || !target->fault.empty()) continue;
    if (body.back() != '[') body.push_back(',');
    body += model_json(target->name, *target);
  }
  body += "]}";
  co_await exchange.respond(200, "application/json", body);
}

async::Task<void> Models::get(http::Exchange& exchange) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_.current(exchange.loop());
  auto project = project_of(exchange, *snapshot, clock_.unix_micros());
  if (!project) {
    co_await http::respond_error(exchange, std::move(project).error());
    co_return;
  }
  const std::string_view id = exchange.path_parameter("id");
  auto resolved = (*project)->resolve(id);
  if (!resolved) {
    co_await http::respond_error(exchange, std::move(resolved).error());
    co_return;
  }
  const std::string body = model_json(id, *resolved->target);
  co_await exchange.respond(200, "application/json", body);
}

}  // namespace fairlead::gateway
