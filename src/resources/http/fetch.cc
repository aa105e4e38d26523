#include "resources/http/fetch.h"

#include <utility>

#include "access/control_plane.h"
#include "platform/json/text.h"
#include "resources/http/answers.h"

namespace fairlead::resources {
namespace {

using access::parameter_of;
using access::Principal;
using access::refuse;

struct Wanted {
  std::string ref;
  bool immutable = false;  // a version, not a label
};

Result<Wanted> wanted_of(http::Exchange& exchange) {
  std::string label = parameter_of(exchange, "label"), version = parameter_of(exchange, "version");
  if (version.empty()) return Wanted{std::move(label), false};
  if (!label.empty())
    return fail(ErrorKind::kInvalid, "invalid_value", "`label` and `version` say the same thing twice. Send one.",
                "label");
  if (version.find_first_not_of("0123456789") != std::string::npos)
    return fail(ErrorKind::kInvalid, "invalid_value", "`version` is a number.", "version");
  return Wanted{std::move(version), true};
}

async::Task<void> fetch(http::Exchange& exchange, const Principal& principal, ResourceService& service) {
  std::string name(exchange.path_parameter("name"));
  auto wanted = wanted_of(exchange);
  if (!wanted) co_return co_await refuse(exchange, std::move(wanted).error());
  std::string kind("prompt");
  auto reading = service.get(principal.project, std::move(kind), std::move(name), std::move(wanted->ref));
  auto found = co_await std::move(reading);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  const std::string tag = '"' + found->version.digest + '"';
  exchange.add_header("etag", tag);
  exchange.add_header("cache-control",
                      wanted->immutable ? "private, max-age=31536000, immutable" : "private, no-cache");
  const auto known = exchange.head().header("if-none-match");
  if (known && names_tag(*known, tag)) {
    co_await exchange.respond(304, "", "");
    co_return;
  }
  boost::json::object answer = version_json(found->version, {});
  answer.erase("labels");  // they move
  const std::string text = json::to_text(answer);
  co_await exchange.respond(200, "application/json", text);
}

}  // namespace

bool names_tag(std::string_view if_none_match, std::string_view tag) {
  while (!if_none_match.empty()) {
    const std::size_t comma = std::min(if_none_match.find(','), if_none_match.size());
    std::string_view one = if_none_match.substr(0, comma);
    if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
  }
  return false;
}

void add_fetch_route(http::Router& router, const access::Guard& guard, ResourceService& service) {
  router.add(http::Method::kGet, "/api/v1/prompts/{name}",
             guard.protect(access::Scope::kRead, [&service](http::Exchange& exchange, const Principal& principal) {
               return fetch(exchange, principal, service);
             }));
}

}  // namespace fairlead::resources
