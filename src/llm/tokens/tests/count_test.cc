#include "llm/tokens/count.h"

#include <gmock/gmock.h>

#include <string>

#include "llm/tokens/internal/image_size.h"
#include "llm/tokens/internal/model_table.h"

namespace fairlead::llm {
namespace {

class NamedProvider final : public Provider {
 public:
  explicit NamedProvider(std::string type) : type_(std::move(type)) {}
  std::string_view name() const override { return "p"; }
  std::string_view type() const override { return type_; }
  async::Task<Result<std::unique_ptr<Completion>>> chat(ChatCall) override {
    co_return fail(ErrorKind::kInternal, "unused", "");
  }

 private:
  std::string type_;
};

Route route(std::string type, std::string model) {
  return {.provider = std::make_shared<NamedProvider>(std::move(type)), .upstream_model = std::move(model)};
}

TokenCount count_chat(std::string_view messages, const Route& route, std::string_view tools = {}) {
  std::vector<Member> members = {{"model", "\"m\""}, {"messages", messages}};
  if (!tools.empty()) members.push_back({"tools", tools});
  return count_input({Format::kChat, members}, route);
}

TokenCount estimate_chat(std::string_view messages, const Route& route, std::string_view tools = {}) {
  std::vector<Member> members = {{"model", "\"m\""}, {"messages", messages}};
  if (!tools.empty()) members.push_back({"tools", tools});
  return estimate_input({Format::kChat, members}, route);
}

// OpenAI Cookbook, "How to count tokens with tiktoken": what the API itself counted.
constexpr std::string_view kJargon = R"([
  {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
  {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
  {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
  {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
  {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
  {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."}])";
constexpr std::string_view kWeather = R"([
  {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
  {"role": "user", "content": "What's the weather like in San Francisco?"}])";
constexpr std::string_view kWeatherTool = R"([{"type": "function", "function": {
  "name": "get_current_weather", "description": "Get the current weather in a given location",
  "parameters": {"type": "object", "properties": {
    "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
    "unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]}},
    "required": ["location"]}}}])";

TEST(CountInput, OfChatsIsWhatOpenAiCounts) {
  EXPECT_EQ(count_chat(kJargon, route("openai", "gpt-4")).likely, 129);
  EXPECT_EQ(count_chat(kJargon, route("openai", "gpt-3.5-turbo")).likely, 129);
  EXPECT_EQ(count_chat(kJargon, route("openai", "gpt-4o")).likely, 124);
  EXPECT_EQ(count_chat(kJargon, route("openrouter", "openai/gpt-4o-mini")).likely, 124);
  EXPECT_EQ(count_chat(kJargon, route("openai", "gpt-4o")).by, CountedBy::kRanks);
}

TEST(CountInput, OfToolsIsWhatOpenAiCounts) {
  EXPECT_EQ(count_chat(kWeather, route("openai", "gpt-4"), kWeatherTool).likely, 105);
  EXPECT_EQ(count_chat(kWeather, route("azure", "gpt-4o"), kWeatherTool).likely, 101);
}

TEST(CountInput, ReservesMoreThanTheFormulaAndLessThanTheBytes) {
  for (const std::string_view tools : {std::string_view(), kWeatherTool}) {
    const TokenCount counted = count_chat(kJargon, route("openai", "gpt-4o"), tools);
    const TokenCount estimated = estimate_chat(kJargon, route("openai", "gpt-4o"), tools);
    EXPECT_GT(counted.most, counted.likely);
    EXPECT_GT(estimated.most, counted.most);
    EXPECT_EQ(estimated.by, CountedBy::kEstimate);
  }
}

TEST(CountInput, OfEmbeddingsIsTheTextsAlone) {
  const Route embedding = route("openai", "text-embedding-3-small");
  const auto count = [&](std::string_view input) {
    const std::vector<Member> members = {{"model", "\"m\""}, {"input", input}};
    return count_input({Format::kEmbeddings, members}, embedding);
  };
  EXPECT_EQ(count(R"("tiktoken is great!")").likely, 6);
  EXPECT_EQ(count(R"("tiktoken is great!")").most, 6);
  EXPECT_EQ(count(R"(["tiktoken is great!", "2 + 2 = 4"])").most, 13);
  EXPECT_EQ(count("[[1, 2, 3], [4, 5]]").most, 5);
}

TEST(EstimateInput, IsAtLeastOneTokenForEachByteOfText) {
  const std::string text(4000, 'x');
  const TokenCount count = estimate_chat(R"([{"role":"user","content":")" + text + R"("}])", route("mistral", "m"));
  EXPECT_GE(count.most, 4000);
  EXPECT_LE(count.most, 4300);
  EXPECT_GE(count.likely, 1000);
  EXPECT_LE(count.likely, 1020);
}

TEST(EstimateInput, KnowsWhatNormalisingMakesLong) {
  std::string text, escaped;
  for (int i = 0; i < 100; ++i) text += "\uFDFA", escaped += "\\uFdfa";
  EXPECT_GE(estimate_chat(R"([{"role":"user","content":")" + text + R"("}])", route("anthropic", "c")).most, 3300);
  EXPECT_GE(estimate_chat(R"([{"role":"user","content":")" + escaped + R"("}])", route("anthropic", "c")).most, 3300);
}

TEST(EstimateInput, CountsAnImageByItsTilesAndNotByItsBytes) {
  // A GIF's head that says 1024 × 1024, and bytes behind it.
  const std::string data = "R0lGODlhAAQABAAAAAAA" + std::string(400'000, 'A');
  const std::string part = R"({"type":"image_url","image_url":{"url":"data:image/gif;base64,)" + data + R"("}})";
  const std::string messages = R"([{"role":"user","content":[)" + part + "]}]";
  const TokenCount known = estimate_chat(messages, route("openai", "gpt-4o"));
  EXPECT_GE(known.most, 85 + 4 * 170);
  EXPECT_LE(known.most, 85 + 4 * 170 + 400);
  const TokenCount chat = count_chat(messages, route("openai", "gpt-4o-2024-08-06"));
  EXPECT_EQ(chat.likely, 3 + 1 + 85 + 4 * 170 + 3);
  const std::string far = R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])";
  EXPECT_GE(estimate_chat(far, route("openai", "gpt-4o")).most, 85 + 8 * 170) << "as large as it can be";
  EXPECT_GE(estimate_chat(far, route("vllm", "x")).most, 2833 + 8 * 5667) << "as dear as any";
  const std::string low =
      R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]}])";
  EXPECT_LE(estimate_chat(low, route("openai", "gpt-4o")).most, 85 + 400);
}

TEST(EstimateInput, OfWhatCannotBeSeenIsTheWholeContext) {
  const std::string file = R"([{"role":"user","content":[{"type":"file","file":{"file_id":"f-1"}}]}])";
  EXPECT_EQ(estimate_chat(file, route("openai", "gpt-4o")).most, kLongestContext);
  Route known = route("openai", "gpt-4o");
  known.context_length = 128'000;
  EXPECT_EQ(estimate_chat(file, known).most, 128'000);
  EXPECT_EQ(count_chat(file, known).most, 128'000);
  const std::vector<Member> stored = {{"input", "\"hi\""}, {"previous_response_id", "\"r-1\""}};
  EXPECT_EQ(estimate_input({Format::kResponses, stored}, known).most, 128'000);
  const std::vector<Member> search = {{"input", "\"hi\""}, {"tools", R"([{"type":"web_search"}])"}};
  EXPECT_EQ(estimate_input({Format::kResponses, search}, known).most, 128'000);
  EXPECT_LT(estimate_chat(R"([{"role":"user","content":"previous_response_id file document"}])", known).most, 500);
}

TEST(EstimateInput, TakesNoTextForAnImage) {
  const std::string text(10'000, 'x');
  const std::string messages =
      R"([{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"type":"image","source":{"data":")" +
      text + R"("}}}]}])";
  EXPECT_GE(estimate_chat(messages, route("anthropic", "c")).most, 10'000);
}

TEST(EstimateInput, BoundsSounds) {
  const std::string part =
      R"({"type":"input_audio","input_audio":{"format":"mp3","data":")" + std::string(3000, 'A') + R"("}})";
  const std::string messages = R"([{"role":"user","content":[)" + part + "]}]";
  EXPECT_GE(estimate_chat(messages, route("openai", "gpt-4o")).most, 3000);
  EXPECT_GE(count_chat(messages, route("openai", "gpt-4o-audio-preview")).most, 3000);
  EXPECT_LT(count_chat(messages, route("openai", "gpt-4o-audio-preview")).likely, 100);
  const std::string earlier = R"([{"role":"assistant","audio":{"id":"audio_1"}}])";
  EXPECT_EQ(count_chat(earlier, route("openai", "gpt-4o-audio-preview")).most, kLongestContext);
}

TEST(EstimateInput, BearsWhatIsNoJson) {
  EXPECT_GT(estimate_chat(R"([{"type":)", route("openai", "gpt-4o")).most, 0);
  EXPECT_GT(count_chat(R"([{"type":)", route("openai", "gpt-4o")).most, 0);
  EXPECT_GT(count_chat(R"({"type":7,"content":[null,[[]]]})", route("openai", "gpt-4o")).most, 0);
}

TEST(ImageSize, IsReadFromTheHeadsOfFiles) {
  using internal::image_size;
  const auto is = [](std::string_view base64, int width, int height) {
    const internal::ImageSize size = image_size(base64);
    EXPECT_EQ(size.width, width) << base64;
    EXPECT_EQ(size.height, height) << base64;
  };
  is("iVBORw0KGgoAAAANSUhEUgAAAGQAAAAyCAIAAAAAAAAAAAAA", 100, 50);
  is("R0lGODlhZAAyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 100, 50);
  is("/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCAAyAGQDASIAAhEB", 100, 50);
  is("UklGRgAAAABXRUJQVlA4WAoAAAAAAAAAYwAAMQAAAAAAAAAA", 100, 50);
  is("", 0, 0);
  is("!!!!", 0, 0);
  is("/9j//////////////////////////////////////////w==", 0, 0);
}

TEST(RanksOf, AreByDocumentedNames) {
  using internal::KnownRanks;
  using internal::Ranks;
  using internal::ranks_of;
  const KnownRanks o200k{Ranks::kO200k, true}, cl100k{Ranks::kCl100k, true}, newer{Ranks::kO200k, false}, none{};
  EXPECT_EQ(ranks_of("openai", "gpt-4o-mini-2024-07-18"), o200k);
  EXPECT_EQ(ranks_of("openai", "gpt-4.1"), o200k);
  EXPECT_EQ(ranks_of("openai", "gpt-5-mini"), o200k);
  EXPECT_EQ(ranks_of("openai", "o3-mini"), o200k);
  EXPECT_EQ(ranks_of("openai", "ft:gpt-4o-mini-2024-07-18:acme::x"), o200k);
  EXPECT_EQ(ranks_of("groq", "openai/gpt-oss-120b"), o200k);
  EXPECT_EQ(ranks_of("openrouter", "openai/gpt-5"), o200k);
  EXPECT_EQ(ranks_of("openai", "gpt-4-turbo"), cl100k);
  EXPECT_EQ(ranks_of("openai", "ft:gpt-3.5-turbo:acme"), cl100k);
  EXPECT_EQ(ranks_of("azure", "gpt-35-turbo"), cl100k);
  EXPECT_EQ(ranks_of("openai", "text-embedding-3-large"), cl100k);
  EXPECT_EQ(ranks_of("openai", "gpt-5.6-sol"), newer);
  EXPECT_EQ(ranks_of("openai", "gpt-6-luna"), newer);
  EXPECT_EQ(ranks_of("openrouter", "anthropic/claude-sonnet-4.5"), none);
  EXPECT_EQ(ranks_of("vllm", "gpt-4o"), none) << "whoever runs that names it as they like";
  EXPECT_EQ(ranks_of("openai", "grok-4"), none);
}

TEST(CountInput, OfAnUnpublishedModelIsLikelyItsFamilysAndAtMostItsBytes) {
  const Route newer = route("openai", "gpt-6-sol");
  const TokenCount count = count_chat(kJargon, newer);
  EXPECT_EQ(count.likely, 124);
  EXPECT_EQ(count.most, estimate_chat(kJargon, newer).most);
  EXPECT_EQ(count.by, CountedBy::kEstimate);
}

TEST(CountText, IsByRanksOrByBytes) {
  EXPECT_EQ(count_text("tiktoken is great!", route("openai", "gpt-4o")), 6);
  EXPECT_EQ(count_text("tiktoken is great!", route("mistral", "m")), 5);
  std::string long_text;
  for (int i = 0; i < 40'000; ++i) long_text += "tiktoken is great! ";
  EXPECT_NEAR(static_cast<double>(count_text(long_text, route("openai", "gpt-4o"))), 40'000 * 6, 400);
}

}  // namespace
}  // namespace fairlead::llm
