// What counting gives and takes, for scripts. Reads texts from standard input, divided by NUL.
//
// llm_tokens ids RANKS: a line of their tokens' ids each; RANKS is cl100k_base or o200k_base.
//
// llm_tokens estimate: a line "LIKELY MOST" each, of a chat with that text.
//
// llm_tokens bench RANKS: MB/s and µs a text.
//
// llm_tokens chats: µs to count a chat of gpt-4o with each text, by ranks and by bytes.
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
  explicit Nobody(std::string type) : type_(std::move(type)) {}
  std::string_view name() const override { return "nobody"; }
  std::string_view type() const override { return type_; }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall) override {
    co_return fail(ErrorKind::kInternal, "unused", "");
  }

 private:
  std::string type_;
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

std::string chat_with(const std::string& text) {
  return R"([{"role":"user","content":)" + json::quoted(text) + "}]";
}

void print_estimates(const std::vector<std::string>& texts) {
  const llm::Route route{.provider = std::make_shared<Nobody>("vllm"), .upstream_model = "m"};
  for (const std::string& text : texts) {
    const std::string messages = chat_with(text);
    const std::vector<llm::Member> members = {{"model", "\"m\""}, {"messages", messages}};
    const llm::TokenCount count = llm::estimate_input({llm::Format::kChat, members}, route);
    std::printf("%lld %lld\n", static_cast<long long>(count.likely), static_cast<long long>(count.most));
  }
}

// Seconds for one round.
template <class Round>
double time_of(Round round) {
  using Clock = std::chrono::steady_clock;
  round();
  const auto start = Clock::now();
  double seconds = 0;
  int rounds = 0;
  for (; seconds < 2; ++rounds, seconds = std::chrono::duration<double>(Clock::now() - start).count()) round();
  return seconds / rounds;
}

void bench_chats(const std::vector<std::string>& texts) {
  const llm::Route route{.provider = std::make_shared<Nobody>("openai"), .upstream_model = "gpt-4o"};
  std::vector<std::string> chats;
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += chats.emplace_back(chat_with(text)).size();
  std::int64_t sum = 0;
  const auto each = [&](auto count) {
    const auto round = [&] {
      for (const std::string& chat : chats) {
        const std::vector<llm::Member> members = {{"model", "\"m\""}, {"messages", chat}};
        sum += count(llm::CountedRequest{llm::Format::kChat, members}, route).most;
      }
    };
    return time_of(round) * 1e6 / static_cast<double>(chats.size());
  };
  const double by_ranks = each(llm::count_input), by_bytes = each(llm::estimate_input);
  std::printf("fairlead, chats of %zu bytes: %.2f us by ranks, %.2f us by bytes%s\n", bytes / chats.size(), by_ranks,
              by_bytes, sum == 0 ? "!" : "");
}

void bench(const llm::Bpe& bpe, const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  std::int64_t tokens = 0;
  const double seconds = time_of([&] {
    for (const std::string& text : texts) tokens += bpe.count(text);
  });
  std::printf("fairlead %s: %.1f MB/s, %.1f us a text%s\n", std::string(bpe.name()).c_str(),
              static_cast<double>(bytes) / seconds / 1e6, seconds * 1e6 / static_cast<double>(texts.size()),
              tokens == 0 ? "!" : "");
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "", name = count > 2 ? words[2] : "";
  const llm::Bpe& bpe = name == "cl100k_base" ? llm::Bpe::cl100k_base() : llm::Bpe::o200k_base();
  if (what == "ids") {
    print_ids(bpe, read_texts());
  } else if (what == "bench") {
    bench(bpe, read_texts());
  } else if (what == "chats") {
    bench_chats(read_texts());
  } else if (what == "estimate") {
    print_estimates(read_texts());
  } else {
    std::fputs("usage: llm_tokens ids|bench cl100k_base|o200k_base, llm_tokens chats|estimate\n", stderr);
    return 2;
  }
  return 0;
}
