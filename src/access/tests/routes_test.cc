#include <gtest/gtest.h>

#include "access/tests/control_plane_server.h"

namespace fairlead::access {
namespace {

constexpr std::string_view kKeys = "/api/v1/keys";

}  // namespace

TEST(AccessRoutes, make_list_and_revoke_a_key) {
  ControlPlaneServer server;
  const Reply made = server.call("POST", kKeys, server.admin_key(), R"({"name":"checkout","scopes":["read","admin"]})");
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string key(made.json.at("key").as_string()), id(made.json.at("id").as_string());
  EXPECT_EQ(made.json.at("project").as_string(), "default");
  EXPECT_EQ(key.size(), 46u);

  const Reply listed = server.call("GET", kKeys, key);
  ASSERT_EQ(listed.status, 200) << listed.text;
  ASSERT_EQ(listed.json.at("data").as_array().size(), 2u);
  const auto& row = listed.json.at("data").as_array().at(1);
  EXPECT_EQ(row.at("name").as_string(), "checkout");
  EXPECT_EQ(row.at("last_four").as_string(), key.substr(42));
  EXPECT_TRUE(row.at("expires_at").is_null());
  EXPECT_EQ(listed.text.find(key), std::string::npos);

  const Reply revoked = server.call("DELETE", "/api/v1/keys/" + id, server.admin_key());
  EXPECT_EQ(revoked.status, 200);
  EXPECT_EQ(server.call("GET", kKeys, key).code(), "invalid_api_key");
  EXPECT_EQ(server.call("GET", kKeys, server.admin_key()).json.at("data").as_array().size(), 1u);
  server.clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(server.call("DELETE", "/api/v1/keys/" + id, server.admin_key()).text, revoked.text);  // again: as it was
  // Shortened: of the admin's and this one.
  const std::string start = id.substr(0, id.size() - 1);
  EXPECT_EQ(server.call("DELETE", "/api/v1/keys/" + start, server.admin_key()).text, revoked.text);
  const Reply several = server.call("DELETE", "/api/v1/keys/key_", server.admin_key());
  EXPECT_EQ(several.status, 400);
  EXPECT_EQ(several.code(), "ambiguous_id");
  EXPECT_NE(several.text.find(id), std::string::npos);

  const Reply audit = server.call("GET", "/api/v1/audit?limit=2", server.admin_key());
  ASSERT_EQ(audit.status, 200) << audit.text;
  EXPECT_TRUE(audit.json.at("has_more").as_bool());
  EXPECT_EQ(audit.json.at("data").at(0).at("action").as_string(), "revoke_key");
  EXPECT_EQ(audit.json.at("data").at(0).at("actor").as_string(), "admin");
  EXPECT_EQ(audit.json.at("data").at(0).at("detail").at("id").as_string(), id);
  EXPECT_EQ(audit.json.at("data").at(1).at("action").as_string(), "create_key");
  EXPECT_EQ(audit.text.find(key), std::string::npos);
  const Reply older = server.call("GET", "/api/v1/audit?before=2", server.admin_key());
  EXPECT_EQ(older.json.at("data").as_array().size(), 1u);
  EXPECT_FALSE(older.json.at("has_more").as_bool());
}

TEST(AccessRoutes, answer_who_may_not_before_the_body_comes) {
  ControlPlaneServer server;
  const std::string head =
      "POST /api/v1/keys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";  // and not a byte of it
  const std::string caller = server.make_key(R"(["call","read","write"])");
  const struct {
    std::string headers;
    int status;
    std::string_view code;
  } cases[] = {
      {"", 401, "missing_api_key"},
      {"Authorization: Bearer fl-wrongwrongwrong\r\n", 401, "invalid_api_key"},
      {"X-Api-Key: fl-wrongwrongwrong\r\n", 401, "invalid_api_key"},
      {"Authorization: Bearer " + caller + "\r\n", 403, "insufficient_scope"},
      {"X-Api-Key: " + server.admin_key() + "\r\nAuthorization: Bearer " + caller + "\r\n", 401, "invalid_api_key"},
  };
  for (const auto& one : cases) {
    const Reply reply = server.raw(head + one.headers + "\r\n");
    EXPECT_EQ(reply.status, one.status) << one.headers;
    EXPECT_EQ(reply.code(), one.code) << reply.text;
    EXPECT_EQ(reply.text.find("fl-wrong"), std::string::npos);
    EXPECT_EQ(reply.text.find(caller), std::string::npos);
    const bool challenges = reply.head.find("www-authenticate: Bearer") != std::string::npos;
    EXPECT_EQ(challenges, one.status == 401) << reply.head;
  }
  const Reply twice =
      server.raw(head + "Authorization: Bearer " + server.admin_key() + "\r\nAuthorization: Bearer x\r\n\r\n");
  EXPECT_EQ(twice.status, 400) << twice.text;
}

TEST(AccessRoutes, end_a_key_at_its_expiry) {
  ControlPlaneServer server;
  const std::string soon = iso8601(server.clock.unix_micros() + 60'000'000);
  const Reply made =
      server.call("POST", kKeys, server.admin_key(), R"({"name":"x","scopes":["read"],"expires_at":")" + soon + "\"}");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.json.at("expires_at").as_string(), soon);
  const std::string key(made.json.at("key").as_string());
  EXPECT_EQ(server.call("GET", "/api/v1/audit", key).status, 200);
  server.clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(server.call("GET", "/api/v1/audit", key).code(), "invalid_api_key");
}

TEST(AccessRoutes, keep_projects_apart) {
  ControlPlaneServer server;
  const std::string bank = server.make_key(R"(["admin","read"])", "bank");
  const Reply listed = server.call("GET", kKeys, bank);
  ASSERT_EQ(listed.json.at("data").as_array().size(), 1u);  // itself; not the admin of default
  EXPECT_EQ(server.call("GET", kKeys, server.admin_key()).json.at("data").as_array().size(), 2u);
  EXPECT_EQ(server.call("POST", kKeys, bank, R"({"name":"x","scopes":["call"],"project":"default"})").status, 403);
  EXPECT_EQ(server.call("POST", kKeys, bank, R"({"name":"x","scopes":["call"]})").json.at("project").as_string(),
            "bank");
  const std::string admin_id(server.call("GET", kKeys, server.admin_key()).json.at("data").at(0).at("id").as_string());
  EXPECT_EQ(server.call("DELETE", "/api/v1/keys/" + admin_id, bank).code(), "key_not_found");
  EXPECT_EQ(server.call("GET", "/api/v1/audit", bank).json.at("data").as_array().size(), 2u);
}

TEST(AccessRoutes, never_lock_everybody_out) {
  ControlPlaneServer server;
  const std::string id(server.call("GET", kKeys, server.admin_key()).json.at("data").at(0).at("id").as_string());
  const Reply refused = server.call("DELETE", "/api/v1/keys/" + id, server.admin_key());
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "last_admin_key");
  const std::string other = server.make_key(R"(["admin"])");
  EXPECT_EQ(server.call("DELETE", "/api/v1/keys/" + id, other).status, 200);
}

TEST(AccessRoutes, refuse_what_makes_no_sense) {
  ControlPlaneServer server;
  const struct {
    std::string_view body, code;
  } cases[] = {
      {"", "invalid_json"},
      {"[]", "invalid_type"},
      {"null", "invalid_type"},
      {R"({"name":"x"})", "missing_required_parameter"},
      {R"({"scopes":["call"]})", "missing_required_parameter"},
      {R"({"name":"","scopes":["call"]})", "invalid_key_name"},
      {R"({"name":"a\nb","scopes":["call"]})", "invalid_key_name"},
      {R"({"name":7,"scopes":["call"]})", "invalid_type"},
      {R"({"name":"x","scopes":[]})", "invalid_scopes"},
      {R"({"name":"x","scopes":["reed"]})", "invalid_scopes"},
      {R"({"name":"x","scopes":"call"})", "invalid_type"},
      {R"({"name":"x","scopes":["call"],"project":"No Such"})", "invalid_project"},
      {R"({"name":"x","scopes":["call"],"expires_at":"2001-01-01T00:00:00Z"})", "invalid_expiry"},
      {R"({"name":"x","scopes":["call"],"expires_at":"soon"})", "invalid_expiry"},
      {R"({"name":"x","scopes":["call"],"expire_at":"2099-01-01T00:00:00Z"})", "unknown_parameter"},
  };
  for (const auto& one : cases) {
    const Reply reply = server.call("POST", kKeys, server.admin_key(), one.body);
    EXPECT_EQ(reply.status, 400) << one.body << reply.text;
    EXPECT_EQ(reply.code(), one.code) << one.body << reply.text;
  }
  EXPECT_EQ(server.call("DELETE", "/api/v1/keys/key_nope", server.admin_key()).status, 404);
  EXPECT_EQ(server.call("GET", "/api/v1/audit?limit=0", server.admin_key()).code(), "invalid_value");
  EXPECT_EQ(server.call("GET", "/api/v1/audit?before=x", server.admin_key()).code(), "invalid_value");
}

}  // namespace fairlead::access
