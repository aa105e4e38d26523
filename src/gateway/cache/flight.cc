#include "gateway/cache/flight.h"

#include <boost/asio/redirect_error.hpp>
#include <utility>

namespace fairlead::gateway::cache {

Flight::Flight(async::Runtime& runtime, async::Loop& home, bool streamed)
    : runtime_(runtime), home_(home), streamed_(streamed), lanes_(static_cast<std::size_t>(runtime.size())) {}

Flight::~Flight() = default;

bool Flight::join() {
  if (state() == State::kReleased) return false;
  int seen = joined_.load();
  while (seen > 0)
    if (joined_.compare_exchange_weak(seen, seen + 1)) return true;
  return false;
}

void Flight::leave() {
  if (joined_.fetch_sub(1) > 1 || state() != State::kRunning) return;
  home_.post([self = shared_from_this()] { self->cancellation_.request(); });
}

void Flight::begin(KeptAnswer from) {
  from_ = std::move(from);
}

void Flight::append(std::string_view bytes, bool content_started) {
  if (bytes.empty()) return;
  Piece& piece = pieces_.emplace_back();
  piece.bytes = bytes;
  piece.content_started = content_started;
  // Before wake_all() looks for who waits, as a reader says that it waits before it looks for pieces.
  last_->next.store(&piece);
  last_ = &piece;
  wake_all();
}

void Flight::end(std::shared_ptr<const KeptAnswer> answer) {
  answer_ = std::move(answer);
  publish(State::kEnded);
}

void Flight::fail(Error error, bool is_own_fault) {
  error_ = std::move(error);
  publish(is_own_fault && last_ == &first_ ? State::kReleased : State::kFailed);
}

void Flight::publish(State state) {
  state_.store(state);
  wake_all();
}

void Flight::wake_all() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    if (!lane.used.load() || lane.woken.exchange(true)) continue;
    runtime_.loop(static_cast<int>(i)).post([self = shared_from_this(), i] { self->wake(i); });
  }
}

void Flight::wake(std::size_t loop) {
  Lane& lane = lanes_[loop];
  lane.woken.exchange(false);
  while (!lane.waiting.empty()) {
    Reader& reader = lane.waiting.front();
    lane.waiting.pop_front();
    reader.timer_.cancel();
  }
}

Flight::Reader::Reader(std::shared_ptr<Flight> flight, async::Loop& loop)
    : flight_(std::move(flight)), loop_(loop), last_(&flight_->first_), timer_(loop.executor()) {}

Flight::Reader::~Reader() {
  leave();
}

void Flight::Reader::leave() {
  if (!std::exchange(left_, true)) flight_->leave();
}

void Flight::Reader::on_cancel(void* self) {
  static_cast<Reader*>(self)->timer_.cancel();
}

// Whether there was anything.
bool Flight::Reader::take() {
  const Piece* piece = last_->next.load();
  if (piece == nullptr) return false;
  view_ = piece->bytes;
  content_started_ = piece->content_started;
  last_ = piece;
  if (piece->next.load() == nullptr) return true;
  joined_ = piece->bytes;
  while ((piece = last_->next.load()) != nullptr) {
    joined_ += piece->bytes;
    content_started_ = piece->content_started;
    last_ = piece;
  }
  view_ = joined_;
  return true;
}

async::Task<Result<std::string_view>> Flight::Reader::next(SteadyTime deadline, async::Cancellation& cancellation) {
  for (;;) {
    // The state first: what it ended with has been appended before.
    const State state = flight_->state();
    if (take()) co_return view_;
    if (state != State::kRunning) co_return std::string_view();
    auto waited = co_await wait(false, deadline, cancellation);
    if (!waited) co_return std::unexpected(std::move(waited).error());
  }
}

async::Task<Result<void>> Flight::Reader::wait_for_end(SteadyTime deadline, async::Cancellation& cancellation) {
  while (flight_->state() == State::kRunning) {
    auto waited = co_await wait(true, deadline, cancellation);
    if (!waited) co_return std::unexpected(std::move(waited).error());
  }
  co_return Result<void>{};
}

// Returns when something may have come, or the end.
async::Task<Result<void>> Flight::Reader::wait(bool for_end, SteadyTime deadline, async::Cancellation& cancellation) {
  Lane& lane = flight_->lanes_[static_cast<std::size_t>(loop_.index())];
  timer_.expires_at(deadline);
  lane.waiting.push_back(*this);
  lane.used.store(true);
  const bool nothing = (for_end || last_->next.load() == nullptr) && flight_->state_.load() == State::kRunning;
  bool expired = false;
  if (nothing && !cancellation.requested()) {
    const async::Cancellation::Registration registration(cancellation, on_cancel, this);
    boost::system::error_code woken;
    co_await timer_.async_wait(boost::asio::redirect_error(async::use_task, woken));
    expired = !woken;
  }
  unlink();
  if (cancellation.requested())
    co_return fairlead::fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
  if (expired) co_return fairlead::fail(ErrorKind::kTimeout, "call_timeout", "The call's time is up.");
  co_return Result<void>{};
}

}  // namespace fairlead::gateway::cache
