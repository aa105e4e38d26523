#include "platform/http/client.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <vector>

#include "platform/http/address.h"
#include "platform/http/internal/client_connection.h"
#include "platform/http/internal/poller.h"
#include "platform/http/internal/resolver.h"
#include "platform/http/internal/tls.h"

namespace fairlead::http {
namespace {

// A reused connection that the server had closed tells so within a round trip; what fails later has been worked on.
constexpr std::chrono::seconds kStaleWithin{1};
// How much longer, and how much more, an answer may be of which nobody wants the rest.
constexpr std::chrono::milliseconds kRestTime{200};
constexpr std::size_t kRestBytes = 64 * 1024;

// Idle connections to one place; the last one used is the first one taken.
struct Pool {
  bool tls;
  std::uint16_t port;
  std::string host;
  std::string unix_path;
  std::size_t limit;
  std::chrono::milliseconds idle_timeout;
  std::vector<std::unique_ptr<ClientConnection>> idle{};

  bool leads_to(const Origin& origin) const {
    return port == origin.port && tls == origin.tls && host == origin.host && unix_path == origin.unix_path;
  }
  std::unique_ptr<ClientConnection> take() {
    while (!idle.empty()) {
      auto connection = std::move(idle.back());
      idle.pop_back();
      if (connection->quiet()) return connection;  // bytes that came unasked are nobody's answer
    }
    return nullptr;
  }
  void put(std::unique_ptr<ClientConnection> connection) {
    if (limit == 0) return;
    if (idle.size() >= limit) idle.erase(idle.begin());
    const auto drop = [](void* self, ClientConnection& one) {
      auto& all = static_cast<Pool*>(self)->idle;
      all.erase(std::find_if(all.begin(), all.end(), [&](const auto& other) { return other.get() == &one; }));
    };
    connection->wait_idle(idle_timeout, drop, this);
    idle.push_back(std::move(connection));
  }
};

void cancel_connection(void* self) {
  static_cast<ClientConnection*>(self)->cancel();
}

// Reads to the end of an answer that nobody wants, and puts the connection back if its client is still there.
async::Task<void> read_rest(std::weak_ptr<Pool> home, std::unique_ptr<ClientConnection> connection) {
  for (std::size_t read = 0; read < kRestBytes;) {
    const auto piece = co_await connection->read();
    if (!piece || piece->empty()) break;
    read += piece->size();
  }
  const auto pool = home.lock();
  if (pool && connection->reusable()) pool->put(std::move(connection));
}

class PooledResponse final : public ClientResponse {
 public:
  PooledResponse(async::Loop& loop, std::shared_ptr<Pool> pool, std::unique_ptr<ClientConnection> connection,
                 async::Cancellation& cancellation)
      : loop_(loop),
        pool_(std::move(pool)),
        connection_(std::move(connection)),
        on_cancel_(cancellation, cancel_connection, connection_.get()) {}
  ~PooledResponse() override {
    if (connection_->reusable()) {
      pool_->put(std::move(connection_));
    } else if (dismissed_ && connection_->begin_rest(kRestTime)) {
      boost::asio::co_spawn(loop_.executor(), read_rest(pool_, std::move(connection_)), boost::asio::detached);
    }
  }

  int status() const override { return connection_->head().status; }
  std::span<const Header> headers() const override { return connection_->head().headers; }
  async::Task<Result<std::string_view>> read() override { return connection_->read(); }
  async::Task<Result<std::string>> read_all(std::size_t limit) override;
  void dismiss() override { dismissed_ = true; }

 private:
  async::Loop& loop_;
  const std::shared_ptr<Pool> pool_;
  std::unique_ptr<ClientConnection> connection_;
  async::Cancellation::Registration on_cancel_;
  bool dismissed_ = false;
};

std::unexpected<Error> too_large(std::size_t limit) {
  return fail(ErrorKind::kUpstream, "upstream_too_large",
              "The upstream's answer is larger than " + std::to_string(limit) + " bytes.");
}

async::Task<Result<std::string>> PooledResponse::read_all(std::size_t limit) {
  std::string all;
  if (const auto remaining = connection_->remaining()) {
    if (*remaining > limit) co_return too_large(limit);
    all.reserve(std::min<std::size_t>(static_cast<std::size_t>(*remaining), 1024 * 1024));
  }
  while (true) {
    auto piece = co_await connection_->read();
    if (!piece) co_return fail(std::move(piece).error());
    if (piece->empty()) co_return all;
    if (all.size() + piece->size() > limit) co_return too_large(limit);
    all.append(*piece);
  }
}

std::unexpected<Error> refused(const std::string& where) {
  return fail(ErrorKind::kPermissionDenied, "address_refused",
              "`" + where + "` is at an address that is not on the internet, and may not be reached from here.");
}

bool is_public_endpoint(const Endpoint& endpoint) {
  const int family = endpoint.protocol().family();
  if (family != AF_INET && family != AF_INET6) return false;
  boost::asio::ip::tcp::endpoint typed;
  typed.resize(endpoint.size());
  std::memcpy(typed.data(), endpoint.data(), endpoint.size());
  return is_public(typed.address());
}

bool is_idempotent(Method method) {
  return method != Method::kPost && method != Method::kPatch;
}

class PoolingClient final : public Client {
 public:
  PoolingClient(async::Loop& loop, async::BlockingPool& resolver, ClientOptions options,
                std::shared_ptr<TlsContext> tls)
      : loop_(loop), options_(std::move(options)), resolver_(loop, resolver), tls_(std::move(tls)) {}

  async::Task<Result<std::unique_ptr<ClientResponse>>> send(const Origin& origin, ClientRequest request,
                                                            async::Cancellation& cancellation) override;

 private:
  const std::shared_ptr<Pool>& pool_of(const Origin& origin);
  async::Task<Result<std::unique_ptr<ClientConnection>>> connect(const Origin& origin,
                                                                 async::Cancellation& cancellation);

  async::Loop& loop_;
  ClientOptions options_;
  Resolver resolver_;
  std::shared_ptr<TlsContext> tls_;  // null until it is needed
  std::vector<std::shared_ptr<Pool>> pools_;
};

const std::shared_ptr<Pool>& PoolingClient::pool_of(const Origin& origin) {
  for (const auto& pool : pools_)
    if (pool->leads_to(origin)) return pool;
  return pools_.emplace_back(std::make_shared<Pool>(
      Pool{origin.tls, origin.port, origin.host, origin.unix_path, options_.idle_per_origin, options_.idle_timeout}));
}

async::Task<Result<std::unique_ptr<ClientConnection>>> PoolingClient::connect(const Origin& origin,
                                                                              async::Cancellation& cancellation) {
  if (origin.tls && !tls_) {
    auto made = TlsContext::client(options_.ca_file);
    if (!made) co_return fail(std::move(made).error());
    tls_ = std::move(*made);
  }
  std::vector<Endpoint> endpoints;
  if (!origin.unix_path.empty() && options_.public_only) {
    co_return refused("unix:" + origin.unix_path);
  } else if (!origin.unix_path.empty()) {
    endpoints.emplace_back(boost::asio::local::stream_protocol::endpoint(origin.unix_path));
  } else {
    auto resolved = co_await resolver_.resolve(origin.host, origin.port, options_.connect_timeout, cancellation);
    if (!resolved) co_return fail(std::move(resolved).error());
    endpoints = std::move(*resolved);
    if (options_.public_only) std::erase_if(endpoints, [](const Endpoint& one) { return !is_public_endpoint(one); });
    if (endpoints.empty()) co_return refused(origin.host_header);
  }
  const std::string name = origin.unix_path.empty() ? origin.host_header : "unix:" + origin.unix_path;
  auto connection = std::make_unique<ClientConnection>(loop_, options_, name);
  const async::Cancellation::Registration on_cancel(cancellation, cancel_connection, connection.get());
  const TlsContext* const tls = origin.tls ? tls_.get() : nullptr;
  auto connected = co_await connection->connect(std::move(endpoints), tls, origin.host, options_.connect_timeout);
  if (!connected) co_return fail(std::move(connected).error());
  co_return connection;
}

async::Task<Result<std::unique_ptr<ClientResponse>>> PoolingClient::send(const Origin& origin, ClientRequest request,
                                                                         async::Cancellation& cancellation) {
  if (cancellation.requested()) co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
  const std::shared_ptr<Pool> pool = pool_of(origin);
  std::unique_ptr<ClientConnection> connection = pool->take();
  bool reused = connection != nullptr;
  while (true) {
    if (!connection) {
      auto connected = co_await connect(origin, cancellation);
      if (!connected) co_return fail(std::move(connected).error());
      connection = std::move(*connected);
    }
    ClientConnection& in_use = *connection;
    auto response = std::make_unique<PooledResponse>(loop_, pool, std::move(connection), cancellation);
    const auto begun = reused ? LazyTimer::now() : LazyTimer::Time();
    auto answered = co_await in_use.exchange(origin, request);
    if (answered) co_return std::unique_ptr<ClientResponse>(std::move(response));
    const bool stale = reused && !in_use.answered() && !in_use.given_up() &&
                       answered.error().code == "upstream_reset" &&
                       (is_idempotent(request.method) || LazyTimer::now() - begun < kStaleWithin);
    if (!stale) co_return fail(std::move(answered).error());
    reused = false;
  }
}

}  // namespace

Result<std::unique_ptr<Client>> Client::create(async::Loop& loop, async::BlockingPool& resolver,
                                               ClientOptions options) {
  Poller::of(loop);  // now: by the first request there may be no descriptor left for it
  std::shared_ptr<TlsContext> tls;
  if (!options.ca_file.empty()) {
    FAIRLEAD_TRY(tls, TlsContext::client(options.ca_file));
  }
  return std::make_unique<PoolingClient>(loop, resolver, std::move(options), std::move(tls));
}

}  // namespace fairlead::http
