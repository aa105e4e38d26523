// A connected stream: TCP or a Unix socket, with or without TLS.
#pragma once
#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/async/batch_end.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/http/internal/socket.h"
#include "platform/http/internal/tls.h"

namespace fairlead::http {

// Belongs to one loop. One read and one write at a time. Errors are Asio's codes: eof for an orderly end,
// stream_truncated for a TLS peer that left without saying so, operation_aborted after cancel() or close().
class Transport {
 public:
  using ErrorCode = Socket::ErrorCode;

  explicit Transport(async::Loop& loop);
  // Takes over a connected socket of that family.
  Transport(async::Loop& loop, int family, int descriptor);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  async::Task<void> connect(Endpoint endpoint, ErrorCode& error);
  bool is_open() const { return socket_.is_open(); }
  bool is_tls() const { return tls_ != nullptr; }

  async::Task<void> accept_tls(const TlsContext& context, ErrorCode& error);
  // `host` is checked against the certificate and sent as SNI unless it is an address.
  async::Task<void> connect_tls(const TlsContext& context, std::string host, ErrorCode& error);

  // Why a handshake failed, with what is wrong with the certificate if that was it.
  std::string tls_failure(ErrorCode error) const;
  void set_no_delay();

  // Some bytes, at least one, or an error. `buffer` and `error` must live until it is done.
  async::Task<std::size_t> read(char* buffer, std::size_t size, ErrorCode& error);
  void read(char* buffer, std::size_t size, Socket::Handler handler);
  // When the peer has reset the connection or the socket fails, not when it only ends its side.
  void wait_for_failure(Socket::Handler handler) { socket_.wait_for_failure(std::move(handler)); }

  // Sends them when the loop has run what is ready now, with what others send then: the other sides are woken once for
  // all of it, not once for each. True: they have been taken, and `bytes` is empty. False where that cannot be (TLS, a
  // socket that takes no more, or too much has been put off): they are to be sent now. A failure shows in what follows.
  bool send_soon(std::string& bytes);
  // Sends what was put off as far as the socket takes it, now. Whether nothing of it is left.
  bool flush();
  // What was put off could not be sent.
  bool failed() const { return failed_; }
  // The peer has not taken all of what was put off.
  bool lags() const { return writer_ != nullptr; }
  // What the socket takes at once, without waiting, behind what was put off: 0 over TLS. A failure shows in the write
  // that follows.
  std::size_t send_now(std::span<const iovec> pieces);
  // Some of it, at least a byte, or an error. At most four pieces; they and what they point to must live until it is
  // done.
  async::Task<std::size_t> write_some(std::span<const iovec> pieces, ErrorCode& error);
  // A few bytes whose fate does not matter. `bytes` is static; `keep` keeps this alive until they have gone.
  void send_and_forget(std::string_view bytes, std::shared_ptr<void> keep);

  // As far as the loop has seen the peer is still there and has said nothing.
  bool quiet() { return socket_.quiet(); }
  async::Task<void> end_writing(ErrorCode& error);  // close_notify or FIN
  void reset_on_close() { socket_.reset_on_close(); }
  void cancel() { socket_.cancel(); }  // what is pending
  void close();

 private:
  struct Tls;
  void end_batch();
  async::Task<std::size_t> write_behind(std::span<const iovec> pieces, ErrorCode& error);

  Socket socket_;
  std::unique_ptr<Tls> tls_;
  async::BatchEnd batch_end_;
  std::string soon_;  // put off
  bool failed_ = false;
  std::shared_ptr<Transport*> writer_;  // waits until the socket takes more of it; null in it: this has gone
};

}  // namespace fairlead::http
