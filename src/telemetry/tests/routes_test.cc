// The routes, over a real server, with real keys.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "base/id.h"
#include "platform/json/text.h"
#include "telemetry/telemetry.h"
#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Response {
  int status = 0;
  std::string body;
  boost::json::value json() const { return json::parse(body).value_or(nullptr); }
  std::string code() const { return std::string(json().at("error").at("code").as_string()); }
};

// `maria` becomes `anna` of the session, and what holds `secret` is refused.
class PlayedHiding final : public llm::Hiding {
 public:
  bool applies(const async::Loop&, const std::string& project) const override { return project == "bank"; }
  async::Task<Result<llm::Kept>> hide(async::Loop&, llm::Kept kept) const override {
    if (kept.json.find("secret") != std::string::npos)
      co_return fail(ErrorKind::kPermissionDenied, "privacy_blocked", "It holds a SECRET.");
    std::string session = kept.session;
    if (session.empty() && kept.find_session) session = co_await kept.find_session();
    std::vector<std::string*> texts{&kept.json, &kept.session, &kept.user};
    for (std::string& name : kept.names) texts.push_back(&name);
    for (std::string* const text : texts)
      for (std::size_t at = 0; (at = text->find("maria", at)) != std::string::npos;)
        text->replace(at, 5, "anna of " + session);
    co_return kept;
  }
};

class TelemetryRoutes : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    TelemetryOptions options;
    options.folder = folder_.path();
    if (GetParam()) options.lake_command = {"/proc/self/exe", std::string(kLakeProcessArgument)};
    auto telemetry = Telemetry::create(std::move(options), 1, clock_);
    ASSERT_TRUE(telemetry) << telemetry.error().message;
    telemetry_ = std::move(*telemetry);
    using access::Scope;
    std::vector<access::KeyTable::Entry> entries;
    const auto add = [&](std::string key, std::string project, int scopes) {
      entries.push_back(
          {hmac_sha256("pepper", key), {"key_" + key, key, std::move(project), static_cast<std::uint8_t>(scopes), 0}});
    };
    add("reader", "bank", static_cast<int>(Scope::kRead));
    add("shopper", "shop", static_cast<int>(Scope::kRead));
    add("caller", "bank", static_cast<int>(Scope::kCall));
    add("admin", "shop", static_cast<int>(Scope::kRead) | static_cast<int>(Scope::kAdmin));
    keys_ = std::make_shared<access::KeyTable>("pepper", std::move(entries));
    const access::Guard guard([this] { return keys_; }, clock_);
    http::Router router;
    telemetry_->add_routes(router, guard, &hiding_);
    http::ServerOptions listening;
    listening.port = 0;
    auto server = http::Server::listen(runtime_, std::move(listening), std::move(router));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    telemetry_->start();
    server_->start();
    runtime_.start();
  }
  void TearDown() override {
    server_->drain(std::chrono::milliseconds(500));
    telemetry_->stop();
    runtime_.stop();
    server_.reset();
    telemetry_.reset();
  }

  void record(CallRecord record) {
    std::promise<void> done;
    runtime_.loop(0).post([&] {
      telemetry_->recorder().record(0, std::move(record));
      done.set_value();
    });
    done.get_future().wait();
  }

  Response send(const std::string& method, const std::string& target, const std::string& key,
                const std::string& body = "") {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string request = method + " " + target + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    if (!key.empty()) request += "authorization: Bearer " + key + "\r\n";
    if (!body.empty())
      request += "content-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n";
    request += "\r\n" + body;
    EXPECT_EQ(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(n));
    ::close(socket);
    const auto body_at = answer.find("\r\n\r\n");
    if (body_at == std::string::npos) return {};
    return {std::stoi(answer.substr(9, 3)), answer.substr(body_at + 4)};
  }

  const TempFolder folder_;
  const SystemClock clock_;
  const PlayedHiding hiding_;
  async::Runtime runtime_{1};
  std::unique_ptr<Telemetry> telemetry_;
  std::shared_ptr<const access::KeyTable> keys_;
  std::unique_ptr<http::Server> server_;
};

INSTANTIATE_TEST_SUITE_P(Lake, TelemetryRoutes, ::testing::Values(false, true),
                         [](const auto& name) { return name.param ? "InItsProcess" : "Inside"; });

TEST_P(TelemetryRoutes, ShowACallAsSoonAsItHasEnded) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = new_id(clock_.unix_micros());
    record(record_of("bank", id));
    const Response one = send("GET", "/api/v1/calls/" + id, "reader");
    ASSERT_EQ(one.status, 200) << one.body;
    EXPECT_EQ(one.json().at("id").as_string(), id);
    const Response list = send("GET", "/api/v1/calls?limit=1", "reader");
    ASSERT_EQ(list.status, 200) << list.body;
    EXPECT_EQ(list.json().at("data").at(0).at("id").as_string(), id);
    EXPECT_EQ(list.json().at("has_more").as_bool(), i > 0);
    const Response sql = send("POST", "/api/v1/sql", "reader", R"({"query":"select count(*) from calls"})");
    ASSERT_EQ(sql.status, 200) << sql.body;
    EXPECT_EQ(json::to_text(sql.json().at("rows")), "[[" + std::to_string(i + 1) + "]]");
  }
}

TEST_P(TelemetryRoutes, KeepProjectsApart) {
  const std::string id = new_id(clock_.unix_micros());
  record(record_of("bank", id));
  EXPECT_EQ(send("GET", "/api/v1/calls/" + id, "reader").status, 200);
  EXPECT_EQ(send("GET", "/api/v1/calls/" + id, "shopper").code(), "call_not_found");
  EXPECT_EQ(send("GET", "/api/v1/calls", "shopper").body, R"({"data":[],"has_more":false})");
  EXPECT_THAT(send("POST", "/api/v1/sql", "shopper", R"({"query":"select * from calls"})").body,
              HasSubstr(R"("rows":[])"));
  EXPECT_THAT(send("GET", "/metrics", "reader").body, HasSubstr(R"(project="bank")"));
  EXPECT_THAT(send("GET", "/metrics", "shopper").body, Not(HasSubstr(R"(project="bank")")));
  EXPECT_THAT(send("GET", "/metrics", "admin").body, HasSubstr(R"(project="bank")"));
}

TEST_P(TelemetryRoutes, NeedAKeyThatMayRead) {
  for (const auto* target : {"/api/v1/calls", "/api/v1/calls/01HF", "/metrics"}) {
    EXPECT_EQ(send("GET", target, "").status, 401) << target;
    EXPECT_EQ(send("GET", target, "nobody").status, 401) << target;
    EXPECT_EQ(send("GET", target, "caller").status, 403) << target;
  }
  EXPECT_EQ(send("POST", "/api/v1/sql", "caller", R"({"query":"select 1"})").status, 403);
}

TEST_P(TelemetryRoutes, RefuseWhatTheyDoNotUnderstand) {
  const Response slip = send("GET", "/api/v1/calls?limt=1", "reader");
  EXPECT_EQ(slip.status, 400);
  EXPECT_EQ(slip.code(), "unknown_parameter");
  EXPECT_THAT(slip.body, HasSubstr("Did you mean `limit`?"));
  EXPECT_EQ(send("GET", "/api/v1/calls/nobody", "reader").status, 404);
  const std::pair<std::string, std::string> cases[] = {
      {"", "invalid_json"},
      {"{", "invalid_json"},
      {"null", "invalid_type"},
      {"{}", "missing_required_parameter"},
      {R"({"query":1})", "invalid_type"},
      {R"({"query":"select 1","limt":1})", "unknown_parameter"},
      {R"({"query":"select 1","limit":0})", "invalid_value"},
      {R"({"query":"select 1","limit":10001})", "invalid_value"},
      {R"({"query":"select 1","limit":"2"})", "invalid_type"},
      {R"({"query":"drop table calls"})", "invalid_sql"},
      {R"({"query":"select * from cals"})", "invalid_sql"},
  };
  for (const auto& [body, code] : cases) {
    const Response response = send("POST", "/api/v1/sql", "reader", body.empty() ? " " : body);
    EXPECT_EQ(response.status, 400) << body << response.body;
    EXPECT_EQ(response.code(), code) << body;
  }
}

TEST_P(TelemetryRoutes, CutLongAnswersAndSayType) {
  const Response response =
      send("POST", "/api/v1/sql", "reader", R"x({"query":"select i as n from range(5) t(i)","limit":2})x");
  EXPECT_EQ(response.body, R"({"columns":[{"name":"n","type":"BIGINT"}],"rows":[[0],[1]],"truncated":true})");
}

TEST_P(TelemetryRoutes, KeepWhatPoliciesLeaveOfFeedback) {
  CallRecord call = record_of("bank", new_id(clock_.unix_micros()));
  call.session = "s-1";
  const std::string id = call.id;
  record(std::move(call));
  const Response told =
      send("POST", "/v1/feedback", "caller",
           R"({"call":")" + id + R"(","comment":"maria","correction":"To \"maria\"","author":"maria"})");
  EXPECT_EQ(told.status, 200) << told.body;
  EXPECT_EQ(told.json().at("author"), "maria") << "as it was said";
  const Response session = send("POST", "/v1/feedback", "caller", R"({"session":"s-2","category":"maria"})");
  EXPECT_EQ(session.status, 200) << session.body;
  const Response blocked = send("POST", "/v1/feedback", "caller", R"({"user":"u","comment":"a secret"})");
  EXPECT_EQ(blocked.status, 403);
  EXPECT_EQ(blocked.code(), "privacy_blocked");
  const boost::json::value listed = send("GET", "/api/v1/feedback", "reader").json();
  const boost::json::array& said = listed.at("data").as_array();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].at("category"), "anna of s-2");
  EXPECT_EQ(said[1].at("comment"), "anna of s-1");
  EXPECT_EQ(said[1].at("correction"), "To \"anna of s-1\"");
  EXPECT_EQ(said[1].at("author"), "anna of s-1");
}

TEST_P(TelemetryRoutes, CountTheSpool) {
  for (int i = 0; i < 10; ++i) record(record_of("bank", new_id(clock_.unix_micros())));
  EXPECT_EQ(send("GET", "/api/v1/calls", "reader").status, 200);
  const Response response = send("GET", "/metrics", "reader");
  EXPECT_THAT(response.body, HasSubstr("\nfairlead_records_total 10\n"));
  EXPECT_THAT(response.body, HasSubstr("\nfairlead_records_loaded_total 10\n"));
  EXPECT_THAT(response.body, HasSubstr("\nfairlead_records_lost_total 0\n"));
  EXPECT_THAT(response.body, StartsWith("# HELP "));
}

}  // namespace
}  // namespace fairlead::telemetry
