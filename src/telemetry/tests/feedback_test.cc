// What is said of answers: what is accepted, and what of it counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/id.h"
#include "platform/json/text.h"
#include "telemetry/internal/codec.h"
#include "telemetry/internal/fields.h"
#include "telemetry/store/call_store.h"
#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

namespace bj = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000'000;
const std::string kCall = new_id(kNow);

Result<Feedback> parsed(std::string_view body) {
  return Feedback::parse(json::parse(body).value().as_object(), kNow);
}
std::string fault(const std::string& body) {
  const auto feedback = parsed(body);
  return feedback ? "accepted" : feedback.error().code + " " + feedback.error().param;
}

TEST(Feedback, TakesEachOfItsMembers) {
  const auto feedback = parsed(R"({"call": ")" + kCall +
                               R"(", "name": "helpful.v2", "vote": false, "score": -0.5, "category": "Неверная плата",
      "comment": "c", "correction": "2 %", "author": "u-17"})");
  ASSERT_TRUE(feedback) << feedback.error().message;
  EXPECT_EQ(feedback->call, kCall);
  EXPECT_EQ(feedback->name, "helpful.v2");
  EXPECT_EQ(feedback->vote, static_cast<int>(Vote::kNo));
  EXPECT_EQ(feedback->score, -0.5);
  EXPECT_EQ(feedback->category, "Неверная плата");
  EXPECT_EQ(feedback->comment + feedback->correction + feedback->author, "c2 %u-17");
  const auto small = parsed(R"({"session": "s", "vote": true, "score": null})");
  ASSERT_TRUE(small);
  EXPECT_EQ(small->name, "feedback");
  EXPECT_TRUE(std::isnan(small->score));
}

TEST(Feedback, SaysWhatIsWrong) {
  EXPECT_EQ(fault(R"({"vote": true})"), "missing_required_parameter call");
  EXPECT_EQ(fault(R"({"user": "u", "session": "s", "vote": true})"), "invalid_value call");
  EXPECT_EQ(fault(R"({"call": "chatcmpl-1", "vote": true})"), "invalid_value call");
  EXPECT_EQ(fault(R"({"call": ")" + new_id(kNow + 120'000'000) + R"(", "vote": true})"), "invalid_value call");
  EXPECT_EQ(fault(R"({"user": "u"})"), "missing_required_parameter vote");
  EXPECT_EQ(fault(R"({"user": "u", "vote": 1})"), "invalid_type vote");
  EXPECT_EQ(fault(R"({"user": "u", "score": "1"})"), "invalid_type score");
  EXPECT_EQ(fault(R"({"user": "u", "comment": ""})"), "invalid_value comment");
  EXPECT_EQ(fault(R"({"user": "u", "comment": 7})"), "invalid_type comment");
  EXPECT_EQ(fault(R"({"user": "u", "name": "a b", "vote": true})"), "invalid_value name");
  EXPECT_EQ(fault(R"({"user": "u", "withdraw": "yes"})"), "invalid_type withdraw");
  EXPECT_EQ(fault(R"({"user": "u", "withdraw": true, "vote": true})"), "invalid_value withdraw");
  EXPECT_EQ(fault(R"({"user": "u", "withdraw": false})"), "missing_required_parameter vote");
  EXPECT_EQ(fault(R"({"user": "u", "vot": true})"), "unknown_parameter vot");
  std::string letters;
  for (int i = 0; i < 100; ++i) letters += "я";
  EXPECT_EQ(fault(R"({"user": "u", "category": ")" + letters + R"("})"), "accepted");
  EXPECT_EQ(fault(R"({"user": "u", "category": ")" + letters + R"(я"})"), "invalid_value category");
}

TEST(Feedback, ComesBackFromItsEncodingAsItWas) {
  Feedback full{.id = new_id(kNow), .project = "bank", .key_id = "key_1", .at_us = kNow, .call = kCall, .author = "u"};
  full.vote = 2;
  full.score = 0.25;
  full.category = "fee";
  full.comment = std::string("a\0b", 3);
  full.correction = "2 %";
  full.withdrawn = true;
  std::string frame;
  append_frame(frame, full);
  append_frame(frame, record_of("bank", kCall));
  const auto payload = read_frame(frame);
  ASSERT_TRUE(payload);
  EncodedRecord record;
  ASSERT_TRUE(record.parse(*payload));
  ASSERT_TRUE(record.is_feedback());
  const EncodedFields& fields = record.feedback();
  EXPECT_EQ(fields.text(1), full.id);
  EXPECT_EQ(fields.text(2), "bank");
  EXPECT_EQ(fields.integer(4), kNow);
  EXPECT_EQ(fields.text(8), "feedback");
  EXPECT_EQ(fields.integer(10), 2);
  EXPECT_EQ(fields.real(11), 0.25);
  EXPECT_EQ(fields.text(13), full.comment);
  EXPECT_TRUE(fields.boolean(15));
  for (std::size_t size = 0; size < payload->size(); ++size)  // cut anywhere it is refused or means less, never a crash
    static_cast<void>(record.parse(payload->substr(0, size)));
  const auto next = read_frame(std::string_view(frame).substr(kFrameHead + payload->size()));
  ASSERT_TRUE(next && record.parse(*next));
  EXPECT_FALSE(record.is_feedback());
  EXPECT_EQ(record.call().text(kIdNumber), kCall);
}

// A lake that is given sayings one after the other.
class FeedbackStore : public ::testing::Test {
 protected:
  void SetUp() override {
    auto writer = SpoolWriter::create(folder_.path() + "/spool", 1 << 20, clock_);
    auto store = CallStore::open(folder_.path() + "/lake.duckdb", folder_.path() + "/spool", 64 * 1024 * 1024);
    ASSERT_TRUE(writer && store);
    writer_ = std::move(*writer);
    store_ = std::move(*store);
  }

  template <class Record>
  void write(const Record& record) {
    std::string frame;
    append_frame(frame, record);
    const iovec part{frame.data(), frame.size()};
    ASSERT_TRUE(writer_->append({&part, 1}));
  }
  void say(Feedback feedback) {
    at_us_ += 1'000'000;
    feedback.id = new_id(at_us_);
    feedback.at_us = at_us_;
    if (feedback.project.empty()) feedback.project = "bank";
    if (feedback.author.empty()) feedback.author = "u-1";
    write(feedback);
  }
  // "vote/score/comment" of each, newest first.
  std::vector<std::string> said(std::string_view query, std::string_view project = "bank") {
    EXPECT_TRUE(store_->load(writer_->written()));
    const auto filter = FeedbackFilter::parse(query);
    if (!filter) return {filter.error().code + " " + filter.error().param};
    const auto text = store_->feedback(project, *filter);
    if (!text) return {text.error().message};
    std::vector<std::string> out;
    const auto answer = json::parse(*text).value();
    for (const auto& one : answer.at("data").as_array()) {
      out.push_back(json::to_text(one.at("vote")) + "/" + json::to_text(one.at("score")) + "/" +
                    json::to_text(one.at("comment")));
    }
    return out;
  }
  std::string asked(const std::string& sql) {
    EXPECT_TRUE(store_->load(writer_->written()));
    const auto text = store_->ask("bank", sql, 100);
    return text ? json::to_text(json::parse(*text).value().at("rows")) : text.error().message;
  }

  const TempFolder folder_;
  const SystemClock clock_;
  std::unique_ptr<SpoolWriter> writer_;
  std::unique_ptr<CallStore> store_;
  std::int64_t at_us_ = kNow;
};

TEST_F(FeedbackStore, CountsTheLastOfEachAuthorAndName) {
  say({.call = kCall, .vote = 1});
  say({.call = kCall, .vote = 2, .comment = "on second thoughts"});
  say({.call = kCall, .author = "u-2", .vote = 1});
  say({.call = kCall, .name = "tone", .score = 0.5});
  say({.session = "s", .vote = 1});
  EXPECT_THAT(said("call=" + kCall),
              ElementsAre("null/0.5/null", "true/null/null", R"(false/null/"on second thoughts")"));
  EXPECT_EQ(asked("select name, count(*), avg(vote::int), avg(score) from feedback group by name order by name"),
            R"([["feedback",3,0.6666666666666666,null],["tone",1,null,0.5]])");
  EXPECT_EQ(asked("select count(*) from feedback_history"), "[[5]]");
}

TEST_F(FeedbackStore, TakesTheSameTwiceInARowAsOne) {
  for (int i = 0; i < 3; ++i) say({.call = kCall, .vote = 1});
  say({.call = kCall, .vote = 2});
  say({.call = kCall, .vote = 1});
  say({.call = kCall, .vote = 1});
  EXPECT_THAT(said("history=true"), ElementsAre("true/null/null", "false/null/null", "true/null/null"));
  EXPECT_THAT(said(""), ElementsAre("true/null/null"));
}

TEST_F(FeedbackStore, ForgetsWhatIsWithdrawnButForTheHistory) {
  say({.user = "u", .vote = 1});
  say({.user = "u", .withdrawn = true});
  EXPECT_THAT(said("user=u"), ElementsAre());
  EXPECT_THAT(said("user=u&history=true"), ElementsAre("null/null/null", "true/null/null"));
  say({.user = "u", .score = 7});
  EXPECT_THAT(said("user=u"), ElementsAre("null/7/null"));
}

TEST_F(FeedbackStore, IsFoundByWhatItsCallsWereAndStaysInItsProject) {
  CallRecord call = record_of("bank", kCall);
  call.target_version = 4;
  write(call);
  say({.call = kCall, .vote = 1});
  say({.call = new_id(kNow), .vote = 2});  // of a call that nobody knows
  say({.project = "shop", .call = kCall, .comment = "of another project"});
  EXPECT_THAT(said("target=prompt:support-reply@4"), ElementsAre("true/null/null"));
  EXPECT_THAT(said("target=support-reply@5"), ElementsAre());
  EXPECT_THAT(said("target=support-reply&author=u-1&name=feedback"), ElementsAre("true/null/null"));
  EXPECT_EQ(said("").size(), 2u);
  EXPECT_THAT(said("", "shop"), ElementsAre(R"(null/null/"of another project")"));
  const auto record = json::parse(store_->get("bank", kCall).value()).value();
  ASSERT_EQ(record.at("feedback").as_array().size(), 1u);
  EXPECT_EQ(record.at("feedback").at(0).at("vote"), bj::value(true));
}

TEST_F(FeedbackStore, IsSummedUpByVersion) {
  for (int version = 3; version <= 4; ++version) {
    for (int i = 0; i < 4; ++i) {
      CallRecord call = record_of("bank", new_id(at_us_ += 1'000));
      call.started_at_us = at_us_;
      call.target_version = version;
      call.duration_us = 100'000 * (i + 1);
      call.cost_usd = 0.25;
      if (i == 0) call.error_code = "upstream_timeout";
      if (i < 3) call.variant = "russian-gold";
      call.schema_failures = i;
      write(call);
      if (i < version) say({.call = call.id, .name = "helpful", .vote = i == 0 ? 2 : 1});
      if (i == 0) say({.call = call.id, .name = "tone", .score = 0.5, .correction = "x"});
    }
  }
  CallRecord shadow = record_of("bank", new_id(at_us_));
  shadow.started_at_us = at_us_;
  shadow.target_version = 4;
  shadow.shadow_of = kCall;
  write(shadow);
  ASSERT_TRUE(store_->load(writer_->written()));
  const auto stats = [&](std::string_view query) {
    const auto filter = StatsFilter::parse(query, at_us_);
    return json::parse(store_->stats("bank", filter.value()).value()).value().at("data");
  };
  const auto rows = stats("target=support-reply&since=1h");
  ASSERT_EQ(rows.as_array().size(), 2u);
  const auto& newest = rows.at(0);
  EXPECT_EQ(newest.at("target_version"), bj::value(4));
  EXPECT_EQ(newest.at("calls"), bj::value(4));
  EXPECT_EQ(newest.at("errors"), bj::value(1));
  EXPECT_EQ(newest.at("input_tokens"), bj::value(40));
  EXPECT_EQ(newest.at("cost_usd").to_number<double>(), 1);
  EXPECT_EQ(newest.at("p50_ms").to_number<double>(), 250);
  EXPECT_EQ(json::to_text(newest.at("feedback")),
            R"([{"name":"helpful","count":4,"votes":4,"yes":3,"scores":0,"mean_score":null,"corrections":0},)"
            R"({"name":"tone","count":1,"votes":0,"yes":0,"scores":1,"mean_score":0.5,"corrections":1}])");
  EXPECT_EQ(rows.at(1).at("feedback").at(0).at("yes"), bj::value(2));
  EXPECT_FALSE(newest.as_object().contains("variant"));
  EXPECT_EQ(json::to_text(stats("target=support-reply&since=1h&by=version")), json::to_text(rows));

  const auto variants = stats("target=support-reply&by=variant");
  ASSERT_EQ(variants.as_array().size(), 4u);
  EXPECT_EQ(variants.at(0).at("target_version"), bj::value(4));
  EXPECT_EQ(variants.at(0).at("variant"), bj::value("russian-gold"));
  EXPECT_EQ(variants.at(0).at("calls"), bj::value(3));
  EXPECT_EQ(variants.at(0).at("schema_failures"), bj::value(3));
  EXPECT_EQ(variants.at(0).at("feedback").at(0).at("yes"), bj::value(2));
  EXPECT_EQ(variants.at(1).at("variant"), bj::value(nullptr));
  EXPECT_EQ(variants.at(1).at("cost_usd").to_number<double>(), 0.25);
  EXPECT_EQ(variants.at(1).at("schema_failures"), bj::value(3));
  EXPECT_EQ(variants.at(1).at("feedback").at(0).at("votes"), bj::value(1));
  EXPECT_EQ(variants.at(3).at("target_version"), bj::value(3));
  EXPECT_TRUE(variants.at(3).at("feedback").as_array().empty());

  EXPECT_EQ(stats("target=support-reply@3").as_array().size(), 1u);
  EXPECT_EQ(stats("since=2999-01-01").as_array().size(), 0u);
}

TEST(StatsFilter, ReadsAgesAndTimes) {
  const auto since = [](std::string_view text) {
    const auto filter = StatsFilter::parse("since=" + std::string(text), kNow);
    return filter ? filter->since_us : -1;
  };
  EXPECT_EQ(since("90m"), kNow - 5'400'000'000);
  EXPECT_EQ(since("2d"), kNow - 172'800'000'000);
  EXPECT_EQ(since("2023-11-14T22:13:20Z"), kNow);
  EXPECT_EQ(since("2023-11-14T22:13:20.123Z"), kNow + 123'000);
  EXPECT_EQ(since("2023-11-14"), 1'699'920'000'000'000);
  for (const char* text : {"", "7", "d", "-1d", "0h", "7w", "2023-13-01", "2023-11-14T22:13", "2023-11-14T22:13:20",
                           "99999999999d", "2023-11-14x", "999999999d"})
    EXPECT_EQ(since(text), -1) << text;
  EXPECT_EQ(StatsFilter::parse("sinc=7d", kNow).error().code, "unknown_parameter");
  EXPECT_EQ(StatsFilter::parse("by=varint", kNow).error().code, "invalid_value");
}

TEST_F(FeedbackStore, IsPagedAndRefusesUnknownFilters) {
  for (int i = 0; i < 5; ++i) say({.user = "u" + std::to_string(i), .score = static_cast<double>(i)});
  EXPECT_THAT(said("limit=2"), ElementsAre("null/4/null", "null/3/null"));
  const auto page = json::parse(store_->feedback("bank", FeedbackFilter::parse("limit=2").value()).value()).value();
  EXPECT_EQ(page.at("has_more"), bj::value(true));
  const std::string last(page.at("data").at(1).at("id").as_string());
  EXPECT_THAT(said("limit=3&before=" + last), ElementsAre("null/2/null", "null/1/null", "null/0/null"));
  EXPECT_THAT(said("usr=1"), ElementsAre("unknown_parameter usr"));
  EXPECT_THAT(said("history=1"), ElementsAre("invalid_value history"));
  EXPECT_THAT(said("user="), ElementsAre("invalid_value user"));
}

TEST_F(FeedbackStore, GoesWhenItIsTooOld) {
  say({.user = "u", .vote = 1});
  const std::int64_t between = at_us_ + 1;
  say({.user = "v", .vote = 2});
  EXPECT_EQ(said("").size(), 2u);
  ASSERT_TRUE(store_->remove_before(between));
  EXPECT_THAT(said(""), ElementsAre("false/null/null"));
}

}  // namespace
}  // namespace fairlead::telemetry
