#include "platform/store/internal/pg_follower.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "base/log.h"

namespace fairlead::store {
namespace {

constexpr log::Logger kLog{"store"};
constexpr std::chrono::milliseconds kAtLeast{500};

}  // namespace

PgFollower::PgFollower(PgPool& pool, std::function<void()> look)
    : pool_(pool), look_(std::move(look)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { loop(); }) {}

PgFollower::~PgFollower() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
  thread_.join();
  close(wake_);
}

void PgFollower::loop() {
  std::unique_ptr<PgConnection> connection;
  while (!stopping_) {
    if (connection && connection->is_lost()) connection.reset();
    if (!connection) {
      auto made = pool_.connect();
      Result<void> listening;
      if (made) listening = (*made)->run(kListen);
      const bool reached = made && listening;
      if (reached != connected_.exchange(reached)) {
        if (reached)
          kLog.info("the store is back", {{"store", pool_.target().place}});
        else
          kLog.warning("the store is away; calls go on with what is known",
                       {{"reason", made ? listening.error().message : made.error().message}});
      }
      if (reached) connection = *std::move(made);
    }
    if (connection) {
      look_();
      connection->wait_for_news(wake_, kAtLeast);
    } else {
      pollfd one{wake_, POLLIN, 0};
      poll(&one, 1, 100);
    }
  }
}

}  // namespace fairlead::store
