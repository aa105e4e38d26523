#include "platform/shared/redis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <thread>

#include "platform/shared/tests/redis_server.h"

namespace fairlead::shared {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;

// A connection on a loop that runs.
class Peer {
 public:
  explicit Peer(RedisOptions options) : runtime_(1) {
    redis_ = std::make_unique<Redis>(runtime_.loop(0), std::move(options));
    runtime_.start();
    runtime_.loop(0).post([this] { redis_->start([this] { return greet(); }); });
  }
  ~Peer() {
    auto stopped = redis_->stop();
    asio::co_spawn(runtime_.loop(0).executor(), std::move(stopped), asio::use_future).get();
    runtime_.stop();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  Result<Reply> ask(std::vector<std::string> arguments) { return begin(std::move(arguments)).get(); }
  std::future<Result<Reply>> begin(std::vector<std::string> arguments) {
    return asio::co_spawn(runtime_.loop(0).executor(), redis_->ask(std::move(arguments)), asio::use_future);
  }
  Result<Reply> run(const Script& script, std::vector<std::string> arguments) {
    return asio::co_spawn(runtime_.loop(0).executor(), redis_->ask(script, std::move(arguments)), asio::use_future)
        .get();
  }
  bool ready() {
    std::promise<bool> out;
    runtime_.loop(0).post([&] { out.set_value(redis_->ready()); });
    return out.get_future().get();
  }
  void wait_ready() {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!ready() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(2ms);
    ASSERT_TRUE(ready());
  }
  int greetings() const { return greetings_; }

 private:
  async::Task<Result<void>> greet() {
    ++greetings_;
    co_return Result<void>{};
  }
  async::Runtime runtime_;
  std::unique_ptr<Redis> redis_;
  std::atomic<int> greetings_{0};
};

// Says what it is told, whatever it is asked; each connection the next line.
class Liar {
 public:
  explicit Liar(std::vector<std::string> answers, bool by_bytes = false, bool close = false)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}), thread_([=, this] {
          for (const std::string& answer : answers) {
            asio::ip::tcp::socket socket(context_);
            boost::system::error_code error;
            acceptor_.accept(socket, error);
            if (error) return;
            socket.set_option(asio::ip::tcp::no_delay(true), error);
            std::array<char, 4096> buffer;
            socket.read_some(asio::buffer(buffer), error);
            for (std::size_t i = 0; by_bytes && i < answer.size() && !error; ++i)
              asio::write(socket, asio::buffer(&answer[i], 1), error);
            if (!by_bytes) asio::write(socket, asio::buffer(answer), error);
            if (close) continue;
            while (!error) socket.read_some(asio::buffer(buffer), error);  // until the other one leaves
          }
        }) {}
  ~Liar() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
  }
  RedisOptions options() {
    RedisOptions out = *parse_redis_url("redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()));
    out.timeout = 300ms;
    return out;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST(RedisUrl, SaysWhereItIs) {
  const auto whole = parse_redis_url("redis://fairlead@redis.internal:6380/3");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->host, "redis.internal");
  EXPECT_EQ(whole->port, "6380");
  EXPECT_EQ(whole->user, "fairlead");
  EXPECT_EQ(whole->database, 3);
  EXPECT_EQ(parse_redis_url("redis://[::1]")->host, "::1");
  EXPECT_EQ(parse_redis_url("redis://[::1]:7000/")->port, "7000");
  EXPECT_EQ(parse_redis_url("redis+unix:///run/r.sock?db=2")->unix_path, "/run/r.sock");
  EXPECT_EQ(parse_redis_url("redis+unix:///run/r.sock?db=2")->database, 2);
}

TEST(RedisUrl, SaysWhatIsWrongWithoutThePassword) {
  for (const char* url : {"", "localhost", "rediss://h", "redis://", "redis://:hunter2@h", "redis://h:0", "redis://h:x",
                          "redis://h/x", "redis://[::1", "redis+unix://x", "redis+unix:///x?y=1", "redis://h\n"}) {
    const auto out = parse_redis_url(url);
    ASSERT_FALSE(out) << url;
    EXPECT_EQ(out.error().code, "invalid_setting");
    EXPECT_THAT(out.error().message, HasSubstr("redis.url"));
    EXPECT_THAT(out.error().message, testing::Not(HasSubstr("hunter2")));
  }
}

TEST(Redis, RepliesThatComeByteByByteAreWhole) {
  Liar liar({"*4\r\n:7\r\n$2\r\nab\r\n$-1\r\n*1\r\n+OK\r\n"}, true);
  Peer peer(liar.options());
  peer.wait_ready();
  const auto reply = peer.ask({"X"});
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->list.size(), 4u);
  EXPECT_EQ(reply->number(0), 7);
  EXPECT_EQ(reply->list[1].text, "ab");
  EXPECT_EQ(reply->list[2].kind, Reply::Kind::kNothing);
  EXPECT_EQ(reply->list[3].list[0].text, "OK");
}

TEST(Redis, ARepliesHalfAtEveryByteIsNoneAndItComesBack) {
  const std::string whole = "*2\r\n:7\r\n$2\r\nab\r\n";
  std::vector<std::string> halves;
  for (std::size_t i = 0; i < whole.size(); ++i) halves.push_back(whole.substr(0, i));
  const std::size_t count = halves.size();
  halves.push_back(whole);
  Liar liar(halves, false, true);
  Peer peer(liar.options());
  for (std::size_t i = 0; i < count; ++i) {
    peer.wait_ready();
    const auto reply = peer.ask({"X"});
    ASSERT_FALSE(reply) << i;
    EXPECT_EQ(reply.error().code, "redis_unavailable");
  }
  peer.wait_ready();
  EXPECT_TRUE(peer.ask({"X"}));
}

TEST(Redis, WhatIsNotItsProtocolEndsTheConnection) {
  const std::vector<std::string> nonsense = {
      "HTTP/1.1 400 Bad Request\r\n\r\n", ":x\r\n",      "$-7\r\n", "*9999999999999\r\n",
      std::string("\0\0\0", 3),           ":1\r\n:2\r\n"};
  Liar liar(nonsense);
  Peer peer(liar.options());
  for (std::size_t i = 0; i < nonsense.size(); ++i) {
    peer.wait_ready();
    const auto reply = peer.ask({"X"});
    EXPECT_EQ(reply.has_value(), i + 1 == nonsense.size())
        << nonsense[i];  // one answer too many is seen after the first
  }
}

TEST(Redis, WhoDoesNotAnswerInTimeIsLeft) {
  Liar liar({"", ":1\r\n"});
  Peer peer(liar.options());
  peer.wait_ready();
  const auto before = std::chrono::steady_clock::now();
  const auto reply = peer.ask({"X"});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("within 300 ms"));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 300ms);
  peer.wait_ready();
  EXPECT_TRUE(peer.ask({"X"}));
}

TEST(Redis, AServerThatCannotDoAnythingIsLeft) {
  const std::vector<std::string> errors = {
      "-READONLY You can't write against a read only replica.\r\n",
      "-LOADING Redis is loading the dataset in memory\r\n",
      "-ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed\r\n",
      "-ERR unknown command\r\n"};
  Liar liar(errors);
  Peer peer(liar.options());
  for (std::size_t i = 0; i < errors.size(); ++i) {
    peer.wait_ready();
    const auto reply = peer.ask({"X"});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, i + 1 < errors.size() ? "redis_unavailable" : "redis_error") << errors[i];
  }
}

TEST(Redis, NobodyThere) {
  std::string port;
  {
    Liar liar({});
    port = liar.options().port;
  }
  Peer peer(*parse_redis_url("redis://127.0.0.1:" + port));
  const auto reply = peer.ask({"X"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kUnavailable);
}

class RealRedis : public testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::installed()) GTEST_SKIP() << "redis-tools is not installed";
    server_ = std::make_unique<RedisServer>();
  }
  std::unique_ptr<RedisServer> server_;
};

TEST_F(RealRedis, AScriptItHasForgottenIsSentAgain) {
  Peer peer(*parse_redis_url(server_->url() + "?db=2"));
  peer.wait_ready();
  static const Script script("return {ARGV[1], tonumber(ARGV[2]) + 1}");
  for (int i = 0; i < 2; ++i) {
    const auto reply = peer.run(script, {"a\r\nb", "41"});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->list[0].text, "a\r\nb");
    EXPECT_EQ(reply->number(1), 42);
    EXPECT_TRUE(peer.ask({"SCRIPT", "FLUSH"}));
  }
  const auto wrong = peer.ask({"NO", "SUCH"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "redis_error");
}

TEST_F(RealRedis, ManyAtOnceAreAnsweredInOrder) {
  Peer peer(*parse_redis_url(server_->url()));
  peer.wait_ready();
  std::vector<std::future<Result<Reply>>> replies;
  for (int i = 0; i < 2'000; ++i) replies.push_back(peer.begin({"ECHO", std::to_string(i)}));
  for (int i = 0; i < 2'000; ++i) EXPECT_EQ(replies[static_cast<std::size_t>(i)].get()->text, std::to_string(i));
}

TEST_F(RealRedis, ItComesBackAfterAKillAndAStall) {
  RedisOptions options = *parse_redis_url(server_->url());
  options.timeout = 200ms;
  Peer peer(std::move(options));
  peer.wait_ready();
  server_->kill();
  EXPECT_FALSE(peer.ask({"PING"}));
  server_->start();
  peer.wait_ready();
  EXPECT_TRUE(peer.ask({"PING"}));
  server_->pause();
  EXPECT_FALSE(peer.ask({"PING"}));
  server_->resume();
  peer.wait_ready();
  EXPECT_TRUE(peer.ask({"PING"}));
  EXPECT_GE(peer.greetings(), 3);
}

TEST_F(RealRedis, AWrongPasswordIsNoConnection) {
  {
    Peer peer(*parse_redis_url(server_->url()));
    peer.wait_ready();
    EXPECT_TRUE(peer.ask({"CONFIG", "SET", "requirepass", "hunter2-hunter2"}));
  }
  RedisOptions options = *parse_redis_url(server_->url());
  options.password = "hunter2-hunter2";
  Peer right(options);
  right.wait_ready();
  options.password = "another-password";
  Peer wrong(options);
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(wrong.ready());
  const auto reply = wrong.ask({"PING"});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, testing::Not(HasSubstr("another-password")));
}

}  // namespace
}  // namespace fairlead::shared
