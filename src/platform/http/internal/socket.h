// A stream socket that knows what has happened to it.
#pragma once
#include <sys/uio.h>

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <functional>
#include <span>
#include <vector>

#include "platform/async/runtime.h"
#include "platform/http/internal/resolver.h"

namespace fairlead::http {

class Poller;

// TCP or a Unix socket. A stream of Asio's (AsyncReadStream, AsyncWriteStream), so that ssl::stream goes on top.
// Belongs to one loop. One read at a time; writes leave in turn. Errors are Asio's: eof for an orderly end,
// operation_aborted after cancel() or close(). Handlers run on the loop, never inside the call that was given them;
// they may destroy the socket.
class Socket : public boost::intrusive::list_base_hook<> {
 public:
  using ErrorCode = boost::system::error_code;
  using Handler = std::move_only_function<void(ErrorCode, std::size_t)>;
  using executor_type = async::Executor;
  using lowest_layer_type = Socket;

  explicit Socket(async::Loop& loop);
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  executor_type get_executor() const { return loop_.executor(); }
  Socket& lowest_layer() { return *this; }
  const Socket& lowest_layer() const { return *this; }
  int native_handle() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

  // Takes over a connected socket that does not block; closes it if it cannot be waited for.
  void assign(int descriptor);
  async::Task<void> connect(Endpoint endpoint, ErrorCode& error);

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [this](auto handler, boost::asio::mutable_buffer into) {
          start_read(static_cast<char*>(into.data()), into.size(), std::move(handler));
        },
        token, boost::asio::mutable_buffer(*boost::asio::buffer_sequence_begin(buffers)));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [this](auto handler, const Pieces& pieces) { start_write(pieces, std::move(handler)); }, token,
        pieces_of(buffers));
  }
  // When it may take bytes again, after it has not taken some.
  template <class Token>
  auto async_wait_writable(Token&& token) {
    return boost::asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [this](auto handler) { wait_writable(std::move(handler)); }, token);
  }
  // When the peer has reset the connection or the socket fails, not when the peer only ends its side. One at a time.
  void wait_for_failure(Handler handler);

  // Nothing has come that has not been read, no end either.
  bool quiet();
  void shut_down_writing(ErrorCode& error);
  void reset_on_close();  // the peer is to see that it did not end in order
  void cancel();          // what is pending
  void close();

 private:
  friend class Poller;
  // Of what is written: to here several buffers are gathered, the rest is left to the next call.
  struct Pieces {
    std::array<iovec, 4> at;
    std::size_t count = 0;
  };
  struct Write {
    Pieces pieces;  // none: only waits
    Handler handler;
  };
  struct Pending {
    Handler read;
    Handler failure;
    std::vector<Write> writes;
  };

  template <class Buffers>
  static Pieces pieces_of(const Buffers& buffers) {
    Pieces made;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto one = boost::asio::buffer_sequence_begin(buffers); one != end && made.count < made.at.size(); ++one) {
      const boost::asio::const_buffer piece(*one);
      if (piece.size() > 0) made.at[made.count++] = {const_cast<void*>(piece.data()), piece.size()};
    }
    return made;
  }

  void start_read(char* into, std::size_t size, Handler handler);
  void start_write(const Pieces& pieces, Handler handler);
  void wait_writable(Handler handler);
  // Whether it is done, as it is with an error too; if not, it is to be waited for.
  bool read_now(char* into, std::size_t size, ErrorCode& error, std::size_t& got);
  bool write_now(const Pieces& pieces, ErrorCode& error, std::size_t& sent);
  void on_events(std::uint32_t events);
  void on_writable();
  void complete(Handler handler, ErrorCode error, std::size_t count);
  Pending drop_all();

  async::Loop& loop_;
  int descriptor_ = -1;
  bool readable_ = false;  // something may have come, or the end
  bool ended_ = false;     // no more will come
  bool failed_ = false;
  char* into_ = nullptr;
  std::size_t room_ = 0;
  Pending pending_;
};

}  // namespace fairlead::http
