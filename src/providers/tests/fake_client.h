// An HTTP client that answers from a script and keeps what it was asked.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "llm/provider.h"
#include "platform/http/client.h"
#include "platform/json/text.h"

namespace fairlead::providers {

struct Script {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{{"content-type", "application/json"}};
  std::deque<std::string> reads;
  bool breaks = false;
};

class FakeResponse final : public http::ClientResponse {
 public:
  explicit FakeResponse(Script script) : script_(std::move(script)) {
    for (const auto& [name, value] : script_.headers) headers_.push_back({name, value});
  }
  int status() const override { return script_.status; }
  std::span<const http::Header> headers() const override { return headers_; }
  void dismiss() override {}
  async::Task<Result<std::string_view>> read() override {
    if (script_.reads.empty()) {
      if (script_.breaks) co_return fail(ErrorKind::kUpstream, "upstream_reset", "closed");
      co_return std::string_view{};
    }
    current_ = std::move(script_.reads.front());
    script_.reads.pop_front();
    co_return current_;
  }
  async::Task<Result<std::string>> read_all(std::size_t) override {
    std::string all;
    for (const std::string& one : script_.reads) all += one;
    co_return all;
  }

 private:
  Script script_;
  std::vector<http::Header> headers_;
  std::string current_;
};

class FakeClient : public http::Client {
 public:
  explicit FakeClient(Script script) : scripts_{std::move(script)} {}
  // One for each request; the last one for all that follow.
  explicit FakeClient(std::deque<Script> scripts) : scripts_(std::move(scripts)) {}
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(const http::Origin& origin,
                                                                  http::ClientRequest request,
                                                                  async::Cancellation&) override {
    ++sent;
    url = (origin.tls ? "https://" : "http://") + origin.host + origin.prefix + std::string(request.target);
    header_lines = request.header_lines;
    body = request.body;
    content_type = request.content_type;
    bodies.push_back(body);
    urls.push_back(url);
    all_header_lines.push_back(header_lines);
    std::unique_ptr<http::ClientResponse> response = std::make_unique<FakeResponse>(scripts_.front());
    if (scripts_.size() > 1) scripts_.pop_front();
    co_return response;
  }
  int sent = 0;
  std::string url, header_lines, body, content_type;        // of the last request
  std::vector<std::string> urls, bodies, all_header_lines;  // of all

 private:
  std::deque<Script> scripts_;
};

// One whose requests are all sent before the first is answered.
class SlowClient final : public FakeClient {
 public:
  using FakeClient::FakeClient;
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(const http::Origin& origin,
                                                                  http::ClientRequest request,
                                                                  async::Cancellation& cancellation) override {
    const auto executor = co_await boost::asio::this_coro::executor;
    for (int i = 0; i < 100; ++i) co_await boost::asio::post(executor, async::use_task);
    auto response = co_await FakeClient::send(origin, request, cancellation);
    co_return std::move(response);
  }
};

// A request's body with the padding that its parser reads over.
struct Body {
  explicit Body(std::string_view text) : bytes(text.begin(), text.end()), size(text.size()) {
    bytes.resize(size + 64);
    auto parsed = llm::ChatRequest::parse({bytes.data(), size});
    if (parsed) request = *std::move(parsed);
  }
  std::vector<char> bytes;
  std::size_t size;
  llm::ChatRequest request;
};

struct Answered {
  std::string wire;
  std::optional<Error> error;
  llm::Outcome outcome;
};

// A chat, or a call in another format where `members` are given.
inline async::Task<void> call_to_end(llm::Provider& provider, const llm::ChatRequest& request,
                                     std::span<const llm::Member> members, llm::Format format, async::Loop& loop,
                                     Answered& answered, std::string_view model = "big-1") {
  async::Cancellation cancellation;
  llm::CallContext context{.upstream_model = model,
                           .call_id = "01J",
                           .idempotency_key = {},
                           .loop = loop,
                           .cancellation = cancellation,
                           .deadline = std::chrono::steady_clock::time_point::max()};
  Result<std::unique_ptr<llm::Completion>> completion;
  if (format == llm::Format::kChat) {
    completion = co_await provider.chat({.request = request, .context = context});
  } else {
    completion =
        co_await provider.call({.format = format, .members = members, .stream = request.stream, .context = context});
  }
  if (!completion) {
    answered.error = std::move(completion).error();
    co_return;
  }
  for (;;) {
    auto delta = co_await (*completion)->next();
    if (!delta) {
      answered.error = std::move(delta).error();
      break;
    }
    answered.wire += delta->wire;
    if (delta->end) break;
  }
  answered.outcome = (*completion)->outcome();
  completion->reset();
}

// The loop of all calls: a provider keeps what belongs to a loop from call to call.
inline async::Loop& calling_loop() {
  static async::Loop loop(0);
  loop.context().restart();
  return loop;
}

inline Answered call(llm::Provider& provider, std::string_view body) {
  async::Loop& loop = calling_loop();
  const Body request(body);
  Answered answered;
  boost::asio::co_spawn(loop.context(), call_to_end(provider, request.request, {}, llm::Format::kChat, loop, answered),
                        boost::asio::detached);
  loop.context().run();
  return answered;
}

inline Answered call_native(llm::Provider& provider, llm::Format format, std::string_view body) {
  async::Loop& loop = calling_loop();
  const boost::json::object object = json::parse(body).value().as_object();
  std::deque<std::string> texts;
  std::vector<llm::Member> members;
  for (const auto& [key, value] : object) {
    texts.push_back(json::to_text(value));
    members.push_back({{key.data(), key.size()}, texts.back()});
  }
  llm::ChatRequest request;
  request.stream = object.contains("stream") && object.at("stream").as_bool();
  Answered answered;
  boost::asio::co_spawn(loop.context(), call_to_end(provider, request, members, format, loop, answered),
                        boost::asio::detached);
  loop.context().run();
  return answered;
}

}  // namespace fairlead::providers
