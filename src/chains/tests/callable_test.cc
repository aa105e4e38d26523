// Chains that are called as models, and what is said of how far a run is.
#include "chains/callable.h"

#include <gmock/gmock.h>

#include <numeric>

#include "chains/internal/progress.h"
#include "chains/tests/steps_fixture.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using journal::Event;
using journal::EventKind;
using testing::Each;
using testing::HasSubstr;
using testing::Le;

class CalledChains : public ChainSteps {
 protected:
  CalledChains() : engine_(&node_->engine()) {}

 public:
  ~CalledChains() override { (void)engine_.release(); }

 protected:
  std::unique_ptr<journal::Engine> engine_;  // the node's, which owns it
};

async::Task<std::vector<std::string>> pieces_of(std::shared_ptr<llm::Stage> stage, llm::Call& call, async::Loop& loop,
                                                async::Cancellation& cancellation) {
  std::vector<std::string> out;
  const auto ready = co_await stage->run(call);
  if (!ready) co_return out;
  const llm::ChatCall chat{call.request,
                           {.upstream_model = "one",
                            .call_id = "c",
                            .idempotency_key = {},
                            .loop = loop,
                            .cancellation = cancellation,
                            .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30)}};
  auto answer = co_await call.model->routes[0].provider->chat(chat);
  if (!answer) co_return out;
  for (bool has_ended = false; !has_ended;) {
    const auto piece = co_await (*answer)->next();
    if (!piece) co_return out;
    out.emplace_back(piece->wire);
    has_ended = piece->end;
  }
  co_return out;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

TEST_P(CalledChains, ALongHistoryIsToldInPieces) {
  std::string items;
  for (int i = 0; i < 300; ++i) items += (items.empty() ? "" : ",") + std::to_string(i);
  const std::string spec = R"({"steps": [{"name": "each", "map": "${{ [)" + items +
                           R"(] }}", "transform": "${{ item }}"}], "output": "ok"})";
  EXPECT_EQ(run(spec).output, R"("ok")");
  for (int i = 0; i < 2; ++i) {  // as it goes on; and again, once it has ended
    llm::Call call;
    call.project = "default";
    call.request.messages = "[]";
    call.request.stream = true;
    call.options.progress = true;
    call.options.idempotency_key = "once";
    const auto pieces =
        node_->wait(pieces_of(make_callable(chains_, engine_, "one", 1), call, node_->loops().loop(0), none_));
    ASSERT_FALSE(pieces.empty());
    EXPECT_THAT(pieces.back(), HasSubstr(R"("finish_reason":"stop")"));
    std::vector<std::size_t> told;
    for (const std::string& piece : pieces) told.push_back(times(piece, R"("progress":)"));
    EXPECT_THAT(told, Each(Le(100u)));
    EXPECT_EQ(std::accumulate(told.begin(), told.end(), std::size_t{0}), 300u);
  }
}

INSTANTIATE_TEST_SUITE_P(Store, CalledChains, testing::Values(journal::On::kSqlite), journal::name_of);

Event event(EventKind kind, std::string step = {}, std::string data = {}) {
  return {.run = "r", .kind = kind, .step = std::move(step), .data = std::move(data)};
}

std::string shown(const std::vector<Event>& events) {
  const bj::array steps = internal::progress_of(events, std::vector<internal::StepOutline>{{.name = "a"}});
  const bj::object& step = steps.at(0).as_object();
  const bj::value* const by = step.if_contains("waits_for");
  return std::string(step.at("state").as_string()) + (by != nullptr ? " " + std::string(by->as_string()) : "");
}

TEST(Progress, NothingWaitsInARunThatHasEnded) {
  for (const auto& [kind, data] :
       {std::pair(EventKind::kHeld, R"({"by":"x"})"), {EventKind::kWait, R"({"for":"x"})"}}) {
    std::vector<Event> events{event(EventKind::kTaken), event(kind, "a", data)};
    EXPECT_EQ(shown(events), "waiting x");
    events.push_back(event(EventKind::kFinished));
    EXPECT_EQ(shown(events), "pending");
    events.push_back(event(EventKind::kRetried));
    // What waits waits as before; of a limit it will be said again.
    EXPECT_EQ(shown(events), kind == EventKind::kWait ? "waiting x" : "pending");
    events.push_back(event(EventKind::kHeld, "a", R"({"by":"y"})"));
    EXPECT_EQ(shown(events), "waiting y");
    events.push_back(event(EventKind::kIntent, "a"));
    EXPECT_EQ(shown(events), "running");
  }
}

}  // namespace
}  // namespace fairlead::chains
