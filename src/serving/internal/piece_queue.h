// Carries the pieces of an answer from the decode thread to the coroutine that writes them out.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <mutex>
#include <vector>

#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "serving/internal/scheduler.h"

namespace fairlead::serving {

// on_piece() is for the decode thread, the rest for the loop's. Held by a shared_ptr.
class PieceQueue final : public Listener, public std::enable_shared_from_this<PieceQueue> {
 public:
  explicit PieceQueue(async::Loop& loop) : loop_(loop), timer_(loop.executor()) {}

  void on_piece(Piece piece) override;

  // What has come since the last call; waits for the first. Empty only after interrupt().
  async::Task<std::vector<Piece>> wait();
  void interrupt();

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;
  void wake() { timer_.cancel(); }

  async::Loop& loop_;
  Timer timer_;
  boost::system::error_code ignored_;
  bool interrupted_ = false;
  std::mutex mutex_;
  std::vector<Piece> pieces_;
};

}  // namespace fairlead::serving
