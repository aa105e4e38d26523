#include "safety/pii/validity.h"

#include <algorithm>

#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

struct Rule {
  std::string_view entity;
  std::size_t least, most;  // characters
  bool digits;              // and nothing else
  bool (*holds)(std::string_view);
};

constexpr Rule kRules[] = {
    {kCreditCard, 12, 19, true, luhn},
    {kIbanCode, 15, 34, false, iban},
    {kUsItin, 9, 9, true, us_itin},
    {kUsBankRouting, 9, 9, true, us_aba},
    {kUkNhs, 10, 10, true, uk_nhs},
    {kUkNino, 9, 9, false, uk_nino},
    {kDeTaxId, 11, 11, true, de_tax_id},
    {kFrNir, 15, 15, false, fr_nir},
    {kEsDni, 9, 9, false, es_dni},
    {kEsNie, 9, 9, false, es_nie},
    {kItFiscalCode, 16, 16, false, it_fiscal_code},
    {kPlPesel, 11, 11, true, pl_pesel},
    {kNlBsn, 9, 9, true, nl_bsn},
    {kRuInn, 10, 12, true, ru_inn},
    {kRuSnils, 11, 11, true, ru_snils},
    {kRuOgrn, 13, 13, true, ru_ogrn},
    {kRuOgrnip, 15, 15, true, ru_ogrnip},
    {kRuOms, 16, 16, true, ru_oms},
};

}  // namespace

bool could_be(std::string_view entity, std::string_view compact) {
  const auto* const rule = std::ranges::find(kRules, entity, &Rule::entity);
  if (rule == std::end(kRules)) return true;
  if (compact.size() < rule->least || compact.size() > rule->most) return false;
  if (rule->digits && !std::ranges::all_of(compact, is_digit)) return false;
  return rule->holds(compact);
}

}  // namespace fairlead::pii
