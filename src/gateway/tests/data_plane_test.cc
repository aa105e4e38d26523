// Calls through a real server and a real client, to providers that are played.
#include "gateway/data_plane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <mutex>

#include "platform/http/client.h"

namespace fairlead::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::string_view kWhole = R"({"id":"c","object":"chat.completion","choices":[]})";

// What a played provider does with a call.
struct Script {
  std::vector<std::string> deltas;   // the last one ends the answer
  std::optional<Error> refuse;       // instead of an answer
  std::optional<Error> break_after;  // instead of the end, after all deltas
  std::string seen_messages;
};

class PlayedCompletion final : public llm::Completion {
 public:
  explicit PlayedCompletion(const Script& script) : script_(script) {}
  async::Task<Result<llm::Delta>> next() override {
    if (next_ == script_.deltas.size()) co_return fail(*script_.break_after);
    llm::Delta delta;
    delta.wire = script_.deltas[next_++];
    delta.end = next_ == script_.deltas.size() && !script_.break_after;
    outcome_.content_started = true;
    outcome_.usage = {.input = 10, .output = 4, .reported = true};
    outcome_.finish_reason = "stop";
    co_return delta;
  }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  const Script& script_;
  std::size_t next_ = 0;
  llm::Outcome outcome_;
};

class PlayedProvider final : public llm::Provider {
 public:
  PlayedProvider(std::string name, Script& script) : name_(std::move(name)), script_(script) {}
  std::string_view name() const override { return name_; }
  std::string_view type() const override { return "played"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    script_.seen_messages = call.request.messages;
    if (script_.refuse) co_return fail(*script_.refuse);
    co_return std::make_unique<PlayedCompletion>(script_);
  }

 private:
  std::string name_;
  Script& script_;
};

class Records final : public telemetry::Recorder {
 public:
  void record(int, telemetry::CallRecord record) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
    arrived_.notify_all();
  }
  bool content_enabled() const override { return content; }
  bool strict() const override { return strictly; }
  async::Task<Result<void>> record_and_wait(async::Loop& loop, telemetry::CallRecord what) override {
    record(loop.index(), std::move(what));
    if (unwritable) co_return fail(ErrorKind::kUnavailable, "spool_unwritable", "The disk is full.");
    co_return Result<void>{};
  }
  std::atomic<bool> content = false, strictly = false, unwritable = false;
  telemetry::CallRecord only() {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, 5s, [this] { return !records_.empty(); });
    EXPECT_EQ(records_.size(), 1u);
    return records_.empty() ? telemetry::CallRecord{} : records_.front();
  }
  // The oldest, which is then gone.
  telemetry::CallRecord take() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 5s, [this] { return !records_.empty(); })) return {};
    telemetry::CallRecord record = std::move(records_.front());
    records_.erase(records_.begin());
    return record;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return records_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<telemetry::CallRecord> records_;
};

struct Answer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;
};

async::Task<Result<Answer>> ask(http::Client& client, http::Origin origin, http::Method method, std::string target,
                                std::string header_lines, std::string body) {
  async::Cancellation cancellation;
  http::ClientRequest request;
  request.method = method;
  request.target = target;
  request.header_lines = header_lines;
  request.body = body;
  if (!body.empty()) request.content_type = "application/json";
  auto response = co_await client.send(origin, request, cancellation);
  if (!response) co_return fail(std::move(response).error());
  Answer answer;
  answer.status = (*response)->status();
  for (const http::Header& header : (*response)->headers()) answer.headers[std::string(header.name)] = header.value;
  auto all = co_await (*response)->read_all(1 << 20);
  if (!all) co_return fail(std::move(all).error());
  answer.body = std::move(*all);
  co_return answer;
}

class DataPlaneTest : public testing::Test {
 protected:
  void SetUp() override {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->keys = std::make_shared<access::KeyTable>(
        "pepper",
        std::vector<access::KeyTable::Entry>{{hmac_sha256("pepper", "fl-caller"), {"key_1", "tests", "bank", 1, 0}},
                                             {hmac_sha256("pepper", "fl-reader"), {"key_2", "reader", "bank", 2, 0}}});
    auto model = std::make_shared<llm::Model>();
    model->name = "small";
    model->version = 3;
    model->prices = {.input = 100'000, .output = 100'000};
    model->routes = {{std::make_shared<PlayedProvider>("first", first_), "up-1"},
                     {std::make_shared<PlayedProvider>("second", second_), "up-2"}};
    auto target = std::make_shared<Target>();
    *target = {"model", "small", 3, 1'700'000'000, {}, model, {}};
    Project project("bank");
    Addressable& addressable = project.add("model", "small");
    addressable.versions[3] = target;
    addressable.labels["latest"] = 3;
    snapshot->projects.emplace("bank", std::move(project));
    holder_ = std::make_unique<SnapshotHolder>(runtime_, snapshot);
    data_plane_ = std::make_unique<DataPlane>(*holder_, records_, clock_);

    http::Router router;
    data_plane_->add_routes(router);
    http::ServerOptions options;
    options.port = 0;
    server_ = http::Server::listen(runtime_, std::move(options), std::move(router)).value();
    server_->start();
    runtime_.start();
    client_ = http::Client::create(client_runtime_.loop(0), pool_, {}).value();
    client_runtime_.start();
  }
  void TearDown() override {
    client_runtime_.stop();
    client_.reset();
    server_->drain(2s);
    runtime_.stop();
    server_.reset();
  }

  Answer send(std::string body, std::string headers = "authorization: Bearer fl-caller\r\n") {
    return send(http::Method::kPost, "/v1/chat/completions", std::move(body), std::move(headers));
  }
  Answer send(http::Method method, std::string target, std::string body, std::string headers) {
    const http::Origin origin = http::Origin::parse("http://127.0.0.1:" + std::to_string(server_->port())).value();
    auto answer =
        boost::asio::co_spawn(client_runtime_.loop(0).context(),
                              ask(*client_, origin, method, std::move(target), std::move(headers), std::move(body)),
                              boost::asio::use_future)
            .get();
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    return answer ? *answer : Answer{};
  }

  Script first_{{std::string(kWhole)}, {}, {}, {}}, second_{{std::string(kWhole)}, {}, {}, {}};
  Records records_;
  SystemClock clock_;
  async::Runtime runtime_{2}, client_runtime_{1};
  async::BlockingPool pool_{1};
  std::unique_ptr<SnapshotHolder> holder_;
  std::unique_ptr<DataPlane> data_plane_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

constexpr const char* kHello = R"({"model":"small","messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kHelloStream = R"({"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]})";

TEST_F(DataPlaneTest, AnswersAndRecords) {
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, kWhole);
  EXPECT_EQ(answer.headers.at("x-fairlead-target"), "model:small@3");
  EXPECT_EQ(answer.headers.at("x-fairlead-provider"), "first");
  EXPECT_EQ(first_.seen_messages, R"([{"role":"user","content":"hi"}])");
  const telemetry::CallRecord record = records_.only();
  EXPECT_EQ(record.id, answer.headers.at("x-fairlead-call-id"));
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.project, "bank");
  EXPECT_EQ(record.key_id, "key_1");
  EXPECT_EQ(record.usage.input, 10);
  EXPECT_DOUBLE_EQ(record.cost_usd, 1.4);
  EXPECT_EQ(record.input_json, "");
  EXPECT_GE(record.duration_us, record.first_token_us);
}

TEST_F(DataPlaneTest, StreamsWhatComesAndSaysDone) {
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  const Answer answer = send(kHelloStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(answer.body, "data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n");
  EXPECT_GE(records_.only().first_token_us, 0);
}

TEST_F(DataPlaneTest, FallsBackToTheNextRouteBeforeTheFirstByte) {
  first_.refuse = Error{ErrorKind::kUnavailable, "upstream_unreachable", "first is down"};
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-fairlead-provider"), "second");
  const telemetry::CallRecord record = records_.only();
  ASSERT_EQ(record.attempts.size(), 2u);
  EXPECT_EQ(record.attempts[0].error_code, "upstream_unreachable");
  EXPECT_EQ(record.attempts[1].error_code, "");
  EXPECT_EQ(record.provider, "second");
}

TEST_F(DataPlaneTest, DoesNotTryAnotherRouteForTheCallersMistake) {
  first_.refuse = Error{ErrorKind::kInvalid, "context_length_exceeded", "too long", "messages"};
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("context_length_exceeded"));
  EXPECT_EQ(second_.seen_messages, "");
}

TEST_F(DataPlaneTest, AnswersWithTheLastErrorWhenAllRoutesFail) {
  first_.refuse = Error{ErrorKind::kUnavailable, "upstream_unreachable", "first is down"};
  second_.refuse = Error{ErrorKind::kExhausted, "rate_limit_exceeded", "slow down"};
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 429);
  EXPECT_THAT(answer.body, HasSubstr("slow down"));
}

TEST_F(DataPlaneTest, EndsABrokenStreamWithAnErrorEventAndWithoutDone) {
  first_.deltas = {"data: {\"a\":1}\n\n"};
  first_.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
  const Answer answer = send(kHelloStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, testing::StartsWith("data: {\"a\":1}\n\ndata: {\"error\":{"));
  EXPECT_THAT(answer.body, HasSubstr("upstream_reset"));
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
  EXPECT_EQ(second_.seen_messages, "");
  EXPECT_EQ(records_.only().error_code, "upstream_reset");
}

TEST_F(DataPlaneTest, RefusesUnknownKeysWithoutARecord) {
  for (const char* headers :
       {"", "authorization: Bearer fl-nobody\r\n", "authorization: Basic Zm9v\r\n", "x-api-key: no\r\n"}) {
    const Answer answer = send(kHello, headers);
    EXPECT_EQ(answer.status, 401) << headers;
    EXPECT_THAT(answer.body, Not(HasSubstr("fl-nobody")));
  }
  EXPECT_EQ(send(kHello, "authorization: Bearer fl-reader\r\n").status, 403);
  EXPECT_EQ(records_.size(), 0u);
}

TEST_F(DataPlaneTest, NamesTheFaultOfABadRequest) {
  EXPECT_EQ(send(R"({"model":"smal","messages":[]})").status, 404);
  EXPECT_THAT(send(R"({"model":"smal","messages":[]})").body, HasSubstr("Did you mean `small`?"));
  EXPECT_THAT(send(R"({"model":"small","messages":[]})").body, HasSubstr("empty_array"));
  EXPECT_THAT(send(R"({"model":"small"})").body, HasSubstr("missing_required_parameter"));
  EXPECT_EQ(send("null").status, 400);
  EXPECT_EQ(
      send(R"({"model":"small","messages":[{"role":"user","content":"x"}],"fairlead":{"variables":{"a":1}}})").status,
      400);
}

TEST_F(DataPlaneTest, KeepsWhatWasSaidRatherThanHowItWasSent) {
  records_.content = true;
  const std::string calls =
      R"("tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\""}}])";
  first_.deltas = {
      R"(data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})"
      "\n\n",
      R"(data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"content":"lo"}}]})"
      "\n\n",
      "data: {\"choices\":[{\"index\":0,\"delta\":{" + calls + "}}]}\n\n",
      R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]})"
      "\n\n"};
  send(kHelloStream);
  const std::string said =
      "Hello\n"
      R"({"tool_call":{"id":"call_1","name":"f","arguments":"{\"a\":1}"}})";
  EXPECT_EQ(records_.take().output_text, said);
  first_.deltas = {
      R"({"choices":[{"index":0,"message":{"content":"Hello","tool_calls":[{"id":"call_1","type":"function","function":)"
      R"({"name":"f","arguments":"{\"a\":1}"}}]}},{"index":1,"message":{"content":"Oh"}}]})"};
  send(kHello);
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.output_text, said + "\n\nOh");
  EXPECT_EQ(record.input_json, R"([{"role":"user","content":"hi"}])");
}

// With strict durability the last byte waits for the record.
TEST_F(DataPlaneTest, RecordsBeforeTheEndOfAnAnswerIfThatIsPromised) {
  records_.strictly = true;
  EXPECT_EQ(send(kHello).status, 200);
  EXPECT_EQ(records_.size(), 1u) << "the record was there before the answer";
  EXPECT_EQ(records_.take().usage.input, 10);
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  EXPECT_THAT(send(kHelloStream).body, HasSubstr("[DONE]"));
  EXPECT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_.take().status, 200);
  EXPECT_EQ(send("{").status, 400);
  EXPECT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_.take().status, 400);
}

TEST_F(DataPlaneTest, HoldsTheEndOfAnAnswerBackWhoseRecordCannotBeWritten) {
  records_.strictly = true;
  records_.unwritable = true;
  const Answer whole = send(kHello);
  EXPECT_EQ(whole.status, 503);
  EXPECT_THAT(whole.body, HasSubstr("record_not_durable"));
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  const Answer stream = send(kHelloStream);
  EXPECT_THAT(stream.body, testing::StartsWith("data: {\"a\":1}\n\ndata: {\"error\""));
  EXPECT_THAT(stream.body, Not(HasSubstr("[DONE]")));
}

TEST_F(DataPlaneTest, ListsWhatCanBeAddressed) {
  const std::string key = "authorization: Bearer fl-caller\r\n";
  EXPECT_EQ(
      send(http::Method::kGet, "/v1/models", "", key).body,
      R"({"object":"list","data":[{"id":"small","object":"model","created":1700000000,"owned_by":"fairlead:model"}]})");
  EXPECT_THAT(send(http::Method::kGet, "/v1/models/small@3", "", key).body, HasSubstr(R"("id":"small@3")"));
  EXPECT_EQ(send(http::Method::kGet, "/v1/models/large", "", key).status, 404);
  EXPECT_EQ(send(http::Method::kGet, "/v1/models", "", "").status, 401);
}

}  // namespace
}  // namespace fairlead::gateway
