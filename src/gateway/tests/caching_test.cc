// The answer cache through the data plane: what is given again, to whom, and in which form.
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>

#include "gateway/routing/pause.h"
#include "gateway/tests/harness.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Answers with its text, in the words "answer N" where N counts the calls, when it is let go.
class Counted final : public llm::Provider {
 public:
  std::string_view name() const override { return "counted"; }
  std::string_view type() const override { return "counted"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    const int number = ++asked;
    std::unique_ptr<llm::Completion> out =
        std::make_unique<Answering>(*this, call.request.stream, number, call.context.loop, call.context.cancellation);
    if (refuse) co_return fail(*refuse);
    co_return out;
  }

  std::atomic<int> asked = 0, cancelled = 0;
  std::atomic<bool> open = true, half_open = true;  // before the second piece, before the first
  std::atomic<bool> end_open = true;                // before the end of a stream, which then is a third
  std::optional<Error> refuse, break_off;           // at once; after the first piece
  std::string finish = "stop";

 private:
  class Answering final : public llm::Completion {
   public:
    Answering(Counted& of, bool stream, int number, async::Loop& loop, async::Cancellation& cancellation)
        : of_(of),
          stream_(stream),
          text_("answer " + std::to_string(number)),
          loop_(loop),
          cancellation_(cancellation) {}
    async::Task<Result<llm::Delta>> next() override {
      const int piece = piece_++;
      auto opened = co_await wait(piece == 0 ? of_.half_open : piece == 1 ? of_.open : of_.end_open);
      if (!opened) co_return fail(std::move(opened).error());
      outcome_.content_started = true;
      outcome_.upstream_model = "up";
      if (stream_ && piece == 0) {
        wire_ = chunk(R"({"role":"assistant","content":"The "})", "null");
        co_return llm::Delta{.wire = wire_, .end = false};
      }
      if (of_.break_off) co_return fail(*of_.break_off);
      if (!stream_) {
        opened = co_await wait(of_.open);
        if (!opened) co_return fail(std::move(opened).error());
      }
      std::string text = piece == 2 ? "" : chunk(R"({"content":")" + text_ + "\"}", "null");
      if (stream_ && piece == 1 && !of_.end_open) {
        wire_ = std::move(text);
        co_return llm::Delta{.wire = wire_, .end = false};
      }
      outcome_.finish_reason = of_.finish;
      outcome_.usage = {.input = 10, .output = 4, .reported = true};
      if (stream_)
        wire_ = std::move(text) + chunk("{}", "\"" + of_.finish + "\"");
      else
        wire_ =
            R"({"id":"c","object":"chat.completion","created":1,"model":"up","choices":[{"index":0,"message":{"role":"assistant","content":"The )" +
            text_ + R"("},"finish_reason":")" + of_.finish +
            R"("}],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}})";
      co_return llm::Delta{.wire = wire_, .end = true};
    }
    const llm::Outcome& outcome() const override { return outcome_; }

   private:
    async::Task<Result<void>> wait(const std::atomic<bool>& open) {
      while (!open) {
        const bool waited = co_await routing::pause(loop_, 2ms, cancellation_);
        if (waited) continue;
        ++of_.cancelled;
        co_return fail(ErrorKind::kCancelled, "cancelled", "");
      }
      co_return Result<void>{};
    }
    static std::string chunk(const std::string& delta, const std::string& finish) {
      return R"(data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"up","choices":[{"index":0,"delta":)" +
             delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
    }
    Counted& of_;
    const bool stream_;
    const std::string text_;
    async::Loop& loop_;
    async::Cancellation& cancellation_;
    int piece_ = 0;
    std::string wire_;
    llm::Outcome outcome_;
  };
};

class CachingTest : public DataPlaneTest {
 public:
  void SetUp() override {
    DataPlaneTest::SetUp();
    serve(llm::CachePolicy{});
  }

  void serve(std::optional<llm::CachePolicy> policy, std::string answers_as = "small@3") {
    auto next = std::make_shared<Snapshot>();
    next->keys = holder_current_keys();
    auto model = std::make_shared<llm::Model>();
    model->name = "small";
    model->version = 3;
    model->routes = {{provider_, "up-1"}};
    const llm::PicoUsd price = llm::per_million(100'000);  // ten tokens a dollar
    model->routes[0].prices = llm::Prices{.rates = {price, price, price, price, price}};
    auto target = std::make_shared<Target>();
    *target = {.kind = "model",
               .name = "small",
               .version = 3,
               .model = model,
               .cache = policy,
               .answers_as = std::move(answers_as)};
    for (const char* const name : {"bank", "shop"}) {
      Project project(name);
      Addressable& addressable = project.add("model", "small");
      addressable.versions[3] = target;
      addressable.labels["latest"] = 3;
      next->projects.emplace(name, std::move(project));
    }
    holder_->publish_and_wait(next);
  }

  std::shared_ptr<const access::KeyTable> holder_current_keys() {
    std::promise<std::shared_ptr<const access::KeyTable>> keys;
    runtime_.loop(0).post([&] { keys.set_value(holder_->current(runtime_.loop(0))->keys); });
    return keys.get_future().get();
  }

  static std::string body(bool stream = false, std::string more = "", std::string question = "Hi") {
    return R"({"model":"small","stream":)" + std::string(stream ? "true" : "false") +
           R"(,"messages":[{"role":"user","content":")" + question + "\"}]" + more + "}";
  }
  // Without waiting for it.
  std::future<Result<Answer>> start(std::string body, std::string target = "/v1/chat/completions") {
    const http::Origin origin = http::Origin::parse("http://127.0.0.1:" + std::to_string(server_->port())).value();
    return boost::asio::co_spawn(client_runtime_.loop(0).context(),
                                 ask(*client_, origin, http::Method::kPost, std::move(target),
                                     "authorization: Bearer fl-caller\r\n", std::move(body)),
                                 boost::asio::use_future);
  }
  std::string cached(const Answer& answer) {
    const auto found = answer.headers.find("x-fairlead-cache");
    return found == answer.headers.end() ? "" : found->second;
  }
  template <class Condition>
  static void wait_until(Condition condition) {
    for (int i = 0; i < 2'500 && !condition(); ++i) std::this_thread::sleep_for(2ms);
    ASSERT_TRUE(condition());
  }

  // Returns when each of the server's loops has looked at its sockets and dealt with what it saw.
  void let_loops_look() {
    for (int look = 0; look < 3; ++look) {
      for (int i = 0; i < runtime_.size(); ++i) {
        std::promise<void> looked;
        runtime_.loop(i).post([&] { looked.set_value(); });
        looked.get_future().wait();
      }
    }
  }

  std::shared_ptr<Counted> provider_ = std::make_shared<Counted>();
};

TEST_F(CachingTest, AnEqualCallIsAnsweredWithoutTheUpstreamAndCostsNothing) {
  const Answer first = send(body());
  EXPECT_EQ(cached(first), "miss");
  const telemetry::CallRecord paid = records_.take();
  EXPECT_EQ(paid.cache, "miss");
  EXPECT_GT(paid.cost_usd, 0);

  const Answer second = send(body(false, R"(,"user":"u","metadata":{"a":"b"})"));
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_THAT(cached(second), StartsWith("hit; age=0"));
  EXPECT_EQ(second.headers.at("x-fairlead-provider"), "counted");
  EXPECT_EQ(provider_->asked, 1);
  const telemetry::CallRecord free = records_.take();
  EXPECT_EQ(free.cache, "hit");
  EXPECT_EQ(free.cost_usd, 0);
  EXPECT_EQ(free.usage.input + free.usage.output, 0);
  EXPECT_EQ(free.provider, "counted");
  EXPECT_EQ(free.upstream_model, "up");
  EXPECT_EQ(free.model, "small");
  EXPECT_EQ(free.finish_reason, "stop");
  EXPECT_EQ(free.status, 200);
  EXPECT_TRUE(free.attempts.empty());
  EXPECT_EQ(cached(send(body(false, "", "Ho"))), "miss");
}

TEST_F(CachingTest, AStreamIsReplayedAsOneAndInTheFormOfTheOther) {
  const Answer streamed = send(body(true));
  EXPECT_EQ(cached(streamed), "miss");
  const Answer again = send(body(true));
  EXPECT_EQ(again.body, streamed.body);
  EXPECT_TRUE(again.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(again.headers.at("content-type"), "text/event-stream; charset=utf-8");
  const Answer whole = send(body(false));
  EXPECT_THAT(cached(whole), StartsWith("hit"));
  const auto parsed = json::parse(whole.body);
  ASSERT_TRUE(parsed) << whole.body;
  EXPECT_EQ(parsed->at("choices").at(0).at("message").at("content"), "The answer 1");
  EXPECT_EQ(parsed->at("usage").at("total_tokens"), 14);
  const Answer usage = send(body(true, R"(,"stream_options":{"include_usage":true})"));
  EXPECT_THAT(usage.body, HasSubstr(R"("total_tokens":14)"));
  EXPECT_EQ(provider_->asked, 1);

  const Answer other = send(body(false, "", "Ho"));
  const Answer as_stream = send(body(true, "", "Ho"));
  EXPECT_THAT(cached(as_stream), StartsWith("hit"));
  EXPECT_THAT(as_stream.body, HasSubstr("The answer 2"));
  EXPECT_TRUE(as_stream.body.ends_with("data: [DONE]\n\n"));
  EXPECT_THAT(as_stream.body, Not(HasSubstr("usage")));
  EXPECT_EQ(provider_->asked, 2);
}

TEST_F(CachingTest, TheFirstCallOfAStreamGetsItsUsageChunk) {
  const Answer first = send(body(true, R"(,"stream_options":{"include_usage":true})"));
  EXPECT_EQ(cached(first), "miss");
  EXPECT_THAT(first.body, HasSubstr(R"("choices":[],"usage":{"prompt_tokens":10)"));
  EXPECT_THAT(send(body(true)).body, Not(HasSubstr("usage")));
}

TEST_F(CachingTest, EverySurfaceKeepsItsOwn) {
  const std::string headers = "authorization: Bearer fl-caller\r\n";
  const auto ask_twice = [&](const std::string& target, const std::string& asked, const std::string& says) {
    const int before = provider_->asked;
    for (int i = 0; i < 2; ++i) {
      for (const char* const stream : {"false", "true"}) {
        const Answer answer = send(http::Method::kPost, target,
                                   R"({"model":"small","stream":)" + std::string(stream) + "," + asked + "}", headers);
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_THAT(answer.body, HasSubstr("answer " + std::to_string(before + 1))) << target;
        EXPECT_THAT(answer.body, HasSubstr(says)) << target;
      }
    }
    EXPECT_EQ(provider_->asked, before + 1) << target;
  };
  ask_twice("/v1/chat/completions", R"("messages":[{"role":"user","content":"Hi"}])", "chat.completion");
  ask_twice("/v1/messages", R"("max_tokens":50,"messages":[{"role":"user","content":"Hi"}])", "end_turn");
  ask_twice("/v1/responses", R"("input":"Hi")", "output_text");
  ask_twice("/v1/completions", R"("prompt":"Hi","max_tokens":50)", "text_completion");
}

TEST_F(CachingTest, AStoredResponseHasItsOwnId) {
  const std::string headers = "authorization: Bearer fl-caller\r\n", asked = R"({"model":"small","input":"Hi"})";
  const auto first = json::parse(send(http::Method::kPost, "/v1/responses", asked, headers).body).value();
  const auto second = json::parse(send(http::Method::kPost, "/v1/responses", asked, headers).body).value();
  EXPECT_EQ(provider_->asked, 1);
  EXPECT_NE(first.at("id"), second.at("id"));
  for (const auto& one : {first, second}) {
    const std::string id(one.at("id").as_string());
    EXPECT_EQ(send(http::Method::kGet, "/v1/responses/" + id, "", headers).status, 200);
  }
}

TEST_F(CachingTest, ErrorsAndAnswersThatWereCutOffAreNotKept) {
  provider_->finish = "length";
  send(body());
  EXPECT_EQ(cached(send(body())), "miss");
  provider_->finish = "content_filter";
  EXPECT_EQ(cached(send(body(true))), "miss");
  provider_->finish = "stop";
  provider_->refuse = Error{ErrorKind::kInvalid, "bad", "No."};
  EXPECT_EQ(send(body()).status, 400);
  provider_->refuse.reset();
  provider_->break_off = Error{ErrorKind::kUpstream, "upstream_reset", "It broke."};
  EXPECT_THAT(send(body(true)).body, HasSubstr("upstream_reset"));
  provider_->break_off.reset();
  EXPECT_EQ(cached(send(body())), "miss");
  EXPECT_THAT(cached(send(body())), StartsWith("hit"));
}

TEST_F(CachingTest, TwoTenantsNeverShareAnAnswer) {
  for (const std::string key : {"fl-caller", "fl-neighbour"}) {
    EXPECT_EQ(cached(send(body(), "authorization: Bearer " + key + "\r\n")), "miss");
    EXPECT_THAT(cached(send(body(), "authorization: Bearer " + key + "\r\n")), StartsWith("hit"));
  }
  EXPECT_EQ(provider_->asked, 2);
  // Nor while it comes.
  provider_->open = false;
  auto one = start(body(false, "", "Later"));
  wait_until([&] { return provider_->asked == 3; });
  std::thread opener([&] {
    wait_until([&] { return provider_->asked == 4; });
    provider_->open = true;
  });
  EXPECT_THAT(send(body(false, "", "Later"), "authorization: Bearer fl-neighbour\r\n").body, HasSubstr("answer 4"));
  EXPECT_THAT(one.get()->body, HasSubstr("answer 3"));
  opener.join();
}

TEST_F(CachingTest, PerUserNobodyIsGivenAnothersAnswer) {
  serve(llm::CachePolicy{.per_user = true});
  const auto of = [](const std::string& user) { return body(false, R"(,"fairlead":{"user":")" + user + "\"}"); };
  EXPECT_EQ(cached(send(of("u-1"))), "miss");
  EXPECT_THAT(cached(send(of("u-1"))), StartsWith("hit"));
  EXPECT_EQ(cached(send(of("u-2"))), "miss");
  EXPECT_EQ(cached(send(body())), "");  // nobody's, so not asked
  EXPECT_EQ(cached(send(body(false, R"(,"user":"u-1")"))), "");
  EXPECT_EQ(provider_->asked, 4);
}

TEST_F(CachingTest, ACallHasTheLastWordButAgainstOff) {
  const auto with = [](const std::string& mode) { return body(false, R"(,"fairlead":{"cache":")" + mode + "\"}"); };
  EXPECT_EQ(cached(send(with("off"))), "");
  EXPECT_EQ(cached(send(with("read"))), "miss");
  EXPECT_EQ(cached(send(with("read"))), "miss");
  EXPECT_EQ(cached(send(with("write"))), "miss");
  EXPECT_THAT(send(with("read")).body, HasSubstr("answer 4"));
  EXPECT_EQ(cached(send(with("write"))), "miss");
  EXPECT_THAT(send(body()).body, HasSubstr("answer 5"));
  EXPECT_EQ(send(with("maybe")).status, 400);

  serve(std::nullopt, "another");
  EXPECT_EQ(cached(send(body())), "");
  EXPECT_EQ(cached(send(with("on"))), "miss");
  EXPECT_THAT(cached(send(with("on"))), StartsWith("hit"));
  serve(llm::CachePolicy{.mode = llm::CacheMode::kOff}, "another");
  EXPECT_EQ(cached(send(with("on"))), "");
}

TEST_F(CachingTest, ManyEqualCallsInFlightAreOneOfTheUpstreams) {
  provider_->half_open = false;
  std::vector<std::future<Result<Answer>>> calls;
  for (int i = 0; i < 400; ++i)
    calls.push_back(start(body(i % 3 != 0, i % 3 == 1 ? R"(,"stream_options":{"include_usage":true})" : "")));
  wait_until([&] { return cache_->totals().joined == calls.size() - 1; });
  provider_->half_open = true;
  int leaders = 0, shared = 0;
  for (auto& one : calls) {
    const Answer answer = one.get().value();
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_THAT(answer.body, testing::AnyOf(HasSubstr("answer 1"), HasSubstr("\"answer 1\"")));
    leaders += cached(answer) == "miss" ? 1 : 0;
    shared += cached(answer) == "shared" ? 1 : 0;
  }
  EXPECT_EQ(provider_->asked, 1);
  EXPECT_EQ(leaders, 1);
  EXPECT_EQ(shared, 399);
  double cost = 0;
  for (int i = 0; i < 400; ++i) cost += records_.take().cost_usd;
  EXPECT_DOUBLE_EQ(cost, 1.4);
}

TEST_F(CachingTest, TheFirstCallersLeavingTakesNothingFromTheOthers) {
  provider_->open = provider_->end_open = false;
  // Reads its answer until it is told to leave, and says when `text` has come.
  struct Coming {
    std::string text;
    std::promise<void> came{};
  };
  const auto read = [](DataPlaneTest& test, std::string asked, Coming& coming,
                       async::Cancellation& cancellation) -> async::Task<std::string> {
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.target = "/v1/chat/completions";
    request.header_lines = "authorization: Bearer fl-caller\r\n";
    request.body = asked;
    request.content_type = "application/json";
    auto response = co_await test.client_->send(
        http::Origin::parse("http://127.0.0.1:" + std::to_string(test.server_->port())).value(), request, cancellation);
    std::string all;
    for (bool came = false; !cancellation.requested();) {
      auto more = co_await (*response)->read();
      if (!more || more->empty()) break;
      all += *more;
      if (!came && all.find(coming.text) != std::string::npos) {
        came = true;
        coming.came.set_value();
      }
    }
    co_return all;
  };
  async::Cancellation cancellation, never;
  DataPlaneTest& test = *this;
  Coming beginning{"The "}, middle{"answer 1"};
  auto leader = boost::asio::co_spawn(client_runtime_.loop(0).context(),
                                      read(test, body(true), beginning, cancellation), boost::asio::use_future);
  beginning.came.get_future().get();
  auto streamed = boost::asio::co_spawn(client_runtime_.loop(0).context(), read(test, body(true), middle, never),
                                        boost::asio::use_future);
  auto whole = start(body(false));
  wait_until([&] { return cache_->totals().joined == 2; });
  client_runtime_.loop(0).post([&] { cancellation.request(); });
  leader.get();
  let_loops_look();
  EXPECT_EQ(provider_->cancelled, 0);
  // The middle goes out to the leader too, whose system says that nobody is there; the end finds that.
  provider_->open = true;
  middle.came.get_future().get();
  let_loops_look();
  provider_->end_open = true;
  EXPECT_THAT(streamed.get(), HasSubstr("answer 1"));
  EXPECT_THAT(whole.get()->body, HasSubstr("The answer 1"));
  EXPECT_EQ(provider_->asked, 1);
  wait_until([&] { return cache_->totals().answers == 1; });
  EXPECT_THAT(cached(send(body())), StartsWith("hit"));
  // Its record came last of the three, and says what was paid.
  double cost = 0;
  int gone = 0;
  for (int i = 0; i < 4; ++i) {
    const telemetry::CallRecord record = records_.take();
    cost += record.cost_usd;
    if (record.status != 499) continue;
    ++gone;
    EXPECT_GT(record.cost_usd, 0);
  }
  EXPECT_EQ(gone, 1);
  EXPECT_DOUBLE_EQ(cost, 1.4);
}

TEST_F(CachingTest, WhenAllHaveLeftTheUpstreamCallIsCancelledAndNothingIsKept) {
  provider_->open = false;
  const auto leave = [](DataPlaneTest& test, std::string asked) -> async::Task<void> {
    async::Cancellation cancellation;
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.target = "/v1/chat/completions";
    request.header_lines = "authorization: Bearer fl-caller\r\n";
    request.body = asked;
    request.content_type = "application/json";
    auto response = co_await test.client_->send(
        http::Origin::parse("http://127.0.0.1:" + std::to_string(test.server_->port())).value(), request, cancellation);
    (void)co_await (*response)->read();
  };
  DataPlaneTest& test = *this;
  std::vector<std::future<void>> all;
  for (int i = 0; i < 3; ++i)
    all.push_back(
        boost::asio::co_spawn(client_runtime_.loop(0).context(), leave(test, body(true)), boost::asio::use_future));
  for (auto& one : all) one.get();
  wait_until([&] { return provider_->cancelled == 1; });
  EXPECT_EQ(provider_->asked, 1);
  provider_->open = true;
  EXPECT_EQ(cached(send(body())), "miss");
}

TEST_F(CachingTest, AnUpstreamsErrorIsEveryones) {
  provider_->half_open = false;
  std::vector<std::future<Result<Answer>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(start(body(i % 2 == 0)));
  wait_until([&] { return cache_->totals().joined == calls.size() - 1; });
  provider_->break_off = Error{ErrorKind::kUpstream, "upstream_reset", "It broke."};
  provider_->half_open = true;
  for (auto& one : calls) EXPECT_THAT(one.get()->body, HasSubstr("upstream_reset"));
  EXPECT_EQ(provider_->asked, 1);
  provider_->break_off.reset();
}

TEST_F(CachingTest, OtherWordsForTheSameQuestionGetItsAnswerWhereThatIsAskedFor) {
  EXPECT_EQ(cached(send(body(false, "", "How do I block my card?"))), "miss");
  EXPECT_EQ(cached(send(body(false, "", "how can i block the card"))), "miss");
  serve(llm::CachePolicy{.semantic = llm::SemanticPolicy{.threshold = 0.85}}, "another");
  EXPECT_EQ(cached(send(body(false, "", "How do I block my card?"))), "miss");
  const Answer other = send(body(true, "", "how can i block the card"));
  EXPECT_THAT(cached(other), StartsWith("semantic; age=0; similarity=0.9"));
  EXPECT_THAT(other.body, HasSubstr("answer 3"));
  EXPECT_THAT(cached(send(body(false, "", "How do I block my card?"))), StartsWith("hit"));
  EXPECT_EQ(cached(send(body(false, "", "How do I activate my card?"))), "miss");
  EXPECT_EQ(cached(send(body(false, "", "How do I not block my card?"))), "miss");
  EXPECT_EQ(cached(send(body(false, R"(,"temperature":0.1)", "how can i block the card"))), "miss");
  EXPECT_EQ(cached(send(body(false, "", "how can i block the card"), "authorization: Bearer fl-neighbour\r\n")),
            "miss");
  const std::string tools = R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}])";
  EXPECT_EQ(cached(send(body(false, tools, "How do I block my card?"))), "miss");
  EXPECT_EQ(cached(send(body(false, tools, "how can i block the card"))), "miss");
  for (int i = 0; i < 4; ++i) records_.take();
  EXPECT_EQ(records_.take().cache, "hit");
}

TEST_F(CachingTest, WithoutMemoryThereIsNoCache) {
  cache::Cache none(runtime_, 0, clock_);
  EXPECT_FALSE(none.enabled());
}

}  // namespace
}  // namespace fairlead::gateway
