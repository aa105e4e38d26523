#include "platform/http/server.h"

#include "platform/http/internal/listener.h"
#include "platform/http/internal/log.h"
#include "platform/http/internal/poller.h"
#include "platform/http/internal/shard.h"

namespace fairlead::http {
namespace {

class ListeningServer final : public Server {
 public:
  ListeningServer(std::shared_ptr<ServerState> state, Listener listener)
      : state_(std::move(state)), listener_(std::move(listener)) {}
  ~ListeningServer() override;

  std::uint16_t port() const override { return listener_.port(); }
  void start() override;
  void drain(std::chrono::milliseconds patience) override;
  std::size_t open_connections() const override { return state_->open.load(); }

 private:
  void each_shard(void (Shard::*what)());
  bool wait_until_empty(std::chrono::milliseconds patience);
  std::shared_ptr<ServerState> state_;
  Listener listener_;
  bool started_ = false;
  bool drained_ = false;
};

ListeningServer::~ListeningServer() {
  // Loops that have been stopped run nothing more: close from here what they leave behind.
  const bool stopped = !state_->shards.empty() && state_->shards.front()->loop().context().stopped();
  if (started_ && !drained_ && !stopped) drain(std::chrono::milliseconds(0));
  if (stopped)
    for (const auto& shard : state_->shards) shard->abort();
  state_->shards.clear();
}

void ListeningServer::each_shard(void (Shard::*what)()) {
  for (const auto& shard : state_->shards) shard->loop().post([shard, what] { (*shard.*what)(); });
}

void ListeningServer::start() {
  started_ = true;
  each_shard(&Shard::start);
}

bool ListeningServer::wait_until_empty(std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  return state_->emptied.wait_for(lock, patience, [this] { return state_->open.load() == 0; });
}

void ListeningServer::drain(std::chrono::milliseconds patience) {
  if (drained_) return;
  drained_ = true;
  // Returns when every loop has stopped accepting, so that the count can only fall.
  std::atomic<std::size_t> told{0};
  for (const auto& shard : state_->shards)
    shard->loop().post([this, shard, &told] {
      shard->drain();
      const std::lock_guard lock(state_->mutex);
      ++told;
      state_->emptied.notify_all();
    });
  {
    std::unique_lock lock(state_->mutex);
    state_->emptied.wait(lock, [&] { return told.load() == state_->shards.size(); });
  }
  if (wait_until_empty(patience)) return;
  kLog.warning("calls in flight are cancelled", {{"connections", state_->open.load()}});
  each_shard(&Shard::cancel_calls);
  constexpr std::chrono::milliseconds kToAnswer{1'000};
  if (wait_until_empty(kToAnswer)) return;
  each_shard(&Shard::abort);
  while (!wait_until_empty(std::chrono::seconds(10)))
    kLog.warning("calls do not end", {{"connections", state_->open.load()}});
}

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(async::Runtime& runtime, ServerOptions options, Router router) {
  auto state = std::make_shared<ServerState>();
  if (options.tls) {
    FAIRLEAD_TRY(state->tls, TlsContext::server(options.tls->certificate_chain, options.tls->private_key));
  }
  FAIRLEAD_TRY(Listener listener, Listener::open(options.address, options.port, runtime.size()));
  state->options = std::move(options);
  state->router = std::move(router);
  state->family = listener.family();
  for (int i = 0; i < runtime.size(); ++i) {
    Poller::of(runtime.loop(i));  // now: by the first connection there may be no descriptor left for it
    state->shards.push_back(std::make_shared<Shard>(runtime.loop(i), state));
    if (static_cast<std::size_t>(i) < listener.size())
      state->shards.back()->listen(listener.take(static_cast<std::size_t>(i)));
  }
  return std::make_unique<ListeningServer>(std::move(state), std::move(listener));
}

}  // namespace fairlead::http
