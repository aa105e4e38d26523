// The HTTP/1.1 server (RFC 9110, RFC 9112).
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/http/message.h"

namespace fairlead::http {

// One request on a server connection, and its answer. Given to a handler when the head has been read and before any of
// the body is; used on that loop only; ends when the handler's task ends. Views that it hands out live until then.
//
// A handler either calls respond() once, or begin_stream(), then write() any number of times, then finish(). If it does
// neither, or fails in the middle of a stream, the connection is closed without the end of the answer, so that the
// client can tell. If it has not read the body, the server discards it or closes the connection, as the limits say.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const RequestHead& head() const = 0;
  // A parameter of the route's pattern, percent-decoded: "id" of "/v1/models/{id}". Empty if the pattern has none.
  virtual std::string_view path_parameter(std::string_view name) const = 0;
  virtual std::string_view remote_address() const = 0;  // "127.0.0.1:40000"; "unix" on a Unix socket

  // The whole body, contiguous, mutable and followed by at least 64 readable bytes (simdjson parses it in place). Sends
  // "100 Continue" if it was asked for. Errors: body_too_large, body_timeout, invalid_body (chunking), client_closed.
  virtual async::Task<Result<std::span<char>>> read_body() = 0;

  // A header of the answer; before respond() or begin_stream(). Never Content-Length, Transfer-Encoding, Connection or
  // Date, which are the server's. A name or value with a control character is refused by an assert: they are never a
  // client's bytes.
  virtual void add_header(std::string_view name, std::string_view value) = 0;

  // The answer in one write. The error is client_closed; a handler may ignore it.
  virtual async::Task<Result<void>> respond(int status, std::string_view content_type, std::string_view body) = 0;

  // The head goes out with the first write(). What is written to a text/event-stream is whole events: the server may
  // put a comment between two writes, to learn whether the client is still there.
  virtual void begin_stream(int status, std::string_view content_type) = 0;
  virtual async::Task<Result<void>> write(std::string_view bytes) = 0;  // one chunk, sent when this returns
  virtual async::Task<Result<void>> finish(std::string_view last) = 0;  // with a last chunk, if not empty
  async::Task<Result<void>> finish() { return finish({}); }
  virtual bool answered() const = 0;  // respond() or begin_stream() has been called

  // Requested when the client has gone, or when a drain runs out of time. A client that only half-closes has not gone
  // (docs/decisions/0005-half-close.md).
  virtual async::Cancellation& cancellation() = 0;
  virtual async::Loop& loop() = 0;
};

// Must not throw. Not a capturing lambda that is a coroutine; one that forwards to a coroutine is fine:
// `[this](Exchange& e) { return list(e); }`.
using Handler = std::function<async::Task<void>(Exchange&)>;

// Paths to handlers. Built before the server starts, read-only after.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  // Pattern: literal segments, `{name}` for one segment, `{name...}` for the rest of the path. A literal wins over a
  // parameter. HEAD is answered by a GET handler. Adding the same method and pattern twice asserts.
  void add(Method method, std::string_view pattern, Handler handler);
  // Answers what no pattern matches: called with 404, 501 (no method known here), or 405 with `allow` set
  // ("GET, POST, OPTIONS").
  using Fallback = std::function<async::Task<void>(Exchange&, int status, std::string_view allow)>;
  void set_fallback(Fallback fallback);

  struct Table;
  const Table& table() const { return *table_; }

 private:
  std::unique_ptr<Table> table_;
};

// What a connection may ask of the process. Each is a setting (`http.…`).
struct ServerLimits {
  std::size_t head_bytes = 64 * 1024;
  std::size_t header_lines = 100;
  std::size_t body_bytes = 10 * 1024 * 1024;
  std::chrono::milliseconds head_timeout{10'000};   // first byte of a head to its end
  std::chrono::milliseconds body_timeout{30'000};   // without one byte of progress; a floor of 1 KiB/s holds besides
  std::chrono::milliseconds idle_timeout{75'000};   // between requests
  std::chrono::milliseconds write_timeout{30'000};  // a client that takes nothing
  std::size_t connections = 10'000;                 // of the whole server; more are closed at once
};

struct TlsFiles {
  std::string certificate_chain;  // PEM path
  std::string private_key;        // PEM path
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // or "unix:/path/to/socket"
  std::uint16_t port = 8484;          // 0: any free one
  ServerLimits limits;
  std::optional<TlsFiles> tls;
  // Makes the body of an answer that the server gives itself (400, 408, 413, 431, 503 …). Default: plain JSON.
  std::function<std::string(int status, std::string_view code, std::string_view message)> error_body;
};

// Listens on every loop of the runtime (SO_REUSEPORT). Made and destroyed on the thread that owns the runtime.
class Server {
 public:
  // Binds; errors say the address and what to do (address_in_use, permission_denied, tls_files).
  static Result<std::unique_ptr<Server>> listen(async::Runtime& runtime, ServerOptions options, Router router);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual void start() = 0;  // begins to accept; loops may be running already
  // Stops accepting, lets calls in flight end (answered with "Connection: close"), cancels what is left at the
  // deadline, and returns when no connection is left. From outside the loops; they must be running.
  virtual void drain(std::chrono::milliseconds patience) = 0;
  virtual std::size_t open_connections() const = 0;  // thread-safe
};

}  // namespace fairlead::http
