#include "platform/http/internal/chunk_decoder.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

// Body, then what follows; or the fault.
std::string decode(std::string_view coding, std::size_t step) {
  ChunkDecoder decoder;
  std::string body;
  std::size_t at = 0;
  while (at < coding.size() && !decoder.done()) {
    std::string piece(coding.substr(at, step));
    const auto got = decoder.decode(piece.data(), piece.size());
    if (decoder.failed()) return "fault";
    body.append(piece, 0, got.payload);
    at += got.consumed;
    if (!decoder.done() && got.consumed != piece.size()) return "stopped early";
  }
  return decoder.done() ? body + "|" + std::string(coding.substr(at)) : body + "…";
}

TEST(ChunkDecoder, DecodesHoweverItIsSplit) {
  const std::pair<std::string, std::string> cases[] = {
      {"0\r\n\r\n", "|"},
      {"5\r\nhello\r\n0\r\n\r\nGET ", "hello|GET "},
      {"5\r\nhello\r\n6;x=y\r\n world\r\n00\r\nA: b\r\nC:\r\n\r\n", "hello world|"},
      {"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n\r\n", "abc|\r\n"},
      {"a\r\n01234\r\n789\r\n0\r\n\r\n", "01234\r\n789|"},
      {"5 ;x\r\nhello\r\n0\r\n\r\n", "hello|"},
      {"5\r\nhel", "hel…"},
      {"5\r\nhello\r\n0\r\n", "hello…"},
      {"fffffffffffffff\r\nx", "x…"},
      {"g\r\n", "fault"},
      {";\r\n", "fault"},
      {"1000000000000000\r\n", "fault"},
      {"5\r\nhelloX\n", "fault"},
      {"0\r\n bad\r\n\r\n", "fault"},
      {"0\r\nbad\r\n\r\n", "fault"},
      {"0\r\n\n", "fault"},
      {"0\r\nA: \x01\r\n\r\n", "fault"},
      {"5\x7f\r\n", "fault"},
  };
  for (const auto& [coding, result] : cases)
    for (const std::size_t step : {1u, 2u, 3u, 7u, 1000u})
      EXPECT_EQ(decode(coding, step), result) << coding << " by " << step;
}

TEST(ChunkDecoder, BoundsExtensionsAndTrailersOfTheWholeBody) {
  std::string extensions, trailers = "0\r\n";
  for (int i = 0; i < 600; ++i) extensions += "1;ab\r\nx\r\n";
  for (int i = 0; i < 400; ++i) trailers += "A: b\r\n";
  EXPECT_EQ(decode(extensions + "0\r\n\r\n", 1000), "fault");
  EXPECT_EQ(decode(trailers + "\r\n", 1000), "fault");
}

}  // namespace
}  // namespace fairlead::http
