#include "webhooks/internal/signing.h"

#include <gtest/gtest.h>

#include "webhooks/event.h"

namespace fairlead::webhooks::internal {
namespace {

std::string key_text(std::string_view secret) {
  const auto key = signing_key(secret);
  return key ? std::string(key->data(), key->size()) : key.error().code;
}

// The vector is the one that the tests of OpenAI's Python client have.
TEST(Signing, IsThatOfStandardWebhooks) {
  const std::string key = key_text("whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=\n");
  ASSERT_EQ(key.size(), 32U);
  EXPECT_EQ(
      signature_of(
          key, "wh_685c059ae39c8190af8c71ed1022a24d", 1750861210,
          R"({"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}})"),
      "v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY=");
}

TEST(Signing, TheKeyIsOfTheSecret) {
  EXPECT_EQ(key_text("a secret of twenty-four b"), "a secret of twenty-four b");
  EXPECT_EQ(key_text("too short a secret"), "webhook_secret");
  EXPECT_EQ(key_text("whsec_cGxhaW4="), "webhook_secret");                          // 5 bytes
  EXPECT_EQ(key_text("whsec_!!!!aaaabbbbccccddddeeeeffff0000"), "webhook_secret");  // no base64
}

TEST(Signing, SecretsAreReferences) {
  for (const char* const one : {"env:DESK_SECRET", "env:_x1", "secret:desk", "secret:a.b-c"})
    EXPECT_TRUE(is_secret_reference(one)) << one;
  for (const char* const one : {"env:", "env:1A", "env:A B", "secret:", "secret:A", "file:/x", "whsec_abc", ""})
    EXPECT_FALSE(is_secret_reference(one)) << one;
  EXPECT_EQ(secret_name("secret:desk"), "desk");
  EXPECT_EQ(secret_name("env:DESK"), "");
}

TEST(Event, HasTheShapeOfOpenAis) {
  EXPECT_EQ(
      body_of({.project = "default",
               .type = "response.completed",
               .subject = "resp_1",
               .at = 1'750'861'210'999'999,
               .data = {{"id", "resp_1"}}},
              "evt_1"),
      R"({"id":"evt_1","object":"event","created_at":1750861210,"type":"response.completed","data":{"id":"resp_1"}})");
}

}  // namespace
}  // namespace fairlead::webhooks::internal
