#include "llm/openai_completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <deque>

namespace fairlead::llm {
namespace {

using testing::HasSubstr;
using testing::Not;

// An answer that arrives in the given reads, and then ends, or breaks.
class ScriptedResponse final : public http::ClientResponse {
 public:
  explicit ScriptedResponse(std::deque<std::string> reads, std::string type = "text/event-stream", bool breaks = false)
      : reads_(std::move(reads)), type_(std::move(type)), header_{"content-type", type_}, breaks_(breaks) {}
  int status() const override { return 200; }
  std::span<const http::Header> headers() const override { return {&header_, 1}; }
  void dismiss() override {}
  async::Task<Result<std::string_view>> read() override {
    if (reads_.empty()) {
      current_.assign(64, '#');
      if (breaks_) co_return fail(ErrorKind::kUpstream, "upstream_reset", "closed");
      co_return std::string_view{};
    }
    current_ = std::move(reads_.front());
    reads_.pop_front();
    co_return current_;
  }
  async::Task<Result<std::string>> read_all(std::size_t) override {
    std::string all;
    for (const std::string& one : reads_) all += one;
    if (breaks_) co_return fail(ErrorKind::kUpstream, "upstream_reset", "closed");
    co_return all;
  }

 private:
  std::deque<std::string> reads_;
  std::string type_, current_;
  http::Header header_;
  bool breaks_;
};

struct Seen {
  std::string wire;
  int deltas = 0;
  std::optional<Error> error;
  Outcome outcome;
};

async::Task<void> read_to_end(Completion& completion, Seen& seen) {
  for (;;) {
    auto delta = co_await completion.next();
    if (!delta) {
      seen.error = std::move(delta).error();
      break;
    }
    seen.wire += delta->wire;
    ++seen.deltas;
    if (delta->end) break;
  }
  seen.outcome = completion.outcome();
}

Seen read(std::unique_ptr<http::ClientResponse> response, OpenAiAnswer answer) {
  async::IoContext context(1);
  auto completion = read_openai_completion(std::move(response), std::move(answer));
  Seen seen;
  boost::asio::co_spawn(context, read_to_end(*completion, seen), boost::asio::detached);
  context.run();
  return seen;
}

Seen stream(std::deque<std::string> reads, bool include_usage = false, int n = 1, bool breaks = false) {
  return read(std::make_unique<ScriptedResponse>(std::move(reads), "text/event-stream; charset=utf-8", breaks),
              {.stream = true, .include_usage = include_usage, .n = n});
}

const std::string kRole =
    "data: "
    "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
std::string content(const std::string& text, int index = 0) {
  return "data: "
         "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[{"
         "\"index\":" +
         std::to_string(index) + ",\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":null}]}\n\n";
}
std::string finish(int index = 0, const std::string& reason = "stop") {
  return "data: "
         "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[{"
         "\"index\":" +
         std::to_string(index) + ",\"delta\":{},\"finish_reason\":\"" + reason + "\"}]}\n\n";
}
const std::string kUsage =
    "data: "
    "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18,\"prompt_tokens_details\":{\"cached_tokens\":4},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n";
const std::string kDone = "data: [DONE]\n\n";

TEST(OpenAiStream, PassesWholeEventsAsTheyCame) {
  const std::string body = kRole + content("Hello, \\\"usage\\\": 1") + content("world") + finish();
  const Seen seen = stream({body + kUsage + kDone});
  ASSERT_FALSE(seen.error) << seen.error->message;
  EXPECT_EQ(seen.wire, body);
  EXPECT_EQ(seen.outcome.finish_reason, "stop");
  EXPECT_EQ(seen.outcome.upstream_id, "c1");
  EXPECT_EQ(seen.outcome.upstream_model, "m-1");
  EXPECT_TRUE(seen.outcome.content_started);
  EXPECT_TRUE(seen.outcome.usage.reported);
  EXPECT_EQ(seen.outcome.usage.input, 11);
  EXPECT_EQ(seen.outcome.usage.cached_input, 4);
  EXPECT_EQ(seen.outcome.usage.output, 7);
  EXPECT_EQ(seen.outcome.usage.reasoning, 3);
}

TEST(OpenAiStream, CountsTheFirstOfTwoMembersOfOneName) {
  std::string usage = kUsage;
  usage.replace(usage.find("\"total_tokens\":18"), 17, "\"prompt_tokens\":1,\"completion_tokens\":1");
  usage.replace(usage.find("\"cached_tokens\":4"), 17, "\"cached_tokens\":4,\"cached_tokens\":0");
  usage.replace(usage.find("}}}\n"), 3, "},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}");
  const Seen seen = stream({kRole + content("a") + finish() + usage + kDone});
  ASSERT_FALSE(seen.error) << seen.error->message;
  EXPECT_EQ(seen.outcome.usage.input, 11);
  EXPECT_EQ(seen.outcome.usage.output, 7);
  EXPECT_EQ(seen.outcome.usage.cached_input, 4);
  EXPECT_EQ(seen.outcome.usage.reasoning, 3);
}

TEST(OpenAiStream, MeansTheSameWhereverTheBytesAreSplit) {
  const std::string body = kRole + content("Straße 😀") + content("\\n") + finish();
  const std::string sent = body + kUsage + kDone;
  for (std::size_t at = 1; at < sent.size(); ++at) {
    const Seen seen = stream({sent.substr(0, at), sent.substr(at)}, true);
    ASSERT_FALSE(seen.error) << at << ": " << seen.error->message;
    ASSERT_EQ(seen.wire, body + kUsage) << at;
  }
  std::deque<std::string> bytes;
  for (const char c : sent) bytes.emplace_back(1, c);
  EXPECT_EQ(stream(bytes, true).wire, body + kUsage);
}

// Most events are known by the form of those before them; that must show in nothing.
TEST(OpenAiStream, TakesAHundredEventsAsItTakesOne) {
  const auto padded = [](const std::string& event, std::string_view usage, int padding) {
    return event.substr(0, event.size() - 3) + std::string(usage) + R"(,"obfuscation":")" +
           std::string(static_cast<std::size_t>(padding), 'x') + "\"}\n\n";
  };
  const std::string texts[] = {"a",         "",      "two words", R"(\"quoted\")", "Привет",
                               R"(\u0041)", "{\\n}", "12345678",  R"(\\)",         "\\\"finish_reason\\\":1"};
  std::string sent = kRole, with_usage = kRole, without = kRole;
  for (int i = 0; i < 100; ++i) {
    const std::string& text = texts[i % std::size(texts)];
    // In between, some of another form, of another choice, and with a finish that says more than content.
    const std::string event = content(text, i % 17 == 3 ? 1 : 0);
    sent += padded(event, R"(,"usage":null)", i % 9);
    with_usage += padded(event, R"(,"usage":null)", i % 9);
    without += padded(event, "", i % 9);
  }
  const std::string end = finish(1) + finish();
  for (std::size_t read : {std::size_t{1}, std::size_t{7}, std::size_t{300}, std::size_t{4096}, sent.size() + 500}) {
    std::deque<std::string> reads;
    const std::string all = sent + end + kUsage + kDone;
    for (std::size_t at = 0; at < all.size(); at += read) reads.push_back(all.substr(at, read));
    EXPECT_EQ(stream(reads, true, 2).wire, with_usage + end + kUsage) << read;
    const Seen seen = stream(reads, false, 2);
    EXPECT_EQ(seen.wire, without + end) << read;
    EXPECT_EQ(seen.outcome.finish_reason, "stop");
    EXPECT_EQ(seen.outcome.usage.output, 7);
  }
  std::string broken = sent;
  broken.replace(broken.rfind("\"usage\":null"), 12, "\"error\":\"no\"");
  EXPECT_TRUE(stream({broken + end + kDone}, false, 2).error);
}

TEST(OpenAiStream, EndsWithTheBytesThatCameBeforeDoneWithoutWaitingForTheTransport) {
  const Seen seen = stream({kRole + content("a"), finish(), kDone});
  EXPECT_EQ(seen.wire, kRole + content("a") + finish());
  EXPECT_EQ(seen.deltas, 3);
}

TEST(OpenAiStream, RewritesEveryLegalSpellingOfAnEvent) {
  const std::string one = content("a").substr(6, content("a").size() - 8);
  const std::string expected = kRole + content("a") + finish();
  const std::string role = kRole.substr(6, kRole.size() - 8);
  const std::string end = finish().substr(6, finish().size() - 8);
  std::string split = one;
  split.replace(split.find(",\"created\""), 1, ",\ndata: ");
  std::string joined = one;
  joined.replace(joined.find(",\"created\""), 1, ", ");
  const struct {
    const char* what;
    std::string sent, expected;
  } kCases[] = {
      {"CRLF", "data: " + role + "\r\n\r\ndata: " + one + "\r\n\r\ndata: " + end + "\r\n\r\ndata: [DONE]\r\n\r\n",
       expected},
      {"CR", "data: " + role + "\r\rdata: " + one + "\r\rdata: " + end + "\r\rdata: [DONE]\r\r", expected},
      {"no space", "data:" + role + "\n\ndata:" + one + "\n\ndata:" + end + "\n\ndata:[DONE]\n\n", expected},
      {"comments",
       ": hi\n\ndata: " + role + "\n\n: ping\n\ndata: " + one + "\n: in between\n\ndata: " + end + "\n\n" + kDone,
       expected},
      {"event and id",
       "event: message\nid: 7\ndata: " + role + "\n\nretry: 10\n\ndata: " + one + "\n\ndata: " + end + "\n\n" + kDone,
       expected},
      {"byte order mark", "\xEF\xBB\xBF" + kRole + content("a") + finish() + kDone, expected},
      {"two data lines", kRole + "data: " + split + "\n\n" + finish() + kDone,
       kRole + "data: " + joined + "\n\n" + finish()},
      {"three empty lines", kRole + "\n\n" + content("a") + "\n" + finish() + kDone, expected},
      {"a last event without its empty line", kRole + content("a") + finish() + "data: [DONE]", expected},
      {"space after the object", "data: " + role + "  \n\n" + content("a") + finish() + kDone,
       "data: " + role + "  \n\n" + content("a") + finish()},
  };
  for (const auto& one_case : kCases) {
    for (std::size_t at = 0; at < one_case.sent.size(); at += 7) {
      std::deque<std::string> reads{one_case.sent.substr(at)};
      if (at > 0) reads.push_front(one_case.sent.substr(0, at));
      const Seen seen = stream(std::move(reads));
      ASSERT_FALSE(seen.error) << one_case.what << ": " << seen.error->message;
      ASSERT_EQ(seen.wire, one_case.expected) << one_case.what << " split at " << at;
    }
  }
}

TEST(OpenAiStream, GivesUsageOnlyToThoseWhoAsked) {
  EXPECT_EQ(stream({kRole + content("a") + finish() + kUsage + kDone}, false).wire, kRole + content("a") + finish());
  EXPECT_EQ(stream({kRole + content("a") + finish() + kUsage + kDone}, true).wire,
            kRole + content("a") + finish() + kUsage);
}

TEST(OpenAiStream, TakesTheChoiceOutOfAUsageChunk) {
  std::string odd = kUsage;
  odd.replace(odd.find("[]"), 2, R"([{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}])");
  EXPECT_EQ(stream({kRole + content("a") + finish() + odd + kDone}, true).wire,
            kRole + content("a") + finish() + kUsage);
  EXPECT_EQ(stream({kRole + content("a") + finish() + odd + kDone}, false).wire, kRole + content("a") + finish());
  std::string none = kUsage;
  none.replace(none.find("\"choices\":[],"), 13, "");
  EXPECT_THAT(stream({kRole + content("a") + finish() + none + kDone}, true).wire,
              HasSubstr("data: {\"choices\":[],\"id\""));
}

TEST(OpenAiStream, SplitsUsageFromTheChunkThatAlsoEndsTheAnswer) {
  std::string both = finish();
  both.replace(both.rfind('}'), 1, R"(,"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}})");
  const Seen asked = stream({kRole + content("a") + both + kDone}, true);
  EXPECT_THAT(asked.wire, HasSubstr(R"("finish_reason":"stop"}],"usage":null})"));
  EXPECT_TRUE(asked.wire.ends_with(
      "\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n"))
      << asked.wire;
  const Seen not_asked = stream({kRole + content("a") + both + kDone}, false);
  EXPECT_EQ(not_asked.wire, kRole + content("a") + finish());
  EXPECT_EQ(not_asked.outcome.usage.output, 2);
}

TEST(OpenAiStream, TakesNullUsageOutForThoseWhoDidNotAsk) {
  const auto with_null = [](std::string event) { return event.replace(event.rfind('}'), 1, ",\"usage\":null}"); };
  const std::string sent =
      with_null(kRole) + with_null(content("a")) + with_null(content("b")) + with_null(finish()) + kUsage + kDone;
  EXPECT_EQ(stream({sent}, false).wire, kRole + content("a") + content("b") + finish());
  EXPECT_EQ(stream({sent}, true).wire,
            with_null(kRole) + with_null(content("a")) + with_null(content("b")) + with_null(finish()) + kUsage);
}

TEST(OpenAiStream, WaitsForEveryChoice) {
  const std::string first = kRole + content("a", 0) + content("b", 1) + finish(0);
  const Seen whole = stream({first + content("c", 1) + finish(1, "length")}, false, 2);
  EXPECT_FALSE(whole.error);  // no [DONE], but both have ended
  EXPECT_EQ(whole.outcome.finish_reason, "stop");
  const Seen torn = stream({first + content("c", 1)}, false, 2);
  ASSERT_TRUE(torn.error);
  EXPECT_EQ(torn.error->code, "upstream_reset");
  EXPECT_EQ(torn.wire, first + content("c", 1));
}

TEST(OpenAiStream, SaysThatAnAnswerStopsEarly) {
  const struct {
    std::deque<std::string> reads;
    bool breaks;
  } kCases[] = {
      {{kRole + content("a")}, false},
      {{kRole + content("a")}, true},
      {{kRole + content("a"), content("b").substr(0, 40)}, false},
      {{kRole + content("a"), "data: {\"choices\":[\r\n"}, false},
      {{}, false},
      {{": ping\n\n"}, false},
  };
  for (const auto& one : kCases) {
    const Seen seen = stream(one.reads, false, 1, one.breaks);
    ASSERT_TRUE(seen.error);
    EXPECT_EQ(seen.error->code, "upstream_reset");
    EXPECT_EQ(seen.error->kind, ErrorKind::kUpstream);
  }
  EXPECT_FALSE(stream({kRole + content("a") + finish()}, false, 1, true).error);
}

TEST(OpenAiStream, TurnsAnErrorEventIntoAnError) {
  const Seen seen =
      stream({kRole + content("a"),
              "data: {\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"code\":null}}\n\n"});
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.wire, kRole + content("a"));
  EXPECT_EQ(seen.error->code, "upstream_error");
  EXPECT_EQ(seen.error->message, "out of memory");
  const Seen limited = stream({"event: error\ndata: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n"});
  ASSERT_TRUE(limited.error);
  EXPECT_EQ(limited.error->kind, ErrorKind::kExhausted);
  const Seen busy = stream({kRole, "data: {\"error\":{\"message\":\"full\",\"type\":\"overloaded_error\"}}\n\n"});
  ASSERT_TRUE(busy.error);
  EXPECT_EQ(busy.error->kind, ErrorKind::kUnavailable);
}

TEST(OpenAiStream, FailsAtOnceWhileNothingHasBeenSaid) {
  const Seen seen = stream({kRole + "data: {\"error\":{\"message\":\"no\",\"code\":500}}\n\n"});
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.wire, "");  // so that another route may be tried
}

TEST(OpenAiStream, RefusesGarbage) {
  for (const std::string text :
       {"data: hello\n\n", "data: [1,2]\n\n", "data: {\"a\":}\n\n", "data: {\"choices\":[3]}\n\n",
        "data: {\"choices\":[{\"index\":-1}]}\n\n", "data: [DONE]\n\n"}) {
    const Seen seen = stream({text});
    ASSERT_TRUE(seen.error) << text;
    EXPECT_EQ(seen.error->code, "upstream_invalid") << text;
    EXPECT_EQ(seen.wire, "");
  }
  EXPECT_TRUE(stream({"\0\1\2<html>", "</html>\n\n"}).error);
  const Seen late = stream({kRole + content("a") + "data: {not json}\n\n" + content("b")});
  ASSERT_TRUE(late.error);
  EXPECT_EQ(late.error->code, "upstream_invalid");
  EXPECT_EQ(late.wire, kRole + content("a"));
  for (const std::string broken : {"br\xff\xfewn", "f\xc3", "\xed\xa0\x80"}) {
    const Seen bytes = stream({kRole + content("a") + content(broken) + content("b")});
    ASSERT_TRUE(bytes.error) << broken;
    EXPECT_EQ(bytes.error->code, "upstream_invalid");
    EXPECT_EQ(bytes.wire, kRole + content("a"));
  }
}

TEST(OpenAiStream, BoundsAnEvent) {
  auto response = std::make_unique<ScriptedResponse>(std::deque<std::string>(40, std::string(1024, 'x')));
  EXPECT_TRUE(read(std::move(response), {.stream = true, .body_limit = 16 * 1024}).error);
  std::deque<std::string> reads(40, std::string(1024, 'x'));
  reads.push_front("data: ");
  const Seen seen =
      read(std::make_unique<ScriptedResponse>(std::move(reads)), {.stream = true, .body_limit = 16 * 1024});
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->code, "upstream_too_large");
}

TEST(OpenAiStream, UnderstandsAnErrorThatWasNotStreamed) {
  const auto unstreamed = [](std::string body) {
    return read(std::make_unique<ScriptedResponse>(std::deque<std::string>{std::move(body)}, "application/json"),
                {.stream = true});
  };
  EXPECT_EQ(unstreamed(R"({"error":{"message":"no such model","type":"invalid_request_error"}})").error->kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(unstreamed(R"({"choices":[]})").error->code, "upstream_invalid");
}

TEST(OpenAiWhole, ReadsTheObject) {
  const std::string body =
      R"({"id":"c9","object":"chat.completion","created":1,"model":"m-2","choices":[{"index":0,"message":{"role":"assistant",)"
      R"("content":"hi","refusal":null},"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":3,)"
      R"("completion_tokens":1,"total_tokens":4}})";
  const Seen seen =
      read(std::make_unique<ScriptedResponse>(std::deque<std::string>{body + "\n"}, "application/json"), {});
  ASSERT_FALSE(seen.error);
  EXPECT_EQ(seen.wire, body);
  EXPECT_EQ(seen.outcome.finish_reason, "length");
  EXPECT_EQ(seen.outcome.upstream_model, "m-2");
  EXPECT_EQ(seen.outcome.usage.input, 3);
  EXPECT_TRUE(seen.outcome.content_started);
}

TEST(OpenAiWhole, RefusesWhatIsNoAnswer) {
  for (const std::string text : {"", "null", "<html>", "{\"id\":1}", "{\"choices\":[1]}", "{\"choices\":[]"}) {
    const Seen seen = read(std::make_unique<ScriptedResponse>(std::deque<std::string>{text}, "application/json"), {});
    ASSERT_TRUE(seen.error) << text;
    EXPECT_EQ(seen.error->code, "upstream_invalid") << text;
  }
}

// Found by providers_fuzz: it counts at the start of a stream alone, however the stream is split.
TEST(OpenAiStream, TakesAByteOrderMarkWithinForWhatItIs) {
  const std::string begun = kRole + content("a");
  const std::string rest = "\xEF\xBB\xBF" + content("lost") + finish() + kDone + ": \r\n\r\n";
  for (const auto& reads : {std::deque<std::string>{begun + rest}, std::deque<std::string>{begun, rest}}) {
    const Seen seen = stream(reads);
    ASSERT_FALSE(seen.error) << seen.error->message;
    EXPECT_THAT(seen.wire, Not(HasSubstr("lost")));
  }
  const Seen first = stream({"\xEF\xBB\xBF" + begun + finish() + kDone});
  ASSERT_FALSE(first.error) << first.error->message;
  EXPECT_EQ(first.wire, begun + finish());
}

TEST(UpstreamError, FollowsTheTable) {
  const struct {
    int status;
    const char* body;
    ErrorKind kind;
    const char* code;
    const char* message;
    const char* param;
  } kCases[] = {
      {400,
       R"({"error":{"message":"bad temperature","type":"invalid_request_error","param":"temperature","code":"invalid_value"}})",
       ErrorKind::kInvalid, "invalid_value", "bad temperature", "temperature"},
      {404, R"({"error":{"message":"no","type":"invalid_request_error","param":null,"code":"model_not_found"}})",
       ErrorKind::kInvalid, "model_not_found", "no", ""},
      {400, R"({"object":"error","message":"too long","type":"BadRequestError","code":400})", ErrorKind::kInvalid,
       "BadRequestError", "too long", ""},
      {422, R"({"detail":[{"loc":["body"],"msg":"field required"},{"msg":"and more"}]})", ErrorKind::kInvalid,
       "upstream_rejected", "field required; and more", ""},
      {400, R"({"error":"plain words"})", ErrorKind::kInvalid, "upstream_rejected", "plain words", ""},
      {429, R"({"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}})", ErrorKind::kExhausted,
       "rate_limit_exceeded", "slow", ""},
      {429, R"({"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}})",
       ErrorKind::kExhausted, "insufficient_quota", "pay", ""},
      {500, "<html>oops</html>", ErrorKind::kUpstream, "upstream_error", "The upstream answered with status 500.", ""},
      {503, "", ErrorKind::kUnavailable, "upstream_unavailable", "The upstream answered with status 503.", ""},
      {529, "busy", ErrorKind::kUnavailable, "upstream_unavailable", "busy", ""},
      {504, "", ErrorKind::kTimeout, "upstream_timeout", "The upstream answered with status 504.", ""},
      {302, "", ErrorKind::kUpstream, "upstream_invalid",
       "The upstream answered with status 302, which is not an answer.", ""},
  };
  for (const auto& one : kCases) {
    const Error error = upstream_error(one.status, one.body);
    EXPECT_EQ(error.kind, one.kind) << one.status << one.body;
    EXPECT_EQ(error.code, one.code) << one.body;
    EXPECT_EQ(error.message, one.message);
    EXPECT_EQ(error.param, one.param);
  }
}

TEST(UpstreamError, NeverShowsTheKey) {
  const std::string key = "sk-proj-abcdefghijklmnop1234";
  const Secrets secrets = std::make_shared<const std::vector<std::string>>(std::vector{key});
  for (const std::string& shown : {key, key.substr(0, 14), std::string("sk-pr***************1234"), "Bearer " + key}) {
    const Error error = upstream_error(
        401, R"({"error":{"message":"Incorrect API key provided: )" + shown + R"(. See our site."}})", {}, secrets);
    EXPECT_EQ(error.kind, ErrorKind::kUpstream);
    EXPECT_EQ(error.code, "upstream_auth");
    EXPECT_THAT(error.message, Not(HasSubstr("sk-pr")));
    EXPECT_THAT(error.message, Not(HasSubstr("1234")));
    EXPECT_THAT(error.message, HasSubstr("See our site."));
  }
}

TEST(UpstreamError, CutsALongMessageBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "ж";
  const Error error = upstream_error(400, text);
  EXPECT_LE(error.message.size(), 2048 + 3);
  EXPECT_TRUE(error.message.ends_with("ж…"));
}

TEST(UpstreamError, TellsWhenToTryAgain) {
  constexpr std::string_view kDate = "Tue, 24 Nov 2026 14:00:00 GMT";
  const struct {
    int status;
    std::vector<http::Header> headers;
    std::int64_t ms;
  } kCases[] = {
      {429, {{"Retry-After", "20"}}, 20'000},
      {429, {{"retry-after", "0.25"}}, 250},
      {429, {{"retry-after", "0"}}, 1},
      {429, {{"retry-after-ms", "1500"}, {"retry-after", "2"}}, 1500},
      {503, {{"date", kDate}, {"retry-after", "Tue, 24 Nov 2026 14:01:30 GMT"}}, 90'000},
      {503, {{"date", kDate}, {"retry-after", "Tue, 24 Nov 2026 13:00:00 GMT"}}, 1},
      {503, {{"retry-after", "99999999999"}}, 86'400'000},
      {529, {{"retry-after", "3"}}, 3'000},
      {500, {{"retry-after", "3"}}, 3'000},
      {400, {{"retry-after", "3"}}, 0},
      {401, {{"retry-after", "3"}}, 0},
      {429, {{"retry-after", "soon"}}, 0},
      {429, {{"retry-after", "-4"}}, 0},
      {429, {{"retry-after", "1e400"}}, 0},
      {429, {{"retry-after", "Tue, 24 Foo 2026 14:01:30 GMT"}}, 0},
      // OpenAI and Groq: only the limit that is used up counts.
      {429,
       {{"x-ratelimit-remaining-requests", "0"},
        {"x-ratelimit-reset-requests", "6m0s"},
        {"x-ratelimit-remaining-tokens", "10"},
        {"x-ratelimit-reset-tokens", "2h"}},
       360'000},
      {429, {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "7.66s"}}, 7'660},
      {429, {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "1m120ms"}}, 60'120},
      {429, {{"x-ratelimit-remaining-requests", "5"}, {"x-ratelimit-reset-requests", "6m0s"}}, 0},
      {429, {{"retry-after", "1"}, {"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "9s"}}, 1'000},
      // Anthropic.
      {429,
       {{"date", kDate},
        {"anthropic-ratelimit-input-tokens-remaining", "0"},
        {"anthropic-ratelimit-input-tokens-reset", "2026-11-24T14:00:12Z"},
        {"anthropic-ratelimit-requests-remaining", "7"},
        {"anthropic-ratelimit-requests-reset", "2026-11-24T15:00:00Z"}},
       12'000},
      // OpenRouter: Unix time in milliseconds.
      {429, {{"date", kDate}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1795528805000"}}, 5'000},
  };
  for (const auto& one : kCases) {
    const Error error = upstream_error(one.status, R"({"error":{"message":"slow"}})", one.headers);
    EXPECT_EQ(error.retry_after_ms, one.ms) << one.headers.back().name << ": " << one.headers.back().value;
  }
}

TEST(UpstreamError, ReadsTheFormsOfOtherVendors) {
  const Error google = upstream_error(
      429, R"({"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},)"
           R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}})");
  EXPECT_EQ(google.kind, ErrorKind::kExhausted);
  EXPECT_EQ(google.retry_after_ms, 34'500);
  EXPECT_EQ(upstream_error(400, R"({"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}})").code,
            "INVALID_ARGUMENT");
  EXPECT_EQ(
      upstream_error(
          400, R"({"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}})")
          .code,
      "upstream_auth");
  EXPECT_EQ(upstream_error(424, R"({"message":"the model failed"})").kind, ErrorKind::kUpstream);
  const std::vector<http::Header> aws{{"x-amzn-ErrorType", "ValidationException:http://internal.example/"}};
  const Error refused = upstream_error(400, R"({"message":"The value is too large"})", aws);
  EXPECT_EQ(refused.code, "ValidationException");
  EXPECT_EQ(refused.message, "The value is too large");
}

}  // namespace
}  // namespace fairlead::llm
