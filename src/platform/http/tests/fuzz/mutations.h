// Heads to begin with, and ways to spoil them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::http {

inline const std::vector<std::string>& seed_requests() {
  static const std::vector<std::string> kSeeds = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8484\r\nAuthorization: Bearer fl-x\r\nContent-Type: "
      "application/json\r\n"
      "Content-Length: 5\r\nUser-Agent: OpenAI/Python 1.2\r\nAccept: */*\r\n\r\n",
      "POST /echo?x=1&y=%20 HTTP/1.1\r\nhost: [::1]:80\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n",
      "GET http://example.com:81/path?q HTTP/1.1\r\nHost: example.com\r\nConnection: close, x\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Spaces: \t a b \t \r\n\r\n",
      "HEAD /a/b/../c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "PATCH /x HTTP/1.1\r\nHost: a.b-c_d\r\nContent-Length: 0\r\nX-High: \xc3\xa4\xff\r\nCookie: a=b; c=\"d\"\r\n\r\n",
      "M-SEARCH /tilde~!$&'()*+,;=:@ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  };
  return kSeeds;
}

inline const std::vector<std::string>& seed_responses() {
  static const std::vector<std::string> kSeeds = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: application/json\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\nX-Request-Id: x\r\n\r\n",
      "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 529 \r\nServer: x\r\nRetry-After: 3\r\nConnection: close\r\n\r\n",
  };
  return kSeeds;
}

// One to six small changes, of the kinds that parsers disagree about.
inline std::string mutate(std::string text, const std::vector<std::string>& seeds, std::mt19937_64& random) {
  static constexpr std::array<std::string_view, 30> kPieces = {"\r",
                                                               "\n",
                                                               "\r\n",
                                                               "\r\n\r\n",
                                                               " ",
                                                               "\t",
                                                               ":",
                                                               ",",
                                                               "\0",
                                                               "\x7f",
                                                               "\x0b",
                                                               "0",
                                                               "5",
                                                               "chunked",
                                                               "Transfer-Encoding: chunked\r\n",
                                                               "Content-Length: 5\r\n",
                                                               "Content-Length: 99999999999999999999\r\n",
                                                               "Host: b\r\n",
                                                               "HTTP/1.1",
                                                               "HTTP/1.0",
                                                               "gzip, ",
                                                               "close",
                                                               " \r\n",
                                                               "\r\n ",
                                                               "-",
                                                               "+",
                                                               "identity",
                                                               "http://b",
                                                               "?",
                                                               "#"};
  const auto pick = [&](std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(random() % bound); };
  for (std::size_t i = 0, changes = 1 + pick(6); i < changes; ++i) {
    const std::size_t at = pick(text.size() + 1);
    switch (pick(7)) {
      case 0:
        text.insert(at, kPieces[pick(kPieces.size())]);
        break;
      case 1:
        text.erase(at, 1 + pick(4));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3:
        if (at < text.size()) text[at] ^= 0x20;
        break;
      case 4:
        text.insert(at, text.substr(pick(text.size() + 1), pick(24)));
        break;
      case 5: {
        const std::string& other = seeds[pick(seeds.size())];
        text.insert(at, other.substr(pick(other.size()), pick(40)));
        break;
      }
      default: {
        // A whole line, moved or doubled.
        const std::size_t begin = text.find("\r\n", at);
        const std::size_t end = begin == std::string::npos ? begin : text.find("\r\n", begin + 2);
        if (end != std::string::npos) text.insert(end, text.substr(begin, end - begin));
        break;
      }
    }
  }
  return text;
}

}  // namespace fairlead::http
