// Time, clients that go away, limits and the end of a server.
#include "platform/http/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "platform/http/tests/harness.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::string kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kWait = "GET /wait?ms=20000 HTTP/1.1\r\nHost: a\r\n\r\n";

ServerOptions quick() {
  ServerOptions options;
  options.limits.head_timeout = 300ms;
  options.limits.body_timeout = 300ms;
  options.limits.idle_timeout = 600ms;
  options.limits.write_timeout = 300ms;
  return options;
}

TEST(ServerTime, ASlowHeadIsAnswered408) {
  TestServer server(quick());
  for (const char* begun : {"G", "GET /hello HTTP/1.1\r\nHost: a\r\nX-A"}) {
    RawClient client(server.port());
    client.send(begun);
    const auto start = Clock::now();
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 408);
    EXPECT_TRUE(answer.closed);
    EXPECT_LT(Clock::now() - start, 2s);
  }
}

TEST(ServerTime, AHeadThatTricklesDoesNotHoldItsConnection) {
  TestServer server(quick());
  RawClient client(server.port());
  const auto start = Clock::now();
  while (Clock::now() - start < 2s && client.send("X")) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(client.read().status, 408);
}

TEST(ServerTime, ASlowBodyIsAnswered408) {
  TestServer server(quick());
  for (const char* begun : {"Content-Length: 10\r\n\r\nhalf", "Content-Length: 100000\r\n\r\nhalf",
                            "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"}) {
    RawClient client(server.port());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string(begun));
    const Answer answer = client.read(3s);
    EXPECT_EQ(answer.status, 408) << begun;
    EXPECT_EQ(answer.body, "body_timeout");
    EXPECT_TRUE(answer.closed);
  }
}

TEST(ServerTime, ABodyThatTricklesDoesNotHoldItsConnection) {
  TestServer server(quick());
  RawClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n");
  const auto start = Clock::now();
  while (Clock::now() - start < 3s && client.send("x")) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(client.read().status, 408);
}

TEST(ServerTime, AnIdleConnectionIsClosedWithoutAnAnswer) {
  TestServer server(quick());
  RawClient fresh(server.port()), used(server.port());
  used.send(kHello);
  EXPECT_EQ(used.read().body, "hello");
  EXPECT_TRUE(fresh.closes_within(3s));
  EXPECT_EQ(fresh.pending(), "");
  EXPECT_TRUE(used.closes_within(3s));
  EXPECT_EQ(used.pending(), "");
}

TEST(ServerTime, ARequestAfterAnotherHasItsOwnTime) {
  TestServer server(quick());
  RawClient client(server.port());
  for (int i = 0; i < 5; ++i) {
    client.send(kHello);
    EXPECT_EQ(client.read().body, "hello");
    std::this_thread::sleep_for(250ms);
  }
}

TEST(ServerTime, AClientThatTakesNothingIsLetGo) {
  TestServer server(quick());
  RawClient client(server.port());
  client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return server.seen().cancelled == 1; }, 10s));
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }));
}

TEST(ServerTime, ALargeAnswerToASlowReaderIsWhole) {
  TestServer server(quick());
  RawClient client(server.port());
  client.send("GET /big?bytes=20000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(client.read().body.size(), 20'000'000u);
}

TEST(ServerClients, OneThatHalfClosesIsAnswered) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /wait?ms=700 HTTP/1.1\r\nHost: a\r\n\r\n");
  client.end_writing();
  const Answer answer = client.read();
  EXPECT_EQ(answer.body, "waited");
  EXPECT_EQ(server.seen().cancelled, 0);
}

TEST(ServerClients, OneThatHalfClosesIsAnsweredAfterAProbeToo) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /wait?ms=3500 HTTP/1.1\r\nHost: a\r\n\r\n");
  client.end_writing();
  EXPECT_EQ(client.read().status, 100) << "the probe";
  EXPECT_EQ(client.read().body, "waited");
  EXPECT_EQ(server.seen().cancelled, 0);
}

TEST(ServerClients, OneThatClosesCancelsItsCall) {
  TestServer server;
  RawClient client(server.port());
  client.send(kWait);
  ASSERT_TRUE(eventually([&] { return server.seen().calls == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return server.seen().cancelled == 1; }, 5s));
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }));
}

TEST(ServerClients, OneThatResetsCancelsItsCallAtOnce) {
  TestServer server;
  RawClient client(server.port());
  client.send(kWait);
  ASSERT_TRUE(eventually([&] { return server.seen().calls == 1; }));
  std::this_thread::sleep_for(500ms);
  const auto start = Clock::now();
  client.reset();
  EXPECT_TRUE(eventually([&] { return server.seen().cancelled == 1; }, 5s));
  EXPECT_LT(Clock::now() - start, 500ms);
}

TEST(ServerClients, OneThatClosesWhileStreamedToCancelsItsCall) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server.seen().calls == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return server.seen().cancelled == 1; }, 5s));
}

TEST(ServerClients, OneThatClosesWhileItsEventsAreAwaitedCancelsItsCall) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /events?then_wait=30000 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.read_until("data: first\n\n"));  // so that closing sends FIN and not RST
  client.close();
  EXPECT_TRUE(eventually([&] { return server.seen().cancelled == 1; }, 5s));
}

TEST(ServerClients, OneThatHalfClosesWhileItsEventsAreAwaitedGetsThemAll) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /events?then_wait=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
  client.end_writing();
  const Answer answer = client.read();
  EXPECT_EQ(answer.body, "data: first\n\n:\n\ndata: last\n\n");
  EXPECT_EQ(server.seen().cancelled, 0);
}

TEST(ServerClients, OneThatPipelinesWhileItWaitsIsAnsweredInOrder) {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /wait?ms=900 HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(500ms);
  client.send("GET /items/1 HTTP/1.1\r\nHo");
  std::this_thread::sleep_for(50ms);
  client.send("st: a\r\n\r\n" + kHello);
  EXPECT_EQ(client.read().body, "waited");
  EXPECT_EQ(client.read().body, "1");
  EXPECT_EQ(client.read().body, "hello");
  EXPECT_EQ(server.seen().cancelled, 0);
}

// Their answers, of a size that is put off to be sent with others, are more than the sockets hold.
TEST(ServerClients, OneThatPipelinesAndReadsLateGetsAllInOrder) {
  TestServer server;
  RawClient client(server.port());
  constexpr int kCalls = 1'500;
  std::thread sending([&] {
    for (int i = 0; i < kCalls; ++i)
      client.send("GET /big?bytes=" + std::to_string(15'000 + i % 7) + " HTTP/1.1\r\nHost: a\r\n\r\nGET /items/" +
                  std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  });
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(server.seen().calls, 2 * kCalls) << "they wait for their reader";
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_EQ(client.read().body.size(), static_cast<std::size_t>(15'000 + i % 7));
    ASSERT_EQ(client.read().body, std::to_string(i));
  }
  sending.join();
}

// It has all its answers before the connection closes.
TEST(ServerClients, OneThatPipelinesHalfClosesAndReadsLateGetsAllInOrder) {
  TestServer server;
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 1'500; ++i) requests += "GET /big?bytes=15000 HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  client.end_writing();
  std::this_thread::sleep_for(300ms);
  for (int i = 0; i < 1'500; ++i) ASSERT_EQ(client.read().body.size(), 15'000u) << i;
  EXPECT_TRUE(client.closes_within(3s));
}

TEST(ServerLimits, MoreConnectionsThanAllowedAreClosedAtOnce) {
  ServerOptions options;
  options.limits.connections = 3;
  TestServer server(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(kHello);
    EXPECT_EQ(clients.back()->read().status, 200);
  }
  RawClient one_more(server.port());
  EXPECT_TRUE(one_more.closes_within(3s));
  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 2; }));
  RawClient again(server.port());
  again.send(kHello);
  EXPECT_EQ(again.read().status, 200);
}

TEST(ServerLimits, RunningOutOfDescriptorsDelaysAndDoesNotSpin) {
  TestServer server;
  RawClient first(server.port());
  first.send(kHello);
  ASSERT_EQ(first.read().status, 200);
  rlimit saved{};
  ::getrlimit(RLIMIT_NOFILE, &saved);
  // The client's own socket takes the last descriptor; the server finds none for its end.
  const int next = ::dup(0);
  ::close(next);
  rlimit tight = saved;
  tight.rlim_cur = static_cast<rlim_t>(next) + 1;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  RawClient second(server.port());
  EXPECT_TRUE(second.connected());
  second.send(kHello);
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ(second.read(700ms).status, 0);
  ::getrusage(RUSAGE_SELF, &after);
  first.send(kHello);
  EXPECT_EQ(first.read().status, 200) << "who is there is served all the while";
  ::setrlimit(RLIMIT_NOFILE, &saved);
  EXPECT_EQ(second.read().status, 200);
  const long spent_ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
                        (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000;
  EXPECT_LT(spent_ms, 200);
}

TEST(ServerLimits, AConnectionTakesOneDescriptorAndNoMore) {
  TestServer server;
  rlimit saved{};
  ::getrlimit(RLIMIT_NOFILE, &saved);
  // The last two: the client's own socket and, as the loop's first connection, the server's end of it.
  const int next = ::dup(0), after_next = ::dup(0);
  ::close(next);
  ::close(after_next);
  rlimit tight = saved;
  tight.rlim_cur = static_cast<rlim_t>(after_next) + 1;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  {
    RawClient only(server.port());
    only.send(kHello);
    EXPECT_EQ(only.read().status, 200);
  }
  ::setrlimit(RLIMIT_NOFILE, &saved);
}

TEST(ServerEnd, DrainingLetsCallsInFlightEnd) {
  auto server = std::make_unique<TestServer>(ServerOptions{}, 2);
  RawClient idle(server->port()), busy(server->port());
  idle.send(kHello);
  EXPECT_EQ(idle.read().status, 200);
  busy.send("GET /wait?ms=600 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server->seen().calls == 2; }));
  const std::uint16_t port = server->port();
  std::thread draining([&] { server->server().drain(10s); });
  EXPECT_TRUE(idle.closes_within(3s));
  const Answer answer = busy.read();
  EXPECT_EQ(answer.body, "waited");
  EXPECT_TRUE(answer.has("connection: close"));
  draining.join();
  EXPECT_EQ(server->server().open_connections(), 0u);
  EXPECT_FALSE(RawClient(port).connected());
}

TEST(ServerEnd, DrainingCancelsWhatDoesNotEnd) {
  TestServer server;
  RawClient busy(server.port());
  busy.send(kWait);
  ASSERT_TRUE(eventually([&] { return server.seen().calls == 1; }));
  const auto start = Clock::now();
  server.server().drain(200ms);
  EXPECT_LT(Clock::now() - start, 3s);
  EXPECT_EQ(server.seen().cancelled, 1);
  EXPECT_EQ(server.server().open_connections(), 0u);
}

TEST(ServerEnd, AServerWhoseLoopsHaveStoppedCanBeDestroyed) {
  async::Runtime runtime(2);
  Router router;
  auto server = Server::listen(runtime, {.port = 0}, std::move(router));
  ASSERT_TRUE(server.has_value());
  runtime.start();
  (*server)->start();
  RawClient client((*server)->port()), other((*server)->port());
  client.send("GET /");
  ASSERT_TRUE(eventually([&] { return (*server)->open_connections() == 2; }));
  runtime.stop();
  server->reset();
}

TEST(Listening, APortInUseIsAClearError) {
  TestServer first;
  async::Runtime runtime(1);
  ServerOptions options;
  options.port = first.port();
  const auto second = Server::listen(runtime, options, Router());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, "address_in_use");
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(first.port())), std::string::npos);
}

TEST(Listening, AnAddressThatIsNoneIsAClearError) {
  async::Runtime runtime(1);
  for (const char* address : {"nonsense", "300.0.0.1", "unix:", "unix:/no/such/folder/socket"}) {
    ServerOptions options;
    options.address = address;
    const auto server = Server::listen(runtime, options, Router());
    ASSERT_FALSE(server.has_value()) << address;
    EXPECT_EQ(server.error().code, "invalid_address") << server.error().message;
  }
}

TEST(Listening, AUnixSocketServesAndReplacesOneLeftBehind) {
  ScratchFolder folder;
  const std::string path = folder.path("socket");
  for (int round = 0; round < 2; ++round) {
    ServerOptions options;
    options.address = "unix:" + path;
    TestServer server(options, 2);
    for (int i = 0; i < 4; ++i) {
      RawClient client(path);
      client.send(kHello);
      EXPECT_EQ(client.read().body, "hello");
    }
    async::Runtime runtime(1);
    const auto second = Server::listen(runtime, options, Router());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, "address_in_use");
  }
  struct stat status {};
  EXPECT_NE(::stat(path.c_str(), &status), 0) << "the socket should be gone with its server";
  {
    // What a killed process leaves.
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_storage storage{};
    storage.ss_family = AF_UNIX;
    std::memcpy(reinterpret_cast<char*>(&storage) + sizeof(sa_family_t), path.data(), path.size());
    ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&storage),
                     static_cast<socklen_t>(sizeof(sa_family_t) + path.size() + 1)),
              0);
    ::close(left);
  }
  ServerOptions options;
  options.address = "unix:" + path;
  TestServer server(options);
  RawClient client(path);
  client.send(kHello);
  EXPECT_EQ(client.read().body, "hello");
  client.send(kWait);
  ASSERT_TRUE(eventually([&] { return server.seen().calls == 2; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return server.seen().cancelled == 1; }, 5s));
}

}  // namespace
}  // namespace fairlead::http
