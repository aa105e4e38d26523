// What the tests of the engine share: steps of runs, and a store on either engine.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "platform/journal/tests/harness.h"

namespace fairlead::journal {

// Effects that a test counts; each returns {"n": …} after its time.
struct Upstream {
  std::mutex mutex;
  std::vector<std::string> seen;  // "step key"
  void note(const Attempt& attempt) {
    const std::lock_guard lock(mutex);
    seen.push_back(attempt.step + " " + attempt.key);
  }
  std::size_t times(const std::string& step) {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(
        std::ranges::count_if(seen, [&](const std::string& line) { return line.starts_with(step + " "); }));
  }
};

inline async::Task<std::expected<Effect, EffectFailed>> answer(std::string output, std::int64_t cost = 0) {
  co_return Effect{std::move(output), cost};
}
inline async::Task<std::expected<Effect, EffectFailed>> refuse(FailureClass failure, std::string code) {
  co_return std::unexpected(EffectFailed{failure, {ErrorKind::kUpstream, code, "It said " + code + "."}});
}

inline async::Task<Outcome> two_steps(Upstream& upstream, Execution& execution) {
  Step first{.name = "first", .work = [&upstream](Attempt attempt) {
               upstream.note(attempt);
               return answer(R"({"n":1})", 5);
             }};
  const auto one = co_await execution.step(std::move(first));
  if (!one) co_return outcome_of(one.error(), "first");
  Step second{.name = "second", .work = [&upstream](Attempt attempt) {
                upstream.note(attempt);
                return answer(R"({"n":2})", 7);
              }};
  const auto two = co_await execution.step(std::move(second));
  if (!two) co_return outcome_of(two.error(), "second");
  co_return succeeded("[" + *one + "," + *two + "]");
}

inline async::Task<std::expected<Effect, EffectFailed>> until_cancelled(async::Loop& loop,
                                                                        async::Cancellation& cancellation) {
  async::Bell bell(loop.executor());
  const async::Cancellation::Registration registration(
      cancellation, [](void* self) { static_cast<async::Bell*>(self)->ring(); }, &bell);
  co_await bell.wait();
  const bool late = cancellation.reason() == ErrorKind::kTimeout;
  co_return std::unexpected(EffectFailed{late ? FailureClass::kTimeout : FailureClass::kPermanent,
                                         {cancellation.reason(), late ? "timeout" : "cancelled", "It was stopped."}});
}

class EngineTest : public testing::TestWithParam<On> {
 protected:
  void SetUp() override {
    auto opened = store::open(new_store(GetParam(), folder_), readers_, migrations());
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
  }

  TestFolder folder_;
  async::BlockingPool readers_{4};
  std::unique_ptr<store::Database> database_;
  Upstream upstream_;
};

}  // namespace fairlead::journal
