// Calls that a challenger gets too, and that nobody notices.
#include "gateway/routing/pause.h"
#include "gateway/routing/state.h"
#include "gateway/tests/harness.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using routing::ShadowDrop;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kShortHello = R"({"model":"small","max_tokens":5,"messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kChallengers = R"({"id":"challenger","object":"chat.completion","choices":[{"index":0,)"
                                          R"("message":{"role":"assistant","content":"I would say no."}}]})";

// Answers when it is let, and notes what it is asked.
class Challenger final : public llm::Provider {
 public:
  explicit Challenger(Script& script) : played_("challenger", script) {}
  std::string_view name() const override { return "challenger"; }
  std::string_view type() const override { return "played"; }
  bool speaks(llm::Format format) const override { return played_.speaks(format); }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    const bool entered = co_await enter(call.context);
    if (!entered) co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
    co_return co_await played_.chat(call);
  }
  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    const bool entered = co_await enter(call.context);
    if (!entered) co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
    co_return co_await played_.call(call);
  }

  void stall() { stalls_ = true; }
  void release() {
    stalls_ = false;
    const std::lock_guard lock(mutex_);
    for (const auto& [loop, gate] : waiting_) loop->post([gate = gate] { gate->request(); });
    waiting_.clear();
  }
  // Of the calls that come from now on.
  void release_later() { stalls_ = false; }
  // That have come in, once there are as many.
  std::size_t wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, 5s, [&] { return keys_.size() >= count; });
    return keys_.size();
  }
  std::vector<std::string> keys() {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

 private:
  static void open(void* gate) { static_cast<async::Cancellation*>(gate)->request(); }
  async::Task<bool> enter(llm::CallContext context) {
    const auto gate = std::make_shared<async::Cancellation>();
    {
      const std::lock_guard lock(mutex_);
      keys_.emplace_back(context.idempotency_key);
      if (stalls_) waiting_.emplace_back(&context.loop, gate);
      came_.notify_all();
      if (!stalls_) co_return true;
    }
    const async::Cancellation::Registration registration(context.cancellation, open, gate.get());
    (void)co_await routing::pause(context.loop, std::chrono::minutes(1), *gate);
    co_return !context.cancellation.requested();
  }
  PlayedProvider played_;
  std::atomic<bool> stalls_ = false;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> keys_;
  std::vector<std::pair<async::Loop*, std::shared_ptr<async::Cancellation>>> waiting_;
};

// Puts a word before what the client says.
class Says final : public llm::Stage {
 public:
  Says(std::string word, std::shared_ptr<const llm::Model> model) : word_(std::move(word)), model_(std::move(model)) {}
  std::string_view name() const override { return "says"; }
  async::Task<Result<void>> run(llm::Call& call) override {
    const std::string mine = R"([{"role":"system","content":")" + word_ + " " +
                             (call.options.variables.empty() ? "" : "with variables") + "\"},";
    call.request.messages = call.own(mine + std::string(call.request.messages.substr(1)));
    call.request.set("messages", call.request.messages);
    ++call.request.message_count;
    call.model = model_;
    co_return Result<void>{};
  }

 private:
  std::string word_;
  std::shared_ptr<const llm::Model> model_;
};

class ShadowTest : public DataPlaneTest {
 public:
  void SetUp() override {
    DataPlaneTest::SetUp();
    challengers_.deltas = {std::string(kChallengers)};
    publish();
  }
  void TearDown() override {
    challenger_->release();
    data_plane_->end();
    DataPlaneTest::TearDown();
  }

  // Of models `small` and `large`, which has the challenger, and a prompt with two versions.
  void publish() {
    auto snapshot = std::make_shared<Snapshot>(*holder_->current(runtime_.loop(0)));
    snapshot->projects.clear();
    Project project("bank");
    const auto small = model("small", first_provider_, small_shadow_),
               large = model("large", challenger_, large_shadow_);
    add(project, "model", "small", 3, {}, small);
    add(project, "model", "large", 1, {}, large);
    add(project, "prompt", "reply", 1, std::make_shared<Says>("one", small), nullptr);
    add(project, "prompt", "reply", 2, std::make_shared<Says>("two", large), nullptr);
    snapshot->projects.emplace("bank", std::move(project));
    holder_->publish_and_wait(snapshot);
  }
  std::shared_ptr<llm::Model> model(std::string name, std::shared_ptr<llm::Provider> provider,
                                    std::optional<llm::ShadowPolicy> shadow) {
    auto out = std::make_shared<llm::Model>();
    out->name = std::move(name);
    out->version = 1;
    out->routes = {{.provider = std::move(provider), .upstream_model = "up", .prices = prices_}};
    out->routing.retries = 2;
    out->shadow = std::move(shadow);
    registry_.attach("bank", *out);
    return out;
  }
  void add(Project& project, std::string kind, std::string name, int version, std::shared_ptr<llm::Stage> stage,
           std::shared_ptr<const llm::Model> of) {
    auto target = std::make_shared<Target>();
    *target = {kind, name, version, 0, {}, std::move(of), {}, {}};
    if (stage) target->stages.push_back(std::move(stage));
    if (kind == "prompt" && version == 1 && prompt_shadow_)
      target->shadow = routing::Shadow{*prompt_shadow_, registry_.shadow("bank", "prompt:" + name)};
    Addressable& addressable = project.add(kind, name);
    addressable.versions[version] = target;
    addressable.labels["latest"] = version;
    if (version == 1) addressable.labels["production"] = version;
  }
  // Both records of one call, the champion's first.
  std::pair<telemetry::CallRecord, telemetry::CallRecord> both() {
    telemetry::CallRecord a = records_.take(), b = records_.take();
    if (!a.shadow_of.empty()) std::swap(a, b);
    return {std::move(a), std::move(b)};
  }
  // Once there are as many, for a caller has his answer before his shadow is thought of; more are seen too.
  std::uint64_t dropped(ShadowDrop why, std::uint64_t count) {
    const auto state = registry_.shadow("bank", "model:small");
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (state->dropped(static_cast<std::size_t>(why)) < count && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    return state->dropped(static_cast<std::size_t>(why));
  }

  static constexpr llm::PicoUsd kPrice = 100'000'000'000;  // ten tokens a dollar
  std::optional<llm::Prices> prices_ = llm::Prices{.rates = {kPrice, kPrice, kPrice, kPrice, kPrice}};
  routing::Registry registry_{clock_, 1, 2};
  Script challengers_;
  std::shared_ptr<Challenger> challenger_ = std::make_shared<Challenger>(challengers_);
  std::shared_ptr<llm::Provider> first_provider_ = std::make_shared<PlayedProvider>("first", first_);
  std::optional<llm::ShadowPolicy> small_shadow_ = llm::ShadowPolicy{.to = "large", .share = 1, .budget_usd = 1'000};
  std::optional<llm::ShadowPolicy> large_shadow_, prompt_shadow_;
};

TEST_F(ShadowTest, IsAskedTheSameAndRecordedBesideTheChampion) {
  records_.content = true;
  const Answer answer =
      send(R"({"model":"small","store":true,"metadata":{"a":"b"},"messages":[{"role":"user","content":"hi"}],)"
           R"("fairlead":{"user":"u","session":"s","tags":["x"],"idempotency_key":"mine"}})");
  EXPECT_EQ(answer.body, kWhole) << "the caller gets the champion's";
  const auto [champion, shadow] = both();
  EXPECT_EQ(champion.id, answer.headers.at("x-fairlead-call-id"));
  EXPECT_EQ(champion.shadow_of, "");
  EXPECT_EQ(champion.provider, "first");
  EXPECT_EQ(shadow.shadow_of, champion.id);
  EXPECT_NE(shadow.id, champion.id);
  EXPECT_EQ(shadow.provider, "challenger");
  EXPECT_EQ(shadow.target_kind + ":" + shadow.target_name, "model:large");
  EXPECT_EQ(shadow.target_version, 1);
  EXPECT_EQ(shadow.model, "large");
  EXPECT_EQ(shadow.status, 200);
  EXPECT_EQ(shadow.project, "bank");
  EXPECT_EQ(shadow.key_id, champion.key_id);
  EXPECT_EQ(shadow.user, "u");
  EXPECT_EQ(shadow.session, "s");
  EXPECT_EQ(shadow.tags, std::vector<std::string>{"x"});
  EXPECT_EQ(shadow.usage.input, 10);
  EXPECT_DOUBLE_EQ(shadow.cost_usd, 1.4);
  EXPECT_EQ(shadow.output_text, "I would say no.");
  EXPECT_EQ(shadow.input_json, champion.input_json);
  EXPECT_EQ(challengers_.seen_messages, first_.seen_messages);
  EXPECT_THAT(first_.seen_chat, HasSubstr("\"store\":true"));
  EXPECT_THAT(challengers_.seen_chat, Not(HasSubstr("store"))) << "an upstream keeps the champion's answer alone";
  EXPECT_THAT(challengers_.seen_chat, Not(HasSubstr("metadata")));
  EXPECT_THAT(challenger_->keys(), testing::ElementsAre(shadow.id)) << "another idempotency key";
}

TEST_F(ShadowTest, TheChampionAnswersWhileTheChallengerStalls) {
  challenger_->stall();
  EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(records_.take().provider, "first");
  EXPECT_EQ(challenger_->wait_for(1), 1u);
  EXPECT_EQ(records_.size(), 0u);
  challenger_->release();
  EXPECT_EQ(records_.take().provider, "challenger");
}

TEST_F(ShadowTest, AnOutageOfTheChallengerHoldsNoMoreThanSoMany) {
  small_shadow_->at_once = 2;
  publish();
  challenger_->stall();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(challenger_->wait_for(2), 2u);
  EXPECT_EQ(dropped(ShadowDrop::kAtOnce, 18), 18u);
  EXPECT_EQ(registry_.shadows().at(0).in_flight, 2);
  challenger_->release();
  for (int i = 0; i < 22; ++i) EXPECT_EQ(records_.take().status, 200);
  EXPECT_EQ(challenger_->keys().size(), 2u) << "what was dropped is not made up for";
}

TEST_F(ShadowTest, HoldsNoMoreThanSoManyBytes) {
  small_shadow_->at_once = 64;
  prices_.reset();
  publish();
  challenger_->stall();
  const std::string large = R"({"model":"small","max_tokens":5,"messages":[{"role":"user","content":")" +
                            std::string(9'000'000, 'x') + "\"}]}";
  for (int i = 0; i < 9; ++i) EXPECT_EQ(send(large).status, 200);
  EXPECT_EQ(dropped(ShadowDrop::kMemory, 2), 2u) << "seven are 63 MB";
}

TEST_F(ShadowTest, KeepsItsBudget) {
  small_shadow_->budget_usd = 3.2;  // one costs 1.4 and is expected to cost 1.3
  publish();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(send(kShortHello).status, 200);
    if (i < 2) {
      EXPECT_EQ(both().second.provider, "challenger") << i;
    } else {
      EXPECT_EQ(records_.take().provider, "first");
    }
  }
  EXPECT_EQ(challenger_->keys().size(), 2u);
  EXPECT_EQ(dropped(ShadowDrop::kBudget, 3), 3u);
  EXPECT_DOUBLE_EQ(registry_.shadows().at(0).spent_usd, 2.8);
}

TEST_F(ShadowTest, GetsItsShareAndNoMore) {
  small_shadow_->share = 0.2;
  publish();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(kShortHello).status, 200);
  for (int i = 0; i < 24; ++i) records_.take();
  EXPECT_EQ(challenger_->keys().size(), 4u);
}

TEST_F(ShadowTest, HasNoShadowItself) {
  large_shadow_ = llm::ShadowPolicy{.to = "small", .share = 1, .budget_usd = 1'000};
  publish();
  EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(both().second.provider, "challenger");
  data_plane_->end();
  EXPECT_EQ(registry_.shadows().at(0).in_flight, 0);
  EXPECT_EQ(records_.size(), 0u);
}

TEST_F(ShadowTest, IsTriedOnce) {
  challengers_.refuse = Error{ErrorKind::kUnavailable, "upstream_unavailable", "try again"};
  EXPECT_EQ(send(kShortHello).status, 200);
  const telemetry::CallRecord shadow = both().second;
  EXPECT_EQ(shadow.attempts.size(), 1u);
  EXPECT_EQ(shadow.status, 503);
  EXPECT_EQ(shadow.error_code, "upstream_unavailable");
  EXPECT_EQ(shadow.cost_usd, 0) << "nothing was answered";
  EXPECT_EQ(registry_.shadows().at(0).spent_usd, 0);
}

TEST_F(ShadowTest, IsMadeForACallThatFailedUpstreamAndNotForOneThatNobodyWasAsked) {
  first_.refuse = Error{ErrorKind::kInvalid, "context_length_exceeded", "too long", "messages"};
  EXPECT_EQ(send(kShortHello).status, 400);
  const auto [champion, shadow] = both();
  EXPECT_EQ(champion.status, 400);
  EXPECT_EQ(shadow.status, 200);
  EXPECT_EQ(send(R"({"model":"small","messages":[]})").status, 400);
  EXPECT_EQ(send("{").status, 400);
  records_.take(), records_.take();
  data_plane_->end();
  EXPECT_EQ(challenger_->keys().size(), 1u);
}

TEST_F(ShadowTest, IsCollectedWhereTheCallIsStreamed) {
  records_.content = true;
  challengers_.deltas = {"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I would\"}}]}\n\n",
                         "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" not.\"}}]}\n\n"};
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  const Answer answer = send(R"({"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(answer.body, "data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n");
  const telemetry::CallRecord shadow = both().second;
  EXPECT_TRUE(shadow.stream);
  EXPECT_EQ(shadow.output_text, "I would not.");
  EXPECT_GE(shadow.first_token_us, 0);
}

TEST_F(ShadowTest, GetsTheRequestOfAnotherSurfaceInItsOwnFormOrAsAChat) {
  const std::string body = R"({"model":"small","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"top_k":3})";
  const std::string key = "authorization: Bearer fl-caller\r\n";
  first_.formats = {llm::Format::kMessages};
  EXPECT_EQ(send(http::Method::kPost, "/v1/messages", body, key).status, 200);
  EXPECT_EQ(both().second.status, 200);
  EXPECT_THAT(challengers_.seen_chat, HasSubstr(R"([{"role":"user","content":"hi"}])"));
  challengers_.formats = {llm::Format::kMessages};
  EXPECT_EQ(send(http::Method::kPost, "/v1/messages", body, key).status, 200);
  EXPECT_EQ(both().second.status, 200);
  EXPECT_THAT(challengers_.seen_native, HasSubstr("\"top_k\":3"));
  first_.formats = challengers_.formats = {llm::Format::kEmbeddings};
  EXPECT_EQ(send(http::Method::kPost, "/v1/embeddings", R"({"model":"small","input":"hi"})", key).status, 200);
  EXPECT_EQ(both().second.operation, "embeddings");
  challengers_.formats = {};
  EXPECT_EQ(send(http::Method::kPost, "/v1/embeddings", R"({"model":"small","input":"hi"})", key).status, 200);
  EXPECT_EQ(both().second.error_code, "unsupported_by_model");
  first_.formats = challengers_.formats = {llm::Format::kMessages, llm::Format::kCountTokens};
  EXPECT_EQ(send(http::Method::kPost, "/v1/messages/count_tokens", body, key).status, 200);
  records_.take();
  data_plane_->end();
  EXPECT_EQ(records_.size(), 0u) << "there is no answer to compare";
}

TEST_F(ShadowTest, KeepsNoResponse) {
  const std::string body = R"({"model":"small","input":"hi"})", key = "authorization: Bearer fl-caller\r\n";
  const Answer answer = send(http::Method::kPost, "/v1/responses", body, key);
  EXPECT_EQ(answer.status, 200);
  const auto [champion, shadow] = both();
  EXPECT_EQ(shadow.status, 200);
  const auto kept = [&](const std::string& id) {
    return send(http::Method::kGet, "/v1/responses/resp_" + id, "", key).status;
  };
  EXPECT_EQ(kept(champion.id), 200);
  EXPECT_EQ(kept(shadow.id), 404);
}

TEST_F(ShadowTest, OfAPromptIsRenderedByTheOtherVersionFromTheSameVariables) {
  small_shadow_.reset();
  prompt_shadow_ = llm::ShadowPolicy{.to = "reply@2", .share = 1, .budget_usd = 1'000};
  publish();
  const std::string body =
      R"({"model":"reply","messages":[{"role":"user","content":"hi"}],"fairlead":{"variables":{"a":1}}})";
  EXPECT_EQ(send(body).status, 200);
  const auto [champion, shadow] = both();
  EXPECT_EQ(champion.target_version, 1);
  EXPECT_EQ(shadow.target_kind, "prompt");
  EXPECT_EQ(shadow.target_version, 2);
  EXPECT_EQ(shadow.label, "");
  EXPECT_THAT(first_.seen_messages, HasSubstr("one with variables"));
  EXPECT_EQ(challengers_.seen_messages,
            R"([{"role":"system","content":"two with variables"},{"role":"user","content":"hi"}])");
  EXPECT_EQ(send(R"({"model":"reply@2","messages":[{"role":"user","content":"hi"}]})").status, 200);
  records_.take();
  data_plane_->end();
  EXPECT_EQ(records_.size(), 0u) << "version 2 says nothing of a shadow";
}

TEST_F(ShadowTest, OfAPromptGoesBeforeItsModelsAndMayNameAModel) {
  prompt_shadow_ = llm::ShadowPolicy{.to = "model:large@latest", .share = 1, .budget_usd = 1'000};
  publish();
  EXPECT_EQ(send(R"({"model":"reply","messages":[{"role":"user","content":"hi"}]})").status, 200);
  const telemetry::CallRecord shadow = both().second;
  EXPECT_EQ(shadow.target_kind, "model");
  EXPECT_EQ(shadow.label, "latest");
  EXPECT_EQ(challengers_.seen_messages, first_.seen_messages) << "as the champion's prompt has rendered it";
  data_plane_->end();
  EXPECT_EQ(records_.size(), 0u) << "one shadow, not the model's too";
}

TEST_F(ShadowTest, IsCheckedForTheSchemaOfItsCallAndNotRepaired) {
  const std::string body =
      R"({"model":"small","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"fairlead":{"repair":2},)"
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}})";
  const auto chat = [](const std::string& text) {
    return R"({"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":)" +
           json::quoted(text) + "}}]}";
  };
  first_.deltas = {chat("{}")};
  EXPECT_EQ(send(body).status, 200);
  const telemetry::CallRecord unfit = both().second;
  EXPECT_EQ(unfit.status, 200);
  EXPECT_EQ(unfit.schema_failures, 1);
  EXPECT_EQ(unfit.attempts.size(), 1u);
  challengers_.deltas = {chat("{\"a\": 1}")};
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(both().second.schema_failures, 0);
}

TEST_F(ShadowTest, RestsWhereTheChallengerIsTheChampionOrIsNotThere) {
  small_shadow_->to = "small@latest";
  publish();
  EXPECT_EQ(send(kShortHello).status, 200);
  small_shadow_->to = "nobody";
  publish();
  EXPECT_EQ(send(kShortHello).status, 200);
  records_.take(), records_.take();
  EXPECT_EQ(dropped(ShadowDrop::kUnavailable, 1), 1u);
  EXPECT_EQ(registry_.shadows().at(0).in_flight, 0);
}

TEST_F(ShadowTest, EndsAtOnceWithTheServerAndIsRecorded) {
  challenger_->stall();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(challenger_->wait_for(3), 3u);
  data_plane_->end();
  EXPECT_EQ(registry_.shadows().at(0).in_flight, 0);
  int ended = 0;
  while (records_.size() > 0) ended += records_.take().error_code == "shadow_ended" ? 1 : 0;
  EXPECT_EQ(ended, 3);
  EXPECT_GT(registry_.shadows().at(0).spent_usd, 3) << "what was cut short costs what was expected";
  EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(challenger_->keys().size(), 3u) << "no more are begun";
}

TEST_F(ShadowTest, GivesItsPlaceToACallerAndNeverTakesTheLast) {
  const auto shared = model("large", challenger_, {});
  const auto give_place = [](llm::Model& model) { model.routing.concurrency = {.max = 1, .queue = 0}; };
  give_place(*shared);
  auto snapshot = std::make_shared<Snapshot>(*holder_->current(runtime_.loop(0)));
  snapshot->projects.clear();
  Project project("bank");
  add(project, "model", "small", 3, {}, model("small", first_provider_, small_shadow_));
  add(project, "model", "large", 1, {}, shared);
  snapshot->projects.emplace("bank", std::move(project));
  holder_->publish_and_wait(snapshot);
  challenger_->stall();
  EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(challenger_->wait_for(1), 1u);
  EXPECT_EQ(send(kShortHello).status, 200);
  EXPECT_EQ(dropped(ShadowDrop::kBusy, 1), 1u);
  records_.take(), records_.take();
  challenger_->release_later();
  EXPECT_EQ(send(R"({"model":"large","messages":[{"role":"user","content":"hi"}]})").status, 200)
      << "not 429: the shadow is no reason to refuse a caller";
  std::map<std::string, std::string> ends;
  for (int i = 0; i < 2; ++i) {
    const telemetry::CallRecord one = records_.take();
    ends[one.shadow_of.empty() ? "caller" : "shadow"] = one.error_code;
  }
  EXPECT_EQ(ends, (std::map<std::string, std::string>{{"caller", ""}, {"shadow", "shadow_displaced"}}));
}

}  // namespace
}  // namespace fairlead::gateway
