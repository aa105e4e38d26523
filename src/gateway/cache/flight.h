// One upstream call on its way, and all who wait for what it brings.
#pragma once
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/cache/kept_answer.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::gateway::cache {

// What the first call of several equal ones brings, written by its loop and read by any: pieces are appended to a list
// that readers walk without a lock, each at its own pace, and a reader that waits is woken through its own loop. Ends
// when it is told to, or is cancelled when the last of those who joined has left.
class Flight : public std::enable_shared_from_this<Flight> {
 public:
  enum class State : std::uint8_t {
    kRunning,
    kEnded,     // answer() is all of it
    kFailed,    // error() is everyone's
    kReleased,  // by a fault that is the first caller's own, before anything came: another may try
  };

  // Of the calls that `home` runs; the one that makes it has joined. `streamed`: it brings events.
  Flight(async::Runtime& runtime, async::Loop& home, bool streamed);
  ~Flight();
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  bool streamed() const { return streamed_; }
  // Requested when nobody waits any longer; of the upstream call. On the home loop.
  async::Cancellation& cancellation() { return cancellation_; }

  // From any loop. False: all have left it, or it was released; it comes to nothing.
  bool join();
  void leave();

  // On the home loop. Before the first piece, whence it comes: `wire`, and in it what was used, is left empty.
  void begin(KeptAnswer from);
  void append(std::string_view bytes, bool content_started);
  // On the home loop, once, one of them.
  void end(std::shared_ptr<const KeptAnswer> answer);
  void fail(Error error, bool is_own_fault);

  // From any loop, as said of each state.
  State state() const { return state_.load(std::memory_order_acquire); }
  const std::shared_ptr<const KeptAnswer>& answer() const { return answer_; }
  const Error& error() const { return *error_; }

  class Reader;

 private:
  struct Piece {
    std::string bytes;
    bool content_started = false;
    std::atomic<const Piece*> next{nullptr};
  };
  struct Lane;  // of one loop
  void publish(State state);
  void wake_all();
  void wake(std::size_t loop);

  async::Runtime& runtime_;
  async::Loop& home_;
  const bool streamed_;
  async::Cancellation cancellation_;
  std::atomic<int> joined_{1};
  std::atomic<State> state_{State::kRunning};
  KeptAnswer from_;
  std::deque<Piece> pieces_;  // touched by the home loop; readers follow `next`
  Piece first_;               // empty; stands before the others
  Piece* last_ = &first_;
  std::shared_ptr<const KeptAnswer> answer_;
  std::optional<Error> error_;
  std::vector<Lane> lanes_;
};

// One who reads a flight that it has joined, and leaves it when destroyed. On the frame of a call; loop-affine.
class Flight::Reader
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Reader(std::shared_ptr<Flight> flight, async::Loop& loop);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // What has come since the last call, waiting for something if nothing has; valid until the next. Empty at the end:
  // then the flight's state says which end it is. Errors: call_timeout, cancelled. `cancellation` outlives it.
  async::Task<Result<std::string_view>> next(SteadyTime deadline, async::Cancellation& cancellation);
  // Waits for the end alone. Errors as next().
  async::Task<Result<void>> wait_for_end(SteadyTime deadline, async::Cancellation& cancellation);

  // As the destructor does, before it; nothing is to be read from then on.
  void leave();

  Flight& flight() const { return *flight_; }
  bool has_read() const { return last_ != &flight_->first_; }
  bool content_started() const { return content_started_; }
  // Whence it comes; once something has been read, or the flight has ended.
  const KeptAnswer& from() const { return flight_->from_; }

 private:
  friend class Flight;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;
  bool take();
  async::Task<Result<void>> wait(bool for_end, SteadyTime deadline, async::Cancellation& cancellation);
  static void on_cancel(void* self);

  const std::shared_ptr<Flight> flight_;
  async::Loop& loop_;
  const Piece* last_;  // taken
  std::string_view view_;
  std::string joined_;
  bool content_started_ = false;
  bool left_ = false;
  Timer timer_;
};

struct Flight::Lane {
  boost::intrusive::list<Reader, boost::intrusive::constant_time_size<false>> waiting;  // the loop's own
  std::atomic<bool> used{false};                                                        // somebody has waited here
  std::atomic<bool> woken{false};                                                       // wake() is on its way
};

}  // namespace fairlead::gateway::cache
