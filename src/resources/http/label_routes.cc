#include "resources/http/label_routes.h"

#include <boost/json/array.hpp>
#include <utility>

#include "access/control_plane.h"
#include "base/clock.h"
#include "resources/http/answers.h"
#include "resources/http/route_adder.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;
using access::Actor;
using access::optional_string;
using access::parameter_of;
using access::Principal;
using access::refuse;
using access::required_string;
using access::respond_json;

bj::object protection_json(const Protection& protection) {
  return {{"label", protection.label},
          {"approval", protection.approval},
          {"checks", bj::array(protection.checks.begin(), protection.checks.end())},
          {"set_by", protection.set_by},
          {"set_at", iso8601(protection.set_at_us)}};
}

Result<bool> bool_of(const bj::object& body, std::string_view name, std::optional<bool> otherwise) {
  const bj::value* const value = body.if_contains(name);
  if (value == nullptr && otherwise) return *otherwise;
  if (value == nullptr)
    return fail(ErrorKind::kInvalid, "missing_required_parameter", "`" + std::string(name) + "` is required.",
                std::string(name));
  if (!value->is_bool())
    return fail(ErrorKind::kInvalid, "invalid_type", "`" + std::string(name) + "` must be true or false.",
                std::string(name));
  return value->get_bool();
}

Result<Protection> protection_of(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"approval", "checks"}));
  Protection protection;
  FAIRLEAD_TRY(protection.approval, bool_of(body, "approval", true));
  const bj::value* const checks = body.if_contains("checks");
  if (checks == nullptr) return protection;
  if (!checks->is_array())
    return fail(ErrorKind::kInvalid, "invalid_type", "`checks` must be a list of names.", "checks");
  for (const bj::value& one : checks->get_array()) {
    if (!one.is_string()) return fail(ErrorKind::kInvalid, "invalid_type", "Each of `checks` must be text.", "checks");
    protection.checks.emplace_back(one.get_string());
  }
  return protection;
}

async::Task<void> list_protections(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto reading = service.protections(principal.project);
  auto found = co_await std::move(reading);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  bj::array data;
  for (const Protection& one : *found) data.push_back(protection_json(one));
  bj::object answer{{"data", std::move(data)}, {"has_more", false}};
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> protect(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto protection = protection_of(*body);
  if (!protection) co_return co_await refuse(exchange, std::move(protection).error());
  protection->label = exchange.path_parameter("label");
  bj::object answer{{"label", protection->label},
                    {"approval", protection->approval},
                    {"checks", bj::array(protection->checks.begin(), protection->checks.end())}};
  auto protecting = service.protect(principal.project, *std::move(protection), Actor::of(principal));
  auto audit = co_await std::move(protecting);
  if (!audit) co_return co_await refuse(exchange, std::move(audit).error());
  answer["audit"] = *audit;
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> unprotect(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string label(exchange.path_parameter("label"));
  auto ending = service.unprotect(principal.project, label, Actor::of(principal));
  auto audit = co_await std::move(ending);
  if (!audit) co_return co_await refuse(exchange, std::move(audit).error());
  bj::object answer{{"label", label}, {"audit", *audit}};
  co_await respond_json(exchange, 200, std::move(answer));
}

struct CheckRequest {
  std::string ref;
  Check check;
};

Result<CheckRequest> check_request(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"ref", "name", "passed", "url", "note"}));
  CheckRequest request;
  const bj::value* const ref = body.if_contains("ref");
  if (ref != nullptr && ref->is_int64()) {
    request.ref = std::to_string(ref->get_int64());
  } else {
    FAIRLEAD_TRY(request.ref, required_string(body, "ref"));
  }
  FAIRLEAD_TRY(request.check.check, required_string(body, "name"));
  FAIRLEAD_TRY(request.check.passed, bool_of(body, "passed", std::nullopt));
  FAIRLEAD_TRY(auto url, optional_string(body, "url"));
  FAIRLEAD_TRY(auto note, optional_string(body, "note"));
  request.check.url = std::move(url).value_or("");
  request.check.note = std::move(note).value_or("");
  return request;
}

async::Task<void> add_check(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto request = check_request(*body);
  if (!request) co_return co_await refuse(exchange, std::move(request).error());
  request->check.kind = exchange.path_parameter("kind");
  request->check.name = exchange.path_parameter("name");
  auto adding =
      service.add_check(principal.project, std::move(request->ref), std::move(request->check), Actor::of(principal));
  auto added = co_await std::move(adding);
  if (!added) co_return co_await refuse(exchange, std::move(added).error());
  bj::object answer = check_json(*added);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> list_checks(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string kind(exchange.path_parameter("kind")), name(exchange.path_parameter("name"));
  std::string ref = parameter_of(exchange, "ref");
  auto reading = service.checks(principal.project, std::move(kind), std::move(name), std::move(ref));
  auto found = co_await std::move(reading);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  bj::array data;
  for (const Check& one : *found) data.push_back(check_json(one));
  bj::object answer{{"data", std::move(data)}, {"has_more", false}};
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> list_approvals(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto limit = access::limit_of(exchange, 100, 1000);
  if (!limit) co_return co_await refuse(exchange, std::move(limit).error());
  const bool all = parameter_of(exchange, "all") == "true";
  auto reading = service.approvals(principal.project, all, *limit + 1);
  auto found = co_await std::move(reading);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  const bool more = found->size() > *limit;
  if (more) found->pop_back();
  bj::array data;
  for (const Approval& one : *found) data.push_back(approval_json(one));
  bj::object answer{{"data", std::move(data)}, {"has_more", more}};
  co_await respond_json(exchange, 200, std::move(answer));
}

// The `note` of a decision; the body may be missing altogether.
async::Task<Result<std::string>> note_of(http::Exchange& exchange) {
  if (exchange.head().header("content-length").value_or("0") == "0" && !exchange.head().header("transfer-encoding"))
    co_return std::string();
  auto body = co_await access::read_object(exchange);
  if (!body) co_return fail(std::move(body).error());
  if (auto known = access::only_members(*body, {"note"}); !known) co_return fail(std::move(known).error());
  auto note = optional_string(*body, "note");
  if (!note) co_return fail(std::move(note).error());
  co_return std::move(*note).value_or("");
}

async::Task<void> approve(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string id(exchange.path_parameter("id"));
  auto note = co_await note_of(exchange);
  if (!note) co_return co_await refuse(exchange, std::move(note).error());
  auto approving = service.approve(principal.project, std::move(id), *std::move(note), Actor::of(principal));
  auto moved = co_await std::move(approving);
  if (!moved) co_return co_await refuse(exchange, std::move(moved).error());
  bj::object answer = move_json(*moved);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> reject(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string id(exchange.path_parameter("id"));
  auto note = co_await note_of(exchange);
  if (!note) co_return co_await refuse(exchange, std::move(note).error());
  auto rejecting = service.reject(principal.project, std::move(id), *std::move(note), Actor::of(principal));
  auto rejected = co_await std::move(rejecting);
  if (!rejected) co_return co_await refuse(exchange, std::move(rejected).error());
  bj::object answer = approval_json(*rejected);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> withdraw(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string id(exchange.path_parameter("id"));
  auto note = co_await note_of(exchange);
  if (!note) co_return co_await refuse(exchange, std::move(note).error());
  const auto any = principal.may(access::Scope::kAdmin) ? AnyonesRequest::kYes : AnyonesRequest::kNo;
  auto withdrawing = service.withdraw(principal.project, std::move(id), *std::move(note), any, Actor::of(principal));
  auto withdrawn = co_await std::move(withdrawing);
  if (!withdrawn) co_return co_await refuse(exchange, std::move(withdrawn).error());
  bj::object answer = approval_json(*withdrawn);
  co_await respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_label_routes(http::Router& router, const access::Guard& guard, ResourceService& service) {
  const auto add = route_adder(router, guard, service);
  using enum http::Method;
  add(kGet, "/api/v1/labels", access::Scope::kRead, list_protections);
  add(kPut, "/api/v1/labels/{label}", access::Scope::kAdmin, protect);
  add(kDelete, "/api/v1/labels/{label}", access::Scope::kAdmin, unprotect);
  add(kGet, "/api/v1/resources/{kind}/{name}/checks", access::Scope::kRead, list_checks);
  add(kPost, "/api/v1/resources/{kind}/{name}/checks", access::Scope::kWrite, add_check);
  add(kGet, "/api/v1/approvals", access::Scope::kRead, list_approvals);
  add(kPost, "/api/v1/approvals/{id}/approve", access::Scope::kApprove, approve);
  add(kPost, "/api/v1/approvals/{id}/reject", access::Scope::kApprove, reject);
  add(kPost, "/api/v1/approvals/{id}/withdraw", access::Scope::kWrite, withdraw);
}

}  // namespace fairlead::resources
