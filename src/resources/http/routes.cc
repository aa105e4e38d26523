#include "resources/http/routes.h"

#include <boost/json/array.hpp>
#include <utility>

#include "access/control_plane.h"
#include "base/clock.h"
#include "resources/http/answers.h"
#include "resources/http/fetch.h"
#include "resources/http/label_routes.h"
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

// The `files` of a plan or an apply.
Result<Files> files_of(const bj::object& body) {
  const bj::value* value = body.if_contains("files");
  if (value == nullptr) return fail(ErrorKind::kInvalid, "missing_required_parameter", "`files` is required.", "files");
  if (!value->is_object())
    return fail(ErrorKind::kInvalid, "invalid_type", "`files` must be an object of paths and texts.", "files");
  Files files;
  for (const auto& [path, text] : value->get_object()) {
    if (!text.is_string())
      return fail(ErrorKind::kInvalid, "invalid_type", "Each of `files` must be a string.", "files");
    files.emplace(path, text.get_string());
  }
  return files;
}

Result<FolderRules> folder_rules(const bj::object& body) {
  FolderRules rules;
  for (const auto& [member, flag] : {std::pair("folder", 0), std::pair("overwrite", 1)}) {
    const bj::value* const value = body.if_contains(member);
    if (value == nullptr) continue;
    if (!value->is_bool())
      return fail(ErrorKind::kInvalid, "invalid_type", "`" + std::string(member) + "` must be true or false.", member);
    if (flag == 0) rules.is_folder = value->get_bool();
    if (flag == 1 && value->get_bool()) rules.ahead = FolderRules::Ahead::kOverwrite;
  }
  return rules;
}

async::Task<void> answer_changes(http::Exchange& exchange, Result<ChangeSet> changes) {
  if (!changes) co_return co_await refuse(exchange, std::move(changes).error());
  if (!changes->faults.empty()) {
    bj::object faults = faults_json(changes->faults);
    co_return co_await respond_json(exchange, 400, std::move(faults));
  }
  bj::object answer = changes_json(*changes);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> plan(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto files = files_of(*body);
  if (!files) co_return co_await refuse(exchange, std::move(files).error());
  auto rules = folder_rules(*body);
  if (!rules) co_return co_await refuse(exchange, std::move(rules).error());
  Actor actor = Actor::of(principal);
  auto planning = service.plan(principal.project, std::move(*files), std::move(actor), *rules);
  auto changes = co_await std::move(planning);
  co_await answer_changes(exchange, std::move(changes));
}

async::Task<void> apply(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto files = files_of(*body);
  if (!files) co_return co_await refuse(exchange, std::move(files).error());
  auto message = optional_string(*body, "message");
  if (!message) co_return co_await refuse(exchange, std::move(message).error());
  std::string text = message->value_or("");
  auto rules = folder_rules(*body);
  if (!rules) co_return co_await refuse(exchange, std::move(rules).error());
  Actor actor = Actor::of(principal);
  auto applying = service.apply(principal.project, std::move(*files), std::move(actor), std::move(text), *rules);
  auto changes = co_await std::move(applying);
  co_await answer_changes(exchange, std::move(changes));
}

async::Task<void> answer_move(http::Exchange& exchange, Result<LabelMove> moved) {
  if (!moved) co_return co_await refuse(exchange, std::move(moved).error());
  bj::object answer = move_json(*moved);
  co_await respond_json(exchange, 200, std::move(answer));
}

struct MoveRequest {
  std::string kind, name, ref, label, why;
};

Result<MoveRequest> promote_request(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"kind", "name", "ref", "to", "message"}));
  MoveRequest request;
  FAIRLEAD_TRY(request.name, required_string(body, "name"));
  FAIRLEAD_TRY(auto kind, optional_string(body, "kind"));
  request.kind = std::move(kind).value_or("");
  if (const bj::value* ref = body.if_contains("ref"); ref != nullptr && ref->is_int64()) {
    request.ref = std::to_string(ref->get_int64());
  } else {
    FAIRLEAD_TRY(request.ref, required_string(body, "ref"));
  }
  FAIRLEAD_TRY(request.label, required_string(body, "to"));
  FAIRLEAD_TRY(auto why, optional_string(body, "message"));
  request.why = std::move(why).value_or("");
  return request;
}

Result<MoveRequest> rollback_request(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"kind", "name", "label"}));
  MoveRequest request;
  FAIRLEAD_TRY(request.name, required_string(body, "name"));
  FAIRLEAD_TRY(auto kind, optional_string(body, "kind"));
  FAIRLEAD_TRY(auto label, optional_string(body, "label"));
  request.kind = std::move(kind).value_or("");
  request.label = std::move(label).value_or(std::string(kProduction));
  return request;
}

async::Task<void> promote(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto request = promote_request(*body);
  if (!request) co_return co_await refuse(exchange, std::move(request).error());
  auto promoting = service.promote(principal.project, request->kind, request->name, request->ref, request->label,
                                   request->why, Actor::of(principal));
  auto promoted = co_await std::move(promoting);
  if (!promoted) co_return co_await refuse(exchange, std::move(promoted).error());
  bj::object answer = promoted->waiting ? approval_json(*promoted->waiting) : move_json(promoted->move);
  co_await respond_json(exchange, promoted->waiting ? 202 : 200, std::move(answer));
}

async::Task<void> rollback(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto request = rollback_request(*body);
  if (!request) co_return co_await refuse(exchange, std::move(request).error());
  auto rolling_back =
      service.rollback(principal.project, request->kind, request->name, request->label, Actor::of(principal));
  auto moved = co_await std::move(rolling_back);
  co_await answer_move(exchange, std::move(moved));
}

async::Task<void> answer_page(http::Exchange& exchange, Result<ResourceService::Page> page) {
  if (!page) co_return co_await refuse(exchange, std::move(page).error());
  bj::object answer = page_json(*page);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> list(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto limit = access::limit_of(exchange, 100, 1000);
  if (!limit) co_return co_await refuse(exchange, std::move(limit).error());
  std::string kind = parameter_of(exchange, "kind"), name = parameter_of(exchange, "name");
  auto reading = service.list(principal.project, std::move(kind), std::move(name), *limit);
  auto page = co_await std::move(reading);
  co_await answer_page(exchange, std::move(page));
}

async::Task<void> list_versions(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string kind(exchange.path_parameter("kind")), name(exchange.path_parameter("name"));
  auto reading = service.versions(principal.project, std::move(kind), std::move(name));
  auto page = co_await std::move(reading);
  co_await answer_page(exchange, std::move(page));
}

async::Task<void> get(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string kind(exchange.path_parameter("kind")), name(exchange.path_parameter("name"));
  std::string ref = parameter_of(exchange, "ref");
  auto reading = service.get(principal.project, std::move(kind), std::move(name), std::move(ref));
  auto found = co_await std::move(reading);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  bj::object answer = version_json(found->version, found->labels);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> answer_difference(http::Exchange& exchange, const Principal& principal, ResourceService& service,
                                    ResourceService::Comparison comparison) {
  comparison.kind = exchange.path_parameter("kind");
  comparison.name = exchange.path_parameter("name");
  const bool render = comparison.render;
  auto reading = service.difference(principal.project, std::move(comparison));
  auto found = co_await std::move(reading);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  bj::object answer = difference_json(*found, render);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> difference(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  ResourceService::Comparison comparison;
  comparison.from = parameter_of(exchange, "from");
  comparison.to = parameter_of(exchange, "to");
  co_await answer_difference(exchange, principal, service, std::move(comparison));
}

Result<ResourceService::Comparison> comparison_of(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"from", "to", "given"}));
  ResourceService::Comparison comparison;
  FAIRLEAD_TRY(auto from, optional_string(body, "from"));
  FAIRLEAD_TRY(auto to, optional_string(body, "to"));
  comparison.from = std::move(from).value_or("");
  comparison.to = std::move(to).value_or("");
  comparison.render = true;
  if (const bj::value* given = body.if_contains("given")) {
    if (!given->is_object())
      return fail(ErrorKind::kInvalid, "invalid_type", "`given` must be an object of variables.", "given");
    comparison.given = given->get_object();
  }
  return comparison;
}

async::Task<void> rendered_difference(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto comparison = comparison_of(*body);
  if (!comparison) co_return co_await refuse(exchange, std::move(comparison).error());
  co_await answer_difference(exchange, principal, service, *std::move(comparison));
}

async::Task<void> pull(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto reading = service.pull(principal.project);
  auto files = co_await std::move(reading);
  if (!files) co_return co_await refuse(exchange, std::move(files).error());
  bj::object texts;
  for (const auto& [path, text] : *files) texts[path] = text;
  bj::object answer;
  answer["files"] = std::move(texts);
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> pull_into(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto files = files_of(*body);
  if (!files) co_return co_await refuse(exchange, std::move(files).error());
  auto rules = folder_rules(*body);
  if (!rules) co_return co_await refuse(exchange, std::move(rules).error());
  auto pulling =
      service.pull_into(principal.project, std::move(*files), rules->ahead == FolderRules::Ahead::kOverwrite);
  auto pulled = co_await std::move(pulling);
  if (!pulled) co_return co_await refuse(exchange, std::move(pulled).error());
  bj::object answer = pulled->faults.empty() ? pulled_json(*pulled) : faults_json(pulled->faults);
  co_await respond_json(exchange, pulled->faults.empty() ? 200 : 400, std::move(answer));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, ResourceService& service) {
  const auto add = route_adder(router, guard, service);
  using enum http::Method;
  add(kGet, "/api/v1/resources", access::Scope::kRead, list);
  add(kGet, "/api/v1/resources/{kind}/{name}", access::Scope::kRead, get);
  add(kGet, "/api/v1/resources/{kind}/{name}/versions", access::Scope::kRead, list_versions);
  add(kGet, "/api/v1/resources/{kind}/{name}/diff", access::Scope::kRead, difference);
  add(kPost, "/api/v1/resources/{kind}/{name}/diff", access::Scope::kRead, rendered_difference);
  add(kGet, "/api/v1/pull", access::Scope::kRead, pull);
  add(kPost, "/api/v1/pull", access::Scope::kRead, pull_into);
  add(kPost, "/api/v1/plan", access::Scope::kWrite, plan);
  add(kPost, "/api/v1/apply", access::Scope::kWrite, apply);
  add(kPost, "/api/v1/promote", access::Scope::kWrite, promote);
  add(kPost, "/api/v1/rollback", access::Scope::kWrite, rollback);
  add_label_routes(router, guard, service);
  add_fetch_route(router, guard, service);
}

}  // namespace fairlead::resources
