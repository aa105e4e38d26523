#include "access/http/routes.h"

#include <array>
#include <boost/json/array.hpp>
#include <charconv>
#include <utility>

#include "access/control_plane.h"
#include "base/clock.h"
#include "base/iso_time.h"
#include "base/suggest.h"

namespace fairlead::access {
namespace {

namespace bj = boost::json;

constexpr std::array<std::pair<std::string_view, Scope>, 6> kScopes = {{{"call", Scope::kCall},
                                                                        {"read", Scope::kRead},
                                                                        {"write", Scope::kWrite},
                                                                        {"approve", Scope::kApprove},
                                                                        {"work", Scope::kWork},
                                                                        {"admin", Scope::kAdmin}}};

bj::array scopes_json(std::uint8_t scopes) {
  bj::array names;
  for (const auto& [name, scope] : kScopes) {
    if ((scopes & static_cast<std::uint8_t>(scope)) != 0) names.emplace_back(name);
  }
  return names;
}

Result<std::uint8_t> scopes_of(const bj::object& body) {
  const bj::value* value = body.if_contains("scopes");
  if (value == nullptr)
    return fail(ErrorKind::kInvalid, "missing_required_parameter", "`scopes` is required.", "scopes");
  if (!value->is_array())
    return fail(ErrorKind::kInvalid, "invalid_type", "`scopes` must be an array of strings.", "scopes");
  std::uint8_t scopes = 0;
  for (const bj::value& entry : value->get_array()) {
    if (!entry.is_string())
      return fail(ErrorKind::kInvalid, "invalid_type", "`scopes` must be an array of strings.", "scopes");
    const std::string_view wanted = entry.get_string();
    bool known = false;
    for (const auto& [name, scope] : kScopes) {
      if (name != wanted) continue;
      scopes |= static_cast<std::uint8_t>(scope);
      known = true;
    }
    if (!known) {
      const std::vector<std::string> names = {"call", "read", "write", "approve", "work", "admin"};
      return fail(ErrorKind::kInvalid, "invalid_scopes",
                  "Each of `scopes` must be call, read, write, approve, work or admin." + did_you_mean(wanted, names),
                  "scopes");
    }
  }
  return scopes;
}

Result<KeyRequest> request_of(const bj::object& body, const Principal& admin) {
  FAIRLEAD_CHECK(only_members(body, {"name", "scopes", "project", "expires_at"}));
  KeyRequest request;
  FAIRLEAD_TRY(request.name, required_string(body, "name"));
  FAIRLEAD_TRY(request.scopes, scopes_of(body));
  FAIRLEAD_TRY(auto project, optional_string(body, "project"));
  request.project = std::move(project).value_or(admin.project);
  FAIRLEAD_TRY(const auto expires_at, optional_string(body, "expires_at"));
  if (expires_at) {
    const auto time = parse_iso_time(*expires_at);
    if (!time) {
      return fail(ErrorKind::kInvalid, "invalid_expiry", "`expires_at` must be a time like 2026-12-01T00:00:00Z.",
                  "expires_at");
    }
    request.expires_at_us = *time;
  }
  return request;
}

bj::object key_json(const KeyInfo& key) {
  return {{"id", key.id}, {"name", key.name}, {"project", key.project}, {"scopes", scopes_json(key.scopes)}};
}

async::Task<void> create_key(http::Exchange& exchange, const Principal& admin, KeyService& keys) {
  auto body = co_await read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto request = request_of(*body, admin);
  if (!request) co_return co_await refuse(exchange, std::move(request).error());
  auto asking = keys.create(std::move(*request), admin);
  auto made = co_await std::move(asking);
  if (!made) co_return co_await refuse(exchange, std::move(made).error());
  bj::object answer = key_json(made->info);
  answer["key"] = made->key;
  answer["created_at"] = iso8601(made->info.created_at_us);
  answer["expires_at"] =
      made->info.expires_at_us == 0 ? bj::value(nullptr) : bj::value(iso8601(made->info.expires_at_us));
  co_await respond_json(exchange, 201, std::move(answer));
}

async::Task<void> list_keys(http::Exchange& exchange, const Principal& admin, KeyService& keys) {
  auto asking = keys.list(admin);
  auto found = co_await std::move(asking);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  bj::array data;
  for (const KeyInfo& key : *found) {
    bj::object row = key_json(key);
    row["created_at"] = iso8601(key.created_at_us);
    row["expires_at"] = key.expires_at_us == 0 ? bj::value(nullptr) : bj::value(iso8601(key.expires_at_us));
    row["last_four"] = key.last_four;
    data.push_back(std::move(row));
  }
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = false;
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> delete_key(http::Exchange& exchange, const Principal& admin, KeyService& keys) {
  const std::string id(exchange.path_parameter("id"));
  auto asking = keys.revoke(id, admin);
  auto revoked = co_await std::move(asking);
  if (!revoked) co_return co_await refuse(exchange, std::move(revoked).error());
  bj::object answer;
  answer["id"] = revoked->id;
  answer["revoked_at"] = iso8601(revoked->at_us);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> list_audit(http::Exchange& exchange, const Principal& principal, KeyService& keys) {
  auto limit = limit_of(exchange, 50, 1000);
  if (!limit) co_return co_await refuse(exchange, std::move(limit).error());
  std::int64_t before = 0;
  const std::string text = parameter_of(exchange, "before");
  if (!text.empty()) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), before);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || before < 1) {
      Error error = Error{ErrorKind::kInvalid, "invalid_value", "`before` must be the id of an audit row.", "before"};
      co_return co_await refuse(exchange, std::move(error));
    }
  }
  auto asking = keys.audit(principal.project, before, *limit);
  auto page = co_await std::move(asking);
  if (!page) co_return co_await refuse(exchange, std::move(page).error());
  bj::array data;
  for (AuditEntry& entry : page->data) {
    if (!entry.actor.key_id.empty()) entry.detail["key"] = entry.actor.key_id;
    bj::object row;
    row["id"] = entry.id;
    row["at"] = iso8601(entry.at_us);
    row["actor"] = entry.actor.name;
    row["action"] = entry.action;
    row["kind"] = entry.kind;
    row["name"] = entry.name;
    row["detail"] = std::move(entry.detail);
    data.push_back(std::move(row));
  }
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = page->has_more;
  co_await respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_routes(http::Router& router, const Guard& guard, KeyService& keys) {
  const auto with_keys = [&keys](auto handler) {
    return [&keys, handler](http::Exchange& exchange, const Principal& principal) {
      return handler(exchange, principal, keys);
    };
  };
  router.add(http::Method::kPost, "/api/v1/keys", guard.protect(Scope::kAdmin, with_keys(create_key)));
  router.add(http::Method::kGet, "/api/v1/keys", guard.protect(Scope::kAdmin, with_keys(list_keys)));
  router.add(http::Method::kDelete, "/api/v1/keys/{id}", guard.protect(Scope::kAdmin, with_keys(delete_key)));
  router.add(http::Method::kGet, "/api/v1/audit", guard.protect(Scope::kRead, with_keys(list_audit)));
}

}  // namespace fairlead::access
