#include "safety/policy/http/routes.h"

#include <boost/json/array.hpp>
#include <utility>

#include "access/control_plane.h"

namespace fairlead::policy {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLongestText = 1'000'000;

// The members of a body that was read, which are texts and are all there.
Result<std::vector<std::string>> texts_in(const Result<bj::object>& body,
                                          std::initializer_list<std::string_view> members) {
  if (!body) return fail(body.error());
  FAIRLEAD_CHECK(access::only_members(*body, members));
  std::vector<std::string> out;
  for (const std::string_view name : members) {
    FAIRLEAD_TRY(std::string one, access::required_string(*body, name));
    if (one.size() > kLongestText)
      return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(name) + "` has more than 1,000,000 bytes.",
                  std::string(name));
    out.push_back(std::move(one));
  }
  return out;
}

async::Task<void> explain(http::Exchange& exchange, const access::Principal& caller, FindGuard find) {
  const auto body = co_await access::read_object(exchange);
  auto texts = texts_in(body, {"text", "model"});
  if (!texts) co_return co_await access::refuse(exchange, std::move(texts).error());
  auto guard = find(exchange, caller.project, (*texts)[1]);
  if (!guard) co_return co_await access::refuse(exchange, std::move(guard).error());
  if (!*guard) {
    bj::object nothing{{"policies", bj::array()}, {"text", (*texts)[0]}, {"spans", bj::array()}};
    co_return co_await access::respond_json(exchange, 200, std::move(nothing));
  }
  bj::object out = co_await (*guard)->explain((*texts)[0], caller, exchange.loop(), exchange.cancellation());
  co_await access::respond_json(exchange, 200, std::move(out));
}

async::Task<void> forget(http::Exchange& exchange, std::string project, Vault& vault) {
  std::string session(exchange.path_parameter("session"));
  auto forgotten = co_await vault.forget(exchange.loop(), std::move(project), std::move(session));
  if (forgotten && !*forgotten)
    forgotten = fail(ErrorKind::kNotFound, "session_not_found", "No pseudonyms are kept of that session.", "session");
  if (!forgotten) co_return co_await access::refuse(exchange, std::move(forgotten).error());
  bj::object out{{"forgotten", true}};
  co_await access::respond_json(exchange, 200, std::move(out));
}

async::Task<void> decrypt(http::Exchange& exchange, std::string project, Vault& vault, async::BlockingPool& pool) {
  const auto body = co_await access::read_object(exchange);
  auto texts = texts_in(body, {"text"});
  if (!texts) co_return co_await access::refuse(exchange, std::move(texts).error());
  auto opening = pool.run([keys = vault.keys(), project = std::move(project), text = std::move((*texts)[0])] {
    return keys->decrypt_all(project, text);
  });
  std::string opened = co_await std::move(opening);
  bj::object out{{"text", std::move(opened)}};
  co_await access::respond_json(exchange, 200, std::move(out));
}

// What stands behind the pseudonyms of a session, in a text that was kept: a record's, a response's, a run's.
async::Task<void> restore(http::Exchange& exchange, std::string project, Vault& vault, async::BlockingPool& pool) {
  const auto body = co_await access::read_object(exchange);
  auto texts = texts_in(body, {"session", "text"});
  if (!texts) co_return co_await access::refuse(exchange, std::move(texts).error());
  auto pseudonyms = co_await vault.pseudonyms(exchange.loop(), std::move(project), std::move((*texts)[0]));
  if (!pseudonyms) co_return co_await access::refuse(exchange, std::move(pseudonyms).error());
  auto restoring = pool.run([pseudonyms = *std::move(pseudonyms), text = std::move((*texts)[1])] {
    return Vault::restored(*pseudonyms, text);
  });
  std::string restored = co_await std::move(restoring);
  bj::object out{{"text", std::move(restored)}};
  co_await access::respond_json(exchange, 200, std::move(out));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, FindGuard find, Vault& vault,
                async::BlockingPool& pool) {
  router.add(http::Method::kPost, "/api/v1/privacy/explain",
             guard.protect(access::Scope::kRead,
                           [find = std::move(find)](http::Exchange& exchange, const access::Principal& caller) {
                             return explain(exchange, caller, find);
                           }));
  router.add(
      http::Method::kPost, "/api/v1/privacy/decrypt",
      guard.protect(access::Scope::kAdmin, [&vault, &pool](http::Exchange& exchange, const access::Principal& caller) {
        return decrypt(exchange, caller.project, vault, pool);
      }));
  router.add(
      http::Method::kPost, "/api/v1/privacy/restore",
      guard.protect(access::Scope::kAdmin, [&vault, &pool](http::Exchange& exchange, const access::Principal& caller) {
        return restore(exchange, caller.project, vault, pool);
      }));
  router.add(http::Method::kDelete, "/api/v1/privacy/sessions/{session}",
             guard.protect(access::Scope::kAdmin, [&vault](http::Exchange& exchange, const access::Principal& caller) {
               return forget(exchange, caller.project, vault);
             }));
}

}  // namespace fairlead::policy
