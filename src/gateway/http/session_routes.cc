#include "gateway/http/session_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "access/control_plane.h"
#include "base/clock.h"
#include "gateway/internal/caller.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

namespace bj = boost::json;
using sessions::Sessions;
using sessions::Store;

constexpr std::int64_t kMostListed = 1'000;

bj::object shown(const Store::Listed& one) {
  return {{"session", one.key.session},
          {"prompt", one.key.prompt},
          {"turns", one.what.turn_count},
          {"updated_at", iso8601(one.what.updated_at_us)},
          {"expires_at", iso8601(one.what.expires_at_us)}};
}

bj::value text_or_null(const std::string& text) {
  return text.empty() ? bj::value(nullptr) : bj::value(text);
}

async::Task<void> list(http::Exchange& exchange, Sessions& sessions, std::string project) {
  const auto limit = internal::number_parameter(exchange, "limit", 50, 1, kMostListed);
  if (!limit) {
    co_await access::refuse(exchange, limit.error());
    co_return;
  }
  auto found = co_await sessions.store().list(std::move(project), {}, *limit, sessions.clock().unix_micros());
  if (!found) {
    co_await access::refuse(exchange, std::move(found).error());
    co_return;
  }
  bj::array data;
  for (const Store::Listed& one : *found) data.push_back(shown(one));
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> show(http::Exchange& exchange, Sessions& sessions, std::string project) {
  std::string session(exchange.path_parameter("id"));
  auto found = co_await sessions.store().list(std::move(project), session, kMostListed, sessions.clock().unix_micros());
  if (found && found->empty())
    found = fail(ErrorKind::kNotFound, "session_not_found", "Nothing is remembered of that session.", "id");
  if (!found) {
    co_await access::refuse(exchange, std::move(found).error());
    co_return;
  }
  bj::array data;
  for (const Store::Listed& one : *found) {
    bj::object prompt = shown(one);
    prompt["summary"] = text_or_null(one.what.summary);
    const auto turns = json::parse(one.what.turns);
    prompt["messages"] = turns ? *turns : bj::value(bj::array());
    data.push_back(std::move(prompt));
  }
  bj::object answer{{"data", std::move(data)}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

async::Task<void> remove(http::Exchange& exchange, Sessions& sessions, std::string project) {
  std::string session(exchange.path_parameter("id"));
  auto removed = co_await sessions.forget(std::move(project), std::move(session));
  if (removed && *removed == 0)
    removed = fail(ErrorKind::kNotFound, "session_not_found", "Nothing is remembered of that session.", "id");
  if (!removed) {
    co_await access::refuse(exchange, std::move(removed).error());
    co_return;
  }
  bj::object answer{{"deleted", *removed}};
  co_await access::respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_session_routes(http::Router& router, const access::Guard& guard, Sessions& sessions) {
  router.add(
      http::Method::kGet, "/api/v1/sessions",
      guard.protect(access::Scope::kRead, [&sessions](http::Exchange& exchange, const access::Principal& principal) {
        return list(exchange, sessions, principal.project);
      }));
  router.add(
      http::Method::kGet, "/api/v1/sessions/{id}",
      guard.protect(access::Scope::kRead, [&sessions](http::Exchange& exchange, const access::Principal& principal) {
        return show(exchange, sessions, principal.project);
      }));
  router.add(
      http::Method::kDelete, "/api/v1/sessions/{id}",
      guard.protect(access::Scope::kWrite, [&sessions](http::Exchange& exchange, const access::Principal& principal) {
        return remove(exchange, sessions, principal.project);
      }));
}

}  // namespace fairlead::gateway
