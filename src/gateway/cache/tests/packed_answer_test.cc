#include "gateway/cache/packed_answer.h"

#include <gtest/gtest.h>

namespace fairlead::gateway::cache {
namespace {

KeptAnswer answer() {
  KeptAnswer out;
  out.format = llm::Format::kMessages;
  out.streamed = true;
  out.has_usage = true;
  out.wire = std::string("data: {\"a\":\"\0\"}\n\n", 18);
  out.outcome.usage = {.input = 1,
                       .cached_input = 2,
                       .cache_write = 3,
                       .cache_write_1h = 4,
                       .output = 5,
                       .reasoning = 6,
                       .reported = true};
  out.outcome.finish_reason = "stop";
  out.outcome.upstream_model = "gpt";
  out.outcome.upstream_id = "id-1";
  out.outcome.content_started = true;
  out.provider = "openai";
  out.model = "small";
  out.model_version = 7;
  out.made_at_us = 1'700'000'000'000'000;
  return out;
}

const Sha256 kKey = sha256("key");

TEST(PackedAnswer, AllOfItComesBack) {
  const KeptAnswer before = answer();
  const auto after = unpack(pack(before, kKey, "secret"), kKey, "secret");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->format, before.format);
  EXPECT_EQ(after->streamed, before.streamed);
  EXPECT_EQ(after->has_usage, before.has_usage);
  EXPECT_EQ(after->wire, before.wire);
  const llm::Usage& usage = after->outcome.usage;
  EXPECT_EQ(usage.input, 1);
  EXPECT_EQ(usage.cached_input, 2);
  EXPECT_EQ(usage.cache_write, 3);
  EXPECT_EQ(usage.cache_write_1h, 4);
  EXPECT_EQ(usage.output, 5);
  EXPECT_EQ(usage.reasoning, 6);
  EXPECT_TRUE(usage.reported);
  EXPECT_EQ(after->outcome.finish_reason, "stop");
  EXPECT_EQ(after->outcome.upstream_model, "gpt");
  EXPECT_EQ(after->outcome.upstream_id, "id-1");
  EXPECT_TRUE(after->outcome.content_started);
  EXPECT_EQ(after->provider, "openai");
  EXPECT_EQ(after->model, "small");
  EXPECT_EQ(after->model_version, 7);
  EXPECT_EQ(after->made_at_us, before.made_at_us);
  EXPECT_TRUE(unpack(pack({}, kKey, ""), kKey, ""));
}

TEST(PackedAnswer, WhatIsTornChangedElsewhereOrAnothersIsNothing) {
  const std::string packed = pack(answer(), kKey, "secret");
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_FALSE(unpack(packed.substr(0, size), kKey, "secret")) << size;
  for (std::size_t at = 0; at < packed.size(); ++at) {
    std::string changed = packed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(unpack(changed, kKey, "secret")) << at;
  }
  EXPECT_FALSE(unpack(packed + "x", kKey, "secret"));
  EXPECT_FALSE(unpack(packed, sha256("another key"), "secret"));
  EXPECT_FALSE(unpack(packed, kKey, "another secret"));
}

}  // namespace
}  // namespace fairlead::gateway::cache
