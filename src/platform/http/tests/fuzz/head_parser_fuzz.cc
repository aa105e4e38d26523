// head_parser_fuzz [SECONDS [SEED]]: mutates heads and compares our parser with Beast's until the time is up. Also
// decodes mutated chunked bodies whole and split. Exits 1 and prints the text at the first disagreement.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/tests/fuzz/beast_oracle.h"
#include "platform/http/tests/fuzz/mutations.h"

namespace fairlead::http {
namespace {

// The body as text, with how decoding ended; the same however it is split.
std::string decode(std::string_view coding, std::size_t step) {
  ChunkDecoder decoder;
  std::string body;
  for (std::size_t at = 0; at < coding.size() && !decoder.done() && !decoder.failed();) {
    std::string piece(coding.substr(at, step));
    const auto got = decoder.decode(piece.data(), piece.size());
    body.append(piece, 0, got.payload);
    at += got.consumed;
  }
  return body + (decoder.done() ? "|done" : decoder.failed() ? "|failed" : "|more");
}

int run(double seconds, std::uint64_t seed) {
  const std::vector<std::string> chunk_seeds = {"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n",
                                                "1\r\na\r\n0\r\n\r\n", "00a\r\n0123456789\r\n0\r\n\r\n"};
  std::mt19937_64 random(seed);
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::uint64_t rounds = 0;
  for (; rounds % 1024 != 0 || std::chrono::steady_clock::now() < until; ++rounds) {
    const bool request = rounds % 4 != 0;
    const auto& seeds = request ? seed_requests() : seed_responses();
    const std::string text = mutate(seeds[random() % seeds.size()], seeds, random);
    std::string fault = request ? compare_request(text) : compare_response(text);
    if (fault.empty()) fault = compare_splits(text, request);
    const std::string chunks = mutate(chunk_seeds[random() % chunk_seeds.size()], chunk_seeds, random);
    if (fault.empty() && decode(chunks, 1 << 20) != decode(chunks, 1 + random() % 5))
      fault = "chunks decode otherwise when split: " + chunks;
    if (fault.empty()) continue;
    std::fprintf(stderr, "after %llu rounds: %s\n%s\n", static_cast<unsigned long long>(rounds), fault.c_str(),
                 text.c_str());
    return 1;
  }
  std::printf("%llu rounds without a disagreement\n", static_cast<unsigned long long>(rounds));
  return 0;
}

}  // namespace
}  // namespace fairlead::http

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device()();
  return fairlead::http::run(seconds, seed);
}
