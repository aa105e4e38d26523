#include "models/price_list.h"

#include <gmock/gmock.h>

#include "models/kind.h"

namespace fairlead::models {
namespace {

TEST(PriceList, ThatIsShippedIsReadable) {
  const PriceList& list = PriceList::shipped();
  EXPECT_THAT(list.as_of(), testing::MatchesRegex("20[0-9]{2}-[0-9]{2}-[0-9]{2}"));
  EXPECT_GT(list.models().size(), 200U);
  for (const auto& [name, model] : list.models()) {
    EXPECT_FALSE(model.vendor.empty()) << name;
    EXPECT_THAT(model.source, testing::StartsWith("https://")) << name;
    EXPECT_LT(model.prices.rates.input, llm::per_million(200)) << name << ": dollars a million, not a token's price";
    EXPECT_LT(model.prices.rates.output, llm::per_million(800)) << name;
    EXPECT_GE(model.prices.rates.input, model.prices.rates.cached_input) << name;
    std::int64_t over = 0;
    for (const auto& tier : model.prices.long_context) {
      EXPECT_GT(tier.over, over) << name;
      EXPECT_GE(tier.rates.input, model.prices.rates.input) << name;
      EXPECT_GE(tier.rates.output, model.prices.rates.output) << name;
      over = tier.over;
    }
    EXPECT_TRUE(model.context_length == 0 || model.context_length >= 500) << name;
  }
}

TEST(PriceList, KnowsTheKindsOfTokens) {
  const ListedModel* const gpt = PriceList::shipped().find("openai", "gpt-5-mini");
  ASSERT_NE(gpt, nullptr);
  EXPECT_EQ(gpt->prices.rates.input, llm::per_million(0.25));
  EXPECT_EQ(gpt->prices.rates.cached_input, llm::per_million(0.025));
  EXPECT_EQ(gpt->prices.rates.reasoning, llm::per_million(2)) << "as output";
  EXPECT_EQ(gpt->prices.batch_percent, 50);
  EXPECT_EQ(gpt->max_output_tokens, 128'000);
  const ListedModel* const gemini = PriceList::shipped().find("gemini", "gemini-2.5-pro");
  ASSERT_NE(gemini, nullptr);
  ASSERT_EQ(gemini->prices.long_context.size(), 1U);
  EXPECT_EQ(gemini->prices.long_context[0].over, 200'000);
  EXPECT_EQ(gemini->prices.long_context[0].rates.output, llm::per_million(15));
  EXPECT_EQ(PriceList::shipped().find("vllm", "gpt-5-mini"), nullptr) << "whoever runs it sets the price";
  EXPECT_EQ(PriceList::shipped().find("openai", "gpt-5-mini "), nullptr);
}

TEST(PriceList, SaysWhatIsWrongWithIt) {
  EXPECT_FALSE(PriceList::parse("{"));
  EXPECT_FALSE(PriceList::parse(R"({"vendors": []})"));
  EXPECT_THAT(
      PriceList::parse(R"({"as_of": "x", "vendors": [{"type": "a", "models": {"m": {"output": 1}}}]})").error().message,
      testing::HasSubstr("m has no price"));
}

}  // namespace
}  // namespace fairlead::models
