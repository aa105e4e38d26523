#include "platform/http/client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "platform/http/tests/harness.h"
#include "platform/http/tests/scripted_upstream.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Outcome {
  int status = 0;
  std::string body;
  std::string code;  // of the error, if one came
};

// A client on a loop of its own, asked from the test's thread.
class ClientRunner {
 public:
  explicit ClientRunner(ClientOptions options = {}) : runtime_(1), pool_(1) {
    client_ = *Client::create(runtime_.loop(0), pool_, std::move(options));
    runtime_.start();
  }
  ~ClientRunner() { runtime_.stop(); }

  Outcome send(const std::string& url, ClientRequest request, std::size_t limit = 100'000'000) {
    const auto origin = Origin::parse(url);
    if (!origin) return {.code = origin.error().code};
    return boost::asio::co_spawn(runtime_.loop(0).context(), exchange(*client_, *origin, request, limit),
                                 boost::asio::use_future)
        .get();
  }
  Outcome get(std::uint16_t port, std::string_view target = "/") {
    return send("http://127.0.0.1:" + std::to_string(port), {.target = target, .deadline = Clock::now() + 5s});
  }
  Outcome post(std::uint16_t port, std::string_view target, std::string_view body) {
    return send("http://127.0.0.1:" + std::to_string(port), {.method = Method::kPost,
                                                             .target = target,
                                                             .body = body,
                                                             .content_type = "text/plain",
                                                             .deadline = Clock::now() + 5s});
  }
  // Takes what the first read brings, and leaves the rest.
  std::string take_some(std::uint16_t port) {
    const auto origin = Origin::parse("http://127.0.0.1:" + std::to_string(port));
    return boost::asio::co_spawn(runtime_.loop(0).context(), read_once(*client_, *origin), boost::asio::use_future)
        .get();
  }
  // Cancels when `after` has passed.
  Outcome send_and_cancel(const std::string& url, std::chrono::milliseconds after) {
    const auto origin = Origin::parse(url);
    async::Cancellation cancellation;
    auto answer = boost::asio::co_spawn(runtime_.loop(0).context(),
                                        exchange(*client_, *origin, {.target = "/"}, 1000, &cancellation),
                                        boost::asio::use_future);
    std::this_thread::sleep_for(after);
    runtime_.loop(0).post([&] { cancellation.request(); });
    return answer.get();
  }

 private:
  static async::Task<Outcome> exchange(Client& client, const Origin& origin, ClientRequest request, std::size_t limit,
                                       async::Cancellation* given = nullptr) {
    async::Cancellation own;
    auto response = co_await client.send(origin, request, given ? *given : own);
    if (!response) co_return Outcome{.status = 0, .body = response.error().message, .code = response.error().code};
    Outcome outcome{.status = (*response)->status(), .body = {}, .code = {}};
    auto body = co_await (*response)->read_all(limit);
    if (body)
      outcome.body = std::move(*body);
    else
      outcome.code = body.error().code;
    co_return outcome;
  }
  static async::Task<std::string> read_once(Client& client, const Origin& origin) {
    async::Cancellation cancellation;
    auto response = co_await client.send(origin, {.target = "/", .deadline = Clock::now() + 5s}, cancellation);
    if (!response) co_return response.error().code;
    auto bytes = co_await (*response)->read();
    (*response)->dismiss();
    co_return bytes ? std::string(*bytes) : bytes.error().code;
  }
  async::Runtime runtime_;
  async::BlockingPool pool_;
  std::unique_ptr<Client> client_;
};

TEST(Origin, ReadsUrls) {
  const auto full = Origin::parse("https://api.example.com/v1/");
  ASSERT_TRUE(full.has_value());
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->port, 443);
  EXPECT_EQ(full->prefix, "/v1");
  EXPECT_EQ(full->host_header, "api.example.com");
  EXPECT_EQ(Origin::parse("http://127.0.0.1:8080")->host_header, "127.0.0.1:8080");
  EXPECT_EQ(Origin::parse("http://[::1]:8080/x")->host, "::1");
  EXPECT_EQ(Origin::parse("http://[::1]:8080/x")->host_header, "[::1]:8080");
  EXPECT_EQ(Origin::parse("unix:/run/a.sock")->unix_path, "/run/a.sock");
  for (const char* url :
       {"", "api.example.com", "ftp://a", "http://", "http://u:secret@a/", "http://a?x", "http://a#x", "http://a:0",
        "http://a:99999", "http://a:x", "http://a b", "http://[::1", "unix:relative", "http://a\r\nb", "http://a:"}) {
    const auto parsed = Origin::parse(url);
    ASSERT_FALSE(parsed.has_value()) << url;
    EXPECT_EQ(parsed.error().code, "invalid_url");
    EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos);
  }
}

TEST(Client, SpeaksToTheServer) {
  TestServer server;
  ClientRunner client;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.get(server.port(), "/hello").body, "hello");
    EXPECT_EQ(client.get(server.port(), "/stream").body, "data: one\n\ndata: two\n\ndata: three\n\n");
    EXPECT_EQ(client.get(server.port(), "/nowhere").status, 404);
    EXPECT_EQ(client.get(server.port(), "/host").body, "127.0.0.1:" + std::to_string(server.port()));
  }
  for (const std::size_t size : {0u, 1u, 10'000u, 16'000u, 17'000u, 1'000'000u, 9'000'000u}) {
    const std::string body(size, 'x');
    EXPECT_TRUE(client.post(server.port(), "/echo", body).body == body) << size;
  }
  EXPECT_EQ(client.get(server.port(), "/big?bytes=20000000").body.size(), 20'000'000u);
  EXPECT_EQ(server.server().open_connections(), 1u) << "every request but the first should reuse the connection";
  EXPECT_EQ(client.get(server.port(), "/bad path").code, "invalid_url");
}

TEST(Client, SpeaksOverAUnixSocket) {
  ScratchFolder folder;
  ServerOptions options;
  options.address = "unix:" + folder.path("s");
  TestServer server(options);
  ClientRunner client;
  EXPECT_EQ(client.send(options.address, {.target = "/hello"}).body, "hello");
  EXPECT_EQ(client.send(options.address, {.method = Method::kHead, .target = "/hello"}).body, "");
  EXPECT_EQ(client.send(options.address, {.target = "/host"}).body, "localhost");
}

TEST(Client, ResolvesNames) {
  TestServer server;
  ClientRunner client;
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(client.send("http://localhost:" + port, {.target = "/hello"}).body, "hello");
  EXPECT_EQ(client.send("http://no-such-host.invalid:" + port, {.target = "/hello"}).code, "upstream_unreachable");
  EXPECT_EQ(client.send("http://127.0.0.1:1", {.target = "/hello"}).code, "upstream_unreachable");
  EXPECT_EQ(client.send("unix:/no/such/socket", {.target = "/hello"}).code, "upstream_unreachable");
}

// What an upstream may send, and what the client makes of it.
TEST(Client, ReadsAnswersStrictly) {
  struct Case {
    const char* name;
    std::string answer;
    int status;
    std::string body;
    std::string code{};
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const Case cases[] = {
      {"a length", ok + "Content-Length: 5\r\n\r\nhello", 200, "hello"},
      {"no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"an empty reason", "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"chunks", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: 1\r\n\r\n", 200, "hello"},
      {"until the end", ok + "\r\nhello", 200, "hello"},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello"},
      {"interim answers",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok +
           "Content-Length: 5\r\n\r\nhello",
       200, "hello"},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, ""},
      {"an error", "HTTP/1.1 529 Overloaded\r\nContent-Length: 2\r\n\r\n{}", 529, "{}"},
      {"length and chunked", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "",
       "upstream_invalid"},
      {"two lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 0, "", "upstream_invalid"},
      {"an unknown coding", ok + "Transfer-Encoding: gzip\r\n\r\nhello", 0, "", "upstream_invalid"},
      {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", 0, "", "upstream_invalid"},
      {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", 0, "", "upstream_invalid"},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", 0, "", "upstream_invalid"},
      {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", 0, "", "upstream_invalid"},
      {"a status of 600", "HTTP/1.1 600 OK\r\n\r\n", 0, "", "upstream_invalid"},
      {"switching protocols", "HTTP/1.1 101 Switching\r\n\r\n", 0, "", "upstream_invalid"},
      {"a head without end", ok + "X: " + std::string(100'000, 'x'), 0, "", "upstream_invalid"},
      {"a bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\nz\r\n", 200, "", "upstream_invalid"},
      {"cut in a body", ok + "Content-Length: 50\r\n\r\nhello", 200, "", "upstream_reset"},
      {"cut in a chunk", ok + "Transfer-Encoding: chunked\r\n\r\nA\r\nhello", 200, "", "upstream_reset"},
      {"cut before the last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, "", "upstream_reset"},
      {"cut in a head", "HTTP/1.1 200 OK\r\nConte", 0, "", "upstream_reset"},
      {"nothing", "", 0, "", "upstream_reset"},
  };
  ClientRunner client;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    ScriptedUpstream upstream({{.answer = one.answer, .then_close = true}});
    const Outcome outcome = client.get(upstream.port());
    EXPECT_EQ(outcome.status, one.status) << outcome.body;
    EXPECT_EQ(outcome.code, one.code);
    if (outcome.status != 0) {
      EXPECT_EQ(outcome.body, one.body);
    }
  }
}

TEST(Client, ReadsAnAnswerSplitAnywhere) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;e\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\n\r\n";
  ClientRunner client;
  std::vector<ScriptedUpstream::Turn> turns;
  for (std::size_t at = 1; at < answer.size(); at += 3) turns.push_back({.answer = answer, .split_at = at});
  ScriptedUpstream upstream(turns);
  for (std::size_t i = 0; i < turns.size(); ++i) EXPECT_EQ(client.get(upstream.port()).body, "hello world");
  EXPECT_EQ(upstream.connections(), 1);
}

const std::string kFine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(Client, ReplacesAConnectionThatTheServerHadClosed) {
  for (const bool post : {false, true}) {
    ScriptedUpstream upstream({{.answer = kFine, .then_close = true}, {.answer = kFine}});
    ClientRunner client;
    EXPECT_EQ(client.get(upstream.port()).body, "ok");
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ((post ? client.post(upstream.port(), "/", "x") : client.get(upstream.port())).body, "ok");
    EXPECT_EQ(upstream.connections(), 2);
  }
}

TEST(Client, ReplacesAReusedConnectionThatClosesWithoutAByte) {
  ScriptedUpstream upstream({{.answer = kFine}, {.answer = "", .then_close = true}, {.answer = kFine}});
  ClientRunner client;
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(client.post(upstream.port(), "/", "x").body, "ok");
  EXPECT_EQ(upstream.connections(), 2);
}

TEST(Client, NeverRepeatsARequestWhoseAnswerHadBegun) {
  ScriptedUpstream upstream({{.answer = kFine}, {.answer = "HTTP/1.1 2", .then_close = true}, {.answer = kFine}});
  ClientRunner client;
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(client.get(upstream.port()).code, "upstream_reset");
}

TEST(Client, NeverRepeatsAPostThatWasWorkedOn) {
  ScriptedUpstream upstream(
      {{.answer = kFine}, {.answer = "", .delay = 1500ms, .then_close = true}, {.answer = kFine}});
  ClientRunner client;
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(client.post(upstream.port(), "/", "x").code, "upstream_reset");
}

TEST(Client, DoesNotReuseAConnectionThatSaysClose) {
  ScriptedUpstream upstream(
      {{.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"}, {.answer = kFine}});
  ClientRunner client;
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(upstream.connections(), 2);
}

TEST(Client, TakesNoAnswerThatCameUnasked) {
  ScriptedUpstream upstream(
      {{.answer = kFine + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}, {.answer = kFine}});
  ClientRunner client;
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(client.get(upstream.port()).body, "ok");
  EXPECT_EQ(upstream.connections(), 2);
}

TEST(Client, ReadsTheRestOfADismissedAnswerBehindItsBack) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n", end = "0\r\n\r\n";
  const std::string more = "2\r\nno\r\n";
  struct Case {
    ScriptedUpstream::Turn first;
    int connections;
    std::chrono::milliseconds pause = 100ms;
  };
  const Case cases[] = {
      {{.answer = chunked + end}, 1, 0ms},
      {{.answer = chunked + end, .split_at = chunked.size()}, 1},
      {{.answer = chunked + more + end, .split_at = chunked.size()}, 1},
      {{.answer = chunked + more + end + "x", .split_at = chunked.size()}, 2},
      {{.answer = chunked + "zz\r\n", .split_at = chunked.size()}, 2},
      {{.answer = chunked, .delay_after = 400ms, .then_close = true}, 2, 300ms},  // it never ends
      {{.answer = chunked, .then_close = true}, 2},
  };
  for (const Case& one : cases) {
    ScriptedUpstream upstream({one.first, {.answer = kFine}});
    ClientRunner client;
    // On a busy machine it comes with what follows, and with the fault in that.
    const std::string first = client.take_some(upstream.port()).substr(0, 4);
    EXPECT_TRUE(first == "done" || (first == "upst" && one.first.answer.ends_with("zz\r\n"))) << first;
    std::this_thread::sleep_for(one.pause);
    EXPECT_EQ(client.get(upstream.port()).body, "ok");
    EXPECT_EQ(upstream.connections(), one.connections) << one.first.answer;
  }
}

TEST(Client, LeavesWithADismissedAnswerUnread) {
  ScriptedUpstream upstream(
      {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n", .delay_after = 2s}});
  ClientRunner client;
  EXPECT_EQ(client.take_some(upstream.port()), "done");
}

TEST(Client, GivesUpAtTheDeadline) {
  ScriptedUpstream upstream({{.answer = kFine, .delay = 3s}});
  ClientRunner client;
  const auto start = Clock::now();
  const Outcome outcome = client.send("http://127.0.0.1:" + std::to_string(upstream.port()),
                                      {.target = "/", .deadline = Clock::now() + 200ms});
  EXPECT_EQ(outcome.code, "upstream_timeout");
  EXPECT_LT(Clock::now() - start, 1s);
}

TEST(Client, GivesUpWhenNothingComesForAWhile) {
  ScriptedUpstream upstream({{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", .delay_after = 3s}});
  ClientRunner client;
  const auto start = Clock::now();
  const Outcome outcome = client.send("http://127.0.0.1:" + std::to_string(upstream.port()),
                                      {.target = "/", .deadline = Clock::now() + 60s, .read_timeout = 200ms});
  EXPECT_EQ(outcome.code, "upstream_timeout");
  EXPECT_LT(Clock::now() - start, 1s);
}

TEST(Client, StopsWhenCancelled) {
  ScriptedUpstream upstream({{.answer = kFine, .delay = 3s}});
  ClientRunner client;
  const auto start = Clock::now();
  EXPECT_EQ(client.send_and_cancel("http://127.0.0.1:" + std::to_string(upstream.port()), 100ms).code, "cancelled");
  EXPECT_LT(Clock::now() - start, 1s);
}

TEST(Client, RefusesAnAnswerOverTheLimit) {
  TestServer server;
  ClientRunner client;
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(client.send(url, {.target = "/big?bytes=1001"}, 1000).code, "upstream_too_large");
  EXPECT_EQ(client.send(url, {.target = "/stream"}, 10).code, "upstream_too_large");
  EXPECT_EQ(client.send(url, {.target = "/big?bytes=1000"}, 1000).body.size(), 1000u);
}

TEST(Client, ReadsTheAnswerOfAnUpstreamThatRefusesABodyHalfway) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  TestServer server(options);
  ClientRunner client;
  EXPECT_EQ(client.post(server.port(), "/echo", std::string(3'000'000, 'x')).status, 413);
}

TEST(Client, ClosesIdleConnections) {
  TestServer server;
  ClientRunner client({.idle_timeout = 200ms});
  EXPECT_EQ(client.get(server.port(), "/hello").body, "hello");
  EXPECT_EQ(server.server().open_connections(), 1u);
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }, 3s));
  EXPECT_EQ(client.get(server.port(), "/hello").body, "hello");
}

}  // namespace
}  // namespace fairlead::http
