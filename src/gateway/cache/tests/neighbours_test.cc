#include "gateway/cache/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

namespace fairlead::gateway::cache {
namespace {

llm::Embedding random_vector(std::mt19937_64& random, std::size_t size) {
  std::normal_distribution<float> normal;
  llm::Embedding out(size);
  for (float& one : out) one = normal(random);
  const float length = std::sqrt(llm::similarity(out.data(), out.data(), size));
  for (float& one : out) one /= length;
  return out;
}

// At the given cosine to `from`.
llm::Embedding at(float cosine, const llm::Embedding& from, std::mt19937_64& random) {
  llm::Embedding other = random_vector(random, from.size());
  const float along = llm::similarity(from.data(), other.data(), from.size());
  float length = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    other[i] -= along * from[i];
    length += other[i] * other[i];
  }
  for (std::size_t i = 0; i < from.size(); ++i)
    other[i] = cosine * from[i] + std::sqrt(1 - cosine * cosine) * other[i] / std::sqrt(length);
  return other;
}

TEST(NeighboursTest, FindsTheNearestThatIsNearEnoughAndNothingElse) {
  for (const std::size_t dimensions : {std::size_t{64}, llm::kWordDimensions, std::size_t{576}, std::size_t{1536}}) {
    std::mt19937_64 random(dimensions);
    std::vector<std::unique_ptr<llm::Embedding>> vectors;
    Neighbours neighbours;
    for (int i = 0; i < 500; ++i) {
      vectors.push_back(std::make_unique<llm::Embedding>(random_vector(random, dimensions)));
      neighbours.add(*vectors.back());
    }
    int found = 0;
    for (int i = 0; i < 500; ++i) {
      const auto wanted = static_cast<std::size_t>(random() % vectors.size());
      const auto near = neighbours.nearest(at(0.91F, *vectors[wanted], random), 0.9F);
      if (near && near->place == wanted && std::abs(near->similarity - 0.91F) < 1e-3F) ++found;
      ASSERT_FALSE(neighbours.nearest(at(0.89F, *vectors[wanted], random), 0.9F));
    }
    EXPECT_GE(found, 499) << dimensions;
  }
}

TEST(NeighboursTest, WhatIsRemovedIsNotFoundAndTheLastTakesItsPlace) {
  std::mt19937_64 random(1);
  std::vector<std::unique_ptr<llm::Embedding>> vectors;
  Neighbours neighbours;
  for (int i = 0; i < 100; ++i) {
    vectors.push_back(std::make_unique<llm::Embedding>(random_vector(random, 256)));
    neighbours.add(*vectors.back());
  }
  for (int i = 0; i < 99; ++i) {
    const std::size_t place = random() % vectors.size();
    const std::unique_ptr<llm::Embedding> gone = std::move(vectors[place]);
    vectors[place] = std::move(vectors.back());
    vectors.pop_back();
    neighbours.remove(place);
    ASSERT_EQ(neighbours.size(), vectors.size());
    ASSERT_FALSE(neighbours.nearest(*gone, 0.99F));
    for (std::size_t k = 0; k < vectors.size(); ++k) ASSERT_EQ(neighbours.nearest(*vectors[k], 0.99F)->place, k);
  }
}

TEST(NeighboursTest, VectorsOfAnotherSizeAreLeftAlone) {
  std::mt19937_64 random(1);
  Neighbours neighbours;
  const llm::Embedding large = random_vector(random, 512);
  neighbours.add(large);
  EXPECT_FALSE(neighbours.nearest(llm::Embedding(256, 0.0625F), 0.01F));
  EXPECT_FALSE(neighbours.nearest(llm::Embedding(512, 0.0F), 0.01F));
}

}  // namespace
}  // namespace fairlead::gateway::cache
