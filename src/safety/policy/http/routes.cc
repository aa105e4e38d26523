#include "safety/policy/http/routes.h"

#include <boost/json/array.hpp>
#include <utility>

#include "access/control_plane.h"

namespace fairlead::policy {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLongestText = 1'000'000;

async::Task<void> explain(http::Exchange& exchange, std::string project, FindGuard find, async::BlockingPool& pool) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  auto known = access::only_members(*body, {"text", "model"});
  if (!known) co_return co_await access::refuse(exchange, std::move(known).error());
  auto text = access::required_string(*body, "text");
  if (!text) co_return co_await access::refuse(exchange, std::move(text).error());
  if (text->size() > kLongestText)
    co_return co_await access::refuse(
        exchange, {ErrorKind::kInvalid, "invalid_value", "`text` has more than 1,000,000 bytes.", "text"});
  auto model = access::required_string(*body, "model");
  if (!model) co_return co_await access::refuse(exchange, std::move(model).error());
  auto guard = find(exchange, project, *model);
  if (!guard) co_return co_await access::refuse(exchange, std::move(guard).error());
  if (!*guard) {
    bj::object nothing{{"policies", bj::array()}, {"text", *text}, {"spans", bj::array()}};
    co_return co_await access::respond_json(exchange, 200, std::move(nothing));
  }
  auto explaining = pool.run([guard = *guard, text = *std::move(text)] { return guard->explain(text); });
  bj::object out = co_await std::move(explaining);
  co_await access::respond_json(exchange, 200, std::move(out));
}

async::Task<void> forget(http::Exchange& exchange, std::string project, Vault& vault) {
  std::string session(exchange.path_parameter("session"));
  auto forgotten = co_await vault.forget(exchange.loop(), std::move(project), std::move(session));
  if (forgotten && !*forgotten)
    forgotten = fail(ErrorKind::kNotFound, "session_not_found", "The vault holds nothing of that session.", "session");
  if (!forgotten) co_return co_await access::refuse(exchange, std::move(forgotten).error());
  bj::object out{{"forgotten", true}};
  co_await access::respond_json(exchange, 200, std::move(out));
}

async::Task<void> decrypt(http::Exchange& exchange, std::string project, Vault& vault) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  auto known = access::only_members(*body, {"text"});
  if (!known) co_return co_await access::refuse(exchange, std::move(known).error());
  auto text = access::required_string(*body, "text");
  if (!text) co_return co_await access::refuse(exchange, std::move(text).error());
  if (text->size() > kLongestText)
    co_return co_await access::refuse(
        exchange, {ErrorKind::kInvalid, "invalid_value", "`text` has more than 1,000,000 bytes.", "text"});
  bj::object out{{"text", vault.keys()->decrypt_all(project, *text)}};
  co_await access::respond_json(exchange, 200, std::move(out));
}

// What stands behind the pseudonyms of a session, in a text that was kept: a record's, a response's, a run's.
async::Task<void> restore(http::Exchange& exchange, std::string project, Vault& vault) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  auto known = access::only_members(*body, {"session", "text"});
  if (!known) co_return co_await access::refuse(exchange, std::move(known).error());
  auto session = access::required_string(*body, "session");
  if (!session) co_return co_await access::refuse(exchange, std::move(session).error());
  auto text = access::required_string(*body, "text");
  if (!text) co_return co_await access::refuse(exchange, std::move(text).error());
  if (text->size() > kLongestText)
    co_return co_await access::refuse(
        exchange, {ErrorKind::kInvalid, "invalid_value", "`text` has more than 1,000,000 bytes.", "text"});
  auto pseudonyms = co_await vault.pseudonyms(exchange.loop(), std::move(project), *std::move(session));
  if (!pseudonyms) co_return co_await access::refuse(exchange, std::move(pseudonyms).error());
  bj::object out{{"text", Vault::restored(**pseudonyms, *text)}};
  co_await access::respond_json(exchange, 200, std::move(out));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, FindGuard find, Vault& vault,
                async::BlockingPool& pool) {
  router.add(http::Method::kPost, "/api/v1/privacy/explain",
             guard.protect(access::Scope::kRead,
                           [find = std::move(find), &pool](http::Exchange& exchange, const access::Principal& caller) {
                             return explain(exchange, caller.project, find, pool);
                           }));
  router.add(http::Method::kPost, "/api/v1/privacy/decrypt",
             guard.protect(access::Scope::kAdmin, [&vault](http::Exchange& exchange, const access::Principal& caller) {
               return decrypt(exchange, caller.project, vault);
             }));
  router.add(http::Method::kPost, "/api/v1/privacy/restore",
             guard.protect(access::Scope::kAdmin, [&vault](http::Exchange& exchange, const access::Principal& caller) {
               return restore(exchange, caller.project, vault);
             }));
  router.add(http::Method::kDelete, "/api/v1/privacy/sessions/{session}",
             guard.protect(access::Scope::kAdmin, [&vault](http::Exchange& exchange, const access::Principal& caller) {
               return forget(exchange, caller.project, vault);
             }));
}

}  // namespace fairlead::policy
