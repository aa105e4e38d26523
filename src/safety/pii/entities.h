// The names of what is found. Where the public data sets have a name, it is theirs (docs/reference/privacy.md).
#pragma once
#include <span>
#include <string_view>

namespace fairlead::pii {

inline constexpr std::string_view kCreditCard = "CREDIT_CARD", kIbanCode = "IBAN_CODE", kEmailAddress = "EMAIL_ADDRESS",
                                  kDomainName = "DOMAIN_NAME", kIpAddress = "IP_ADDRESS", kMacAddress = "MAC_ADDRESS",
                                  kPhoneNumber = "PHONE_NUMBER", kCryptoAddress = "CRYPTO_ADDRESS",
                                  kDateTime = "DATE_TIME", kDateOfBirth = "DATE_OF_BIRTH", kPassport = "PASSPORT",
                                  kBankAccount = "BANK_ACCOUNT", kUsSsn = "US_SSN", kUsItin = "US_ITIN",
                                  kUsDriverLicense = "US_DRIVER_LICENSE", kUsBankRouting = "US_BANK_ROUTING",
                                  kUkNhs = "UK_NHS", kUkNino = "UK_NINO", kDeTaxId = "DE_TAX_ID", kFrNir = "FR_NIR",
                                  kEsDni = "ES_DNI", kEsNie = "ES_NIE", kItFiscalCode = "IT_FISCAL_CODE",
                                  kPlPesel = "PL_PESEL", kNlBsn = "NL_BSN", kRuInn = "RU_INN", kRuSnils = "RU_SNILS",
                                  kRuOgrn = "RU_OGRN", kRuOgrnip = "RU_OGRNIP", kRuKpp = "RU_KPP", kRuBik = "RU_BIK",
                                  kRuBankAccount = "RU_BANK_ACCOUNT", kRuOms = "RU_OMS", kRuPassport = "RU_PASSPORT",
                                  kRuCarPlate = "RU_CAR_PLATE", kSecret = "SECRET";
// What the tagger of names finds.
inline constexpr std::string_view kPerson = "PERSON", kGpe = "GPE", kOrganization = "ORGANIZATION",
                                  kStreetAddress = "STREET_ADDRESS", kZipCode = "ZIP_CODE", kTitle = "TITLE",
                                  kNrp = "NRP", kAge = "AGE";

struct EntityInfo {
  std::string_view name;
  std::string_view what;  // for a person: "payment card number"
};
// All that this program finds, in the order that decides between spans that are otherwise alike: names come last.
std::span<const EntityInfo> entities();
bool is_entity(std::string_view name);
bool is_of_names(std::string_view entity);  // found by the tagger, not by patterns

}  // namespace fairlead::pii
