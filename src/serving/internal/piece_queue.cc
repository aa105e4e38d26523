#include "serving/internal/piece_queue.h"

#include <boost/asio/redirect_error.hpp>

namespace fairlead::serving {

void PieceQueue::on_piece(Piece piece) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = pieces_.empty();
    pieces_.push_back(std::move(piece));
  }
  if (first) loop_.post([self = shared_from_this()] { self->wake(); });
}

async::Task<std::vector<Piece>> PieceQueue::wait() {
  std::vector<Piece> out;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      out.swap(pieces_);
    }
    if (!out.empty() || interrupted_) co_return out;
    // What comes between the look and the wait is posted to this loop, and so runs after the wait has begun.
    timer_.expires_at(Timer::time_point::max());
    co_await timer_.async_wait(boost::asio::redirect_error(async::use_task, ignored_));
  }
}

void PieceQueue::interrupt() {
  interrupted_ = true;
  wake();
}

}  // namespace fairlead::serving
