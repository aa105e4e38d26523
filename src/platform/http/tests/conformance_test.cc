// What a server must refuse and accept, sent as raw bytes to a real one (RFC 9110, RFC 9112).
#include <gtest/gtest.h>

#include "platform/http/tests/harness.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  std::string bytes;
  int status;
  bool closes = true;  // and serves nothing that stands behind it
};

std::string get(std::string_view headers, std::string_view line = "GET /hello HTTP/1.1") {
  return std::string(line) + "\r\n" + std::string(headers) + "\r\n";
}
std::string post(std::string_view headers, std::string_view body = {}) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}
std::string chunked(std::string_view body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

const std::string kSmuggled = "GET /hello HTTP/1.1\r\nHost: smuggled\r\n\r\n";

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      // Framing: whatever could be read in two ways.
      {"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + kSmuggled), 400},
      {"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + kSmuggled), 400},
      {"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello" + kSmuggled), 400},
      {"the same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello" + kSmuggled), 400},
      {"a list of lengths", post("Content-Length: 5, 5\r\n", "hello"), 400},
      {"a signed length", post("Content-Length: +5\r\n", "hello"), 400},
      {"a negative length", post("Content-Length: -5\r\n", "hello"), 400},
      {"a hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), 400},
      {"an empty length", post("Content-Length: \r\n", "hello"), 400},
      {"a length with a space inside", post("Content-Length: 1 0\r\n", "hello"), 400},
      {"a length of 2^64", post("Content-Length: 18446744073709551616\r\n"), 413},
      {"a length of 2^64 - 1", post("Content-Length: 18446744073709551615\r\n"), 413},
      {"a length over the limit", post("Content-Length: 11534336\r\n"), 413},
      {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked in two headers", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       400},
      {"chunked before another coding", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 400},
      {"gzip before chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {"identity", post("Transfer-Encoding: identity\r\n", "hello"), 501},
      {"nearly chunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
      {"chunked behind a vertical tab",
       post("Transfer-Encoding: \x0b"
            "chunked\r\n",
            "0\r\n\r\n"),
       400},
      {"an empty coding", post("Transfer-Encoding: \r\n", "0\r\n\r\n"), 400},
      {"chunked and an empty coding", post("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", "0\r\n\r\n"), 400},
      {"a coding on HTTP/1.0", "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      // Lines.
      {"a bare LF after the request line", "GET /hello HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF everywhere", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
      {"a bare LF after a header", get("Host: a\r\nX-A: 1\n"), 400},
      {"a bare CR in a header", get("Host: a\r\nX-A: 1\rX-B: 2\r\n"), 400},
      {"a folded header", get("Host: a\r\nX-A: 1\r\n  and more\r\n"), 400},
      {"a header folded by a tab", get("Host: a\r\nX-A: 1\r\n\tand more\r\n"), 400},
      {"a fold before the first header", get(" Host: a\r\nHost: a\r\n"), 400},
      {"a space before the colon", get("Host: a\r\nX-A : 1\r\n"), 400},
      {"a length with a space before the colon", post("Content-Length : 5\r\n", "hello"), 400},
      {"a header without a colon", get("Host: a\r\nnothing\r\n"), 400},
      {"a header without a name", get("Host: a\r\n: 1\r\n"), 400},
      {"a name with a space", get("Host: a\r\nX A: 1\r\n"), 400},
      {"a name with a byte over 127", get("Host: a\r\nX-\xc3\xa4: 1\r\n"), 400},
      {"a NUL in a value", get(std::string_view("Host: a\r\nX-A: 1\0002\r\n", 19)), 400},
      {"a control character in a value", get("Host: a\r\nX-A: 1\x01\r\n"), 400},
      {"a DEL in a value", get("Host: a\r\nX-A: 1\x7f\r\n"), 400},
      {"text over 127 in a value", get("Host: a\r\nX-A: \xc3\xa4\r\n"), 200, false},
      {"a value with tabs around it", get("Host:\ta\t\r\n"), 200, false},
      {"one empty line before the request", "\r\n" + get("Host: a\r\n"), 200, false},
      {"two empty lines before the request", "\r\n\r\n" + get("Host: a\r\n"), 400},
      {"a bare LF before the request", "\n" + get("Host: a\r\n"), 400},
      // The request line.
      {"HTTP/0.9", "GET /hello\r\n", 400},
      {"HTTP/0.9 with headers", "GET /hello\r\nHost: a\r\n\r\n", 400},
      {"HTTP/9.9", get("Host: a\r\n", "GET /hello HTTP/9.9"), 505},
      {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", get("Host: a\r\n", "GET /hello HTTP/1.2"), 200, false},
      {"HTTP/1.9 with a coding", "POST /echo HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200,
       false},
      {"HTTP/1", get("Host: a\r\n", "GET /hello HTTP/1"), 400},
      {"HTTP/1.10", get("Host: a\r\n", "GET /hello HTTP/1.10"), 400},
      {"http/1.1", get("Host: a\r\n", "GET /hello http/1.1"), 400},
      {"no target", get("Host: a\r\n", "GET HTTP/1.1"), 400},
      {"two spaces", get("Host: a\r\n", "GET  /hello HTTP/1.1"), 400},
      {"a space in the target", get("Host: a\r\n", "GET /hel lo HTTP/1.1"), 400},
      {"a space after the version", get("Host: a\r\n", "GET /hello HTTP/1.1 "), 400},
      {"a tab for a space", get("Host: a\r\n", "GET\t/hello\tHTTP/1.1"), 400},
      {"a control character in the target", get("Host: a\r\n", "GET /hel\x01lo HTTP/1.1"), 400},
      {"a byte over 127 in the target", get("Host: a\r\n", "GET /hel\xc3lo HTTP/1.1"), 400},
      {"a fragment in the target", get("Host: a\r\n", "GET /hello#x HTTP/1.1"), 400},
      {"a relative target", get("Host: a\r\n", "GET hello HTTP/1.1"), 400},
      {"a method that is no token", get("Host: a\r\n", "G(T /hello HTTP/1.1"), 400},
      {"CONNECT", get("Host: a:1\r\n", "CONNECT a:1 HTTP/1.1"), 501},
      {"an authority for a target", get("Host: a\r\n", "GET a:80 HTTP/1.1"), 400},
      {"a star for GET", get("Host: a\r\n", "GET * HTTP/1.1"), 400},
      {"a star for OPTIONS", get("Host: a\r\n", "OPTIONS * HTTP/1.1"), 204, false},
      {"TLS to a plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 13), 400},
      {"TLS to a plain port, without a line end", "\x16\x03\x01\x02", 400},
      {"OPTIONS of a path", get("Host: a\r\n", "OPTIONS /hello HTTP/1.1"), 204, false},
      {"an absolute target", get("Host: a\r\n", "GET http://b/hello HTTP/1.1"), 200, false},
      {"an absolute target with a user", get("Host: a\r\n", "GET http://u:p@b/hello HTTP/1.1"), 400},
      {"an absolute target without a host", get("Host: a\r\n", "GET http:///hello HTTP/1.1"), 400},
      {"a target of another scheme", get("Host: a\r\n", "GET ftp://b/hello HTTP/1.1"), 400},
      {"an unknown method", get("Host: a\r\n", "FLY /hello HTTP/1.1"), 501, false},
      {"a method that the path does not take", get("Host: a\r\n", "DELETE /hello HTTP/1.1"), 405, false},
      {"a method in small letters", get("Host: a\r\n", "get /hello HTTP/1.1"), 501, false},
      {"a path that is not there", get("Host: a\r\n", "GET /nowhere HTTP/1.1"), 404, false},
      // Host and the other headers that stand once.
      {"no Host", get(""), 400},
      {"two Hosts", get("Host: a\r\nHost: b\r\n"), 400},
      {"the same Host twice", get("Host: a\r\nHost: a\r\n"), 400},
      {"an empty Host", get("Host: \r\n"), 400},
      {"a Host with a space", get("Host: a b\r\n"), 400},
      {"a Host with a path", get("Host: a/b\r\n"), 400},
      {"a Host with a user", get("Host: u@a\r\n"), 400},
      {"a list of Hosts", get("Host: a, b\r\n"), 400},
      {"a Host with a port that is none", get("Host: a:x\r\n"), 400},
      {"a Host with a port too large", get("Host: a:65536\r\n"), 400},
      {"a Host with a port", get("Host: a:8484\r\n"), 200, false},
      {"a Host that is an IPv6 address", get("Host: [::1]:8484\r\n"), 200, false},
      {"a Host with a bracket open", get("Host: [::1\r\n"), 400},
      {"two Authorizations", get("Host: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400},
      {"two API keys", get("Host: a\r\nx-api-key: a\r\nX-Api-Key: b\r\n"), 400},
      {"two Content-Types", post("Content-Type: a/b\r\nContent-Type: a/b\r\nContent-Length: 0\r\n"), 400},
      {"an unknown expectation", post("Expect: 200-maybe\r\nContent-Length: 0\r\n"), 417},
      {"a content coding", post("Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"), 415},
      {"a content coding of chunks", post("Content-Encoding: br\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 415},
      {"no content coding", post("Content-Encoding: identity\r\nContent-Length: 5\r\n", "hello"), 200, false},
      {"a content coding of nothing", get("Host: a\r\nContent-Encoding: gzip\r\n"), 200, false},
      // HTTP/1.0.
      {"HTTP/1.0", "GET /hello HTTP/1.0\r\nHost: a\r\n\r\n", 200},
      {"HTTP/1.0 without Host", "GET /hello HTTP/1.0\r\n\r\n", 200},
      {"HTTP/1.0 that would stay", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200},
      {"HTTP/1.0 streamed", "GET /stream HTTP/1.0\r\n\r\n", 200},
      // Connection.
      {"close", get("Host: a\r\nConnection: close\r\n"), 200},
      {"close in a list", get("Host: a\r\nConnection: x, Close\r\n"), 200},
      {"a Connection that is no list of tokens", get("Host: a\r\nConnection: keep alive\r\n"), 400},
      // Chunks.
      {"chunks", chunked("5\r\nhello\r\n0\r\n\r\n"), 200, false},
      {"chunks with extensions and trailers", chunked("5;a=\"b c\"\r\nhello\r\n0;z\r\nX-T: 1\r\n\r\n"), 200, false},
      {"a size in large letters with zeros", chunked("00A\r\n0123456789\r\n000\r\n\r\n"), 200, false},
      {"a size that is none", chunked("x\r\nhello\r\n0\r\n\r\n"), 400},
      {"an empty size", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
      {"a signed size", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"a size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"a size with a space before it", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
      {"a size with a space behind it", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"a size of 2^64", chunked("10000000000000000\r\nhello\r\n"), 400},
      {"a size that wraps to 5", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"a chunk longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n"), 400},
      {"a size line with a bare LF", chunked("5\nhello\r\n0\r\n\r\n"), 400},
      {"a chunk with a bare LF", chunked("5\r\nhello\n0\r\n\r\n"), 400},
      {"an extension with a bare CR", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
      {"an extension with a bare LF", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), 400},
      {"extensions without end", chunked("5;" + std::string(4000, 'a') + "\r\nhello\r\n0\r\n\r\n"), 400},
      {"a trailer that is no header", chunked("0\r\nnothing\r\n\r\n"), 400},
      {"a folded trailer", chunked("0\r\nX: 1\r\n 2\r\n\r\n"), 400},
      {"trailers without end", chunked("0\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n"), 400},
      {"a chunk announced over the limit", chunked("A00001\r\n"), 413},
      // Limits.
      {"a target too long", get("Host: a\r\n", "GET /" + std::string(9'000, 'a') + " HTTP/1.1"), 414},
      {"a target without end", "GET /" + std::string(70'000, 'a'), 414},
      {"a header too long", get("Host: a\r\nX: " + std::string(70'000, 'a') + "\r\n"), 431},
      {"a large head", get("Host: a\r\nX: " + std::string(60'000, 'a') + "\r\n"), 200, false},
  };
  return kCases;
}

class Conformance : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new TestServer(); }
  static void TearDownTestSuite() { delete server_; }
  static TestServer* server_;
};
TestServer* Conformance::server_ = nullptr;

TEST_F(Conformance, AnswersEveryCaseAsTheStandardsSay) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const int calls = server_->seen().calls;
    RawClient client(server_->port());
    // What stands behind a refused request must never be served.
    client.send(one.bytes + (one.closes && one.status >= 400 ? kSmuggled : std::string()));
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, one.status) << answer.head << answer.body;
    if (one.closes) {
      EXPECT_TRUE(answer.has("connection: close")) << answer.head;
      EXPECT_TRUE(answer.closed);
      EXPECT_EQ(client.pending(), "");
    } else {
      EXPECT_FALSE(answer.has("connection: close")) << answer.head;
      client.send(kSmuggled);
      EXPECT_EQ(client.read().status, 200) << "the connection should go on";
    }
    if (one.status < 400 || one.bytes.starts_with("POST")) continue;  // a handler may have been asked
    if (one.closes) {
      EXPECT_EQ(server_->seen().calls, calls);
    }
    EXPECT_NE(answer.body.find("\"error\""), std::string::npos);
  }
}

TEST_F(Conformance, EveryCaseHoldsWhenItArrivesByteByByte) {
  for (const Case& one : cases()) {
    if (one.bytes.size() > 300) continue;
    SCOPED_TRACE(one.name);
    RawClient client(server_->port());
    for (const char byte : one.bytes)
      if (!client.send({&byte, 1})) break;
    EXPECT_EQ(client.read().status, one.status);
  }
}

TEST_F(Conformance, RefusesTheHundredAndFirstHeader) {
  for (const auto& [count, status] : {std::pair{99, 200}, std::pair{100, 431}}) {
    std::string headers = "Host: a\r\n";
    for (int i = 0; i < count; ++i) headers += "X-" + std::to_string(i) + ": 1\r\n";
    RawClient client(server_->port());
    client.send(get(headers));
    EXPECT_EQ(client.read().status, status);
  }
}

TEST_F(Conformance, TheHostOfAnAbsoluteTargetWins) {
  RawClient client(server_->port());
  client.send(get("Host: a\r\n", "GET http://b:81/host?x=1 HTTP/1.1"));
  EXPECT_EQ(client.read().body, "b:81");
}

TEST_F(Conformance, SaysWhatItWouldHaveTaken) {
  RawClient client(server_->port());
  client.send(get("Host: a\r\n", "OPTIONS /hello HTTP/1.1"));
  EXPECT_TRUE(client.read().has("allow: GET, HEAD, OPTIONS"));
  client.send(post("Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"));
  EXPECT_TRUE(client.read().has("accept-encoding: identity"));
}

TEST_F(Conformance, DatesItsAnswers) {
  RawClient client(server_->port());
  client.send(get("Host: a\r\n"));
  const Answer answer = client.read();
  const std::size_t at = answer.head.find("date: ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(answer.head.substr(at + 6 + 25, 6), " GMT\r\n") << answer.head;
}

TEST_F(Conformance, AnswersPipelinedRequestsInOrder) {
  RawClient client(server_->port());
  client.send("GET /items/1 HTTP/1.1\r\nHost: a\r\n\r\n" + post("Content-Length: 3\r\n", "two") +
              chunked("5\r\nthree\r\n0\r\n\r\n") + "GET /wait?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n" +
              "GET /items/4 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read().body, "1");
  EXPECT_EQ(client.read().body, "two");
  EXPECT_EQ(client.read().body, "three");
  EXPECT_EQ(client.read().body, "waited");
  EXPECT_EQ(client.read().body, "4");
}

TEST_F(Conformance, AnswersHeadWithTheHeadAlone) {
  RawClient client(server_->port());
  client.send(
      "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /items/x HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  const Answer head = client.read(10s, true);
  EXPECT_TRUE(head.has("content-length: 5\r\n")) << head.head;
  EXPECT_EQ(client.read(10s, true).status, 200);
  EXPECT_EQ(client.read().body, "x");
}

TEST_F(Conformance, SaysContinueWhenItIsAskedTo) {
  RawClient client(server_->port());
  client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.read().status, 100);
  client.send("hello");
  const Answer answer = client.read();
  EXPECT_EQ(answer.body, "hello");
  EXPECT_FALSE(answer.has("connection: close"));
}

TEST_F(Conformance, DoesNotSayContinueForABodyThatIsNotRead) {
  RawClient client(server_->port());
  client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("connection: close")) << "whether the body comes is not known";
}

TEST_F(Conformance, SkipsASmallBodyThatWasNotReadAndGoesOn) {
  for (const std::string& body : {std::string("Content-Length: 5\r\n\r\nhello"),
                                  std::string("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
                                  "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'x')}) {
    RawClient client(server_->port());
    client.send("POST /ignore HTTP/1.1\r\nHost: a\r\n" + body + "GET /items/next HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read().body, "hello");
    EXPECT_EQ(client.read().body, "next");
  }
}

TEST_F(Conformance, ClosesAfterALargeBodyThatWasNotRead) {
  RawClient client(server_->port());
  client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n");
  client.send(std::string(5'000'000, 'x') + kSmuggled);
  const Answer answer = client.read();
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.closed);
}

TEST_F(Conformance, TakesBodiesOfEverySize) {
  for (const std::size_t size : {0u, 1u, 4'095u, 16'000u, 16'383u, 16'384u, 16'385u, 100'000u, 10u * 1024 * 1024}) {
    SCOPED_TRACE(size);
    std::string body(size, 'a');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 23);
    RawClient client(server_->port());
    client.send(post("Content-Length: " + std::to_string(size) + "\r\n", body));
    EXPECT_TRUE(client.read().body == body);
    std::string chunks;
    for (std::size_t at = 0, step = 1; at < size; at += step, step = step * 3 % 70'001 + 1) {
      const std::size_t part = std::min(step, size - at);
      char line[32];
      std::snprintf(line, sizeof line, "%zx\r\n", part);
      chunks += line + body.substr(at, part) + "\r\n";
    }
    client.send(chunked(chunks + "0\r\n\r\n"));
    EXPECT_TRUE(client.read().body == body);
    client.send(kSmuggled);
    EXPECT_EQ(client.read().body, "hello");
  }
}

TEST_F(Conformance, AnswersALargeBodyBeforeItHasCome) {
  RawClient client(server_->port());
  client.send(post("Content-Length: 11534336\r\n"));
  EXPECT_EQ(client.read(1s).status, 413);
}

TEST_F(Conformance, AClientThatSendsOnAllTheSameCanReadTheAnswer) {
  RawClient client(server_->port());
  EXPECT_TRUE(client.send(post("Content-Length: 11534336\r\n", std::string(11'534'336, 'x'))));
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(answer.closed);
}

TEST_F(Conformance, StopsTakingChunksOverTheLimit) {
  RawClient client(server_->port());
  client.send(post("Transfer-Encoding: chunked\r\n"));
  const std::string chunk = "10000\r\n" + std::string(65'536, 'x') + "\r\n";
  int sent = 0;
  while (sent < 1024 && client.send(chunk)) ++sent;
  EXPECT_LT(sent, 640) << "64 MB were taken";
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(Conformance, RoutesByDecodedSegments) {
  const std::pair<const char*, const char*> expected[] = {{"/items/a%2Fb", "a/b"},     {"/items/%41", "A"},
                                                          {"/it%65ms/x", "x"},         {"/items/%zz", "%zz"},
                                                          {"/files/a/b%20c", "a/b c"}, {"/files/", ""}};
  RawClient client(server_->port());
  for (const auto& [path, body] : expected) {
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read().body, body) << path;
  }
}

TEST_F(Conformance, NamesTheMethodsOfAPath) {
  RawClient client(server_->port());
  client.send(get("Host: a\r\n", "PUT /hello HTTP/1.1"));
  EXPECT_TRUE(client.read().has("allow: GET, HEAD, OPTIONS\r\n"));
}

TEST_F(Conformance, AStreamWithoutItsEndIsCutShort) {
  RawClient client(server_->port());
  client.send(get("Host: a\r\n", "GET /broken HTTP/1.1"));
  const Answer answer = client.read();
  EXPECT_EQ(answer.body, "half");
  EXPECT_TRUE(answer.closed) << "no last chunk, but the end of the connection";
  RawClient old(server_->port());
  old.send("GET /broken HTTP/1.0\r\n\r\n");
  old.read();
}

}  // namespace
}  // namespace fairlead::http
