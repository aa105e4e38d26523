// Answers that are checked for their schema through the data plane: repaired, held back, accounted.
#include <future>

#include "budgets/ledger.h"
#include "gateway/internal/checked_answer.h"
#include "gateway/routing/pause.h"
#include "gateway/tests/harness.h"
#include "llm/fit_rule.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Gives one answer after another; the last one again and again.
class Sequence final : public llm::Provider {
 public:
  std::string_view name() const override { return "sequence"; }
  std::string_view type() const override { return "played"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    asked.push_back(call.request.to_json());
    keys.emplace_back(call.context.idempotency_key);
    const std::string text = texts[std::min(asked.size(), texts.size()) - 1];
    if (text == "never") {
      ++waiting;
      (void)co_await routing::pause(call.context.loop, 60s, call.context.cancellation);
      co_return fail(ErrorKind::kCancelled, "cancelled", "");
    }
    std::unique_ptr<llm::Completion> out = std::make_unique<Answering>(text, message, finish, call.request.stream);
    co_return out;
  }

  std::int64_t window(std::string_view /*model*/) const override { return tokens; }
  async::Task<Result<std::int64_t>> count(llm::Format /*format*/, std::span<const llm::Member> members,
                                          llm::CallContext /*context*/) override {
    for (const llm::Member& one : members)
      if (one.name == "messages") co_return static_cast<std::int64_t>(one.json.size() / 4);
    co_return 0;
  }

  std::int64_t tokens = 0;  // of the window
  std::vector<std::string> texts, asked, keys;
  std::string message;  // more members of it
  std::string finish = "stop";
  std::atomic<int> waiting = 0;

 private:
  class Answering final : public llm::Completion {
   public:
    Answering(const std::string& text, const std::string& message, const std::string& finish, bool stream) {
      const std::string said = R"("content":)" + json::quoted(text) + message;
      if (stream) {
        pieces_ = {chunk(R"({"role":"assistant","content":""})", "null"), chunk("{" + said + "}", "null"),
                   chunk("{}", json::quoted(finish))};
      } else {
        pieces_ = {R"({"id":"c","object":"chat.completion","created":1,"model":"up","choices":[{"index":0,"message":)"
                   R"({"role":"assistant",)" +
                   said + R"(},"finish_reason":)" + json::quoted(finish) + "}]}"};
      }
      outcome_ = {
          .usage = {.input = 10, .output = 4, .reported = true}, .finish_reason = finish, .upstream_model = "up"};
    }
    async::Task<Result<llm::Delta>> next() override {
      outcome_.content_started = next_ > 0 || pieces_.size() == 1;
      const std::string& piece = pieces_[next_++];
      co_return llm::Delta{.wire = piece, .end = next_ == pieces_.size()};
    }
    const llm::Outcome& outcome() const override { return outcome_; }

   private:
    static std::string chunk(const std::string& delta, const std::string& finish) {
      return R"(data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"up","choices":[{"index":0,"delta":)" +
             delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
    }
    std::vector<std::string> pieces_;
    std::size_t next_ = 0;
    llm::Outcome outcome_;
  };
};

// As a prompt with `fit` does.
class Fits final : public llm::Stage {
 public:
  Fits(std::shared_ptr<const llm::FitRule> rule, std::shared_ptr<const llm::Model> model)
      : rule_(std::move(rule)), model_(std::move(model)) {}
  std::string_view name() const override { return "fits"; }
  async::Task<Result<void>> run(llm::Call& call) override {
    call.fit = rule_;
    call.model = model_;
    co_return Result<void>{};
  }

 private:
  std::shared_ptr<const llm::FitRule> rule_;
  std::shared_ptr<const llm::Model> model_;
};

constexpr std::string_view kFormat =
    R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}}})";

class StructuredOutputTest : public DataPlaneTest {
 public:
  void SetUp() override {
    DataPlaneTest::SetUp();
    serve();
  }

  void serve(bool instructs = false, std::optional<llm::CachePolicy> cache = {}) {
    auto next = std::make_shared<Snapshot>();
    next->keys = keys();
    auto model = std::make_shared<llm::Model>();
    model->name = "small";
    model->version = 3;
    model->routes = {{provider_, "up-1"}};
    model->routes[0].instructs_schema = instructs;
    const llm::PicoUsd price = llm::per_million(100'000);  // ten tokens a dollar
    model->routes[0].prices = llm::Prices{.rates = {price, price, price, price, price}};
    auto target = std::make_shared<Target>();
    *target = {.kind = "model", .name = "small", .version = 3, .model = model, .cache = cache, .answers_as = "small@3"};
    if (fit_) target->stages = {std::make_shared<Fits>(fit_, model)};
    Project project("bank");
    Addressable& addressable = project.add("model", "small");
    addressable.versions[3] = target;
    addressable.labels["latest"] = 3;
    if (book_) project.set_budgets(book_);
    next->projects.emplace("bank", std::move(project));
    holder_->publish_and_wait(next);
  }
  std::shared_ptr<const access::KeyTable> keys() {
    std::promise<std::shared_ptr<const access::KeyTable>> keys;
    runtime_.loop(0).post([&] { keys.set_value(holder_->current(runtime_.loop(0))->keys); });
    return keys.get_future().get();
  }
  static std::string body(int repair, bool stream = false, std::string more = std::string(kFormat)) {
    return R"({"model":"small","max_tokens":20,"stream":)" + std::string(stream ? "true" : "false") +
           R"(,"messages":[{"role":"user","content":"Hi"}],"fairlead":{"repair":)" + std::to_string(repair) +
           R"(,"idempotency_key":"k"},)" + more + "}";
  }
  static std::vector<std::string> reasons(const telemetry::CallRecord& record) {
    std::vector<std::string> out;
    for (const telemetry::Attempt& one : record.attempts) out.push_back(one.reason);
    return out;
  }

  std::shared_ptr<Sequence> provider_ = std::make_shared<Sequence>();
  std::shared_ptr<const budgets::Book> book_;
  std::shared_ptr<const llm::FitRule> fit_;  // null: what does not fit is sent all the same
};

TEST_F(StructuredOutputTest, AnAnswerThatFitsIsGivenAsItIs) {
  provider_->texts = {R"({"a": 1})"};
  const Answer answer = send(body(2));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"({\"a\": 1})"));
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.schema_failures, 0);
  EXPECT_THAT(reasons(record), ElementsAre(""));
  EXPECT_EQ(record.usage.input, 10);
}

TEST_F(StructuredOutputTest, OneThatDoesNotIsAskedForAgainWithWhatIsWrongWithIt) {
  provider_->texts = {"It is 1", R"({"a": "x"})", R"({"a": 1})"};
  const Answer answer = send(body(2));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"({\"a\": 1})"));
  ASSERT_EQ(provider_->asked.size(), 3u);
  EXPECT_THAT(provider_->asked[1],
              HasSubstr(R"({"role":"user","content":"Hi"},{"role":"assistant","content":"It is 1"},)"));
  EXPECT_THAT(provider_->asked[1], HasSubstr("it is not JSON"));
  EXPECT_THAT(provider_->asked[2], HasSubstr("at /a"));
  EXPECT_THAT(provider_->asked[2], Not(HasSubstr("It is 1"))) << "the last answer alone";
  EXPECT_THAT(provider_->keys, ElementsAre("k", "k-repair-1", "k-repair-2"));
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.schema_failures, 2);
  EXPECT_THAT(reasons(record), ElementsAre("", "repair", "repair"));
  EXPECT_EQ(record.usage.input, 30);
  EXPECT_EQ(record.usage.output, 12);
  EXPECT_DOUBLE_EQ(record.cost_usd, 4.2);
  EXPECT_TRUE(record.usage.reported);
}

TEST_F(StructuredOutputTest, ARepairIsFittedToTheWindowAnew) {
  fit_ = std::make_shared<const llm::FitRule>(llm::FitRule{{std::string("history")}, {}});
  provider_->tokens = 300;
  serve();
  const std::string filler(380, 'x');
  const std::string chat = R"({"model":"small","max_tokens":100,"messages":[{"role":"user","content":"first )" +
                           filler +
                           R"("},{"role":"assistant","content":"second"},{"role":"user","content":"third"}],)" +
                           R"("fairlead":{"repair":2},)" + std::string(kFormat) + "}";
  provider_->texts = {"bad " + std::string(300, 'y'), R"({"a": 1})"};
  EXPECT_EQ(send(chat).status, 200);
  ASSERT_EQ(provider_->asked.size(), 2u);
  EXPECT_THAT(provider_->asked[0], HasSubstr("first")) << "it fits";
  EXPECT_THAT(provider_->asked[1], Not(HasSubstr("first")));
  EXPECT_THAT(provider_->asked[1],
              HasSubstr(R"([{"role":"user","content":"third"},{"role":"assistant","content":"bad)"));
  const telemetry::CallRecord record = records_.take();
  EXPECT_GT(record.trimmed_tokens, 0);
  EXPECT_THAT(record.trimmed_json, HasSubstr(R"("history":{"messages":2)"));

  provider_->asked.clear();
  provider_->texts = {"no", "bad " + std::string(1500, 'y')};
  const Answer answer = send(chat);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("context_length_exceeded"));
  EXPECT_THAT(answer.body, HasSubstr("there is no room to ask again"));
  EXPECT_EQ(provider_->asked.size(), 2u);
  const telemetry::CallRecord refused = records_.take();
  EXPECT_EQ(refused.schema_failures, 2);
  EXPECT_THAT(reasons(refused), ElementsAre("", "repair"));
  EXPECT_EQ(refused.usage.output, 8) << "of the tries that were made, and are paid for";
}

TEST_F(StructuredOutputTest, WhatNeverFitsIsAnErrorThatClientsDoNotRepeat) {
  provider_->texts = {R"({"a": "secret"})"};
  const Answer answer = send(body(1));
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, HasSubstr("schema_failed"));
  EXPECT_THAT(answer.body, HasSubstr("`type` does not hold at /a"));
  EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
  EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.error_code, "schema_failed");
  EXPECT_EQ(record.schema_failures, 2);
  EXPECT_EQ(record.usage.output, 8);
  EXPECT_EQ(record.provider, "sequence");
}

TEST_F(StructuredOutputTest, AStreamIsHeldBackUntilItFits) {
  provider_->texts = {"no", R"({"a": 1})"};
  const Answer answer = send(body(1, true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, Not(HasSubstr(R"("no")")));
  EXPECT_THAT(answer.body, HasSubstr(R"({\"a\": 1})"));
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
  const telemetry::CallRecord record = records_.take();
  EXPECT_THAT(reasons(record), ElementsAre("", "repair"));
  EXPECT_GE(record.first_token_us, 0);

  provider_->asked.clear();
  provider_->texts = {"no"};
  EXPECT_EQ(send(body(0, true)).status, 502) << "nothing has gone out";
}

TEST_F(StructuredOutputTest, ToolCallsRefusalsAndWhatAFilterEndedArePassedOn) {
  provider_->texts = {""};
  provider_->message =
      R"(,"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}])";
  EXPECT_EQ(send(body(1)).status, 200);
  EXPECT_EQ(send(body(1, true)).status, 200);
  provider_->message = R"(,"refusal":"I will not")";
  EXPECT_EQ(send(body(1)).status, 200);
  provider_->message.clear();
  provider_->finish = "content_filter";
  EXPECT_EQ(send(body(1)).status, 200);
  EXPECT_EQ(provider_->asked.size(), 4u);
}

TEST_F(StructuredOutputTest, WhatCannotBeCheckedIsRefused) {
  EXPECT_THAT(send(body(1, false, R"("temperature":1)")).body, HasSubstr("fairlead.repair"));
  EXPECT_THAT(send(body(1, false, R"("response_format":{"type":"json_object"})")).body, HasSubstr("fairlead.repair"));
  EXPECT_THAT(send(body(1, false, R"("n":2,)" + std::string(kFormat))).body, HasSubstr("unsupported_value"));
  EXPECT_THAT(send(body(9)).body, HasSubstr("0 to 5"));
  EXPECT_THAT(
      send(body(1, false,
                R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"nothing"}}})"))
          .body,
      HasSubstr("Invalid schema"));
  EXPECT_EQ(provider_->asked.size(), 0u);
}

TEST_F(StructuredOutputTest, AnUpstreamThatCannotBeHeldToASchemaIsToldIt) {
  serve(true);
  provider_->texts = {R"({"a": 1})"};
  EXPECT_EQ(send(body(0)).status, 200);
  EXPECT_THAT(provider_->asked[0], Not(HasSubstr("response_format")));
  EXPECT_THAT(provider_->asked[0], HasSubstr(R"([{"role":"system","content":"Answer with one JSON value)"));
  EXPECT_THAT(provider_->asked[0], HasSubstr(R"(\"additionalProperties\":false)"));
}

TEST_F(StructuredOutputTest, TheCacheKeepsWhatFitsAlone) {
  serve(false, llm::CachePolicy{});
  provider_->texts = {"no", R"({"a": 1})"};
  EXPECT_EQ(send(body(1)).status, 200);
  EXPECT_EQ(records_.take().cache, "miss");
  EXPECT_EQ(send(body(1)).status, 200);
  const telemetry::CallRecord second = records_.take();
  EXPECT_EQ(second.cache, "miss");
  EXPECT_EQ(second.schema_failures, 0);
  EXPECT_EQ(send(body(1)).headers.at("x-fairlead-cache").substr(0, 3), "hit");
  const telemetry::CallRecord third = records_.take();
  EXPECT_EQ(third.usage.output, 0);
  EXPECT_EQ(provider_->asked.size(), 3u);
}

TEST_F(StructuredOutputTest, ARepairThatABudgetDoesNotBearIsNotMade) {
  auto ledger =
      budgets::Ledger::open({.path = (folder_ / "ledger").string(), .accounts = 64, .lanes = 2}, clock_).value();
  std::vector<budgets::Definition> all;
  all.push_back(
      *budgets::Definition::of("bank", "all", 1, json::parse(R"({"output_tokens": 23, "per": "ever"})")->as_object()));
  book_ = std::make_shared<budgets::Book>("bank", std::move(all), *ledger);
  serve();
  provider_->texts = {"no", R"({"a": 1})"};
  const Answer answer = send(body(1));
  EXPECT_EQ(answer.status, 429) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("budget_exceeded"));
  EXPECT_EQ(provider_->asked.size(), 1u);
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.usage.output, 4);
  EXPECT_EQ(record.schema_failures, 1);
  const budgets::Budget& budget = *book_->budgets()[0];
  const auto use =
      budget.shared()
          ->meter(budgets::Metric::kOutputTokens)
          .use(budget.bound({budgets::Metric::kOutputTokens, 23}, clock_.unix_micros()), clock_.unix_micros());
  EXPECT_EQ(use.spent, 4);
  EXPECT_EQ(use.reserved, 0);
  book_.reset();
  serve();
}

TEST_F(StructuredOutputTest, AClientThatLeavesEndsTheRepair) {
  provider_->texts = {"no", "never"};
  const http::Origin origin = http::Origin::parse("http://127.0.0.1:" + std::to_string(server_->port())).value();
  async::Cancellation leaves;
  const std::string asked = body(1);
  const auto call = [](http::Client& client, http::Origin to, std::string text,
                       async::Cancellation& cancellation) -> async::Task<bool> {
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.target = "/v1/chat/completions";
    request.header_lines = "authorization: Bearer fl-caller\r\n";
    request.content_type = "application/json";
    request.body = text;
    auto answered = co_await client.send(to, request, cancellation);
    co_return answered.has_value();
  };
  auto answered = boost::asio::co_spawn(client_runtime_.loop(0).context(), call(*client_, origin, asked, leaves),
                                        boost::asio::use_future);
  while (provider_->waiting == 0) std::this_thread::yield();
  client_runtime_.loop(0).post([&] { leaves.request(); });
  EXPECT_FALSE(answered.get());
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.status, 499);
  EXPECT_THAT(reasons(record), ElementsAre("", "repair"));
  EXPECT_EQ(record.usage.output, 4);
}

// A stream of pieces of which each takes four seconds.
class SlowPieces final : public internal::Answer {
 public:
  explicit SlowPieces(ManualClock& clock) : clock_(clock) {}
  async::Task<Result<llm::Delta>> next() override {
    clock_.advance(4s);
    const bool end = ++next_ == 7;
    wire_ = R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(end ? "1" : " ") + "\"}}]}\n\n";
    co_return llm::Delta{.wire = wire_, .end = end};
  }
  const llm::Outcome& outcome() const override { return outcome_; }
  llm::Format format() const override { return llm::Format::kChat; }
  std::string_view provider() const override { return "slow"; }
  bool asked_upstream() const override { return true; }
  void stop() override {}
  void describe(telemetry::CallRecord& /*record*/) const override {}

 private:
  ManualClock& clock_;
  int next_ = 0;
  std::string wire_;
  llm::Outcome outcome_{.content_started = true};
};

TEST(CheckedAnswer, SaysNowAndThenThatItIsStillComing) {
  async::Runtime runtime(1);
  async::Cancellation cancellation;
  ManualClock clock;
  llm::ChatRequest chat;
  chat.stream = true;
  const llm::Model model;
  const internal::RoutedRequest request{.chat = chat,
                                        .model = model,
                                        .call_id = "c",
                                        .idempotency_key = {},
                                        .loop = runtime.loop(0),
                                        .cancellation = cancellation,
                                        .deadline = SteadyTime::max()};
  llm::Call call;
  call.output = std::make_shared<const llm::OutputRule>(json::Schema::parse(R"({"type": "integer"})").value(), 0);
  SlowPieces slow(clock);
  internal::CheckedAnswer checked(slow, request, call, chat, clock);
  std::vector<std::string> wires;
  const auto read = [](internal::CheckedAnswer& from, std::vector<std::string>& to) -> async::Task<void> {
    for (bool end = false; !end;) {
      auto delta = co_await from.next();
      if (!delta) co_return;
      EXPECT_EQ(from.outcome().content_started, delta->end);
      to.emplace_back(delta->wire);
      end = delta->end;
    }
  };
  async::IoContext context;
  boost::asio::co_spawn(context, read(checked, wires), [](std::exception_ptr) {});
  context.run();
  ASSERT_EQ(wires.size(), 3u) << "28 seconds";
  EXPECT_EQ(wires[0], ": keep-alive\n\n");
  EXPECT_EQ(wires[1], ": keep-alive\n\n");
  EXPECT_THAT(wires[2], HasSubstr(R"("content":"1")"));
}

}  // namespace
}  // namespace fairlead::gateway
