#include "llm/cache.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace fairlead::llm {
namespace {

using namespace std::chrono_literals;

std::optional<CachePolicy> policy(std::string_view json) {
  return cache_of(boost::json::parse(json).as_object());
}

TEST(CacheOf, SaysWhatTheSpecSays) {
  EXPECT_FALSE(policy("{}"));
  EXPECT_EQ(policy(R"({"cache":"off"})")->mode, CacheMode::kOff);
  EXPECT_EQ(policy(R"({"cache":"read"})")->mode, CacheMode::kRead);
  const auto usual = policy(R"({"cache":"on"})");
  EXPECT_EQ(usual->mode, CacheMode::kOn);
  EXPECT_EQ(usual->ttl, 1h);
  EXPECT_FALSE(usual->per_user);
  EXPECT_FALSE(usual->semantic);
  const auto all = policy(
      R"({"cache":{"mode":"write","ttl":"1.5d","per":"user","semantic":{"threshold":0.9,"embedding":"embedder"}}})");
  EXPECT_EQ(all->mode, CacheMode::kWrite);
  EXPECT_EQ(all->ttl, 36h);
  EXPECT_TRUE(all->per_user);
  EXPECT_EQ(all->semantic->threshold, 0.9);
  EXPECT_EQ(all->semantic->embedding, "embedder");
  EXPECT_EQ(policy(R"({"cache":{"ttl":"0s"}})")->ttl, 1s);
  EXPECT_EQ(policy(R"({"cache":{"ttl":"400d"}})")->ttl, 30 * 24h);
  EXPECT_TRUE(policy(R"({"cache":{"semantic":"on"}})")->semantic);
  EXPECT_FALSE(policy(R"({"cache":{"semantic":"off"}})")->semantic);
}

}  // namespace
}  // namespace fairlead::llm
