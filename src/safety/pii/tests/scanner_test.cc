#include <gtest/gtest.h>

#include "safety/pii/scanner.h"

namespace fairlead::pii {
namespace {

TEST(Scanner, FindsACard) {
  const auto scanner = Scanner::create({});
  ASSERT_TRUE(scanner) << scanner.error().message;
  const auto spans = (*scanner)->scan("My card is 4111 1111 1111 1111, thanks");
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].entity, "CREDIT_CARD");
}

}  // namespace
}  // namespace fairlead::pii
