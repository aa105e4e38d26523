// A detector of tests.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "safety/policy/internal/plugged.h"

namespace fairlead::policy::tests {

inline DetectorSpec spec_of(std::vector<std::string> entities) {
  DetectorSpec out;
  out.url = "http://127.0.0.1:9000/analyze";
  out.entities = std::move(entities);
  return out;
}

// Says what a test has it say, by the text.
class FakeDetector final : public Plugged {
 public:
  explicit FakeDetector(DetectorSpec spec) : spec_(std::move(spec)) {}
  const DetectorSpec& spec() const override { return spec_; }
  async::Task<Result<std::vector<Found>>> find(std::string_view text, const Asking& asking) override {
    ++asked;
    if (waits) {
      // Until it is told that nobody waits for it any more.
      using Timer =
          boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                            boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;
      if (asking.cancellation.requested()) co_return fail(ErrorKind::kCancelled, "cancelled", "It was cancelled.");
      Timer timer(asking.loop.executor(), std::chrono::seconds(10));
      const async::Cancellation::Registration on_cancel(
          asking.cancellation, [](void* self) { static_cast<Timer*>(self)->cancel(); }, &timer);
      boost::system::error_code ignored;
      co_await timer.async_wait(boost::asio::redirect_error(async::use_task, ignored));
      ++gave_up;
      co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
    }
    if (fails) co_return fail(ErrorKind::kUnavailable, "upstream_unreachable", "nobody is there");
    std::vector<Found> out;
    if (const std::size_t at = text.find(word); at != std::string_view::npos)
      out.push_back({at, at + word.size(), spec_.entities.front(), score, "fake"});
    co_return out;
  }
  int asked = 0, gave_up = 0;
  bool waits = false, fails = false;
  std::string word = "asthma";
  double score = 0.8;

 private:
  const DetectorSpec spec_;
};

}  // namespace fairlead::policy::tests
