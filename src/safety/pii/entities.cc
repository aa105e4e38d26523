#include "safety/pii/entities.h"

#include <algorithm>

namespace fairlead::pii {
namespace {

constexpr EntityInfo kEntities[] = {
    {kSecret, "key, token or password"},
    {kEmailAddress, "e-mail address"},
    {kIbanCode, "international bank account number"},
    {kCreditCard, "payment card number"},
    {kCryptoAddress, "address of a cryptocurrency"},
    {kUsSsn, "US social security number"},
    {kUsItin, "US individual taxpayer number"},
    {kRuSnils, "Russian insurance number (SNILS)"},
    {kRuInn, "Russian taxpayer number (INN)"},
    {kRuOgrnip, "Russian entrepreneur's registration (OGRNIP)"},
    {kRuOgrn, "Russian company registration (OGRN)"},
    {kRuOms, "Russian health insurance policy (OMS)"},
    {kRuBankAccount, "Russian bank account"},
    {kRuBik, "Russian bank code (BIK)"},
    {kRuKpp, "Russian tax registration reason (KPP)"},
    {kRuPassport, "Russian passport"},
    {kRuCarPlate, "Russian car plate"},
    {kPlPesel, "Polish PESEL"},
    {kDeTaxId, "German tax id"},
    {kFrNir, "French social security number (NIR)"},
    {kEsDni, "Spanish DNI"},
    {kEsNie, "Spanish NIE"},
    {kItFiscalCode, "Italian fiscal code"},
    {kNlBsn, "Dutch BSN"},
    {kUkNhs, "UK NHS number"},
    {kUkNino, "UK national insurance number"},
    {kPhoneNumber, "phone number"},
    {kUsDriverLicense, "US driving licence"},
    {kPassport, "passport"},
    {kUsBankRouting, "US bank routing number (ABA)"},
    {kBankAccount, "bank account"},
    {kMacAddress, "MAC address"},
    {kIpAddress, "IP address"},
    {kDateOfBirth, "date of birth"},
    {kDateTime, "date"},
    {kDomainName, "URL or host name"},
    {kStreetAddress, "street address"},
    {kPerson, "name of a person"},
    {kOrganization, "name of an organisation"},
    {kGpe, "country, region or town"},
    {kZipCode, "postal code"},
    {kNrp, "nationality, religion or political group"},
    {kTitle, "form of address or job"},
    {kAge, "age"},
};
constexpr std::size_t kOfNames = 8;  // the last ones

}  // namespace

std::span<const EntityInfo> entities() {
  return kEntities;
}

bool is_entity(std::string_view name) {
  return std::ranges::find(kEntities, name, &EntityInfo::name) != std::end(kEntities);
}

bool is_of_names(std::string_view entity) {
  return std::ranges::find(std::end(kEntities) - kOfNames, std::end(kEntities), entity, &EntityInfo::name) !=
         std::end(kEntities);
}

}  // namespace fairlead::pii
