// llm_tokens ids cl100k_base|o200k_base        texts on standard input, divided by NUL: a line of their tokens' ids
// each llm_tokens bench cl100k_base|o200k_base      the same input: MB/s, µs a text llm_tokens estimate the same input:
// a line "LIKELY MOST" each, of a chat with that text
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "llm/tokens/bpe.h"
#include "llm/tokens/count.h"
#include "platform/json/text.h"

namespace {

using namespace fairlead;

class Nobody final : public llm::Provider {
 public:
  std::string_view name() const override { return "nobody"; }
  std::string_view type() const override { return "vllm"; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall) override {
    co_return fail(ErrorKind::kInternal, "unused", "");
  }
};

std::vector<std::string> read_texts() {
  const std::string all{std::istreambuf_iterator<char>(std::cin), {}};
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    out.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

void print_ids(const llm::Bpe& bpe, const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    for (const std::uint32_t id : bpe.encode(text)) out += std::to_string(id) + ' ';
    out += '\n';
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
}

void print_estimates(const std::vector<std::string>& texts) {
  const llm::Route route{.provider = std::make_shared<Nobody>(), .upstream_model = "m"};
  for (const std::string& text : texts) {
    const std::string messages = R"([{"role":"user","content":)" + json::quoted(text) + "}]";
    const std::vector<llm::Member> members = {{"model", "\"m\""}, {"messages", messages}};
    const llm::TokenCount count = llm::estimate_input({llm::Format::kChat, members}, route);
    std::printf("%lld %lld\n", static_cast<long long>(count.likely), static_cast<long long>(count.most));
  }
}

void bench(const llm::Bpe& bpe, const std::vector<std::string>& texts) {
  using Clock = std::chrono::steady_clock;
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  std::int64_t tokens = 0;
  int rounds = 0;
  const auto start = Clock::now();
  double seconds = 0;
  for (; seconds < 2; ++rounds, seconds = std::chrono::duration<double>(Clock::now() - start).count())
    for (const std::string& text : texts) tokens += bpe.count(text);
  std::printf("%s: %.1f MB/s, %.2f us a text, %.2f bytes a token\n", std::string(bpe.name()).c_str(),
              static_cast<double>(bytes) * rounds / seconds / 1e6,
              seconds * 1e6 / rounds / static_cast<double>(texts.size()),
              static_cast<double>(bytes) * rounds / static_cast<double>(tokens));
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "", name = count > 2 ? words[2] : "";
  const llm::Bpe& bpe = name == "cl100k_base" ? llm::Bpe::cl100k_base() : llm::Bpe::o200k_base();
  if (what == "ids") {
    print_ids(bpe, read_texts());
  } else if (what == "bench") {
    bench(bpe, read_texts());
  } else if (what == "estimate") {
    print_estimates(read_texts());
  } else {
    std::fputs("usage: llm_tokens ids|bench cl100k_base|o200k_base, llm_tokens estimate\n", stderr);
    return 2;
  }
  return 0;
}
