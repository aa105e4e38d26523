#include "safety/policy/internal/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "safety/pii/entities.h"
#include "safety/pii/validity.h"
#include "safety/policy/internal/dates.h"
#include "safety/policy/internal/inflection.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr int kTries = 3'000;  // a letter mod 26 beside a month's letter is right once in a few hundred

std::string digits_of(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (is_digit(static_cast<unsigned char>(c))) out += c;
  return out;
}

// `layout` with its digits replaced, one after another.
std::string laid_out(std::string_view layout, std::string_view digits) {
  std::string out(layout);
  std::size_t next = 0;
  for (char& c : out)
    if (is_digit(static_cast<unsigned char>(c)) && next < digits.size()) c = digits[next++];
  return out;
}

// Each digit another digit, each letter another of its kind, from the character `from` on.
std::string like(std::string_view original, Chance& chance, std::size_t from = 0) {
  constexpr char32_t kPlate[] = U"АВЕКМНОРСТУХ";
  std::string out;
  bool first_digit = true;
  for (std::size_t at = 0, index = 0; at < original.size(); ++index) {
    const Character one = character_at(original, at);
    at += std::max<std::size_t>(one.size, 1);
    char32_t c = one.value;
    if (is_digit(c)) {
      if (index >= from)
        c = first_digit && c != '0' ? '1' + static_cast<char32_t>(chance.below(9))
                                    : '0' + static_cast<char32_t>(chance.below(10));
      first_digit = false;
    } else if (index >= from && is_letter(c)) {
      const bool capital = is_upper(c);
      c = is_cyrillic(c) ? kPlate[chance.below(12)] : U'A' + static_cast<char32_t>(chance.below(26));
      if (!capital) c = lower(c);
    }
    append(out, c);
  }
  return out;
}

char luhn_digit(std::string_view without) {
  int sum = 0;
  for (std::size_t i = 0; i < without.size(); ++i) {
    int digit = without[without.size() - 1 - i] - '0';
    if (i % 2 == 0 && (digit *= 2) > 9) digit -= 9;
    sum += digit;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

// Ranges of numbers with which issuers let one test.
std::string_view test_range(std::string_view card) {
  const auto begins = [card](std::string_view with) { return card.starts_with(with); };
  if (begins("4")) return "411111";
  if (begins("220")) return "220000";
  if (begins("22") || begins("23") || begins("24") || begins("25") || begins("26") || begins("27")) return "222300";
  if (begins("5")) return "555555";
  if (begins("34") || begins("37")) return "378282";
  if (begins("35")) return "353011";
  if (begins("30") || begins("36") || begins("38")) return "305693";
  if (begins("62") || begins("81")) return "620000";
  if (begins("60") || begins("64") || begins("65")) return "601111";
  return card.substr(0, 1);
}

std::string card(std::string_view original, Chance& chance) {
  const std::string old = digits_of(original);
  std::string made(test_range(old));
  while (made.size() + 1 < old.size()) made += chance.digit();
  made.resize(old.size() - 1);
  made += luhn_digit(made);
  return laid_out(original, made);
}

std::string iban(std::string_view original, Chance& chance) {
  const std::string old = compact(original);
  std::string made = old;
  for (std::size_t i = 4; i < made.size(); ++i)
    if (is_digit(static_cast<unsigned char>(made[i]))) made[i] = chance.digit();
  int rest = 0;
  for (const char c : made.substr(4) + made.substr(0, 2) + "00") {
    if (is_digit(static_cast<unsigned char>(c)))
      rest = (rest * 10 + (c - '0')) % 97;
    else
      rest = (rest * 100 + (c - 'A' + 10)) % 97;
  }
  made.replace(2, 2, fmt::format("{:02}", 98 - rest));
  std::string out;
  std::size_t next = 0;
  for (const char c : original)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 && next < made.size() ? made[next++] : c;
  return out;
}

std::string email(Chance& chance) {
  constexpr std::string_view kDomains[] = {"example.com", "example.org", "example.net"};
  const auto names = latin_spares(LatinPart::kSurname);
  return fmt::format("{}.{}{}@{}", static_cast<char>('a' + chance.below(26)), names[chance.below(names.size())],
                     chance.below(900) + 100, kDomains[chance.below(3)]);
}

// A locally administered one.
std::string mac(std::string_view original, Chance& chance) {
  std::string out(original);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (std::isxdigit(static_cast<unsigned char>(out[i])) != 0)
      out[i] = i == 0 ? '0' : i == 1 ? '2' : "0123456789abcdef"[chance.below(16)];
  return out;
}

std::string address_of_page(std::string_view original, Chance& chance) {
  const std::size_t scheme_end = original.find("://");
  const std::string_view scheme =
      scheme_end == std::string_view::npos ? std::string_view() : original.substr(0, scheme_end + 3);
  const std::string_view rest = original.substr(scheme.size());
  std::string out(scheme);
  if (rest.starts_with("www.")) out += "www.";
  out += fmt::format("site{:05}.example.com", chance.below(100'000));
  if (rest.find('/') != std::string_view::npos && !rest.ends_with('/'))
    out += fmt::format("/{:08x}", static_cast<std::uint32_t>(chance.next()));
  else if (rest.ends_with('/'))
    out += '/';
  return out;
}

std::string ip(std::string_view original, Chance& chance) {
  if (original.find(':') != std::string_view::npos)
    return fmt::format("2001:db8:{:x}:{:x}::{:x}", chance.below(65'536), chance.below(65'536),
                       chance.below(65'535) + 1);
  constexpr std::string_view kDocumentation[] = {"192.0.2", "198.51.100", "203.0.113"};  // RFC 5737
  const std::size_t port = original.find('/');
  const std::string behind(port == std::string_view::npos ? std::string_view() : original.substr(port));
  const std::size_t pick = chance.below(6);
  if (pick < 3) return fmt::format("{}.{}", kDocumentation[pick], chance.below(254) + 1) + behind;
  return fmt::format("198.{}.{}.{}", 18 + chance.below(2), chance.below(256), chance.below(254) + 1) +
         behind;  // RFC 2544
}

std::string phone(std::string_view original, Chance& chance) {
  std::string digits = digits_of(original);
  const bool american = digits.size() == 10 || (digits.size() == 11 && digits[0] == '1');
  const bool plus = original.find('+') != std::string_view::npos;
  if (american && (!plus || digits[0] == '1')) {
    const std::size_t area = digits.size() - 10;
    digits.replace(area + 3, 3, "555");
    for (std::size_t i = area + 6; i < digits.size(); ++i) digits[i] = chance.digit();
  } else {
    const std::size_t changed = std::min<std::size_t>(7, digits.size() > 4 ? digits.size() - 2 : digits.size());
    for (std::size_t i = digits.size() - changed; i < digits.size(); ++i) digits[i] = chance.digit();
  }
  return laid_out(original, digits);
}

std::string street(std::string_view original, Chance& chance) {
  bool cyrillic = false;
  for (std::size_t at = 0; at < original.size();) {
    const Character one = character_at(original, at);
    cyrillic |= is_cyrillic(one.value);
    at += std::max<std::size_t>(one.size, 1);
  }
  const auto names = streets(cyrillic);
  const std::string_view name = names[chance.below(names.size())];
  if (!cyrillic) return fmt::format("{} {}", chance.below(980) + 11, name);
  std::string out = fmt::format("ул. {}, д. {}", name, chance.below(180) + 3);
  if (original.find("кв") != std::string_view::npos) out += fmt::format(", кв. {}", chance.below(240) + 2);
  return out;
}

std::string company(std::string_view original, Chance& chance) {
  // The legal form and the quotes stay.
  constexpr std::string_view kBefore[] = {"ООО ", "ОАО ", "ЗАО ", "ПАО ", "АО ", "ИП ", "ФГУП ", "НКО "};
  constexpr std::string_view kBehind[] = {", Inc.", " Inc.", " Inc", " LLC",   " Ltd.", " Ltd",
                                          " GmbH",  " AG",   " plc", " Corp.", " Corp", " Co."};
  std::string before, behind;
  for (const std::string_view one : kBefore)
    if (original.starts_with(one)) before = one;
  for (const std::string_view one : kBehind)
    if (behind.empty() && original.ends_with(one)) behind = one;
  std::string_view inner = original.substr(before.size(), original.size() - before.size() - behind.size());
  constexpr std::pair<std::string_view, std::string_view> kQuotes[] = {
      {"«", "»"}, {"\"", "\""}, {"“", "”"}, {"„", "“"}};
  for (const auto& [open, close] : kQuotes) {
    if (!inner.starts_with(open) || !inner.ends_with(close) || inner.size() <= open.size() + close.size()) continue;
    before += open;
    behind = std::string(close) + behind;
    inner = inner.substr(open.size(), inner.size() - open.size() - close.size());
    break;
  }
  bool cyrillic = false;
  for (std::size_t at = 0; at < inner.size();) {
    const Character one = character_at(inner, at);
    cyrillic |= is_cyrillic(one.value);
    at += std::max<std::size_t>(one.size, 1);
  }
  const auto names = companies(cyrillic);
  std::string name(names[chance.below(names.size())]);
  if (chance.below(3) == 0) name += fmt::format("-{}", chance.below(90) + 10);
  return before + name + behind;
}

std::optional<std::vector<Pair>> moved_date(std::string_view original, int days) {
  const auto date = read_date(original);
  if (!date) return std::nullopt;
  int year = date->year, month = date->month, day = date->day;
  move_date(year, month, day, days);
  std::vector<Pair> out{{write_date(*date, year, month, day), std::string(original), Written::kAsWords}};
  if (date->year != 0) {
    const auto made = ways_to_write(year, month, day), of = ways_to_write(date->year, date->month, date->day);
    for (std::size_t i = 0; i < made.size(); ++i) out.push_back({made[i], of[i], Written::kAsWords});
  }
  return out;
}

bool is_number(std::string_view text) {
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    if (is_digit(one.value)) ++digits;
    if (is_letter(one.value) || one.size == 0) return false;
    at += one.size;
  }
  return digits >= 4;
}

std::vector<Pair> one(std::string made, std::string_view original, Written written) {
  return {{std::move(made), std::string(original), written}};
}

std::vector<Pair> phone_pairs(std::string made, std::string_view original) {
  std::vector<Pair> out = one(made, original, Written::kAsNumber);
  const auto bare = [](std::string_view text) {
    const std::size_t at = text.find('+');
    return std::string(at == std::string_view::npos ? text : text.substr(at + 1));
  };
  if (bare(made) != made) out.push_back({bare(made), bare(original), Written::kAsNumber});
  const std::string digits = digits_of(made), of = digits_of(original);
  if (digits.size() == 11 && (digits[0] == '7' || digits[0] == '8') && of.size() == 11) {  // as Russians dial it
    const std::string other = digits[0] == '7' ? "8" : "7", from = digits[0] == '7' ? "8" : "+7";
    if (digits[0] == '8') out.push_back({"+7" + digits.substr(1), "+7" + of.substr(1), Written::kAsNumber});
    out.push_back({other + digits.substr(1), from + of.substr(1), Written::kAsNumber});
  }
  return out;
}

}  // namespace

std::uint64_t Chance::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

std::optional<std::vector<Pair>> make_up(std::string_view entity, std::string_view original, int days, Chance& chance) {
  if (!is_plain(original)) return std::nullopt;
  const std::string old = compact(original);
  if (entity == pii::kDateTime || entity == pii::kDateOfBirth) {
    if (auto moved = moved_date(original, days)) return moved;
  }
  if (entity == pii::kEmailAddress) return one(email(chance), original, Written::kAsWords);
  if (entity == pii::kDomainName) return one(address_of_page(original, chance), original, Written::kAsWords);
  if (entity == pii::kIpAddress) return one(ip(original, chance), original, Written::kAsWords);
  if (entity == pii::kStreetAddress) return one(street(original, chance), original, Written::kAsWords);
  if (entity == pii::kOrganization) return one(company(original, chance), original, Written::kAsWords);
  if (entity == pii::kPhoneNumber && digits_of(original).size() >= 5)
    return phone_pairs(phone(original, chance), original);
  if (entity == pii::kCreditCard && old.size() >= 12 && digits_of(original) == old)
    return one(card(original, chance), original, Written::kAsNumber);
  if (entity == pii::kIbanCode && pii::could_be(entity, old))
    return one(iban(original, chance), original, Written::kAsNumber);
  const bool keeps_rule = pii::could_be(entity, old);
  const bool number = is_number(original);
  for (int tries = 0; tries < kTries; ++tries) {
    std::string made = entity == pii::kUsSsn
                           ? laid_out(original, fmt::format("9{:02}00{:04}", chance.below(100), chance.below(10'000)))
                       : entity == pii::kMacAddress    ? mac(original, chance)
                       : entity == pii::kCryptoAddress ? like(original, chance, 4)
                                                       : like(original, chance);
    if (keeps_rule && !pii::could_be(entity, compact(made))) continue;
    if (made == original) continue;
    return one(std::move(made), original, number ? Written::kAsNumber : Written::kAsWords);
  }
  return std::nullopt;
}

std::string less_exact_date(std::string_view text, bool year_alone) {
  const auto date = read_date(text);
  if (!date || date->year == 0) return {};
  return year_alone ? fmt::format("{:04}", date->year) : fmt::format("{:04}-{:02}", date->year, date->month);
}

}  // namespace fairlead::policy
