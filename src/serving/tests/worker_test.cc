// The real model in a real worker process, called as the gateway calls it.
#include "serving/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/digest.h"
#include "platform/async/runtime.h"
#include "platform/json/schema.h"
#include "serving/local_models.h"
#include "serving/provider.h"

namespace fairlead::serving {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr const char* kFile = "smollm2-135m-instruct-q4_1.gguf";

// What came of one call.
struct Answer {
  std::optional<Error> error;
  std::string wire;
  llm::Outcome outcome;
  std::vector<steady_clock::time_point> arrivals;
  bj::value json() const { return bj::parse(wire); }
  std::vector<bj::value> events() const {
    std::vector<bj::value> out;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t end = wire.find("\n\n", at);
      out.push_back(bj::parse(wire.substr(at + 6, end - at - 6)));
      at = end + 2;
    }
    return out;
  }
  std::string streamed(int choice = 0) const {
    std::string out;
    for (const bj::value& event : events()) {
      for (const bj::value& entry : event.at("choices").as_array()) {
        const bj::value* content = entry.at("delta").as_object().if_contains("content");
        if (entry.at("index") == choice && content != nullptr) out += std::string(content->as_string());
      }
    }
    return out;
  }
};

class Worker : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(FAIRLEAD_TEST_MODEL))
      GTEST_SKIP() << "the quickstart model is not in the cache: " << FAIRLEAD_TEST_MODEL;
    char name[] = "/tmp/fairlead-serving-XXXXXX";
    folder_ = mkdtemp(name);
    runtime_.start();
    client_ = *http::Client::create(runtime_.loop(0), pool_, {});
  }
  void TearDown() override {
    if (models_) models_->stop();
    runtime_.stop();
    client_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  void start(std::string path, std::vector<std::string> digests = {}) {
    LocalModelsOptions options;
    options.run_folder = folder_ + "/run";
    options.worker_command = {"/proc/self/exe", "--worker"};
    options.context = 1024;
#ifdef __SANITIZE_THREAD__
    options.threads = 1;  // ggml's threads spin for each other; ThreadSanitizer makes a step of two take seconds
#endif
    options.locate = [path](const std::string& file) -> Result<std::string> {
      if (fs::exists(path)) return path;
      return fail(ErrorKind::kNotFound, "model_file_not_found", "The model file `" + file + "` is not there.");
    };
    options.digest = [](const std::string& file, const std::atomic<bool>&) -> Result<std::string> {
      std::string bytes(fs::file_size(file), '\0');
      std::ifstream(file, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      return sha256_hex(bytes);
    };
    models_ = *LocalModels::start(std::move(options));
    provider_ = make_provider("local", *models_, [this](async::Loop&) -> http::Client& { return *client_; });
    models_->want({{kFile, std::move(digests)}});
  }
  void start_ready() {
    start(FAIRLEAD_TEST_MODEL);
    ASSERT_EQ(settle(ModelState::kReady), ModelState::kReady) << models_->find(kFile)->message;
  }
  ModelState settle(ModelState wanted) const {
    for (int i = 0; i < 1500 && models_->find(kFile)->state != wanted; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return models_->find(kFile)->state;
  }

  async::Task<void> call(std::string body, Answer& out, async::Cancellation& cancellation) {
    const std::size_t size = body.size();
    body.resize(size + 64);
    auto request = llm::ChatRequest::parse(std::span<char>(body.data(), size));
    if (!request) {
      out.error = request.error();
      co_return;
    }
    llm::ChatCall call{
        *request,
        {kFile, "call-1", "", runtime_.loop(0), cancellation, steady_clock::now() + std::chrono::seconds(60)}};
    auto completion = co_await provider_->chat(call);
    if (!completion) {
      out.error = completion.error();
      co_return;
    }
    for (;;) {
      auto delta = co_await (*completion)->next();
      if (!delta) {
        out.error = delta.error();
        break;
      }
      out.wire += delta->wire;
      if (!delta->wire.empty()) out.arrivals.push_back(steady_clock::now());
      if (delta->end) break;
    }
    out.outcome = (*completion)->outcome();
  }

  async::Task<void> embed(std::vector<llm::Member> members, Answer& out) {
    llm::NativeCall call{
        llm::Format::kEmbeddings,
        members,
        false,
        {kFile, "call-1", "", runtime_.loop(0), cancellation_, steady_clock::now() + std::chrono::seconds(60)}};
    auto completion = co_await provider_->call(call);
    if (!completion) {
      out.error = completion.error();
      co_return;
    }
    auto delta = co_await (*completion)->next();
    out.wire = delta->wire;
    out.outcome = (*completion)->outcome();
  }

  async::Task<void> get_health(std::string& out) {
    http::ClientRequest request;
    request.target = "/health";
    const auto origin = models_->find(kFile)->origin;
    auto response = co_await client_->send(*origin, request, cancellation_);
    if (!response) co_return;
    auto body = co_await (*response)->read_all(4096);
    out = body.value_or("");
  }

  async::Task<void> send(std::string path, std::string body, int& status, std::string& out) {
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.target = path;
    request.body = body;
    request.content_type = "application/json";
    const auto origin = models_->find(kFile)->origin;
    auto response = co_await client_->send(*origin, request, cancellation_);
    if (!response) co_return;
    status = (*response)->status();
    auto text = co_await (*response)->read_all(16 * 1024 * 1024);
    out = text.value_or("");
  }
  // Straight to the worker. The status and the answer.
  std::pair<int, bj::value> post(std::string path, std::string body) {
    int status = 0;
    std::string text;
    boost::asio::co_spawn(runtime_.loop(0).executor(), send(std::move(path), std::move(body), status, text),
                          boost::asio::use_future)
        .wait();
    return {status, text.empty() ? bj::value() : bj::parse(text)};
  }
  std::vector<double> vector_of(const bj::value& answer, std::size_t index) {
    std::vector<double> out;
    for (const bj::value& number : answer.at("data").at(index).at("embedding").as_array())
      out.push_back(number.to_number<double>());
    return out;
  }

  std::future<void> begin(std::string body, Answer& out) {
    return boost::asio::co_spawn(runtime_.loop(0).executor(), call(std::move(body), out, cancellation_),
                                 boost::asio::use_future);
  }
  Answer ask(std::string body) {
    Answer out;
    begin(std::move(body), out).wait();
    return out;
  }
  static std::string question(std::string_view text, std::string_view more) {
    return R"({"model": "x", "messages": [{"role": "user", "content": ")" + std::string(text) + "\"}]" +
           std::string(more) + "}";
  }
  int worker_pid() const {
    // The only child of this process.
    std::ifstream in("/proc/self/task/" + std::to_string(getpid()) + "/children");
    int pid = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/task")) {
      std::ifstream children(entry.path() / "children");
      if (children >> pid) return pid;
    }
    return 0;
  }

  std::string folder_;
  async::Runtime runtime_{1};
  async::BlockingPool pool_{1};
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<LocalModels> models_;
  std::shared_ptr<llm::Provider> provider_;
  async::Cancellation cancellation_;
};

TEST_F(Worker, AnswersWholeAndStreamed) {
  start_ready();
  const Answer whole = ask(question("Say hello.", R"(, "temperature": 0, "max_tokens": 24)"));
  ASSERT_FALSE(whole.error) << whole.error->message;
  const bj::value answer = whole.json();
  const std::string content(answer.at("choices").at(0).at("message").at("content").as_string());
  EXPECT_THAT(content, HasSubstr("ello"));
  EXPECT_EQ(answer.at("object"), "chat.completion");
  EXPECT_EQ(answer.at("model"), kFile);
  EXPECT_GT(whole.outcome.usage.input, 10);
  EXPECT_GT(whole.outcome.usage.output, 1);

  const Answer stream = ask(
      question("Say hello.",
               R"(, "temperature": 0, "max_tokens": 24, "stream": true, "stream_options": {"include_usage": true})"));
  ASSERT_FALSE(stream.error) << stream.error->message;
  EXPECT_EQ(stream.streamed(), content);
  EXPECT_GT(stream.arrivals.size(), 2U) << "as it is made, not at the end";
  EXPECT_EQ(stream.outcome.finish_reason, whole.outcome.finish_reason);
  const bj::value last = stream.events().back();
  EXPECT_TRUE(last.at("choices").as_array().empty());
  EXPECT_GT(last.at("usage").at("prompt_tokens_details").at("cached_tokens").as_int64(), 10) << "the same prompt again";
}

TEST_F(Worker, ASeedMakesAnAnswerThatComesAgain) {
  start_ready();
  const std::string body = question("Tell me a story.", R"(, "seed": 42, "temperature": 1.2, "max_tokens": 24)");
  const auto text = [](const Answer& answer) {
    return std::string(answer.json().at("choices").at(0).at("message").at("content").as_string());
  };
  const Answer first = ask(body), second = ask(body);
  const Answer other = ask(question("Tell me a story.", R"(, "seed": 43, "temperature": 1.2, "max_tokens": 24)"));
  ASSERT_FALSE(first.error || second.error || other.error);
  EXPECT_EQ(text(first), text(second));
  EXPECT_NE(text(first), text(other));
}

TEST_F(Worker, SeveralChoicesEachFinish) {
  start_ready();
  const Answer answer =
      ask(question("Name a colour.", R"(, "n": 2, "seed": 7, "temperature": 1.3, "max_tokens": 12, "stream": true)"));
  ASSERT_FALSE(answer.error) << answer.error->message;
  EXPECT_FALSE(answer.streamed(0).empty());
  EXPECT_FALSE(answer.streamed(1).empty());
  EXPECT_NE(answer.streamed(0), answer.streamed(1));
  int finished = 0;
  for (const bj::value& event : answer.events()) {
    for (const bj::value& choice : event.at("choices").as_array())
      finished += choice.at("finish_reason").is_null() ? 0 : 1;
  }
  EXPECT_EQ(finished, 2);
}

TEST_F(Worker, LogProbabilitiesSpellTheAnswer) {
  start_ready();
  const Answer answer =
      ask(question("Say hello.", R"(, "temperature": 0, "max_tokens": 6, "logprobs": true, "top_logprobs": 3)"));
  ASSERT_FALSE(answer.error) << answer.error->message;
  const bj::value choice = answer.json().at("choices").at(0);
  std::string spelled;
  for (const bj::value& token : choice.at("logprobs").at("content").as_array()) {
    for (const bj::value& byte : token.at("bytes").as_array()) spelled += static_cast<char>(byte.as_int64());
    EXPECT_LE(token.at("logprob").to_number<double>(), 0.0);
    ASSERT_EQ(token.at("top_logprobs").as_array().size(), 3U);
    EXPECT_EQ(token.at("top_logprobs").at(0).at("token"), token.at("token")) << "greedy takes the likeliest";
  }
  EXPECT_EQ(spelled, choice.at("message").at("content").as_string());
}

TEST_F(Worker, AnswersBySchema) {
  start_ready();
  const std::string schema =
      R"({"type":"object","properties":{"city":{"type":"string","maxLength":20},"population":{"type":"integer","minimum":0,"maximum":99999},"kind":{"enum":["town","village"]}},"required":["city","population","kind"],"additionalProperties":false})";
  const Answer answer = ask(question(
      "Describe a place as JSON.",
      R"(, "seed": 1, "max_tokens": 120, "response_format": {"type": "json_schema", "json_schema": {"name": "place", "strict": true, "schema": )" +
          schema + "}}"));
  ASSERT_FALSE(answer.error) << answer.error->message;
  const std::string content(answer.json().at("choices").at(0).at("message").at("content").as_string());
  boost::system::error_code bad;
  const bj::value parsed = bj::parse(content, bad);
  ASSERT_FALSE(bad) << content;
  EXPECT_TRUE(json::Schema::parse(schema)->validate(parsed).empty()) << content;

  const Answer refused = ask(question(
      "x",
      R"(, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#/nowhere"}}})"));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->kind, ErrorKind::kInvalid);
  EXPECT_EQ(refused.error->param, "response_format");
}

TEST_F(Worker, CallsATool) {
  start_ready();
  const Answer answer = ask(question(
      "What is the weather in Oslo?",
      R"(, "seed": 3, "max_tokens": 100, "tool_choice": "required", "parallel_tool_calls": false, "tools": [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}}}])"));
  ASSERT_FALSE(answer.error) << answer.error->message;
  const bj::value choice = answer.json().at("choices").at(0);
  ASSERT_EQ(choice.at("finish_reason"), "tool_calls") << answer.wire;
  const bj::value call = choice.at("message").at("tool_calls").at(0).at("function");
  EXPECT_EQ(call.at("name"), "get_weather");
  EXPECT_TRUE(bj::parse(call.at("arguments").as_string()).as_object().contains("city"));
}

TEST_F(Worker, StopsAtAStopSequenceAndBiasesBan) {
  start_ready();
  const Answer answer = ask(question("Count: 1, 2, 3,", R"(, "temperature": 0, "max_tokens": 40, "stop": ["5"])"));
  ASSERT_FALSE(answer.error) << answer.error->message;
  const std::string content(answer.json().at("choices").at(0).at("message").at("content").as_string());
  EXPECT_EQ(content.find('5'), std::string::npos) << content;
  const Answer refused = ask(question("x", R"(, "logit_bias": {"9999999": 1})"));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->param, "logit_bias");
}

TEST_F(Worker, RefusesWhatDoesNotFit) {
  start_ready();
  std::string lengthy;
  for (int i = 0; i < 1500; ++i) lengthy += "word ";
  const Answer answer = ask(question(lengthy, ""));
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->kind, ErrorKind::kInvalid);
  EXPECT_EQ(answer.error->code, "context_length_exceeded");
  EXPECT_THAT(answer.error->message, HasSubstr("1024 tokens"));
  const Answer empty = ask(R"({"model": "x", "messages": []})");
  ASSERT_TRUE(empty.error);
  EXPECT_EQ(empty.error->param, "messages");
}

TEST_F(Worker, ParallelStreamsProgressTogether) {
  start_ready();
  std::vector<Answer> answers(4);
  std::vector<std::future<void>> running;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    running.push_back(
        begin(question("Tell me about the number " + std::to_string(i),
                       R"(, "temperature": 0.5, "max_tokens": 30, "stream": true, "logit_bias": {"2": -100})"),
              answers[i]));
  }
  for (auto& one : running) one.wait();
  auto last_start = steady_clock::time_point::min();
  auto first_end = steady_clock::time_point::max();
  for (const Answer& answer : answers) {
    ASSERT_FALSE(answer.error) << answer.error->message;
    last_start = std::max(last_start, answer.arrivals.front());
    first_end = std::min(first_end, answer.arrivals.back());
  }
  EXPECT_LT(last_start, first_end) << "each began before any had ended";
}

TEST_F(Worker, ACancelledCallFreesItsSlot) {
  start_ready();
  Answer cancelled;
  auto running = begin(
      question("Write a very long story.", R"(, "n": 4, "max_tokens": 900, "stream": true, "logit_bias": {"2": -100})"),
      cancelled);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  runtime_.loop(0).post([this] { cancellation_.request(); });
  running.wait();
  ASSERT_TRUE(cancelled.error);
  EXPECT_EQ(cancelled.error->kind, ErrorKind::kCancelled);
  std::promise<void> reset;
  runtime_.loop(0).post([&] { cancellation_.reset(), reset.set_value(); });
  reset.get_future().wait();
  // What was cancelled had thousands of tokens to go. The step that runs must end first; under a sanitizer the first
  // one takes seconds.
  std::string health;
  for (int i = 0; i < 400 && health.find("\"running\":0") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    health.clear();
    boost::asio::co_spawn(runtime_.loop(0).executor(), get_health(health), boost::asio::use_future).wait();
  }
  EXPECT_THAT(health, HasSubstr("\"running\":0"));
}

TEST_F(Worker, AWorkerThatIsKilledEndsItsCallsClearlyAndComesBack) {
  start_ready();
  Answer broken;
  auto running =
      begin(question("Write a very long story.", R"(, "max_tokens": 900, "stream": true, "logit_bias": {"2": -100})"),
            broken);
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  const int pid = worker_pid();
  ASSERT_GT(pid, 0);
  kill(pid, SIGKILL);
  running.wait();
  ASSERT_TRUE(broken.error);
  EXPECT_EQ(broken.error->code, "worker_died");
  for (int i = 0; i < 500 && (worker_pid() == pid || worker_pid() == 0); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_NE(worker_pid(), pid);
  ASSERT_EQ(settle(ModelState::kReady), ModelState::kReady);
  const Answer again = ask(question("Hi", R"(, "max_tokens": 2)"));
  EXPECT_FALSE(again.error) << again.error->message;
}

TEST_F(Worker, AFileThatIsCutInHalfIsSaidToBe) {
  const std::string half = folder_ + "/half.gguf";
  fs::copy_file(FAIRLEAD_TEST_MODEL, half);
  fs::resize_file(half, fs::file_size(half) / 2);
  start(half);
  ASSERT_EQ(settle(ModelState::kFailed), ModelState::kFailed);
  const Answer answer = ask(question("Hi", ""));
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->kind, ErrorKind::kUnavailable);
  EXPECT_EQ(answer.error->code, "model_failed");
  EXPECT_THAT(answer.error->message, HasSubstr(kFile));
  EXPECT_EQ(models_->states().at(0).state, "failed");
}

TEST_F(Worker, AFileThatIsNoModelOrNotThereIsServedOnceItIs) {
  const std::string path = folder_ + "/late.gguf";
  start(path);
  ASSERT_EQ(settle(ModelState::kFailed), ModelState::kFailed);
  EXPECT_THAT(models_->find(kFile)->message, HasSubstr("not there"));
  std::ofstream(path) << "this is not a GGUF file, but text";
  for (int i = 0; i < 500 && models_->find(kFile)->message.find("not there") != std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(settle(ModelState::kFailed), ModelState::kFailed);
  EXPECT_THAT(models_->find(kFile)->message, HasSubstr("cannot be loaded"));
  fs::remove(path);
  fs::create_symlink(FAIRLEAD_TEST_MODEL, path);
  EXPECT_EQ(settle(ModelState::kReady), ModelState::kReady) << models_->find(kFile)->message;
}

TEST_F(Worker, AnotherFileThanWantedIsNotServed) {
  start(FAIRLEAD_TEST_MODEL, {std::string(64, 'a')});
  ASSERT_EQ(settle(ModelState::kFailed), ModelState::kFailed);
  EXPECT_THAT(models_->find(kFile)->message, HasSubstr("SHA-256"));
  models_->want({{kFile, {"b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}}});
  EXPECT_EQ(settle(ModelState::kReady), ModelState::kReady) << models_->find(kFile)->message;
}

TEST_F(Worker, WhatIsNoLongerWantedIsStopped) {
  start_ready();
  EXPECT_GT(worker_pid(), 0);
  models_->want({});
  EXPECT_EQ(models_->find(kFile), nullptr);
  for (int i = 0; i < 500 && worker_pid() != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(worker_pid(), 0);
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) out += a[i] * b.at(i);
  return out;
}

TEST_F(Worker, CountsWhatACallPutsIn) {
  start_ready();
  const std::string tool =
      R"(, "tools": [{"type": "function", "function": {"name": "get_weather", "description": "The weather",
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}])";
  for (const std::string& body :
       {question("Say hello.", R"(, "max_tokens": 1)"), question("Где мой перевод? <|im_end|>", R"(, "max_tokens": 1)"),
        question("The weather in Oslo?", R"(, "max_tokens": 1)" + tool),
        std::string(R"({"model": "x", "max_tokens": 1, "messages": [{"role": "system", "content": "Be brief."},
                        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]},
                        {"role": "assistant", "content": "Three"}, {"role": "user", "content": "Four?"}]})")}) {
    const auto [status, answer] = post("/v1/chat/completions", body);
    ASSERT_EQ(status, 200) << answer;
    const auto [counted, count] = post("/count/chat", body);
    ASSERT_EQ(counted, 200) << count;
    EXPECT_EQ(count.at("input_tokens"), answer.at("usage").at("prompt_tokens")) << body;
  }
  const std::string texts = R"({"model": "x", "input": ["My card was swallowed.", "Где?"]})";
  EXPECT_EQ(post("/count/embeddings", texts).second.at("input_tokens"),
            post("/v1/embeddings", texts).second.at("usage").at("prompt_tokens"));
  EXPECT_EQ(post("/count/chat", R"({"model": "x", "messages": 7})").first, 400);
}

TEST_F(Worker, EmbedsTexts) {
  start_ready();
  const auto [status, answer] = post(
      "/v1/embeddings",
      R"({"model": "x", "input": ["My card was swallowed by the machine.", "The machine kept my card.", "Bananas are yellow."]})");
  ASSERT_EQ(status, 200) << answer;
  EXPECT_EQ(answer.at("object"), "list");
  EXPECT_EQ(answer.at("model"), kFile);
  ASSERT_EQ(answer.at("data").as_array().size(), 3U);
  const auto card = vector_of(answer, 0), machine = vector_of(answer, 1), bananas = vector_of(answer, 2);
  EXPECT_EQ(card.size(), 576U);
  EXPECT_NEAR(cosine(card, card), 1, 1e-5) << "of length 1";
  EXPECT_GT(cosine(card, machine), cosine(card, bananas));
  EXPECT_GT(answer.at("usage").at("prompt_tokens").to_number<int>(), 12);

  // One text alone, and by its tokens, has the same vector as among others.
  const auto [again, alone] = post("/v1/embeddings", R"({"model": "x", "input": "The machine kept my card."})");
  ASSERT_EQ(again, 200);
  EXPECT_GT(cosine(vector_of(alone, 0), machine), 0.999);
}

TEST_F(Worker, EmbedsForTheProvider) {
  start_ready();
  EXPECT_TRUE(provider_->speaks(llm::Format::kEmbeddings));
  Answer answer;
  const auto ask_for = [&](std::vector<llm::Member> members) {
    boost::asio::co_spawn(runtime_.loop(0).executor(), embed(std::move(members), answer), boost::asio::use_future)
        .wait();
  };
  ask_for({{"model", "\"mine\""}, {"input", R"(["one", "two"])"}, {"fairlead", R"({"user": "u"})"}});
  ASSERT_FALSE(answer.error) << answer.error->message;
  EXPECT_EQ(answer.json().at("data").as_array().size(), 2U);
  EXPECT_EQ(answer.outcome.usage.input, answer.json().at("usage").at("prompt_tokens").to_number<int>());
  EXPECT_GT(answer.outcome.usage.input, 1);
  ask_for({{"model", "\"mine\""}, {"input", "7"}});
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->kind, ErrorKind::kInvalid);
  EXPECT_EQ(answer.error->param, "input");
}

TEST_F(Worker, EmbedsWhileItAnswers) {
  start_ready();
  Answer answer;
  auto writing = begin(question("Tell me a story.", R"(, "max_tokens": 60, "temperature": 0)"), answer);
  for (int i = 0; i < 3; ++i) {
    const auto [status, vectors] = post("/v1/embeddings", R"({"model": "x", "input": [[1, 2, 3], [4, 5]]})");
    EXPECT_EQ(status, 200) << vectors;
  }
  writing.wait();
  EXPECT_FALSE(answer.error) << answer.error->message;
  EXPECT_GT(answer.outcome.usage.output, 10);
}

TEST_F(Worker, RefusesWhatCannotBeEmbedded) {
  start_ready();
  struct Case {
    std::string body, code, param;
  };
  std::string long_text;
  for (int i = 0; i < 1200; ++i) long_text += "word ";
  const Case cases[] = {
      {R"({"model": "x"})", "missing_required_parameter", "input"},
      {R"({"model": "x", "input": ""})", "invalid_value", "input"},
      {R"({"model": "x", "input": []})", "empty_array", "input"},
      {R"({"model": "x", "input": ["a", 1]})", "invalid_type", "input[1]"},
      {R"({"model": "x", "input": ["a", ""]})", "invalid_value", "input[1]"},
      {R"({"model": "x", "input": [[]]})", "empty_array", "input[0]"},
      {R"({"model": "x", "input": [1, 99999999]})", "invalid_value", "input"},
      {R"({"model": "x", "input": [-1]})", "invalid_value", "input"},
      {R"({"model": "x", "input": {"a": 1}})", "invalid_type", "input"},
      {R"({"model": "x", "input": "a", "dimensions": 12})", "unsupported_value", "dimensions"},
      {R"({"model": "x", "input": "a", "encoding_format": "hex"})", "invalid_value", "encoding_format"},
      {R"({"model": "x", "input": ")" + long_text + "\"}", "context_length_exceeded", "input"},
      {R"(["x"])", "invalid_json", ""},
  };
  for (const Case& one : cases) {
    const auto [status, answer] = post("/v1/embeddings", one.body);
    EXPECT_EQ(status, 400) << one.body.substr(0, 80);
    EXPECT_EQ(answer.at("error").at("code").as_string(), one.code) << one.body.substr(0, 80);
    const bj::value* const param = answer.at("error").as_object().if_contains("param");
    EXPECT_EQ(param->is_string() ? std::string(param->get_string()) : "", one.param) << one.body.substr(0, 80);
  }
  const auto [status, answer] =
      post("/v1/embeddings", R"({"model": "x", "input": "a", "encoding_format": "base64", "dimensions": 576})");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(answer.at("data").at(0).at("embedding").as_string().size(), 576U * 4 * 4 / 3)
      << "four bytes a number, four characters three bytes";
}

TEST(WorkerArguments, GoThereAndBack) {
  WorkerOptions options;
  options.model = "/m.gguf";
  options.socket = "/s.sock";
  options.threads = 3;
  options.slots = 2;
  options.parent = 17;
  const auto back = parse_worker_arguments(worker_arguments(options));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->model, "/m.gguf");
  EXPECT_EQ(back->socket, "/s.sock");
  EXPECT_EQ(back->threads, 3);
  EXPECT_EQ(back->parent, 17);
  EXPECT_FALSE(parse_worker_arguments({"--model", "x"}).has_value());
  EXPECT_FALSE(parse_worker_arguments({"--threads", "many", "--model", "x", "--socket", "y"}).has_value());
}

}  // namespace
}  // namespace fairlead::serving

// The test program is its own worker.
int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--worker") {
    const auto options = fairlead::serving::parse_worker_arguments(std::vector<std::string>(argv + 2, argv + argc));
    return options ? fairlead::serving::worker_main(*options) : 2;
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
