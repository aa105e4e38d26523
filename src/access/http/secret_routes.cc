#include "access/http/secret_routes.h"

#include <boost/json/array.hpp>
#include <utility>

#include "access/control_plane.h"
#include "base/clock.h"
#include "platform/json/text.h"

namespace fairlead::access {
namespace {

namespace bj = boost::json;

struct Asked {
  std::string name;
  SecretText value;
};

// What the body asks for; the body and what was made of it are wiped.
Result<Asked> read_asked(std::span<char> body) {
  auto parsed = json::parse(std::string_view(body.data(), body.size()));
  wipe(body.data(), body.size());
  if (!parsed || !parsed->is_object())
    return fail(ErrorKind::kInvalid, "invalid_json", "The body must be a JSON object: {\"name\": …, \"value\": …}.");
  bj::object& members = parsed->get_object();
  FAIRLEAD_CHECK(only_members(members, {"name", "value"}));
  Asked asked;
  FAIRLEAD_TRY(asked.name, required_string(members, "name"));
  bj::value* const value = members.if_contains("value");
  if (value == nullptr) return fail(ErrorKind::kInvalid, "missing_required_parameter", "`value` is required.", "value");
  if (!value->is_string()) return fail(ErrorKind::kInvalid, "invalid_type", "`value` must be a string.", "value");
  bj::string& text = value->get_string();
  asked.value.assign(text.data(), text.size());
  wipe(text.data(), text.size());
  return asked;
}

bj::object json_of(const SecretInfo& secret) {
  return {{"name", secret.name},
          {"version", secret.version},
          {"set_by", secret.set_by},
          {"set_at", iso8601(secret.set_at_us)}};
}

async::Task<void> set_secret(http::Exchange& exchange, const Principal& admin, SecretService& secrets) {
  auto body = co_await exchange.read_body();
  if (!body) co_return co_await refuse(exchange, std::move(body).error());
  auto asked = read_asked(*body);
  if (!asked) co_return co_await refuse(exchange, std::move(asked).error());
  auto setting = secrets.set(std::move(asked->name), std::move(asked->value), admin);
  auto done = co_await std::move(setting);
  if (!done) co_return co_await refuse(exchange, std::move(done).error());
  co_await respond_json(exchange, 201, json_of(*done));
}

async::Task<void> list_secrets(http::Exchange& exchange, const Principal& admin, SecretService& secrets) {
  auto asking = secrets.list(admin);
  auto found = co_await std::move(asking);
  if (!found) co_return co_await refuse(exchange, std::move(found).error());
  bj::array data;
  for (const SecretInfo& secret : *found) {
    bj::array used_by;
    for (const SecretUser& user : secret.used_by)
      used_by.push_back(bj::object{{"kind", user.kind}, {"name", user.name}});
    bj::object row = json_of(secret);
    row["used_by"] = std::move(used_by);
    data.push_back(std::move(row));
  }
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = false;
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> remove_secret(http::Exchange& exchange, const Principal& admin, SecretService& secrets) {
  const std::string force = parameter_of(exchange, "force");
  if (!force.empty() && force != "true" && force != "false") {
    Error error{ErrorKind::kInvalid, "invalid_value", "`force` must be true or false.", "force"};
    co_return co_await refuse(exchange, std::move(error));
  }
  const std::string name(exchange.path_parameter("name"));
  auto removing = secrets.remove(name, force == "true", admin);
  auto version = co_await std::move(removing);
  if (!version) co_return co_await refuse(exchange, std::move(version).error());
  bj::object answer;
  answer["name"] = name;
  answer["version"] = *version;
  co_await respond_json(exchange, 200, std::move(answer));
}

async::Task<void> rekey_secrets(http::Exchange& exchange, const Principal& admin, SecretService& secrets) {
  auto rekeying = secrets.rekey(admin);
  auto count = co_await std::move(rekeying);
  if (!count) co_return co_await refuse(exchange, std::move(count).error());
  bj::object answer;
  answer["secrets"] = *count;
  co_await respond_json(exchange, 200, std::move(answer));
}

}  // namespace

void add_secret_routes(http::Router& router, const Guard& guard, SecretService& secrets) {
  const auto with_secrets = [&](auto handler) {
    return guard.protect(Scope::kAdmin, [&secrets, handler](http::Exchange& exchange, const Principal& principal) {
      return handler(exchange, principal, secrets);
    });
  };
  router.add(http::Method::kPost, "/api/v1/secrets", with_secrets(set_secret));
  router.add(http::Method::kGet, "/api/v1/secrets", with_secrets(list_secrets));
  router.add(http::Method::kPost, "/api/v1/rekey", with_secrets(rekey_secrets));
  router.add(http::Method::kDelete, "/api/v1/secrets/{name}", with_secrets(remove_secret));
}

}  // namespace fairlead::access
