#include <gtest/gtest.h>
#include <phonenumbers/phonenumberutil.h>

#include <random>
#include <set>

#include "safety/pii/internal/phone_plans.h"

namespace fairlead::pii {
namespace {

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

bool valid_by_library(const std::string& text, const std::string& region) {
  PhoneNumber number;
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  return util.Parse(text, region, &number) == PhoneNumberUtil::NO_PARSING_ERROR && util.IsValidNumber(number);
}

std::string digits_only(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c >= '0' && c <= '9') out += c;
  return out;
}

TEST(PhonePlans, AgreesWithTheLibraryOnExamplesOfEveryRegion) {
  std::set<std::string> regions;
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  util.GetSupportedRegions(&regions);
  std::size_t checked = 0, international = 0, national = 0;
  for (const std::string& region : regions) {
    for (const auto type : {PhoneNumberUtil::FIXED_LINE, PhoneNumberUtil::MOBILE, PhoneNumberUtil::TOLL_FREE}) {
      PhoneNumber example;
      if (!util.GetExampleNumberForType(region, type, &example)) continue;
      std::string text;
      ++checked;
      util.Format(example, PhoneNumberUtil::E164, &text);
      international += PhonePlans::instance().valid_international(digits_only(text)) ? 1U : 0U;
      util.Format(example, PhoneNumberUtil::NATIONAL, &text);
      national += PhonePlans::instance().valid_national(digits_only(text), region) ? 1U : 0U;
    }
  }
  EXPECT_GT(checked, 600U);
  EXPECT_EQ(international, checked);
  EXPECT_GE(national, checked * 98 / 100) << "of " << checked;  // not all prefixes are taken off as the library does
}

TEST(PhonePlans, AgreesWithTheLibraryOnRandomNumbers) {
  std::mt19937 random(7);
  std::size_t different = 0, valid = 0;
  constexpr int kNumbers = 6'000;
  for (int i = 0; i < kNumbers; ++i) {
    constexpr const char* kRegions[] = {"US", "GB", "RU", "DE", "FR", "ES", "IT", "PL", "NL", "KZ"};
    const std::string region = kRegions[random() % 10];
    std::string digits;
    const std::size_t size = 8 + random() % 5;
    for (std::size_t j = 0; j < size; ++j) digits += static_cast<char>('0' + random() % 10);
    if (region == "RU" && random() % 2 == 0) digits = "89" + digits.substr(0, 9);
    const bool library = valid_by_library(digits, region);
    valid += library ? 1U : 0U;
    different += library != PhonePlans::instance().valid_national(digits, region) ? 1U : 0U;
  }
  EXPECT_GT(valid, 500U);
  EXPECT_LE(different, kNumbers / 100) << "differences";
}

TEST(PhonePlans, RefusesWhatIsNone) {
  EXPECT_FALSE(PhonePlans::instance().valid_international("15555555555555"));
  EXPECT_FALSE(PhonePlans::instance().valid_national("1234", "US"));
  EXPECT_FALSE(PhonePlans::instance().valid_national("4155552671", "XX"));
  EXPECT_FALSE(PhonePlans::instance().knows("XX"));
}

}  // namespace
}  // namespace fairlead::pii
