#include "platform/http/internal/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <string_view>

#include "platform/http/internal/buffer.h"

namespace fairlead::http {
namespace asio = boost::asio;

struct Transport::Tls {
  Tls(Socket& socket, const TlsContext& settings) : stream(socket, settings.native()) {}
  asio::ssl::stream<Socket&> stream;
};

Transport::Transport(async::Loop& loop)
    : socket_(loop),
      batch_end_(
          loop, [](void* self) { static_cast<Transport*>(self)->end_batch(); }, this) {}

Transport::Transport(async::Loop& loop, int family, int descriptor) : Transport(loop) {
  socket_.assign(descriptor);
  if (family != AF_UNIX) set_no_delay();
}

void Transport::set_no_delay() {
  const int one = 1;  // on a Unix socket it fails, and does not matter
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

async::Task<void> Transport::connect(Endpoint endpoint, ErrorCode& error) {
  return socket_.connect(std::move(endpoint), error);
}

std::string Transport::tls_failure(ErrorCode error) const {
  std::string text = error.message();
  if (!tls_) return text;
  const long verdict = SSL_get_verify_result(const_cast<Tls&>(*tls_).stream.native_handle());
  if (verdict != X509_V_OK) text.append(": ").append(X509_verify_cert_error_string(verdict));
  return text;
}

Transport::~Transport() {
  if (writer_) *writer_ = nullptr;
}

async::Task<void> Transport::accept_tls(const TlsContext& context, ErrorCode& error) {
  tls_ = std::make_unique<Tls>(socket_, context);
  co_await tls_->stream.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(async::use_task, error));
}

async::Task<void> Transport::connect_tls(const TlsContext& context, std::string host, ErrorCode& error) {
  tls_ = std::make_unique<Tls>(socket_, context);
  SSL* const native = tls_->stream.native_handle();
  std::array<unsigned char, sizeof(in6_addr)> address;
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host.c_str());
  } else {
    SSL_set_tlsext_host_name(native, host.c_str());
    SSL_set1_host(native, host.c_str());
  }
  co_await tls_->stream.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(async::use_task, error));
}

async::Task<std::size_t> Transport::read(char* buffer, std::size_t size, ErrorCode& error) {
  if (tls_)
    return tls_->stream.async_read_some(asio::buffer(buffer, size), asio::redirect_error(async::use_task, error));
  return socket_.async_read_some(asio::buffer(buffer, size), asio::redirect_error(async::use_task, error));
}

void Transport::read(char* buffer, std::size_t size, Socket::Handler handler) {
  if (tls_) return tls_->stream.async_read_some(asio::buffer(buffer, size), std::move(handler));
  socket_.async_read_some(asio::buffer(buffer, size), std::move(handler));
}

bool Transport::send_soon(std::string& bytes) {
  if (tls_ || writer_ || failed_ || !is_open() || soon_.size() + bytes.size() > kOneSend) return false;
  if (soon_.empty())
    soon_.swap(bytes);
  else
    soon_.append(bytes);
  bytes.clear();
  if (bytes.capacity() > kKeptOfOut) bytes.shrink_to_fit();
  batch_end_.ask();
  return true;
}

bool Transport::flush() {
  if (soon_.empty()) return true;
  const ssize_t sent = ::send(socket_.native_handle(), soon_.data(), soon_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    failed_ = true;
    soon_.clear();
  } else if (sent > 0) {
    soon_.erase(0, static_cast<std::size_t>(sent));
  }
  if (soon_.empty() && soon_.capacity() > kKeptOfOut) soon_.shrink_to_fit();  // assigning would keep it
  return soon_.empty();
}

void Transport::end_batch() {
  if (flush() || writer_) return;
  writer_ = std::make_shared<Transport*>(this);
  // Seldom: the peer does not read what it is sent.
  socket_.async_wait_writable([writer = writer_](ErrorCode, std::size_t) {
    Transport* const self = *writer;
    if (self == nullptr) return;
    self->writer_ = nullptr;
    if (self->is_open()) self->end_batch();  // cancel() is of what others wait for
  });
}

std::size_t Transport::send_now(std::span<const iovec> pieces) {
  if (tls_ || !flush()) return 0;
  while (pieces.size() > 1 && pieces.back().iov_len == 0) pieces = pieces.first(pieces.size() - 1);
  if (pieces.size() == 1) {
    // The usual case; the kernel has less to copy and check than for sendmsg().
    const ssize_t sent =
        ::send(socket_.native_handle(), pieces[0].iov_base, pieces[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

async::Task<std::size_t> Transport::write_some(std::span<const iovec> pieces, ErrorCode& error) {
  std::array<asio::const_buffer, 4> buffers;
  for (std::size_t i = 0; i < std::min(pieces.size(), buffers.size()); ++i)
    buffers[i] = {pieces[i].iov_base, pieces[i].iov_len};
  if (tls_) return tls_->stream.async_write_some(buffers, asio::redirect_error(async::use_task, error));
  if (!soon_.empty()) return write_behind(pieces, error);
  return socket_.async_write_some(buffers, asio::redirect_error(async::use_task, error));
}

async::Task<std::size_t> Transport::write_behind(std::span<const iovec> pieces, ErrorCode& error) {
  while (!flush()) {
    co_await socket_.async_wait_writable(asio::redirect_error(async::use_task, error));
    if (error) co_return 0;
  }
  co_return co_await write_some(pieces, error);
}

void Transport::send_and_forget(std::string_view bytes, std::shared_ptr<void> keep) {
  if (tls_) return tls_->stream.async_write_some(asio::buffer(bytes), [keep](ErrorCode, std::size_t) {});
  if (!flush()) return;
  const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0 && static_cast<std::size_t>(sent) < bytes.size()) close();  // a part of it would garble what follows
}

async::Task<void> Transport::end_writing(ErrorCode& error) {
  while (!flush() && !error) co_await socket_.async_wait_writable(asio::redirect_error(async::use_task, error));
  if (tls_)
    co_await tls_->stream.async_shutdown(asio::redirect_error(async::use_task, error));
  else
    socket_.shut_down_writing(error);
}

void Transport::close() {
  flush();
  soon_.clear();
  failed_ = false;
  socket_.close();
}

}  // namespace fairlead::http
