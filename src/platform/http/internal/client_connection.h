// One connection of a client: one request and its answer at a time.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/client.h"
#include "platform/http/internal/buffer.h"
#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/internal/head_parser.h"
#include "platform/http/internal/lazy_timer.h"
#include "platform/http/internal/resolver.h"
#include "platform/http/internal/transport.h"

namespace fairlead::http {

// Loop-affine. After an error it is of no more use.
class ClientConnection {
 public:
  using IdleCallback = void (*)(void* owner, ClientConnection& connection);

  ClientConnection(async::Loop& loop, const ClientOptions& options, std::string name);

  // Tries the addresses in turn. `tls` may be null.
  async::Task<Result<void>> connect(std::vector<Endpoint> endpoints, const TlsContext* tls, std::string host,
                                    std::chrono::milliseconds timeout);
  // Sends the request and reads the head of its final answer.
  async::Task<Result<void>> exchange(const Origin& origin, const ClientRequest& request);
  // The next bytes of the body; empty at its end.
  async::Task<Result<std::string_view>> read();

  const ResponseHead& head() const { return parser_.response(); }
  // A byte of the present answer has come.
  bool answered() const { return answered_; }
  bool given_up() const { return timed_out_ || cancelled_; }
  // The bytes of the body that remain, if that is known.
  std::optional<std::uint64_t> remaining() const;

  void cancel();
  // True if nothing is left of the answer and another request may follow.
  bool reusable();
  // Nobody waits for the rest of the answer, which read() has that long to bring. False if that would be of no use.
  bool begin_rest(std::chrono::milliseconds timeout);
  bool quiet() { return transport_.is_open() && transport_.quiet(); }
  // Calls back once when it has been idle for long enough; the callback may destroy it.
  void wait_idle(std::chrono::milliseconds timeout, IdleCallback callback, void* owner);

 private:
  enum class Framing : std::uint8_t { kLength, kChunked, kUntilClose };

  void on_due();
  LazyTimer::Time due() const;
  bool write_head(const Origin& origin, const ClientRequest& request);
  async::Task<void> send(std::string_view body, Transport::ErrorCode& error);
  async::Task<Result<void>> read_head(bool sent);
  Result<void> begin_body();
  Result<std::string_view> take_fresh();
  Error failure(Transport::ErrorCode error, std::string_view doing) const;
  Error invalid(std::string_view why) const;

  const ClientOptions& options_;
  std::string name_;  // of the upstream, for messages
  Transport transport_;
  LazyTimer timer_;
  Buffer input_;
  HeadParser parser_;
  ChunkDecoder chunks_;
  std::string out_;
  IdleCallback on_idle_ = nullptr;
  void* owner_ = nullptr;
  LazyTimer::Time deadline_ = LazyTimer::Time::max();
  std::chrono::milliseconds read_timeout_{0};

  bool timed_out_ = false;
  bool cancelled_ = false;
  bool answered_ = false;
  bool head_only_ = false;  // the request was a HEAD
  bool ended_ = false;      // the body has been taken to its end
  bool surplus_ = false;    // bytes followed the end
  Framing framing_ = Framing::kLength;
  std::uint64_t remaining_ = 0;
  std::size_t fresh_ = 0;  // bytes behind the head that have come and have not been taken
};

}  // namespace fairlead::http
