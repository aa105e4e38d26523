#include "gateway/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/internal/caller.h"
#include "gateway/internal/reading.h"

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

using Targets = std::vector<const Target*>;

Result<std::string> openai_list(const Targets& targets) {
  std::string body = R"({"object":"list","data":[)";
  for (const Target* const target : targets) {
    if (body.back() != '[') body.push_back(',');
    body += model_json(target->name, *target);
  }
  return body + "]}";
}

// As https://docs.anthropic.com/en/api/models-list shows them.
std::string anthropic_model_json(std::string_view id, const Target& target) {
  return fmt::format(R"({{"type":"model","id":"{}","display_name":"{}","created_at":"{}"}})", id, id,
                     iso8601(target.created_at_s * 1'000'000));
}

std::string anthropic_list(std::span<const Target* const> page, bool has_more) {
  std::string body = R"({"data":[)";
  for (const Target* const target : page) {
    if (body.back() != '[') body.push_back(',');
    body += anthropic_model_json(target->name, *target);
  }
  const auto id_of = [&](bool first) {
    return page.empty() ? "null" : fmt::format(R"("{}")", (first ? page.front() : page.back())->name);
  };
  return body + fmt::format(R"(],"has_more":{},"first_id":{},"last_id":{}}})", has_more, id_of(true), id_of(false));
}

Result<std::string> anthropic_page(const http::Exchange& exchange, const Targets& targets) {
  FAIRLEAD_TRY(const std::int64_t limit, internal::number_parameter(exchange, "limit", 20, 1, 1000));
  const auto named = [&](std::string_view parameter) -> Result<std::optional<Targets::const_iterator>> {
    const auto id = http::query_parameter(exchange.head().query, parameter);
    if (!id) return std::nullopt;
    const auto found = std::ranges::find(targets, *id, &Target::name);
    if (found == targets.end()) return internal::invalid_value(parameter, "it is not the id of a model of this list");
    return found;
  };
  FAIRLEAD_TRY(const auto after, named("after_id"));
  FAIRLEAD_TRY(const auto before, named("before_id"));
  auto begin = after ? *after + 1 : targets.begin(), end = before ? *before : targets.end();
  if (begin > end) begin = end;
  const bool has_more = end - begin > limit;
  if (has_more && before)
    begin = end - limit;
  else if (has_more)
    end = begin + limit;
  return anthropic_list({begin, end}, has_more);
}

}  // namespace

async::Task<void> Models::list(http::Exchange& exchange) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_.current(exchange.loop());
  std::string id = internal::name_answer(exchange, clock_);
  auto project = project_of(exchange, *snapshot, clock_.unix_micros());
  if (!project) {
    co_await internal::refuse(exchange, std::move(id), std::move(project).error());
    co_return;
  }
  Targets targets;
  for (const auto& [key, addressable] : (*project)->addressables())
    if (const Target* const target = addressable.in_force(); target && target->fault.empty()) targets.push_back(target);
  auto body = internal::is_anthropic(exchange.head()) ? anthropic_page(exchange, targets) : openai_list(targets);
  if (body)
    co_await exchange.respond(200, "application/json", *body);
  else
    co_await internal::refuse(exchange, std::move(id), std::move(body).error());
}

async::Task<void> Models::get(http::Exchange& exchange) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_.current(exchange.loop());
  std::string answer_id = internal::name_answer(exchange, clock_);
  auto project = project_of(exchange, *snapshot, clock_.unix_micros());
  if (!project) {
    co_await internal::refuse(exchange, std::move(answer_id), std::move(project).error());
    co_return;
  }
  const std::string_view id = exchange.path_parameter("id");
  auto resolved = (*project)->resolve(id);
  if (!resolved) {
    co_await internal::refuse(exchange, std::move(answer_id), std::move(resolved).error());
    co_return;
  }
  const std::string body = internal::is_anthropic(exchange.head()) ? anthropic_model_json(id, *resolved->target)
                                                                   : model_json(id, *resolved->target);
  co_await exchange.respond(200, "application/json", body);
}

}  // namespace fairlead::gateway
