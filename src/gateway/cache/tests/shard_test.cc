#include "gateway/cache/shard.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace fairlead::gateway::cache {
namespace {

constexpr std::int64_t kNever = INT64_MAX;

Sha256 key_of(int number) {
  return sha256("key " + std::to_string(number));
}

std::shared_ptr<const KeptAnswer> answer_of_size(int number, std::size_t bytes = 1'000) {
  auto out = std::make_shared<KeptAnswer>();
  out->wire = std::to_string(number) + std::string(bytes, '.');
  return out;
}

const Owner kOwner{"bank", "support", "small"};

TEST(ShardTest, GivesWhatItWasGivenUntilItExpires) {
  Shard shard(1 << 20);
  const auto answer = answer_of_size(1);
  shard.put(key_of(1), answer, 1'000, kOwner);
  EXPECT_EQ(shard.find(key_of(1), 999), answer);
  EXPECT_EQ(shard.find(key_of(2), 999), nullptr);
  EXPECT_EQ(shard.find(key_of(1), 1'000), nullptr);
  EXPECT_EQ(shard.bytes(), 0u);
  EXPECT_EQ(shard.size(), 0u);
}

TEST(ShardTest, AnotherAnswerTakesThePlaceOfTheFirst) {
  Shard shard(1 << 20);
  shard.put(key_of(1), answer_of_size(1, 10'000), kNever, kOwner);
  const auto second = answer_of_size(2);
  shard.put(key_of(1), second, kNever, kOwner);
  EXPECT_EQ(shard.find(key_of(1), 0), second);
  EXPECT_EQ(shard.size(), 1u);
  EXPECT_LT(shard.bytes(), 3'000u);
}

TEST(ShardTest, WhatIsTooLargeIsNotKept) {
  Shard shard(80'000);
  shard.put(key_of(1), answer_of_size(1, 10'000), kNever, kOwner);
  EXPECT_EQ(shard.size(), 0u);
  shard.put(key_of(1), answer_of_size(1, 9'000), kNever, kOwner);
  EXPECT_EQ(shard.size(), 1u);
}

TEST(ShardTest, ItsBytesStayWithinTheBoundUnderAnyLoad) {
  std::mt19937_64 random(7);
  constexpr std::size_t kCapacity = 300'000;
  Shard shard(kCapacity);
  std::map<int, std::string> last;  // what was put under each key
  std::size_t hits = 0, most = 0;
  for (int i = 0; i < 200'000; ++i) {
    const int number = static_cast<int>(std::exponential_distribution(0.002)(random));
    if (random() % 5'000 == 0) shard.clear({"bank", "", ""});
    if (const auto found = shard.find(key_of(number), i)) {
      ASSERT_EQ(found->wire, last[number]);
      ++hits;
    } else {
      const auto answer = answer_of_size(number, random() % 8 == 0 ? random() % 60'000 : random() % 3'000);
      last[number] = answer->wire;
      shard.put(key_of(number), answer, random() % 3 == 0 ? i + 100 : kNever, kOwner);
    }
    ASSERT_LE(shard.bytes(), kCapacity);
    most = std::max(most, shard.bytes());
    std::size_t sum = 0;
    if (i % 1'000 == 0) {
      shard.each([&sum](const Owner&, std::size_t bytes) { sum += bytes; });
      ASSERT_LE(sum, shard.bytes());
    }
  }
  EXPECT_GT(most, kCapacity * 8 / 10);  // it is used
  EXPECT_GT(hits, 10'000u);
  EXPECT_GT(shard.evictions(), 1'000u);
}

TEST(ShardTest, WhatIsAskedForAgainOutlivesAFloodOfOthers) {
  Shard shard(500'000);
  for (int i = 0; i < 20; ++i) {
    shard.put(key_of(i), answer_of_size(i), kNever, kOwner);
    ASSERT_NE(shard.find(key_of(i), 0), nullptr);
  }
  int left = 0;
  for (int flood = 1'000; flood < 11'000; ++flood) {
    shard.put(key_of(flood), answer_of_size(flood), kNever, kOwner);
    if (flood % 100 == 0)
      for (int i = 0; i < 20; ++i) left += shard.find(key_of(i), 0) == nullptr ? 1 : 0;
  }
  EXPECT_EQ(left, 0);
}

TEST(ShardTest, ClearsByPromptModelAndProject) {
  Shard shard(1 << 20);
  const Owner owners[] = {
      {"bank", "support", "small"}, {"bank", "", "small"}, {"bank", "", "large"}, {"shop", "support", "small"}};
  for (int i = 0; i < 4; ++i) shard.put(key_of(i), answer_of_size(i), kNever, owners[i]);
  EXPECT_EQ(shard.clear({"bank", "other", ""}), 0u);
  EXPECT_EQ(shard.clear({"bank", "support", ""}), 1u);
  EXPECT_EQ(shard.find(key_of(0), 0), nullptr);
  EXPECT_NE(shard.find(key_of(3), 0), nullptr);
  EXPECT_EQ(shard.clear({"bank", "", "small"}), 1u);
  EXPECT_EQ(shard.clear({"bank", "", ""}), 1u);
  EXPECT_EQ(shard.size(), 1u);
  EXPECT_EQ(shard.clear({"shop", "", ""}), 1u);
  EXPECT_EQ(shard.bytes(), 0u);
}

TEST(ShardTest, FindsByMeaningWithinAGroupWhatIsStillThere) {
  Shard shard(1 << 20);
  const auto meaning = [](std::string_view group, std::string_view text) {
    return Meaning{sha256(group), llm::embed_by_words(text)};
  };
  const auto answer = answer_of_size(1);
  shard.put(key_of(1), answer, 1'000, kOwner, meaning("g", "how do i block my card"));
  shard.put(key_of(2), answer_of_size(2), kNever, kOwner, meaning("g", "what is the exchange rate"));
  const Shard::Near near = shard.find_near(meaning("g", "How can I block the card?"), 0.85F, 0);
  EXPECT_EQ(near.answer, answer);
  EXPECT_GT(near.similarity, 0.85F);
  EXPECT_FALSE(shard.find_near(meaning("another", "How can I block the card?"), 0.85F, 0).answer);
  EXPECT_FALSE(shard.find_near(meaning("g", "How can I activate the card?"), 0.85F, 0).answer);
  EXPECT_FALSE(shard.find_near(meaning("g", "How can I block the card?"), 0.85F, 1'000).answer);
  EXPECT_EQ(shard.size(), 1u);
  shard.clear({"bank", "", ""});
  EXPECT_FALSE(shard.find_near(meaning("g", "what is the exchange rate"), 0.85F, 0).answer);
}

TEST(ShardTest, EvictionAndGroupsKeepStep) {
  std::mt19937_64 random(11);
  Shard shard(200'000);
  for (int i = 0; i < 20'000; ++i) {
    const int number = static_cast<int>(random() % 500);
    const Meaning meaning{sha256("g" + std::to_string(number % 3)),
                          llm::embed_by_words("question number " + std::to_string(number * 7'919))};
    if (const Shard::Near near = shard.find_near(meaning, 0.999F, i); near.answer)
      ASSERT_TRUE(near.answer->wire.starts_with(std::to_string(number) + "."));
    else
      shard.put(key_of(number), answer_of_size(number, random() % 4'000), random() % 4 == 0 ? i + 50 : kNever, kOwner,
                meaning);
    ASSERT_LE(shard.bytes(), 200'000u);
  }
}

}  // namespace
}  // namespace fairlead::gateway::cache
