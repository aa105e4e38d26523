// tokens_fuzz [SECONDS [SEED [bpe|requests|images]]]
#include <map>
#include <random>
#include <unordered_map>

#include "base/tests/fuzz.h"
#include "llm/tokens/bpe.h"
#include "llm/tokens/count.h"
#include "llm/tokens/internal/image_size.h"
#include "llm/tokens/internal/splitter.h"

namespace fairlead::llm {
namespace {

using Random = std::mt19937_64;

// Characters that the patterns tell apart, and bytes that are none.
constexpr std::string_view kPieces[] = {"a",
                                        "Z",
                                        "s",
                                        "ll",
                                        "'",
                                        "'re",
                                        " ",
                                        "  ",
                                        "\n",
                                        "\r\n",
                                        "/",
                                        "7",
                                        "12",
                                        "!",
                                        "ж",
                                        "Ж",
                                        "é",
                                        "\u0301",
                                        "\u02B0",
                                        "\u01C5",
                                        "中",
                                        "\u2003",
                                        "\u00A0",
                                        "٣",
                                        "Ⅷ",
                                        "😀",
                                        "\u0085",
                                        "\uFEFF",
                                        "\xC3",
                                        "\xFF",
                                        "\xF4\x90\x80\x80",
                                        "\xED\xA0\x80",
                                        "<|endoftext|>",
                                        "the ",
                                        "    ",
                                        "\t"};

std::string random_text(Random& random) {
  std::string out;
  const std::size_t pieces = random() % 40 + 1;
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::string_view piece = kPieces[random() % std::size(kPieces)];
    // Now and then a run, so that pieces become long.
    for (std::size_t n = random() % 50 == 0 ? random() % 100 : 1; n > 0; --n) out += piece;
  }
  return out;
}

// As the definition says, and as slowly: merges the pair of the lowest rank until there is none.
class Plain {
 public:
  explicit Plain(const Bpe& bpe) {
    for (std::uint32_t rank = 0; rank < 200'000; ++rank)
      if (const std::string_view token = bpe.token(rank); !token.empty()) ranks_.emplace(token, rank);
  }
  void encode(std::string_view piece, std::vector<std::uint32_t>& out) const {
    std::vector<std::string_view> parts;
    for (std::size_t i = 0; i < piece.size(); ++i) parts.push_back(piece.substr(i, 1));
    for (;;) {
      std::size_t best = parts.size();
      std::uint32_t lowest = ~0U;
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto found = ranks_.find({parts[i].data(), parts[i].size() + parts[i + 1].size()});
        if (found == ranks_.end() || found->second >= lowest) continue;
        lowest = found->second;
        best = i;
      }
      if (best == parts.size()) break;
      parts[best] = {parts[best].data(), parts[best].size() + parts[best + 1].size()};
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    for (const std::string_view part : parts) out.push_back(ranks_.at(part));
  }

 private:
  std::unordered_map<std::string_view, std::uint32_t> ranks_;
};

std::string judge_bpe(const std::string& text) {
  static const Plain kPlain[] = {Plain(Bpe::cl100k_base()), Plain(Bpe::o200k_base())};
  for (const bool is_o200k : {false, true}) {
    const Bpe& bpe = is_o200k ? Bpe::o200k_base() : Bpe::cl100k_base();
    const std::vector<std::uint32_t> ids = bpe.encode(text);
    std::string back;
    for (const std::uint32_t id : ids) back += bpe.token(id);
    if (back != text) return "the tokens are another text";
    if (bpe.count(text) != static_cast<std::int64_t>(ids.size())) return "it counts other than it encodes";
    std::vector<std::uint32_t> plain;
    internal::Splitter splitter(text);
    for (;;) {
      const std::string_view piece = is_o200k ? splitter.next_o200k() : splitter.next_cl100k();
      if (piece.empty()) break;
      kPlain[is_o200k].encode(piece, plain);
    }
    if (plain != ids) return "the plain way gives other tokens";
  }
  return "";
}

class Nobody final : public Provider {
 public:
  explicit Nobody(std::string type) : type_(std::move(type)) {}
  std::string_view name() const override { return "nobody"; }
  std::string_view type() const override { return type_; }
  async::Task<Result<std::unique_ptr<Completion>>> chat(ChatCall) override {
    co_return fail(ErrorKind::kInternal, "unused", "");
  }

 private:
  std::string type_;
};

std::string random_request(Random& random) {
  static const std::string kSeeds[] = {
      R"([{"role":"user","content":"How far is the moon?"},{"role":"assistant","name":"a","content":null,"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":1}"}}]}])",
      R"([{"role":"user","content":[{"type":"text","text":"Что это?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAGQAAAAyCAIAAAAAAAAAAAAA","detail":"low"}}]}])",
      R"([{"type":"function","function":{"name":"w","description":"d.","parameters":{"type":"object","properties":{"c":{"type":"string","enum":["x","y"]},"d":7}}}},{"type":"web_search"}])",
      R"([{"role":"user","content":[{"type":"document","source":{"type":"text","data":"x"}},{"type":"image","source":{"type":"base64","data":"/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCAAyAGQDASIAAhEB"}}]}])",
      R"("a \u0444 \ufdfa text")",
      "[[1,2],[3]]"};
  std::string out = kSeeds[random() % std::size(kSeeds)];
  for (std::size_t n = random() % 4; n > 0 && !out.empty(); --n) {
    const std::size_t at = random() % out.size();
    switch (random() % 3) {
      case 0:
        out[at] = static_cast<char>(random());
        break;
      case 1:
        out.erase(at, random() % 9);
        break;
      default:
        out.insert(at, out.substr(random() % out.size(), random() % 20));
    }
  }
  return out;
}

std::string judge_request(const std::string& json, Random& random) {
  static const Route kRoutes[] = {{.provider = std::make_shared<Nobody>("openai"), .upstream_model = "gpt-4o-mini"},
                                  {.provider = std::make_shared<Nobody>("openai"), .upstream_model = "gpt-5-mini"},
                                  {.provider = std::make_shared<Nobody>("anthropic"), .upstream_model = "c"}};
  constexpr std::string_view kNames[] = {"messages", "input", "tools", "system", "prompt"};
  const std::vector<Member> members = {{kNames[random() % std::size(kNames)], json}, {"tools", json}};
  const auto format = static_cast<Format>(random() % 7);
  for (const Route& route : kRoutes) {
    const TokenCount counted = count_input({format, members}, route), bound = estimate_input({format, members}, route);
    if (counted.likely < 0 || counted.most < counted.likely) return "more is likely than is possible";
    if (bound.likely < 0 || bound.most < bound.likely) return "more is likely than is possible, by bytes";
    if (bound.most < counted.likely) return "the bytes' bound is less than what is counted";
  }
  return "";
}

std::string judge_image(const std::string& base64) {
  const internal::ImageSize size = internal::image_size(base64);
  return size.width < 0 || size.height < 0 ? "a size below nothing" : "";
}

std::vector<FuzzSubject> subjects(std::uint64_t seed) {
  const auto random = std::make_shared<Random>(seed);
  return {{"bpe",
           [random](std::string& text) {
             text = random_text(*random);
             return judge_bpe(text);
           }},
          {"requests",
           [random](std::string& text) {
             text = random_request(*random);
             return judge_request(text, *random);
           }},
          {"images", [random](std::string& text) {
             static constexpr std::string_view kHeads[] = {"iVBORw0KGgo", "R0lGODlh", "/9j/", "UklGRgAAAABXRUJQVlA4"};
             text = kHeads[(*random)() % std::size(kHeads)];
             for (std::size_t n = (*random)() % 200; n > 0; --n) text += "ABCDwxyz0189+/"[(*random)() % 14];
             return judge_image(text);
           }}};
}

}  // namespace
}  // namespace fairlead::llm

int main(int argc, char** argv) {
  return fairlead::fuzz(argc, argv, fairlead::llm::subjects);
}
