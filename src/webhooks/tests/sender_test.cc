#include "webhooks/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>

#include "platform/json/text.h"
#include "webhooks/internal/rows.h"
#include "webhooks/internal/signing.h"
#include "webhooks/schema.h"

namespace fairlead::webhooks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kSecond = 1'000'000, kHour = 3'600 * kSecond;

class FakeResponse final : public http::ClientResponse {
 public:
  FakeResponse(int status, std::string retry_after) : status_(status), retry_after_(std::move(retry_after)) {
    if (!retry_after_.empty()) headers_.push_back({"retry-after", retry_after_});
  }
  int status() const override { return status_; }
  std::span<const http::Header> headers() const override { return headers_; }
  async::Task<Result<std::string_view>> read() override { co_return std::string_view(); }
  async::Task<Result<std::string>> read_all(std::size_t) override { co_return std::string(); }
  void dismiss() override {}

 private:
  int status_;
  std::string retry_after_;
  std::vector<http::Header> headers_;
};

// Answers what it was told to, then 200; keeps what it was sent.
class FakeDesk final : public http::Client {
 public:
  struct Sent {
    std::string host, target, lines, body;
  };
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(const http::Origin& origin,
                                                                  http::ClientRequest request,
                                                                  async::Cancellation&) override {
    sent.push_back({origin.host_header, std::string(request.target), std::string(request.header_lines),
                    std::string(request.body)});
    int status = 200;
    if (!answers.empty()) {
      status = answers.front();
      answers.pop_front();
    }
    if (status == 0) co_return fail(ErrorKind::kUnavailable, "upstream_unreachable", "Nobody is there.");
    std::unique_ptr<http::ClientResponse> out = std::make_unique<FakeResponse>(status, retry_after);
    co_return out;
  }
  std::vector<Sent> sent;
  std::deque<int> answers;
  std::string retry_after;
};

std::string line_of(const std::string& lines, const std::string& name) {
  const std::size_t at = lines.find(name + ": ") + name.size() + 2;
  return lines.substr(at, lines.find("\r\n", at) - at);
}

class SenderTest : public testing::Test {
 protected:
  SenderTest() : runtime_(1) {
    std::string pattern = (std::filesystem::temp_directory_path() / "fairlead-webhooks-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    database_ = *store::open_sqlite(folder_ + "/store.db", readers_, migrations());
    runtime_.start();
    put("desk", R"({"url": "https://desk.example.com/hooks?a=b", "secret": "env:DESK"})");
    sender_ = make_sender();
  }
  void TearDown() override {
    runtime_.stop();
    sender_.reset();
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::unique_ptr<Sender> make_sender() {
    return std::make_unique<Sender>(
        Sender::Parts{.database = *database_,
                      .webhooks = webhooks_,
                      .clock = clock_,
                      .client = desk_,
                      .allows = [this](const http::Origin& origin) -> Result<void> {
                        if (allows_) return {};
                        return fail(ErrorKind::kPermissionDenied, "host_not_allowed", origin.host + " is not allowed.");
                      },
                      .secret = [this](std::string, std::string reference) { return secret_of(std::move(reference)); },
                      .retention = std::chrono::hours(24 * 30)},
        runtime_.loop(0));
  }
  async::Task<Result<SecretText>> secret_of(std::string reference) {
    if (reference != "env:DESK") co_return fail(ErrorKind::kNotFound, "secret_not_found", "There is no " + reference);
    co_return SecretText("0123456789012345678901234567");
  }
  void put(const std::string& name, const std::string& spec) {
    auto version = std::make_shared<resources::Version>();
    version->kind = Webhooks::kKind;
    version->name = name;
    version->version = 1;
    version->spec = json::parse(spec)->as_object();
    project_.name = "default";
    project_.resources[{Webhooks::kKind, name}] = resources::Resource{
        .kind = Webhooks::kKind, .name = name, .versions = {{1, version}}, .labels = {{"latest", 1}}};
    webhooks_.update(project_);
  }
  void remove(const std::string& name) {
    project_.resources.erase({Webhooks::kKind, name});
    webhooks_.update(project_);
  }
  void happen(const std::string& subject, bool twice = false) {
    const Event event{.project = "default",
                      .type = "run.completed",
                      .subject = subject,
                      .chain = "publish",
                      .at = clock_.unix_micros(),
                      .data = {{"id", subject}}};
    const store::Database::Work work = webhooks_.outgoing(event);
    ASSERT_TRUE(work);
    for (int i = 0; i < (twice ? 2 : 1); ++i) ASSERT_TRUE(database_->write_blocking(work));
  }
  template <class T>
  T on_loop(async::Task<T> task) {
    return boost::asio::co_spawn(runtime_.loop(0).executor(), std::move(task), boost::asio::use_future).get();
  }
  // Sends what is due, and waits until it is over.
  std::size_t look(Sender& sender) {
    const std::size_t begun = on_loop(sender.look());
    boost::asio::co_spawn(runtime_.loop(0).executor(), sender.settled(), boost::asio::use_future).get();
    return begun;
  }
  std::size_t look() { return look(*sender_); }
  std::vector<Delivery> deliveries() {
    return *on_loop(sender_->deliveries({.project = "default", .webhook = "desk"}));
  }
  Delivery only() {
    const auto all = deliveries();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Delivery() : all[0];
  }
  void pass(std::int64_t micros) { clock_.advance(Micros(micros)); }

  std::string folder_;
  ManualClock clock_;
  async::Runtime runtime_;
  async::BlockingPool readers_{2};
  std::unique_ptr<store::Database> database_;
  resources::Project project_;
  Webhooks webhooks_;
  FakeDesk desk_;
  bool allows_ = true;
  std::unique_ptr<Sender> sender_;
};

TEST_F(SenderTest, SendsOnceSigned) {
  happen("r1", true);  // a commit that is tried again writes nothing twice
  EXPECT_EQ(look(), 1U);
  EXPECT_EQ(look(), 0U);
  ASSERT_EQ(desk_.sent.size(), 1U);
  const FakeDesk::Sent& sent = desk_.sent[0];
  EXPECT_EQ(sent.host, "desk.example.com");
  EXPECT_EQ(sent.target, "/hooks?a=b");
  EXPECT_THAT(sent.body, HasSubstr(R"("type":"run.completed","data":{"id":"r1"})"));
  const Delivery delivery = only();
  EXPECT_EQ(delivery.state, "delivered");
  EXPECT_EQ(delivery.status, 200);
  EXPECT_EQ(line_of(sent.lines, "webhook-id"), delivery.id);
  EXPECT_EQ(line_of(sent.lines, "webhook-timestamp"), std::to_string(clock_.unix_micros() / kSecond));
  EXPECT_EQ(
      line_of(sent.lines, "webhook-signature"),
      internal::signature_of("0123456789012345678901234567", delivery.id, clock_.unix_micros() / kSecond, sent.body));
}

TEST_F(SenderTest, TriesAgainForADayWithTheSameId) {
  happen("r1");
  std::vector<std::int64_t> times;
  for (std::int64_t passed = 0; passed < 30 * kHour && only().state == "pending"; passed += kSecond) {
    desk_.answers = {passed % 2 == 0 ? 503 : 0};
    if (only().due <= clock_.unix_micros() && look() == 1) times.push_back(passed / kSecond);
    const std::int64_t wait = std::max(kSecond, only().due - clock_.unix_micros());
    pass(wait);
    passed += wait - kSecond;
  }
  const Delivery after = only();
  EXPECT_EQ(after.state, "failed");
  EXPECT_EQ(after.due, 0);
  EXPECT_GT(after.ended_at, 0);
  ASSERT_GE(times.size(), 12U);
  EXPECT_LE(times.size(), 18U);
  EXPECT_THAT(times[1], testing::AllOf(testing::Ge(4), testing::Le(7)));
  EXPECT_THAT(times[2], testing::AllOf(testing::Ge(10), testing::Le(21)));
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_LE(times[i] - times[i - 1], 5 * 3'600);
  EXPECT_GE(times.back(), 18 * 3'600);
  EXPECT_LE(times.back(), 24 * 3'600);
  EXPECT_EQ(after.attempts, static_cast<std::int64_t>(times.size()));
  for (const auto& sent : desk_.sent) EXPECT_EQ(line_of(sent.lines, "webhook-id"), after.id);
  const auto counts = sender_->counts();
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].outcome + counts[1].outcome, "failedretried");
  EXPECT_EQ(counts[1].attempts, after.attempts - 1);
}

TEST_F(SenderTest, GoneEndsItAndARedirectIsNotFollowed) {
  happen("r1");
  desk_.answers = {301, 410};
  look();
  EXPECT_EQ(only().state, "pending");
  EXPECT_THAT(only().error, HasSubstr("not followed"));
  pass(10 * kSecond);
  look();
  EXPECT_EQ(only().state, "failed");
  EXPECT_EQ(only().status, 410);
  EXPECT_EQ(desk_.sent.size(), 2U);
}

TEST_F(SenderTest, HeedsRetryAfter) {
  happen("r1");
  desk_.answers = {429};
  desk_.retry_after = "120";
  look();
  EXPECT_GE(only().due, clock_.unix_micros() + 120 * kSecond);
}

TEST_F(SenderTest, WhatMayNotBeSentSaysWhyAndIsSentOnceItMay) {
  happen("r1");
  allows_ = false;
  look();
  EXPECT_THAT(only().error, HasSubstr("not allowed"));
  EXPECT_THAT(desk_.sent, IsEmpty());
  allows_ = true;
  put("desk", R"({"url": "https://desk.example.com/other", "secret": "env:NONE"})");
  pass(10 * kSecond);
  look();
  EXPECT_THAT(only().error, HasSubstr("env:NONE"));
  EXPECT_THAT(desk_.sent, IsEmpty());
  put("desk", R"({"url": "https://desk.example.com/other", "secret": "env:DESK"})");
  pass(60 * kSecond);
  look();
  EXPECT_EQ(only().state, "delivered");
  EXPECT_EQ(desk_.sent[0].target, "/other");
}

TEST_F(SenderTest, WhatANodeHasIsNoOthersUntilItsLeaseRunsOut) {
  happen("r1");
  const auto take = [this](std::vector<Delivery>& out) {
    return database_->write_blocking([&](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(out, internal::claim_deliveries(connection, {"default", "desk"}, clock_.unix_micros(),
                                                   clock_.unix_micros() + 60 * kSecond, 8));
      return {};
    });
  };
  std::vector<Delivery> taken;
  ASSERT_TRUE(take(taken));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(look(), 0U);  // the node that has it dies now
  pass(61 * kSecond);
  EXPECT_EQ(look(), 1U);
  EXPECT_EQ(only().state, "delivered");
  // It was not dead: what it says counts no more.
  Delivery late = taken[0];
  late.state = "failed";
  late.due = 0;
  ASSERT_TRUE(database_->write_blocking(
      [&](store::Connection& connection) { return internal::settle_delivery(connection, late); }));
  EXPECT_EQ(only().state, "delivered");
}

TEST_F(SenderTest, SendsAgainWhenAsked) {
  happen("r1");
  desk_.answers = {410};
  look();
  const std::string id = only().id;
  EXPECT_EQ(on_loop(sender_->redeliver("other", id)).error().code, "delivery_not_found");
  EXPECT_EQ(on_loop(sender_->redeliver("other", id.substr(0, 20))).error().code, "delivery_not_found");
  const auto again = on_loop(sender_->redeliver("default", id.substr(0, 20)));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->state, "pending");
  look();
  EXPECT_EQ(only().state, "delivered");
  EXPECT_EQ(only().attempts, 2);
  EXPECT_EQ(line_of(desk_.sent[1].lines, "webhook-id"), id);
  remove("desk");
  put("other", R"({"url": "https://desk.example.com", "secret": "env:DESK"})");
  EXPECT_EQ(on_loop(sender_->redeliver("default", id)).error().code, "webhook_not_found");
  EXPECT_EQ(only().id, id);
  EXPECT_EQ(on_loop(sender_->deliveries({.project = "default", .webhook = "desks"})).error().code, "webhook_not_found");
}

TEST_F(SenderTest, ASlowOneKeepsNoOtherWaiting) {
  put("other", R"({"url": "https://other.example.com", "secret": "env:DESK"})");
  for (int i = 0; i < 20; ++i) happen("r" + std::to_string(i));
  EXPECT_EQ(on_loop(sender_->pending("default")).value().at("desk"), 20);
  EXPECT_EQ(look(), 16U);  // 8 each
  EXPECT_EQ(look(), 16U);
  EXPECT_EQ(look(), 8U);
  EXPECT_THAT(on_loop(sender_->pending("default")).value(), IsEmpty());
}

TEST_F(SenderTest, EndsWhatNobodyIsThereForAndForgetsWhatIsOld) {
  happen("r1");
  const std::int64_t begun = clock_.unix_micros();
  remove("desk");
  pass(11 * 60 * kSecond);
  sender_->start_blocking();
  const auto rows = [&] {  // which those who look for what became of them still find
    const auto found = on_loop(sender_->deliveries({.project = "default", .webhook = "desk"}));
    EXPECT_TRUE(found || found.error().code == "webhook_not_found");
    return found.value_or(std::vector<Delivery>());
  };
  const auto wait_for = [](const std::function<bool()>& condition) {
    for (int i = 0; i < 400 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  };
  wait_for([&] {
    pass(60 * kSecond);  // for ten minutes it may be that another node knows it
    return rows().at(0).state == "failed";
  });
  EXPECT_EQ(rows().at(0).error, "There is no such webhook any more.");
  EXPECT_GT(rows().at(0).ended_at, begun);
  pass(31 * 24 * kHour);
  wait_for([&] { return rows().empty(); });
  EXPECT_THAT(rows(), IsEmpty());
  sender_->stop_blocking(Millis(100));
}

}  // namespace
}  // namespace fairlead::webhooks
