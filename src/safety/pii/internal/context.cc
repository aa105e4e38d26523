#include "safety/pii/internal/context.h"

#include <algorithm>
#include <string>

#include "safety/pii/internal/normalise.h"

namespace fairlead::pii {
namespace {

using enum Topic;
constexpr Topics operator|(Topic a, Topic b) {
  return bit(a) | bit(b);
}
constexpr bool kStem = true;

constexpr ContextWord kWords[] = {
    {"card", bit(kCard), kStem},
    {"visa", bit(kCard)},
    {"mastercard", bit(kCard)},
    {"amex", bit(kCard)},
    {"cc", bit(kCard)},
    {"debit", bit(kCard)},
    {"credit", bit(kCard)},
    {"maestro", bit(kCard)},
    {"карт", bit(kCard), kStem},
    {"мир", bit(kCard)},
    {"iban", bit(kIban)},
    {"bank account", kIban | kAccount},
    {"ибан", bit(kIban)},
    {"phone", bit(kPhone), kStem},
    {"telephone", bit(kPhone)},
    {"tel", bit(kPhone)},
    {"call", bit(kPhone), kStem},
    {"mobile", bit(kPhone)},
    {"cell", bit(kPhone), kStem},
    {"fax", bit(kPhone)},
    {"sms", bit(kPhone)},
    {"text me", bit(kPhone)},
    {"whatsapp", bit(kPhone)},
    {"viber", bit(kPhone)},
    {"telegram", bit(kPhone)},
    {"contact", bit(kPhone) | kWeak, kStem},
    {"reach me", bit(kPhone)},
    {"dial", bit(kPhone)},
    {"ring", bit(kPhone)},
    {"hotline", bit(kPhone)},
    {"office", bit(kPhone) | kWeak},
    {"desk", bit(kPhone) | kWeak},
    {"messages to", bit(kPhone) | kWeak},
    {"registered", bit(kPhone) | kWeak},
    {"answering", bit(kPhone) | kWeak},
    {"number is", bit(kPhone) | kWeak},
    {"my number", bit(kPhone) | kWeak},
    {"телефон", bit(kPhone), kStem},
    {"тел", bit(kPhone)},
    {"звон", bit(kPhone), kStem},
    {"позвон", bit(kPhone), kStem},
    {"перезвон", bit(kPhone), kStem},
    {"созвон", bit(kPhone), kStem},
    {"набер", bit(kPhone), kStem},
    {"моб", bit(kPhone)},
    {"мобильн", bit(kPhone), kStem},
    {"сотов", bit(kPhone), kStem},
    {"факс", bit(kPhone), kStem},
    {"ватсап", bit(kPhone), kStem},
    {"вотсап", bit(kPhone), kStem},
    {"вайбер", bit(kPhone), kStem},
    {"телеграм", bit(kPhone), kStem},
    {"свяж", bit(kPhone), kStem},
    {"связ", bit(kPhone), kStem},
    {"смс", bit(kPhone), kStem},
    {"номер", bit(kPhone) | kWeak, kStem},
    {"контакт", bit(kPhone), kStem},
    {"ssn", bit(kSsn)},
    {"social security", bit(kSsn)},
    {"ss#", bit(kSsn)},
    {"соцстрах", bit(kSsn), kStem},
    {"itin", bit(kItin)},
    {"taxpayer", kItin | kSsn},
    {"individual taxpayer", bit(kItin)},
    {"tax id", kItin | kDeTax},
    {"driver's license", bit(kLicence)},
    {"driver’s license", bit(kLicence)},
    {"drivers license", bit(kLicence)},
    {"driver license", bit(kLicence)},
    {"driving licence", bit(kLicence)},
    {"driving license", bit(kLicence)},
    {"driver's licence", bit(kLicence)},
    {"driver licence", bit(kLicence)},
    {"dl", bit(kLicence)},
    {"dl#", bit(kLicence)},
    {"водительск", bit(kLicence), kStem},
    {"права", bit(kLicence)},
    {"удостоверени", bit(kLicence), kStem},
    {"passport", bit(kPassport), kStem},
    {"паспорт", bit(kPassport), kStem},
    {"загранпаспорт", bit(kPassport), kStem},
    {"серия", bit(kPassport)},
    {"reisepass", bit(kPassport)},
    {"passeport", bit(kPassport)},
    {"pasaporte", bit(kPassport)},
    {"account", bit(kAccount), kStem},
    {"acct", bit(kAccount)},
    {"a/c", bit(kAccount)},
    {"checking", bit(kAccount)},
    {"savings", bit(kAccount)},
    {"konto", bit(kAccount), kStem},
    {"routing", bit(kRouting)},
    {"aba", bit(kRouting)},
    {"rtn", bit(kRouting)},
    {"transit", bit(kRouting)},
    {"nhs", bit(kNhs)},
    {"national health", bit(kNhs)},
    {"nino", bit(kNino)},
    {"national insurance", bit(kNino)},
    {"ni number", bit(kNino)},
    {"steuer", bit(kDeTax), kStem},
    {"steueridentifikationsnummer", bit(kDeTax)},
    {"identifikationsnummer", bit(kDeTax)},
    {"idnr", bit(kDeTax)},
    {"german tax", bit(kDeTax)},
    {"tin", bit(kDeTax)},
    {"nir", bit(kNir)},
    {"sécurité sociale", bit(kNir)},
    {"securite sociale", bit(kNir)},
    {"insee", bit(kNir)},
    {"numéro de sécu", bit(kNir)},
    {"french social", bit(kNir)},
    {"dni", bit(kDni)},
    {"nie", bit(kDni)},
    {"nif", bit(kDni)},
    {"documento nacional", bit(kDni)},
    {"spanish id", bit(kDni)},
    {"codice fiscale", bit(kFiscalCode)},
    {"fiscal code", bit(kFiscalCode)},
    {"c.f.", bit(kFiscalCode)},
    {"pesel", bit(kPesel)},
    {"bsn", bit(kBsn)},
    {"burgerservicenummer", bit(kBsn)},
    {"sofinummer", bit(kBsn)},
    {"sofi", bit(kBsn)},
    {"инн", bit(kInn)},
    {"inn", bit(kInn)},
    {"налогоплательщик", bit(kInn), kStem},
    {"снилс", bit(kSnils), kStem},
    {"snils", bit(kSnils)},
    {"пенсионн", bit(kSnils), kStem},
    {"страховое свидетельство", bit(kSnils)},
    {"огрн", bit(kOgrn)},
    {"ogrn", bit(kOgrn)},
    {"огрнип", bit(kOgrn)},
    {"ogrnip", bit(kOgrn)},
    {"госрегистрац", bit(kOgrn), kStem},
    {"кпп", bit(kKpp)},
    {"kpp", bit(kKpp)},
    {"бик", bit(kBik)},
    {"bik", bit(kBik)},
    {"bic", bit(kBik)},
    {"счет", kRuAccount | kAccount, kStem},
    {"счёт", kRuAccount | kAccount, kStem},
    {"р/с", bit(kRuAccount)},
    {"р/сч", bit(kRuAccount)},
    {"к/с", bit(kRuAccount)},
    {"л/с", bit(kRuAccount)},
    {"расчетн", bit(kRuAccount), kStem},
    {"расчётн", bit(kRuAccount), kStem},
    {"омс", bit(kOms)},
    {"полис", bit(kOms), kStem},
    {"енп", bit(kOms)},
    {"oms", bit(kOms)},
    {"медицинск", bit(kOms), kStem},
    {"plate", bit(kPlate), kStem},
    {"license plate", bit(kPlate)},
    {"госномер", bit(kPlate), kStem},
    {"гос. номер", bit(kPlate)},
    {"номерной знак", bit(kPlate)},
    {"авто", bit(kPlate), kStem},
    {"машин", bit(kPlate), kStem},
    {"грз", bit(kPlate)},
    {"birth", bit(kBirth), kStem},
    {"born", bit(kBirth)},
    {"dob", bit(kBirth)},
    {"d.o.b", bit(kBirth)},
    {"b-day", bit(kBirth)},
    {"рожден", bit(kBirth), kStem},
    {"рождён", bit(kBirth), kStem},
    {"родил", bit(kBirth), kStem},
    {"д.р.", bit(kBirth)},
    {"г.р.", bit(kBirth)},
    {"др", bit(kBirth)},
    {"date", bit(kDate)},
    {"dated", bit(kDate)},
    {"on", bit(kDate)},
    {"since", bit(kDate)},
    {"until", bit(kDate)},
    {"дата", bit(kDate)},
    {"password", bit(kSecret), kStem},
    {"passwd", bit(kSecret)},
    {"pwd", bit(kSecret)},
    {"passphrase", bit(kSecret)},
    {"secret", bit(kSecret), kStem},
    {"token", bit(kSecret), kStem},
    {"api key", bit(kSecret)},
    {"apikey", bit(kSecret)},
    {"api_key", bit(kSecret)},
    {"api-key", bit(kSecret)},
    {"access key", bit(kSecret)},
    {"access_key", bit(kSecret)},
    {"secret_key", bit(kSecret)},
    {"private key", bit(kSecret)},
    {"client_secret", bit(kSecret)},
    {"credential", bit(kSecret), kStem},
    {"bearer", bit(kSecret)},
    {"authorization", bit(kSecret)},
    {"пароль", bit(kSecret)},
    {"парол", bit(kSecret), kStem},
    {"токен", bit(kSecret), kStem},
    {"секрет", bit(kSecret), kStem},
    {"ключ", bit(kSecret), kStem},
    {"wallet", bit(kCrypto), kStem},
    {"bitcoin", bit(kCrypto)},
    {"btc", bit(kCrypto)},
    {"eth", bit(kCrypto)},
    {"ethereum", bit(kCrypto)},
    {"crypto", bit(kCrypto), kStem},
    {"кошел", bit(kCrypto), kStem},
    {"биткоин", bit(kCrypto), kStem},
    {"order", bit(kOther), kStem},
    {"invoice", bit(kOther), kStem},
    {"tracking", bit(kOther)},
    {"ticket", bit(kOther), kStem},
    {"version", bit(kOther), kStem},
    {"build", bit(kOther), kStem},
    {"release", bit(kOther)},
    {"timestamp", bit(kOther), kStem},
    {"unix", bit(kOther)},
    {"epoch", bit(kOther)},
    {"price", bit(kOther), kStem},
    {"amount", bit(kOther), kStem},
    {"total", bit(kOther)},
    {"sku", bit(kOther)},
    {"serial", bit(kOther)},
    {"parcel", bit(kOther)},
    {"shipment", bit(kOther)},
    {"ref", bit(kOther)},
    {"reference", bit(kOther)},
    {"request id", bit(kOther)},
    {"trace", bit(kOther), kStem},
    {"latitude", bit(kOther)},
    {"longitude", bit(kOther)},
    {"lat", bit(kOther)},
    {"lon", bit(kOther)},
    {"coordinates", bit(kOther)},
    {"isbn", bit(kOther)},
    {"ean", bit(kOther)},
    {"barcode", bit(kOther)},
    {"commit", bit(kOther)},
    {"case", bit(kOther)},
    {"заказ", bit(kOther), kStem},
    {"накладн", bit(kOther), kStem},
    {"артикул", bit(kOther), kStem},
    {"трек", bit(kOther), kStem},
    {"верси", bit(kOther), kStem},
    {"сборк", bit(kOther), kStem},
    {"сумм", bit(kOther), kStem},
    {"цен", bit(kOther), kStem},
    {"стоимост", bit(kOther), kStem},
    {"заявк", bit(kOther), kStem},
    {"обращени", bit(kOther), kStem},
    {"посылк", bit(kOther), kStem},
    {"координат", bit(kOther), kStem},
    {"штрихкод", bit(kOther), kStem},
    {"договор", bit(kOther), kStem},
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 &&
        std::string_view(R"(\.^$|()[]{}*+?#/)").find(c) != std::string_view::npos)
      out += '\\';
    out += c;
  }
  return out;
}

char32_t upper_of(char32_t code) {
  if (code >= 'a' && code <= 'z') return code - 32;
  if (code >= 0x430 && code <= 0x44F) return code - 0x20;
  if (code == 0x451) return 0x401;
  return code == 0xE9 ? 0xC9 : code;
}

std::string in_capitals(std::string_view text, bool only_first) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    append_utf8(out, only_first && at > 0 ? one.code : upper_of(one.code));
    at += one.size;
  }
  return out;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t back(std::string_view text, std::size_t at, std::size_t characters) {
  while (at > 0 && characters > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) --characters;
  }
  return at;
}

std::size_t ahead(std::string_view text, std::size_t at, std::size_t characters) {
  for (; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && characters-- == 0) break;
  }
  return at;
}

bool only_separators(std::string_view between) {
  return between.find_first_not_of(" \t:=#-\"'`") == std::string_view::npos || between == "№" || between == " №" ||
         between == ": №" || between == " № ";
}

}  // namespace

std::span<const ContextWord> context_words() {
  return kWords;
}

std::vector<Pattern> patterns_of(const ContextWord& word) {
  const bool ascii = std::ranges::all_of(word.text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return {{.expression = escaped(word.text), .any_case = true}};
  return {{.expression = escaped(word.text)},
          {.expression = escaped(in_capitals(word.text, true))},
          {.expression = escaped(in_capitals(word.text, false))}};
}

Near Context::near(std::string_view text, std::size_t start, std::size_t end, Topic topic) const {
  if (hits_.empty()) return {};
  const std::size_t from = back(text, start, kCharactersBefore), to = ahead(text, end, kCharactersBehind);
  Near best;
  const auto consider = [&](const ContextHit& hit, std::size_t first, std::size_t last, std::size_t window) {
    const std::string_view between = text.substr(first, last - first);
    const double nearness = 1 - static_cast<double>(characters(between)) / static_cast<double>(window + 1);
    const ContextWord& word = kWords[hit.word];
    if (best.word.empty() || nearness > best.nearness)
      best = {word.text, nearness, hit.end <= start && between.size() < 8 && only_separators(between),
              (word.topics & kWeak) != 0};
  };
  auto hit = std::ranges::lower_bound(hits_, from, {}, &ContextHit::end);
  for (; hit != hits_.end() && hit->start < to; ++hit) {
    if ((kWords[hit->word].topics & bit(topic)) == 0) continue;
    if (hit->end <= start) consider(*hit, hit->end, start, kCharactersBefore);
    if (hit->start >= end) consider(*hit, end, hit->start, kCharactersBehind);
  }
  return best;
}

}  // namespace fairlead::pii
