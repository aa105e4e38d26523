// Places under limits, by a clock of the test's own.
#include "platform/journal/internal/places.h"

#include "platform/journal/internal/rows.h"
#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

using store::Connection;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kNow = 1'800'000'000'000'000, kSecond = 1'000'000;
constexpr const char* kNode = "node/1";

class PlacesTest : public EngineTest {
 protected:
  void write(const std::function<Result<void>(Connection&)>& work) {
    const auto done = database_->write_blocking(work);
    ASSERT_TRUE(done) << done.error().message;
  }
  // A run that the node has, or that is held back in the lane.
  void insert(const std::string& id, const std::string& author = "", const std::string& lane = "") {
    journal::Run run{.id = id, .asked = TestNode::request(), .state = RunState::kRunning, .created_at = kNow};
    run.asked.author = author;
    if (lane.empty()) run.node = kNode;
    write([&](Connection& connection) -> Result<void> {
      FAIRLEAD_CHECK(insert_run(connection, run, keep_input(run), std::nullopt));
      return lane.empty() ? Result<void>() : hold_back(connection, run, lane);
    });
  }
  // In a transaction of its own: the lane that has no room, or "".
  std::string take(std::span<const Limit> limits, const std::string& run, std::int64_t now,
                   const std::string& step = "") {
    std::string full;
    write([&](Connection& connection) -> Result<void> {
      Places places(connection, now);
      FAIRLEAD_TRY(full, places.take("default", limits, {.run = run, .node = kNode, .of = step}));
      return {};
    });
    return full;
  }
  std::string let_go_from(const LimitsOf& limits, std::string from) {
    std::string to;
    write([&](Connection& connection) -> Result<void> {
      Places places(connection, kNow);
      FAIRLEAD_TRY(to, let_go(connection, places, {"test"}, limits, from, kNow));
      return {};
    });
    return to;
  }
  std::vector<std::string> due() {
    std::vector<std::string> runs;
    write([&](Connection& connection) {
      return connection.query("select id from journal_runs where due is not null order by id", {},
                              [&](const store::Row& row) -> Result<void> {
                                runs.emplace_back(row.text(0));
                                return {};
                              });
    });
    return runs;
  }
};

TEST_P(PlacesTest, RatesOfOneNameCountEachOverItsOwnPeriod) {
  const Limit limits[] = {{.name = "chain x", .starts = 2, .period = kSecond},
                          {.name = "chain x", .starts = 3, .period = 10 * kSecond}};
  EXPECT_EQ(take(limits, "r1", kNow), "");
  EXPECT_EQ(take(limits, "r2", kNow), "");
  EXPECT_EQ(limit_name(take(limits, "r3", kNow)), "chain x");
  EXPECT_EQ(take(limits, "r3", kNow + 2 * kSecond), "");
  EXPECT_NE(take(limits, "r4", kNow + 4 * kSecond), "") << "three within ten seconds";
  EXPECT_NE(take(limits, "r4", kNow + 9 * kSecond), "");
  EXPECT_EQ(take(limits, "r4", kNow + 10 * kSecond), "");
}

TEST_P(PlacesTest, OfTwoLimitsOfOneNameTheSmallerHolds) {
  const Limit limits[] = {{.name = "chain x", .concurrency = 5}, {.name = "chain x", .concurrency = 3}};
  std::vector<std::string> taken;
  write([&](Connection& connection) -> Result<void> {
    Places places(connection, kNow);
    for (const std::string run : {"r1", "r2", "r3", "r4", "r5", "r6"}) {
      FAIRLEAD_TRY(const std::string full, places.take("default", limits, {.run = run, .node = kNode}));
      if (full.empty()) taken.push_back(run);
    }
    return {};
  });
  EXPECT_THAT(taken, ElementsAre("r1", "r2", "r3"));
}

TEST_P(PlacesTest, WhatAStepHadOfAnEarlierAttemptDoesNotHoldItBack) {
  insert("r1");
  const Limit places[] = {{.name = "queue model:m", .concurrency = 1}};
  EXPECT_EQ(take(places, "r1", kNow, "a"), "");
  EXPECT_EQ(take(places, "r1", kNow + kSecond, "a"), "") << "it is its own";
  EXPECT_NE(take(places, "r1", kNow + kSecond, "b"), "");
  const Limit rate[] = {{.name = "queue model:m", .starts = 1, .period = kSecond}};
  EXPECT_EQ(take(rate, "r1", kNow, "a"), "");
  EXPECT_EQ(take(rate, "r1", kNow, "a"), "") << "a commit that is tried again";
  EXPECT_NE(take(rate, "r1", kNow + 1, "a"), "") << "another attempt is another start";
}

TEST_P(PlacesTest, ARunThatTheNodeGivesUpGivesBackThePlacesOfItsSteps) {
  insert("r1"), insert("r2");
  const Limit limits[] = {{.name = "queue model:m", .concurrency = 2}};
  EXPECT_EQ(take(limits, "r1", kNow, "each[3]"), "");
  EXPECT_EQ(take(limits, "r2", kNow, "a"), "");
  EXPECT_NE(take(limits, "r1", kNow, "each[0]"), "");
  write([](Connection& connection) { return leave_all(connection, "default", "r1"); });
  EXPECT_EQ(take(limits, "r1", kNow, "each[0]"), "");
  EXPECT_NE(take(limits, "r1", kNow, "each[1]"), "") << "the other run's place is its own";
}

TEST_P(PlacesTest, EveryLaneIsLookedAtInItsTurn) {
  constexpr int kLanes = 300;
  const LimitsOf limits = [](const journal::Run& run) {
    const bool is_last = run.asked.author == "u" + std::to_string(100 + kLanes - 1);
    return std::vector<Limit>{{.name = "user " + run.asked.author, .concurrency = is_last ? 1 : 0}};
  };
  for (int i = 0; i < kLanes; ++i) {
    const std::string user = "u" + std::to_string(100 + i);
    insert("r-" + user, user, lane_of("default", {.name = "user " + user}));
  }
  const std::string reached = let_go_from(limits, "");
  EXPECT_THAT(due(), IsEmpty());
  EXPECT_EQ(let_go_from(limits, reached), "") << "the end, then from the front again";
  EXPECT_THAT(due(), ElementsAre("r-u399"));
}

TEST_P(PlacesTest, WhatIsPausedHasNoRoomThoughALimitBesideItHas) {
  const std::vector<Limit> limits{{.name = "queue model:m"}, {.name = "queue model:m", .concurrency = 2}};
  insert("r1", "", lane_of("default", limits[0]));
  let_go_from([&](const journal::Run&) { return limits; }, "");
  EXPECT_THAT(due(), IsEmpty());
}

TEST_P(PlacesTest, WhoWaitsInTwoLanesGoesOnWithEither) {
  const std::string first = lane_of("default", {.name = "queue model:a"});
  const std::string second = lane_of("default", {.name = "queue model:b"});
  insert("r1", "", first), insert("r2", "", second);
  write([&](Connection& connection) { return write_lanes(connection, "r1", {first, second}); });
  const LimitsOf second_has_one = [](const journal::Run&) {
    return std::vector<Limit>{{.name = "queue model:a"}, {.name = "queue model:b", .concurrency = 1}};
  };
  let_go_from(second_has_one, "");
  EXPECT_THAT(due(), ElementsAre("r1"));
  write([](Connection& connection) { return store::execute(connection, "delete from journal_runs where id = 'r1'"); });
  write([](Connection& connection) { return sweep_places(connection, kNow); });
  std::int64_t rows = 0;
  write([&](Connection& connection) {
    return connection.query("select count(*) from journal_held", {}, [&](const store::Row& row) -> Result<void> {
      rows = row.integer(0);
      return {};
    });
  });
  EXPECT_EQ(rows, 0);
}

INSTANTIATE_TEST_SUITE_P(Store, PlacesTest, testing::Values(On::kSqlite, On::kPostgresql), name_of);

}  // namespace
}  // namespace fairlead::journal
