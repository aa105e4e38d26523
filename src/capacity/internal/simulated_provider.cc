#include "capacity/internal/simulated_provider.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/routing/pause.h"

namespace fairlead::capacity {
namespace {

constexpr std::string_view kChunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";
constexpr std::string_view kWhole = "{}";

Error cancelled() {
  return {ErrorKind::kCancelled, "cancelled", "The request was cancelled."};
}

Error too_late() {
  return {ErrorKind::kTimeout, "upstream_timeout", "The upstream took too long."};
}

// As the provider's own words would have come.
Error error_of(const std::string& code) {
  ErrorKind kind = ErrorKind::kUpstream;
  if (code == "rate_limit_exceeded" || code == "insufficient_quota") kind = ErrorKind::kExhausted;
  if (code == "upstream_unreachable" || code == "upstream_unavailable" || code == "model_loading" ||
      code == "model_failed" || code == "worker_died")
    kind = ErrorKind::kUnavailable;
  if (code == "upstream_timeout") kind = ErrorKind::kTimeout;
  if (!code.starts_with("upstream_") && kind == ErrorKind::kUpstream) kind = ErrorKind::kInvalid;
  return {kind, code, "The upstream failed, as it did when calls were recorded."};
}

class Place {
 public:
  Place(std::shared_ptr<Presence> presence, std::int64_t tokens)
      : presence_(std::move(presence)), in_flight_(presence_->enter(tokens)) {}
  ~Place() { presence_->leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  int in_flight() const { return in_flight_; }

 private:
  const std::shared_ptr<Presence> presence_;
  const int in_flight_;
};

// Waits for so long; fails at the call's deadline, and when it is cancelled.
async::Task<Result<void>> wait_for(double us, llm::CallContext context, SimulatedTime& time) {
  const auto left = std::chrono::duration_cast<Micros>(context.deadline - time.now());
  const Micros wanted(static_cast<std::int64_t>(us));
  const bool waited =
      co_await gateway::routing::pause(context.loop, std::min(wanted, left), context.cancellation, &time);
  if (!waited) co_return fail(context.cancellation.reason() == ErrorKind::kTimeout ? too_late() : cancelled());
  if (wanted > left) co_return fail(too_late());
  co_return Result<void>{};
}

class SimulatedAnswer final : public llm::Completion {
 public:
  SimulatedAnswer(llm::CallContext context, SimulatedTime& time, std::unique_ptr<Place> place, const Asked& asked,
                  double rest_us, bool stream, Millis piece)
      : context_(context), time_(time), place_(std::move(place)), asked_(asked), rest_us_(rest_us), stream_(stream) {
    if (piece.count() > 0) piece_us_ = static_cast<double>(piece.count()) * 1'000;
  }

  async::Task<Result<llm::Delta>> next() override {
    outcome_.content_started = true;
    if (!stream_) {
      end();
      co_return llm::Delta{.wire = kWhole, .end = true};
    }
    if (!std::exchange(begun_, true)) co_return llm::Delta{.wire = kChunk};
    const double now = piece_us_ > 0 ? std::min(rest_us_, piece_us_) : rest_us_;
    auto waited = co_await wait_for(now, context_, time_);
    if (!waited) co_return fail(std::move(waited).error());
    rest_us_ -= now;
    if (rest_us_ > 0) co_return llm::Delta{.wire = kChunk};
    end();
    co_return llm::Delta{.wire = kChunk, .end = true};
  }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  void end() {
    outcome_.usage = {.input = asked_.input, .output = asked_.output, .reported = true};
    outcome_.finish_reason = "stop";
    place_.reset();
  }

  const llm::CallContext context_;
  SimulatedTime& time_;
  std::unique_ptr<Place> place_;
  const Asked asked_;
  double rest_us_, piece_us_ = 0;
  const bool stream_;
  bool begun_ = false;
  llm::Outcome outcome_;
};

}  // namespace

void Presence::count() {
  if (!counts_) return;
  const auto at = static_cast<std::size_t>(now_);
  if (seen_.time_us.size() <= at) seen_.time_us.resize(at + 1);
  seen_.time_us[at] += std::chrono::duration<double, std::micro>(time_.now() - counted_to_).count();
  counted_to_ = time_.now();
}

int Presence::enter(std::int64_t tokens) {
  count();
  if (counts_) seen_.tries.emplace_back(time_.unix_micros() - began_us_, tokens);
  return ++now_;
}

void Presence::leave() {
  count();
  --now_;
}

UpstreamUse Presence::end_counting() {
  count();
  counts_ = false;
  if (seen_.time_us.empty()) seen_.time_us.resize(1);
  return std::move(seen_);
}

void SimulatedProvider::add(const std::string& upstream_model, const UpstreamModel& model, Millis piece) {
  Upstream& of = upstreams_[upstream_model];
  of.model = &model;
  if (piece.count() > 0) of.piece = of.piece.count() > 0 ? std::min(of.piece, piece) : piece;
  if (!of.presence) of.presence = std::make_shared<Presence>(time_);
}

async::Task<Result<std::unique_ptr<llm::Completion>>> SimulatedProvider::chat(llm::ChatCall call) {
  const Upstream& of = upstreams_.find(call.context.upstream_model)->second;
  std::size_t id = 0;
  std::from_chars(call.context.call_id.data(), call.context.call_id.data() + call.context.call_id.size(), id);
  Asked& asked = asked_[id];
  if (asked.sent == SteadyTime{}) asked.sent = time_.now();
  auto place = std::make_unique<Place>(of.presence, asked.input + asked.output);
  const bool stream = call.request.stream;
  const Drawn drawn = of.model->draw(stream, asked.input, asked.output, place->in_flight(), random_);
  auto waited = co_await wait_for(drawn.first_us, call.context, time_);
  if (!waited) co_return fail(std::move(waited).error());
  if (!drawn.error_code.empty()) co_return fail(error_of(drawn.error_code));
  co_return std::make_unique<SimulatedAnswer>(call.context, time_, std::move(place), asked, drawn.rest_us, stream,
                                              of.piece);
}

}  // namespace fairlead::capacity
