#include "safety/pii/internal/checks.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace fairlead::pii {
namespace {

TEST(Checks, KnowTheSchemesOfCards) {
  EXPECT_EQ(card_scheme("4111111111111111"), "Visa");
  EXPECT_EQ(card_scheme("2200000000000000"), "Mir");
  EXPECT_EQ(card_scheme("2204000000000000"), "Mir");
  EXPECT_EQ(card_scheme("2221000000000000"), "Mastercard");
  EXPECT_EQ(card_scheme("2720990000000000"), "Mastercard");
  EXPECT_EQ(card_scheme("2205000000000000"), "");
  EXPECT_EQ(card_scheme("2721000000000000"), "");
  EXPECT_EQ(card_scheme("378282246310005"), "American Express");
  EXPECT_EQ(card_scheme("9999000000000000"), "");
}

// One wrong digit is seen by every one of these checks.
TEST(Checks, SeeAWrongDigit) {
  struct Case {
    bool (*holds)(std::string_view);
    std::string_view digits;
  };
  constexpr Case kCases[] = {{luhn, "4111111111111111"}, {us_aba, "021081875"},       {uk_nhs, "3649599716"},
                             {de_tax_id, "22381567927"}, {fr_nir, "185057518878327"}, {pl_pesel, "92031650301"},
                             {nl_bsn, "140340269"},      {ru_inn, "7794580730"},      {ru_inn, "503230964070"},
                             {ru_snils, "65917128729"},  {ru_oms, "7765646850597964"}};
  for (const Case& one : kCases) {
    EXPECT_TRUE(one.holds(one.digits)) << one.digits;
    for (std::size_t i = 0; i < one.digits.size(); ++i) {
      std::string wrong(one.digits);
      wrong[i] = static_cast<char>('0' + (digit(wrong[i]) + 1) % 10);
      EXPECT_FALSE(one.holds(wrong)) << wrong;
    }
  }
}

// Who makes up a number asks about any text: the table of values is one of capitals.
TEST(Checks, OfFiscalCodesKnowCapitalsAlone) {
  EXPECT_TRUE(it_fiscal_code("RSSMRA85T10A562S"));
  for (const char* const text : {"rssmra85t10a562s", "RSSMRA85T10A56zS", "\xff\xffSMRA85T10A562S"})
    EXPECT_FALSE(it_fiscal_code(text)) << text;
}

TEST(Checks, TieAnAccountToItsBank) {
  EXPECT_TRUE(ru_account_of("40702810493976242331", "044525225"));
  EXPECT_FALSE(ru_account_of("40702810493976242331", "044525226"));
  EXPECT_FALSE(ru_account_of("40702810493976242332", "044525225"));
  EXPECT_TRUE(ru_account_of("30101810400000000225", "044525225"));  // a correspondent account at the Bank of Russia
}

TEST(Checks, HashWithKeccak) {
  EXPECT_EQ(to_hex(keccak256("")), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  EXPECT_EQ(to_hex(keccak256("abc")), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

TEST(Checks, ReadCapitalsOfEthereumAddresses) {
  for (const std::string_view one :
       {"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "D1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"})
    EXPECT_TRUE(eip55(one)) << one;
  EXPECT_FALSE(eip55("5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"));
  EXPECT_TRUE(eip55("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")) << "no checksum was written";
}

TEST(Checks, KnowTheLengthOfEachCountrysIban) {
  EXPECT_EQ(iban_length("DE"), 22U);
  EXPECT_EQ(iban_length("RU"), 33U);
  EXPECT_EQ(iban_length("XX"), 0U);
  EXPECT_TRUE(iban("RU0204452560040702810412345678901"));
}

TEST(Checks, KnowTheCalendar) {
  EXPECT_TRUE(date(2024, 2, 29));
  EXPECT_FALSE(date(2023, 2, 29));
  EXPECT_FALSE(date(1900, 2, 29));
  EXPECT_FALSE(date(2024, 13, 1));
}

}  // namespace
}  // namespace fairlead::pii
