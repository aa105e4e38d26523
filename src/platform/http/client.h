// The HTTP/1.1 client: pooled keep-alive connections, one pool a loop.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/http/message.h"

namespace fairlead::http {

// Where requests go: `https://host:port/prefix`, `http://…`, or `unix:/path` for a Unix socket. Immutable once parsed.
struct Origin {
  bool tls = false;
  std::string host;  // for the Host header and the certificate
  std::uint16_t port = 0;
  std::string unix_path;  // not empty: a Unix socket
  std::string prefix;     // path of the base URL without a trailing slash: "/v1", or empty
  std::string host_header;
  static Result<Origin> parse(std::string_view url);  // error: invalid_url; user info and fragments are refused
};

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5'000};  // resolve, connect and TLS handshake, each
  std::chrono::milliseconds idle_timeout{30'000};  // pooled connections are closed after this; keep under the server's
  std::size_t idle_per_origin = 1024;
  std::size_t head_bytes = 64 * 1024;
  std::string ca_file;  // empty: the system's
  // Only to addresses that are out on the internet (address.h), whatever a name resolves to; no Unix sockets. Else:
  // kPermissionDenied, address_refused.
  bool public_only = false;
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string_view target;  // after the origin's prefix: "/chat/completions"
  // Ready header lines, each ended by CRLF: "authorization: Bearer …\r\naccept: …\r\n". Host, Content-Length and
  // Connection are the client's own. Built once a provider, not once a call.
  std::string_view header_lines;
  std::string_view body;  // sent as it is with Content-Length, if `content_type` is not empty
  std::string_view content_type;
  // No byte of the answer's head by then: timeout. Also bounds each later wait for a byte if `read_timeout` is set.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::chrono::milliseconds read_timeout{0};  // between bytes of the answer; 0: only the deadline
};

// An answer whose head has arrived. Owns its connection until its body has been read; destroying it earlier closes that
// connection, which is how an upstream call is cancelled. Loop-affine.
class ClientResponse {
 public:
  virtual ~ClientResponse() = default;
  virtual int status() const = 0;
  virtual std::span<const Header> headers() const = 0;  // valid while this lives
  std::optional<std::string_view> header(std::string_view name) const { return find_header(headers(), name); }
  // The next bytes of the body, decoded, as many as one read brought, as large as 16 KiB; empty at its end. Valid until
  // the next call. Errors: upstream_reset (closed before its end), upstream_timeout, upstream_invalid (bad framing),
  // cancelled.
  virtual async::Task<Result<std::string_view>> read() = 0;
  // The rest of the body; upstream_too_large over `limit`.
  virtual async::Task<Result<std::string>> read_all(std::size_t limit) = 0;
  // Nobody wants the rest of the body. When this is destroyed, it is read for a while (200 ms, 64 KiB) behind
  // everybody's back, so that the connection can be used again. It is not to be read from any more.
  virtual void dismiss() = 0;
};

// Belongs to one loop: made, used and destroyed there (or before it runs, after it stopped). Outlives its responses.
class Client {
 public:
  static Result<std::unique_ptr<Client>> create(async::Loop& loop, async::BlockingPool& resolver,
                                                ClientOptions options);
  virtual ~Client() = default;
  // Sends and waits for the head of a final answer. What `origin` and the request view must live until this returns;
  // the cancellation until the response is gone. A pooled connection that the server had closed is replaced once,
  // silently, if no byte of an answer came. Errors: upstream_unreachable, upstream_reset, upstream_timeout,
  // upstream_invalid, upstream_tls, cancelled.
  virtual async::Task<Result<std::unique_ptr<ClientResponse>>> send(const Origin& origin, ClientRequest request,
                                                                    async::Cancellation& cancellation) = 0;
};

}  // namespace fairlead::http
