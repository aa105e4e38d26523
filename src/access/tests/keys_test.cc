#include "access/keys.h"

#include <gtest/gtest.h>

#include "base/iso_time.h"

namespace fairlead::access {
namespace {

const std::string kPepper(32, 'p');

KeyTable table_of(std::initializer_list<std::pair<std::string, Principal>> keys) {
  std::vector<KeyTable::Entry> entries;
  for (const auto& [key, principal] : keys) entries.push_back({KeyTable::digest_of(kPepper, key), principal});
  return KeyTable(kPepper, std::move(entries));
}

const Principal kMaria{"key_1", "maria", "bank", static_cast<std::uint8_t>(Scope::kCall), 0};
const Principal kGuest{"key_2", "guest", "bank", static_cast<std::uint8_t>(Scope::kRead), 1000};

}  // namespace

TEST(KeyTable, finds_the_one_that_has_the_key) {
  const KeyTable table = table_of({{"fl-maria", kMaria}, {"fl-guest", kGuest}});
  ASSERT_NE(table.find("fl-maria", 5), nullptr);
  EXPECT_EQ(table.find("fl-maria", 5)->name, "maria");
  EXPECT_EQ(table.find("fl-mari", 5), nullptr);
  EXPECT_EQ(table.find("fl-maria ", 5), nullptr);
  EXPECT_EQ(table.find("", 5), nullptr);
}

TEST(KeyTable, forgets_a_key_at_its_expiry) {
  const KeyTable table = table_of({{"fl-guest", kGuest}});
  EXPECT_NE(table.find("fl-guest", 999), nullptr);
  EXPECT_EQ(table.find("fl-guest", 1000), nullptr);
}

TEST(KeyTable, does_not_know_a_key_under_another_pepper) {
  const KeyTable table(std::string(32, 'q'), {{KeyTable::digest_of(kPepper, "fl-maria"), kMaria}});
  EXPECT_EQ(table.find("fl-maria", 5), nullptr);
}

TEST(KeyTable, takes_the_key_from_either_header) {
  const KeyTable table = table_of({{"fl-maria", kMaria}});
  for (const std::string_view authorization : {"Bearer fl-maria", "bearer fl-maria", "BEARER   fl-maria  "}) {
    auto found = table.authenticate(authorization, "", 5);
    ASSERT_TRUE(found) << authorization;
    EXPECT_EQ((*found)->key_id, "key_1");
  }
  EXPECT_TRUE(table.authenticate("", "fl-maria", 5));
  EXPECT_TRUE(table.authenticate("Bearer fl-maria", "fl-maria", 5));
}

TEST(KeyTable, refuses_and_never_repeats_what_was_sent) {
  const KeyTable table = table_of({{"fl-maria", kMaria}, {"fl-guest", kGuest}});
  const struct {
    std::string_view authorization, api_key, code;
  } cases[] = {
      {"", "", "missing_api_key"},
      {"Bearer fl-secretguess", "", "invalid_api_key"},
      {"", "fl-secretguess", "invalid_api_key"},
      {"Basic fl-maria", "", "invalid_api_key"},
      {"Basic fl-maria", "fl-maria", "invalid_api_key"},
      {"Bearer", "", "invalid_api_key"},
      {"Bearer ", "", "invalid_api_key"},
      {"fl-maria", "", "invalid_api_key"},
      {"Bearer fl-maria", "fl-guest", "invalid_api_key"},
      {"Bearer fl-maria fl-maria", "", "invalid_api_key"},
  };
  for (const auto& one : cases) {
    auto found = table.authenticate(one.authorization, one.api_key, 5);
    ASSERT_FALSE(found) << one.authorization << "/" << one.api_key;
    EXPECT_EQ(found.error().kind, ErrorKind::kUnauthenticated);
    EXPECT_EQ(found.error().code, one.code);
    for (const char* secret : {"fl-maria", "fl-secretguess", "fl-guest"}) {
      EXPECT_EQ(found.error().message.find(secret), std::string::npos) << found.error().message;
    }
  }
}

TEST(IsoTime, reads_what_RFC_3339_allows_and_nothing_else) {
  EXPECT_EQ(parse_iso_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_iso_time("2026-12-01T03:00:00.5+03:00"), 1796083200500000);
  EXPECT_EQ(parse_iso_time("2026-12-01T00:00Z"), 1796083200000000);
  EXPECT_EQ(parse_iso_time("2024-02-29t23:59:59.123456789z"), 1709251199123456);
  for (const char* bad : {"", "2026-12-01", "2026-12-01T00:00:00", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z",
                          "2026-12-01T24:00:00Z", "2026-12-01T00:00:00Z ", "2026-12-01 00:00:00Z", "tomorrow",
                          "2026-12-01T00:00:00.Z", "2026-12-01T00:00:00+3"}) {
    EXPECT_EQ(parse_iso_time(bad), std::nullopt) << bad;
  }
}

}  // namespace fairlead::access
