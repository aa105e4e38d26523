// A data plane behind a real server, asked by a real client, in front of providers that are played.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "base/id.h"
#include "gateway/data_plane.h"
#include "platform/http/client.h"

namespace fairlead::gateway {

using namespace std::chrono_literals;

inline constexpr std::string_view kWhole = R"({"id":"c","object":"chat.completion","choices":[]})";

// What a played provider does with a call.
struct Script {
  std::vector<std::string> deltas;   // the last one ends the answer
  std::optional<Error> refuse;       // instead of an answer
  std::optional<Error> break_after;  // instead of the end, after all deltas
  llm::Usage usage{.input = 10, .output = 4, .reported = true};
  std::set<llm::Format> formats;  // that call() takes
  std::string seen_messages, seen_chat, seen_native;
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
    outcome_.usage = script_.usage;
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
    script_.seen_chat = call.request.to_json();
    if (script_.refuse) co_return fail(*script_.refuse);
    co_return std::make_unique<PlayedCompletion>(script_);
  }
  bool speaks(llm::Format format) const override { return script_.formats.contains(format); }
  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override {
    llm::ChatRequest request;
    request.members.assign(call.members.begin(), call.members.end());
    script_.seen_native = request.to_json();
    if (script_.refuse) co_return fail(*script_.refuse);
    co_return std::make_unique<PlayedCompletion>(script_);
  }

 private:
  std::string name_;
  Script& script_;
};

class Records final : public telemetry::Recorder {
 public:
  void record(int, const telemetry::CallRecord& record) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(record);
    arrived_.notify_all();
  }
  bool content_enabled() const override { return content; }
  bool strict() const override { return strictly; }
  async::Task<Result<void>> record_and_wait(async::Loop& loop, telemetry::CallRecord what) override {
    record(loop.index(), what);
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

inline async::Task<Result<Answer>> ask(http::Client& client, http::Origin origin, http::Method method,
                                       std::string target, std::string header_lines, std::string body) {
  async::Cancellation cancellation;
  http::ClientRequest request;
  request.method = method;
  request.target = target;
  request.header_lines = header_lines;
  request.body = body;
  const std::string type = body.starts_with("--XX") ? "multipart/form-data; boundary=XX" : "application/json";
  if (!body.empty()) request.content_type = type;
  auto response = co_await client.send(origin, request, cancellation);
  if (!response) co_return fail(std::move(response).error());
  Answer answer;
  answer.status = (*response)->status();
  for (const http::Header& header : (*response)->headers()) answer.headers[std::string(header.name)] = header.value;
  auto all = co_await (*response)->read_all(1 << 24);
  if (!all) co_return fail(std::move(all).error());
  answer.body = std::move(*all);
  co_return answer;
}

class DataPlaneTest : public testing::Test {
 public:
  void SetUp() override {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->keys = std::make_shared<access::KeyTable>(
        "pepper", std::vector<access::KeyTable::Entry>{
                      {hmac_sha256("pepper", "fl-caller"), {"key_1", "tests", "bank", 1, 0}},
                      {hmac_sha256("pepper", "fl-reader"), {"key_2", "reader", "bank", 2, 0}},
                      {hmac_sha256("pepper", "fl-neighbour"), {"key_3", "other", "shop", 1, 0}}});
    auto model = std::make_shared<llm::Model>();
    model->name = "small";
    model->version = 3;
    model->routes = {{std::make_shared<PlayedProvider>("first", first_), "up-1"},
                     {std::make_shared<PlayedProvider>("second", second_), "up-2"}};
    const llm::PicoUsd price = llm::per_million(100'000);  // ten tokens a dollar
    for (llm::Route& route : model->routes) route.prices = llm::Prices{.rates = {price, price, price, price, price}};
    auto target = std::make_shared<Target>();
    *target = {"model", "small", 3, 1'700'000'000, {}, model, {}};
    Project project("bank");
    Addressable& addressable = project.add("model", "small");
    addressable.versions[3] = target;
    addressable.labels["latest"] = 3;
    snapshot->projects.emplace("bank", std::move(project));
    holder_ = std::make_unique<SnapshotHolder>(runtime_, snapshot);
    folder_ = std::filesystem::temp_directory_path() / ("gateway-" + new_id(clock_.unix_micros()));
    database_ = store::open_sqlite((folder_ / "fairlead.db").string(), pool_, DataPlane::migrations()).value();
    cache_ = std::make_unique<cache::Cache>(runtime_, cache_bytes_, clock_);
    files_ = FileStore::open((folder_ / "files").string(), *database_, pool_, clock_).value();
    data_plane_ = std::make_unique<DataPlane>(*holder_, records_, *database_, *files_, *cache_, clock_);

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
    database_.reset();
    std::filesystem::remove_all(folder_);
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

  Script first_{.deltas = {std::string(kWhole)}}, second_{.deltas = {std::string(kWhole)}};
  Records records_;
  SystemClock clock_;
  async::Runtime runtime_{2}, client_runtime_{1};
  async::BlockingPool pool_{1};
  std::unique_ptr<SnapshotHolder> holder_;
  std::filesystem::path folder_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<FileStore> files_;
  std::size_t cache_bytes_ = 1 << 20;
  std::unique_ptr<cache::Cache> cache_;
  std::unique_ptr<DataPlane> data_plane_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace fairlead::gateway
