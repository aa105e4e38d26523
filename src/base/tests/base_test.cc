#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/clock.h"
#include "base/code_pages.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/result.h"
#include "base/suggest.h"

namespace fairlead {
namespace {

long pages_of_files() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0, shared = 0;
  statm >> size >> resident >> shared;
  return shared;
}

TEST(CodePages, GoAndComeBackWhenTheyAreWanted) {
  const long before = pages_of_files();
  ASSERT_GT(before, 0);
  release_code_pages();
  EXPECT_LT(pages_of_files(), before * 3 / 4);
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, MatchesThePublishedVectors) {
  // FIPS 180-4 example "abc"; RFC 4231 test cases 1 and 6.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, OfPartsIsTheDigestOfTheWhole) {
  Sha256Stream stream;
  stream.update("a");
  stream.update("bc");
  EXPECT_EQ(to_hex(stream.finish()), sha256_hex("abc"));
}

TEST(Digest, reads_hex_of_either_case_and_nothing_else) {
  EXPECT_EQ(from_hex("00fFa1"), std::string("\x00\xff\xa1", 3));
  EXPECT_EQ(from_hex(""), "");
  for (const char* bad : {"0", "0g", "g0", " 0", "0x"}) EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
}

TEST(Digest, Base64UrlIsUnpadded) {  // RFC 4648 §10
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
}

TEST(Digest, ComparesWhole) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST(Id, SortsByTimeAndWithinAMillisecond) {
  std::string last = new_id(1'700'000'000'000'000);
  EXPECT_TRUE(is_id(last));
  for (int i = 0; i < 1000; ++i) {
    std::string next = new_id(1'700'000'000'000'000);
    EXPECT_LT(last, next);
    last = next;
  }
  EXPECT_LT(last, new_id(1'700'000'000'001'000));
  EXPECT_EQ(new_id(1'469'922'850'259'000).substr(0, 10), "01ARZ3NDEK");  // the ULID specification's time
}

TEST(Clock, WritesIso8601) {
  EXPECT_EQ(iso8601(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso8601(1'700'000'000'123'456), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(iso8601(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(Suggest, FindsASlipAndNothingElse) {
  const std::vector<std::string> names{"locale", "question", "tier"};
  EXPECT_EQ(nearest("localle", names), "locale");
  EXPECT_EQ(nearest("qeustion", names), "question");
  EXPECT_EQ(nearest("budget", names), "");
  EXPECT_EQ(did_you_mean("teir", names), " Did you mean `tier`?");
}

Result<int> half(int n) {
  if (n % 2) return fail(ErrorKind::kInvalid, "odd", "an odd number has no half");
  return n / 2;
}
Result<int> quarter(int n) {
  FAIRLEAD_TRY(const int h, half(n));
  FAIRLEAD_CHECK(half(h));
  return half(h);
}

TEST(Result, TriesAndChecks) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().code, "odd");
  EXPECT_EQ(http_status(quarter(3).error().kind), 400);
}

TEST(Base64, IsReadInEitherAlphabetAndNothingElseIs) {
  std::string out;
  for (const std::string_view text : {"-_-_AA", "+/+/AA==", "+/+/AA="}) {
    EXPECT_TRUE(from_base64(text, out)) << text;
    EXPECT_EQ(out, "\xFB\xFF\xBF" + std::string(1, '\0')) << text;
  }
  for (const std::string_view text : {"A", "AAAA====", "AA AA", "AAAA\n", "é"})
    EXPECT_FALSE(from_base64(text, out)) << text;
}

}  // namespace
}  // namespace fairlead
