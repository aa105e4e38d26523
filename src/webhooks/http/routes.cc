#include "webhooks/http/routes.h"

#include <utility>

#include "access/control_plane.h"
#include "base/clock.h"

namespace fairlead::webhooks {
namespace {

namespace bj = boost::json;
using access::Principal;

struct RouteParts {
  const Webhooks& webhooks;
  Sender& sender;
};

bj::object shown_delivery(const Delivery& one) {
  bj::object out{{"id", one.id},
                 {"webhook", one.webhook},
                 {"event", one.event},
                 {"event_id", one.event_id},
                 {"subject", one.subject},
                 {"state", one.state},
                 {"attempts", one.attempts},
                 {"created_at", iso8601(one.created_at)}};
  if (one.status > 0) out["status"] = one.status;
  if (!one.error.empty()) out["error"] = one.error;
  if (one.due > 0) out["next_attempt_at"] = iso8601(one.due);
  if (one.ended_at > 0) out["ended_at"] = iso8601(one.ended_at);
  return out;
}

bj::array words(const std::set<std::string, std::less<>>& set) {
  bj::array out;
  for (const std::string& one : set) out.emplace_back(one);
  return out;
}

async::Task<void> list_webhooks(http::Exchange& exchange, const RouteParts& parts, std::string project) {
  auto pending = co_await parts.sender.pending(project);
  if (!pending) {
    co_await access::refuse(exchange, std::move(pending).error());
    co_return;
  }
  const Webhooks::List all = parts.webhooks.of(project);
  bj::array data;
  for (const auto& webhook : all) {
    bj::object one{{"name", webhook->name}, {"version", webhook->version}, {"url", webhook->url}};
    if (!webhook->description.empty()) one["description"] = webhook->description;
    if (!webhook->events.empty()) one["events"] = words(webhook->events);
    if (!webhook->chains.empty()) one["chains"] = words(webhook->chains);
    const auto found = pending->find(webhook->name);
    one["pending"] = found == pending->end() ? 0 : found->second;
    data.push_back(std::move(one));
  }
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

Result<Sender::Question> read_question(http::Exchange& exchange, std::string project) {
  Sender::Question out;
  out.project = std::move(project);
  out.webhook = exchange.path_parameter("name");
  out.state = access::parameter_of(exchange, "state");
  out.before = access::parameter_of(exchange, "before");
  if (!out.state.empty() && out.state != "pending" && out.state != "delivered" && out.state != "failed")
    return fail(ErrorKind::kInvalid, "invalid_value", "`state` is `pending`, `delivered` or `failed`.", "state");
  FAIRLEAD_TRY(const std::size_t most, access::limit_of(exchange, 50, 1000));
  out.most = static_cast<std::int64_t>(most);
  return out;
}

async::Task<void> list_deliveries(http::Exchange& exchange, const RouteParts& parts, std::string project) {
  auto question = read_question(exchange, std::move(project));
  Result<std::vector<Delivery>> found = fail(ErrorKind::kInternal, "", "");
  if (question)
    found = co_await parts.sender.deliveries(std::move(*question));
  else
    found = fail(std::move(question).error());
  if (!found) {
    co_await access::refuse(exchange, std::move(found).error());
    co_return;
  }
  bj::array data;
  for (const Delivery& one : *found) data.push_back(shown_delivery(one));
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> redeliver(http::Exchange& exchange, const RouteParts& parts, std::string project) {
  std::string id(exchange.path_parameter("id"));
  auto done = co_await parts.sender.redeliver(std::move(project), std::move(id));
  if (!done) {
    co_await access::refuse(exchange, std::move(done).error());
    co_return;
  }
  bj::object answer = shown_delivery(*done);
  co_await access::respond_json(exchange, 202, std::move(answer));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, const Webhooks& webhooks, Sender& sender) {
  using access::Scope;
  using http::Exchange;
  using http::Method;
  const auto parts = std::make_shared<const RouteParts>(RouteParts{webhooks, sender});
  const auto add = [&](Method method, std::string_view path, Scope scope,
                       async::Task<void> (*answer)(Exchange&, const RouteParts&, std::string)) {
    access::PrincipalHandler handler = [parts, answer](Exchange& exchange, const Principal& principal) {
      return answer(exchange, *parts, principal.project);
    };
    router.add(method, path, guard.protect(scope, std::move(handler)));
  };
  add(Method::kGet, "/api/v1/webhooks", Scope::kRead, list_webhooks);
  add(Method::kGet, "/api/v1/webhooks/{name}/deliveries", Scope::kRead, list_deliveries);
  add(Method::kPost, "/api/v1/deliveries/{id}/redeliver", Scope::kCall, redeliver);
}

}  // namespace fairlead::webhooks
