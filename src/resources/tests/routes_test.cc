#include "resources/http/routes.h"

#include <gtest/gtest.h>

#include "access/tests/control_plane_server.h"
#include "platform/json/text.h"
#include "resources/tests/test_kinds.h"

namespace fairlead::resources {
namespace {

using access::Reply;

class ResourceRoutes : public testing::Test {
 protected:
  ResourceRoutes()
      : server_(ResourceService::migrations(),
                [this](http::Router& router, const access::Guard& guard, store::Database& database) {
                  service_ = ResourceService::create(database, clock_, test_kinds()).value();
                  add_routes(router, guard, *service_);
                }) {
    key_ = server_.make_key(R"(["read","write"])", "bank");
  }

  ~ResourceRoutes() override {
    server_.stop();
    service_.reset();
  }

  Reply get(const std::string& path) { return server_.call("GET", "/api/v1" + path, key_); }
  Reply post(const std::string& path, const std::string& body) {
    return server_.call("POST", "/api/v1" + path, key_, body);
  }
  Reply apply(const std::string& file, const std::string& text, const std::string& how = "apply") {
    return post("/" + how, R"({"message":"why","files":{)" + json::quoted(file) + ":" + json::quoted(text) + "}}");
  }

  ManualClock clock_;
  std::unique_ptr<ResourceService> service_;
  access::ControlPlaneServer server_;
  std::string key_;
};

}  // namespace

TEST_F(ResourceRoutes, plan_apply_and_look) {
  const Reply planned = apply("x.yaml", prompt_yaml("x", "hi"), "plan");
  ASSERT_EQ(planned.status, 200) << planned.text;
  EXPECT_EQ(get("/resources").json.at("data").as_array().size(), 0u);
  const Reply applied = apply("x.yaml", prompt_yaml("x", "hi"));
  EXPECT_EQ(applied.text, planned.text);
  const std::string digest(get("/resources/prompt/x").json.at("digest").as_string());
  EXPECT_EQ(applied.text,
            R"({"changes":[{"kind":"prompt","name":"x","action":"new","from":null,"to":1,"digest":")" + digest +
                R"(","labels":["staging"],"changes":[]}],"summary":{"new":1,"changed":0,"same":0,"tests":0}})");
  apply("x.yaml", prompt_yaml("x", "hello"));

  const Reply list = get("/resources?kind=prompt");
  ASSERT_EQ(list.json.at("data").as_array().size(), 1u) << list.text;
  EXPECT_EQ(json::to_text(list.json.at("data").at(0).at("labels")), R"({"latest":2,"staging":2})");
  EXPECT_EQ(list.json.at("data").at(0).at("author").as_string(), "test");
  EXPECT_EQ(list.json.at("data").at(0).at("message").as_string(), "why");
  EXPECT_EQ(get("/resources?kind=model").json.at("data").as_array().size(), 0u);

  const Reply one = get("/resources/prompt/x?ref=1");
  EXPECT_EQ(one.json.at("spec").at("messages").at(0).at("system").as_string(), "hi");
  EXPECT_EQ(get("/resources/prompt/x").json.at("version"), 2);
  EXPECT_EQ(get("/resources/prompt/x?ref=staging").json.at("version"), 2);
  const Reply versions = get("/resources/prompt/x/versions");
  ASSERT_EQ(versions.json.at("data").as_array().size(), 2u);
  EXPECT_EQ(versions.json.at("data").at(0).at("version"), 2);
  EXPECT_EQ(json::to_text(versions.json.at("data").at(1).at("labels")), "{}");
  EXPECT_EQ(get("/resources/prompt/x/diff?from=1&to=2").text,
            R"({"from":1,"to":2,"changes":[{"path":"messages[0].system","from":"hi","to":"hello"}]})");
  EXPECT_EQ(get("/pull").json.at("files").as_object().size(), 1u);
}

TEST_F(ResourceRoutes, promote_and_roll_back_with_an_audit_trail) {
  apply("x.yaml", prompt_yaml("x", "hi"));
  apply("x.yaml", prompt_yaml("x", "hello"));
  const Reply first = post("/promote", R"({"name":"x","ref":"1","to":"production"})");
  ASSERT_EQ(first.status, 200) << first.text;
  EXPECT_TRUE(first.json.at("from").is_null());
  const Reply second = post("/promote", R"({"name":"x","kind":"prompt","ref":2,"to":"production"})");
  EXPECT_EQ(second.json.at("from"), 1);
  const Reply back = post("/rollback", R"({"name":"x"})");
  EXPECT_EQ(back.json.at("to"), 1) << back.text;
  EXPECT_EQ(get("/resources/prompt/x").json.at("version"), 1);
  const Reply audit = get("/audit");
  EXPECT_EQ(audit.json.at("data").at(0).at("id"), back.json.at("audit"));
  EXPECT_EQ(audit.json.at("data").at(0).at("action").as_string(), "rollback");
  EXPECT_EQ(audit.json.at("data").at(0).at("detail").at("from"), 2);
  EXPECT_EQ(audit.json.at("data").at(3).at("action").as_string(), "apply");
}

TEST_F(ResourceRoutes, tell_all_faults) {
  const Reply refused = apply("x.yaml", "kind: provider\nname: x\ntype: opanai\n");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.code(), "invalid_resources");
  EXPECT_EQ(
      json::to_text(refused.json.at("error").at("faults")),
      R"([{"file":"x.yaml","line":3,"column":7,"message":"`type` must be one of openai, anthropic","hint":"did you mean `openai`?"}])");
}

TEST_F(ResourceRoutes, refuse_what_makes_no_sense) {
  apply("x.yaml", prompt_yaml("x", "hi"));
  const struct {
    std::string path, body;
    int status;
    std::string_view code;
  } cases[] = {
      {"/apply", "{}", 400, "missing_required_parameter"},
      {"/apply", R"({"files":[]})", 400, "invalid_type"},
      {"/apply", R"({"files":{"a.yaml":7}})", 400, "invalid_type"},
      {"/apply", R"({"files":{},"message":7})", 400, "invalid_type"},
      {"/plan", "{", 400, "invalid_json"},
      {"/promote", R"({"name":"x","to":"production"})", 400, "missing_required_parameter"},
      {"/promote", R"({"name":"x","ref":"1","to":"latest"})", 400, "invalid_label"},
      {"/promote", R"({"name":"x","ref":"9","to":"production"})", 404, "version_not_found"},
      {"/promote", R"({"name":"x","ref":"1","label":"production"})", 400, "unknown_parameter"},
      {"/promote", R"({"name":"y","ref":"1","to":"production"})", 404, "resource_not_found"},
      {"/rollback", R"({"name":"x"})", 404, "label_not_found"},
      {"/rollback", R"({"name":"x","label":"staging"})", 409, "nothing_to_roll_back"},
  };
  for (const auto& one : cases) {
    const Reply reply = post(one.path, one.body);
    EXPECT_EQ(reply.status, one.status) << one.body << reply.text;
    EXPECT_EQ(reply.code(), one.code) << one.body << reply.text;
  }
  EXPECT_EQ(get("/resources/prompt/y").code(), "resource_not_found");
  EXPECT_EQ(get("/resources/prompt/x?ref=production").code(), "label_not_found");
  EXPECT_EQ(get("/resources/prompt/x/diff?from=4").code(), "version_not_found");
  EXPECT_EQ(get("/resources?limit=many").code(), "invalid_value");
}

TEST_F(ResourceRoutes, give_prompts_to_other_programs_once) {
  apply("x.yaml", prompt_yaml("x", "hi"));
  const auto fetch = [&](const std::string& query, const std::string& header = "") {
    return server_.raw("GET /api/v1/prompts/x" + query + " HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + key_ +
                       "\r\n" + header + "connection: close\r\n\r\n");
  };
  const std::string digest(get("/resources/prompt/x").json.at("digest").as_string());
  const Reply first = fetch("");
  ASSERT_EQ(first.status, 200) << first.text;
  EXPECT_NE(first.head.find("etag: \"" + digest + "\""), std::string::npos) << first.head;
  EXPECT_NE(first.head.find("cache-control: private, no-cache"), std::string::npos);
  EXPECT_FALSE(first.json.as_object().contains("labels"));
  EXPECT_EQ(first.json.at("spec").at("messages").at(0).at("system").as_string(), "hi");
  const std::string known = "if-none-match: \"other\", W/\"" + digest + "\"\r\n";
  EXPECT_EQ(fetch("", known).status, 304);
  EXPECT_EQ(fetch("?label=staging", known).status, 304);
  EXPECT_EQ(fetch("", known).text, "");
  apply("x.yaml", prompt_yaml("x", "hello"));
  EXPECT_EQ(fetch("?label=staging", known).status, 200);
  const Reply one = fetch("?version=1", known);
  EXPECT_EQ(one.status, 304);
  EXPECT_NE(one.head.find("immutable"), std::string::npos);
  EXPECT_EQ(fetch("?version=1&label=staging").code(), "invalid_value");
  EXPECT_EQ(fetch("?version=one").code(), "invalid_value");
  EXPECT_EQ(fetch("?version=9").code(), "version_not_found");
  EXPECT_EQ(fetch("?label=nosuch").code(), "label_not_found");
}

TEST_F(ResourceRoutes, protect_labels_with_checks_and_approval) {
  apply("x.yaml", prompt_yaml("x", "hi"));
  const auto call = [&](const char* method, const std::string& path, const std::string& key,
                        const std::string& body = "") { return server_.call(method, "/api/v1" + path, key, body); };
  const std::string admin = server_.make_key(R"(["admin"])", "bank"),
                    second = server_.make_key(R"(["approve","read"])", "bank");
  const std::string protection = R"({"checks":["evals"]})", checked = R"({"ref":1,"name":"evals","passed":true})";
  EXPECT_EQ(call("PUT", "/labels/production", key_, protection).code(), "insufficient_scope");
  EXPECT_EQ(call("PUT", "/labels/production", admin, protection).status, 200);
  EXPECT_EQ(call("DELETE", "/labels/production", key_).code(), "insufficient_scope");
  EXPECT_EQ(json::to_text(get("/labels").json.at("data").at(0).at("checks")), R"(["evals"])");
  const std::string wish = R"({"name":"x","ref":"1","to":"production","message":"why"})";
  EXPECT_EQ(post("/promote", wish).code(), "checks_not_passed");
  EXPECT_EQ(post("/promote", wish).status, 409);
  EXPECT_EQ(post("/resources/prompt/x/checks", R"({"ref":1,"name":"evals"})").code(), "missing_required_parameter");
  EXPECT_EQ(post("/resources/prompt/x/checks", checked).status, 200);
  EXPECT_EQ(get("/resources/prompt/x/checks?ref=1").json.at("data").at(0).at("passed"), true);
  const Reply asked = post("/promote", wish);
  EXPECT_EQ(asked.status, 202) << asked.text;
  const std::string id(asked.json.at("id").as_string());
  EXPECT_EQ(call("POST", "/approvals/" + id + "/approve", key_).code(), "insufficient_scope");
  // The keys of this harness share a name, and so stand for one person.
  EXPECT_EQ(call("POST", "/approvals/" + id + "/approve", second).code(), "own_request");
  EXPECT_EQ(call("POST", "/approvals/" + id + "/reject", second, R"({"note":"no"})").status, 200);
  EXPECT_EQ(get("/approvals").json.at("data").as_array().size(), 0u);
  EXPECT_EQ(get("/approvals?all=true").json.at("data").at(0).at("state").as_string(), "rejected");
  std::string actions;
  const Reply audit = get("/audit");
  for (const auto& row : audit.json.at("data").as_array()) actions += std::string(row.at("action").as_string()) + " ";
  EXPECT_EQ(actions.substr(0, 28), "reject request check protect") << actions;
}

TEST_F(ResourceRoutes, need_the_scope_and_the_project) {
  apply("x.yaml", prompt_yaml("x", "hi"));
  const std::string reader = server_.make_key(R"(["read"])", "bank"),
                    stranger = server_.make_key(R"(["read","write"])", "shop");
  EXPECT_EQ(server_.call("GET", "/api/v1/resources/prompt/x", reader).status, 200);
  EXPECT_EQ(server_.call("POST", "/api/v1/apply", reader, R"({"files":{}})").code(), "insufficient_scope");
  EXPECT_EQ(server_.call("GET", "/api/v1/resources/prompt/x", stranger).code(), "resource_not_found");
  EXPECT_EQ(server_.call("POST", "/api/v1/promote", stranger, R"({"name":"x","ref":"1","to":"production"})").code(),
            "resource_not_found");
  EXPECT_EQ(server_.call("GET", "/api/v1/pull", "").code(), "missing_api_key");
}

}  // namespace fairlead::resources
