#include "platform/http/internal/socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "platform/http/internal/poller.h"

namespace fairlead::http {
namespace {

namespace asio = boost::asio;
using ErrorCode = Socket::ErrorCode;

// A socket of a loop and the other end, which blocks: of a pair, or of TCP over loopback.
class SocketTest : public testing::Test {
 public:
  SocketTest() = default;
  ~SocketTest() override {
    if (peer_ >= 0) ::close(peer_);
  }

 protected:
  std::unique_ptr<Socket> pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    peer_ = ends[1];
    auto socket = std::make_unique<Socket>(loop_);
    socket->assign(ends[0]);
    return socket;
  }

  std::unique_ptr<Socket> tcp() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    Endpoint endpoint;
    std::memcpy(endpoint.data(), &address, size);
    endpoint.resize(size);
    auto socket = std::make_unique<Socket>(loop_);
    std::optional<ErrorCode> error;
    spawn(connect(*socket, endpoint, error));
    run_what_is_ready();
    peer_ = ::accept(listener, nullptr, nullptr);
    EXPECT_TRUE(until([&] { return error.has_value(); }));
    EXPECT_FALSE(*error) << error->message();
    ::close(listener);
    return socket;
  }

  static async::Task<void> connect(Socket& socket, Endpoint endpoint, std::optional<ErrorCode>& outcome) {
    ErrorCode error;
    co_await socket.connect(endpoint, error);
    outcome = error;
  }

  void spawn(async::Task<void> task) {
    asio::co_spawn(loop_.executor(), std::move(task), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }

  void run_what_is_ready() {
    loop_.context().restart();
    loop_.context().poll();
  }

  // Runs the loop until it is so; false if it has no more to do, or takes seconds.
  template <class Condition>
  bool until(Condition condition) {
    const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    loop_.context().restart();
    while (!condition())
      if (std::chrono::steady_clock::now() > last || loop_.context().run_one_for(std::chrono::seconds(1)) == 0)
        return condition();
    return true;
  }

  void peer_sends(std::string_view bytes) {
    EXPECT_EQ(::send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void peer_closes() { ::close(std::exchange(peer_, -1)); }
  void peer_resets() {
    const linger at_once{1, 0};
    ::setsockopt(peer_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    peer_closes();
  }

  struct Outcome {
    std::optional<ErrorCode> error;
    std::string bytes;
  };
  // Into `room` bytes; the outcome's error is there when it is done.
  std::shared_ptr<Outcome> read(Socket& socket, std::size_t room = 100) {
    auto outcome = std::make_shared<Outcome>();
    auto buffer = std::make_shared<std::string>(room, '\0');
    socket.async_read_some(asio::buffer(*buffer), [outcome, buffer](ErrorCode error, std::size_t got) {
      outcome->error = error;
      outcome->bytes = buffer->substr(0, got);
    });
    return outcome;
  }
  Outcome read_to_its_end(Socket& socket, std::size_t room = 100) {
    const auto outcome = read(socket, room);
    EXPECT_TRUE(until([&] { return outcome->error.has_value(); }));
    return *outcome;
  }

  async::Loop loop_{0};
  int peer_ = -1;
};

TEST_F(SocketTest, ReadsWhatComesBeforeAndAfterItIsAskedFor) {
  const auto socket = pair();
  peer_sends("before");
  EXPECT_EQ(read_to_its_end(*socket).bytes, "before");
  const auto later = read(*socket);
  EXPECT_FALSE(later->error);
  peer_sends("after");
  EXPECT_TRUE(until([&] { return later->error.has_value(); }));
  EXPECT_EQ(later->bytes, "after");
  // More than there was room for is not told again, and is there.
  peer_sends("in two");
  EXPECT_EQ(read_to_its_end(*socket, 3).bytes, "in ");
  EXPECT_EQ(read_to_its_end(*socket, 3).bytes, "two");
}

TEST_F(SocketTest, SeesAnEndThatCameWithTheLastBytes) {
  for (const bool over_tcp : {false, true}) {
    const auto socket = over_tcp ? tcp() : pair();
    const auto first = read(*socket);
    run_what_is_ready();  // it waits
    peer_sends("last");
    peer_closes();
    EXPECT_TRUE(until([&] { return first->error.has_value(); }));
    EXPECT_EQ(first->bytes, "last");
    EXPECT_EQ(read_to_its_end(*socket).error, ErrorCode(asio::error::eof));
    EXPECT_FALSE(socket->quiet());
  }
}

TEST_F(SocketTest, IsQuietUntilTheLoopHasSeenSomething) {
  for (const bool closes : {false, true}) {
    const auto socket = tcp();
    peer_sends("answer");
    EXPECT_EQ(read_to_its_end(*socket).bytes, "answer");
    EXPECT_TRUE(socket->quiet());
    if (closes)
      peer_closes();
    else
      peer_sends("unasked");
    EXPECT_TRUE(until([&] { return !socket->quiet(); }));
  }
}

TEST_F(SocketTest, ARefusedConnectionSaysSo) {
  Endpoint nowhere;
  {
    const auto socket = tcp();  // for a port that nobody listens on any more
    socklen_t size = static_cast<socklen_t>(nowhere.capacity());
    ASSERT_EQ(::getsockname(peer_, nowhere.data(), &size), 0);
    nowhere.resize(size);
    peer_closes();
  }
  Socket socket(loop_);
  std::optional<ErrorCode> error;
  spawn(connect(socket, nowhere, error));
  EXPECT_TRUE(until([&] { return error.has_value(); }));
  EXPECT_EQ(error, ErrorCode(asio::error::connection_refused));
  EXPECT_FALSE(socket.is_open());
}

TEST_F(SocketTest, WritesWaitForRoomAndKeepTheirOrder) {
  const auto socket = pair();
  const std::string large(4 * 1024 * 1024, 'x');
  std::string sent;
  const auto send_all = [](Socket& socket, const std::string& large, bool& done) -> async::Task<void> {
    for (std::size_t at = 0; at < large.size();) {
      ErrorCode error;
      at += co_await socket.async_write_some(asio::buffer(large.data() + at, large.size() - at),
                                             asio::redirect_error(async::use_task, error));
      EXPECT_FALSE(error);
    }
    done = true;
  };
  bool done = false;
  spawn(send_all(*socket, large, done));
  bool room = false;
  std::string got;
  std::string piece(64 * 1024, '\0');
  while (got.size() < large.size()) {
    run_what_is_ready();
    if (!done && !room) {
      room = true;
      EXPECT_LT(got.size(), large.size());
    }
    const ssize_t count = ::recv(peer_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (count > 0) got.append(piece, 0, static_cast<std::size_t>(count));
  }
  EXPECT_TRUE(until([&] { return done; }));
  EXPECT_EQ(got, large);
}

TEST_F(SocketTest, AResetIsAFailureAndAnEndIsNot) {
  for (const bool resets : {false, true}) {
    const auto socket = tcp();
    std::optional<ErrorCode> failure;
    socket->wait_for_failure([&](ErrorCode error, std::size_t) { failure = error; });
    if (resets)
      peer_resets();
    else
      ::shutdown(peer_, SHUT_WR);
    if (resets) {
      EXPECT_TRUE(until([&] { return failure.has_value(); }));
      EXPECT_FALSE(*failure);
      // Who asks later is told at once.
      failure.reset();
      socket->wait_for_failure([&](ErrorCode error, std::size_t) { failure = error; });
      EXPECT_TRUE(until([&] { return failure.has_value(); }));
      EXPECT_EQ(read_to_its_end(*socket).error, ErrorCode(asio::error::connection_reset));
    } else {
      EXPECT_EQ(read_to_its_end(*socket).error, ErrorCode(asio::error::eof));
      EXPECT_FALSE(failure);
      socket->cancel();
      EXPECT_TRUE(until([&] { return failure.has_value(); }));
      EXPECT_EQ(*failure, ErrorCode(asio::error::operation_aborted));
    }
  }
}

TEST_F(SocketTest, ClosingEndsWhatIsPendingAndLetsTheLoopEnd) {
  auto socket = pair();
  const auto waiting = read(*socket);
  socket->close();
  EXPECT_FALSE(waiting->error) << "never inside the call";
  EXPECT_FALSE(read(*socket)->error);
  loop_.context().run();  // returns: nothing is waited for
  EXPECT_EQ(waiting->error, ErrorCode(asio::error::operation_aborted));
  // And it may be waited for anew.
  socket = pair();
  peer_sends("again");
  EXPECT_EQ(read_to_its_end(*socket).bytes, "again");
}

TEST_F(SocketTest, AHandlerMayDestroyWhoseEventsCameWithItsOwn) {
  std::vector<std::unique_ptr<Socket>> sockets;
  std::vector<int> peers;
  int calls = 0;
  std::array<char, 8> buffer;
  for (int i = 0; i < 8; ++i) {
    sockets.push_back(pair());
    peers.push_back(std::exchange(peer_, -1));
    sockets.back()->async_read_some(asio::buffer(buffer), [&](ErrorCode error, std::size_t) {
      if (error) return;
      ++calls;
      sockets.clear();
    });
  }
  run_what_is_ready();
  for (const int peer : peers) EXPECT_EQ(::send(peer, "x", 1, 0), 1);
  loop_.context().restart();
  loop_.context().run();
  EXPECT_EQ(calls, 1);
  for (const int peer : peers) ::close(peer);
}

// What waits when the loop goes is destroyed with it, its sockets too.
TEST(Poller, GoesWithWhatWaits) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  {
    async::Loop loop(0);
    const auto reads = [](async::Loop& loop, int descriptor) -> async::Task<void> {
      Socket socket(loop);
      socket.assign(descriptor);
      std::array<char, 8> buffer;
      co_await socket.async_read_some(asio::buffer(buffer), async::use_task);
    };
    asio::co_spawn(loop.executor(), reads(loop, ends[0]), [](std::exception_ptr) { ADD_FAILURE(); });
    loop.context().poll();
  }
  char byte = 0;
  EXPECT_EQ(::recv(ends[1], &byte, 1, 0), 0) << "it was not closed";
  ::close(ends[1]);
}

}  // namespace
}  // namespace fairlead::http
