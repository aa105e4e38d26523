#include "safety/pii/internal/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kLongestLocal = 64, kLongestDomain = 253, kLongestUrl = 2'000;

bool beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
bool is_local(char c) {  // RFC 5322 atext, and dots; RFC 6532 beyond ASCII
  return is_letter(c) || is_digit(c) || beyond_ascii(c) ||
         std::string_view(".!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}
bool is_domain(char c) {
  return is_letter(c) || is_digit(c) || beyond_ascii(c) || c == '-' || c == '.';
}

// Labels of RFC 1035 with at least one dot, the last of letters. What does not belong to it is cut off behind.
std::size_t domain_end(std::string_view text, std::size_t start) {
  std::size_t end = start;
  while (end < text.size() && end - start < kLongestDomain && is_domain(text[end])) ++end;
  while (end > start && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
  const std::string_view domain = text.substr(start, end - start);
  const std::size_t dot = domain.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || domain.find("..") != std::string_view::npos || domain.front() == '-')
    return start;
  const std::string_view last = domain.substr(dot + 1);
  const bool letters = std::ranges::all_of(last, [](char c) { return is_letter(c) || beyond_ascii(c); });
  if (last.size() < 2 || !(letters || last.starts_with("xn--"))) return start;
  return end;
}

std::size_t url_end(std::string_view text, std::size_t start) {
  std::size_t end = start;
  int brackets = 0;
  for (; end < text.size() && end - start < kLongestUrl; ++end) {
    const char c = text[end];
    if (static_cast<unsigned char>(c) <= ' ' || std::string_view("<>\"`{}|\\^").find(c) != std::string_view::npos)
      break;
    if (c == '(' || c == '[') ++brackets;
    if ((c == ')' || c == ']') && --brackets < 0) break;
  }
  while (end > start && std::string_view(".,;:!?'*").find(text[end - 1]) != std::string_view::npos) --end;
  return end;
}

bool is_hex(char c) {
  return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'F');
}

}  // namespace

std::size_t recognise_email(const Reading& reading, std::size_t at_sign, std::size_t floor) {
  const std::string_view text = reading.text;
  std::size_t start = at_sign;
  while (start > floor && at_sign - start < kLongestLocal && is_local(text[start - 1])) --start;
  while (start < at_sign && std::string_view(".'/=?!&-").find(text[start]) != std::string_view::npos) ++start;
  while (start < at_sign && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) ++start;
  // "mail=ivan@…" of a query, "mailto:" stands behind a colon anyway
  if (const std::size_t equals = text.substr(start, at_sign - start).rfind('='); equals != std::string_view::npos)
    start += equals + 1;
  if (start == at_sign || text[at_sign - 1] == '.' ||
      text.substr(start, at_sign - start).find("..") != std::string_view::npos)
    return at_sign + 1;
  const std::size_t end = domain_end(text, at_sign + 1);
  if (end == at_sign + 1) return end;
  reading.add(start, end, kEmailAddress, 1, "local part and domain of RFC 5321", {}, true);
  return end;
}

std::size_t recognise_url(const Reading& reading, std::size_t scheme_end, std::size_t floor) {
  const std::string_view text = reading.text;
  std::size_t start = scheme_end - 3;
  while (start > floor && scheme_end - start < 20 &&
         (is_letter(text[start - 1]) || is_digit(text[start - 1]) || text[start - 1] == '+'))
    --start;
  if (start + 4 > scheme_end) return scheme_end;
  const std::size_t end = url_end(text, scheme_end);
  if (end < scheme_end + 3) return scheme_end;
  reading.add(start, end, kDomainName, 0.9, "scheme and address of RFC 3986", {}, true);
  return end;
}

std::size_t recognise_www(const Reading& reading, std::size_t end) {
  const std::size_t start = end - 4;
  const char before = reading.before(start);
  if (reading.word_before(start) || before == '.' || before == '/' || before == '@') return end;
  if (domain_end(reading.text, end) == end) return end;
  const std::size_t stop = url_end(reading.text, end);
  reading.add(start, stop, kDomainName, 0.8, "begins with www", {}, true);
  return stop;
}

void recognise_domain(const Reading& reading, std::size_t tld_end) {
  const std::string_view text = reading.text;
  if (reading.word_behind(tld_end) || reading.at(tld_end) == '-' || reading.at(tld_end) == '@' ||
      reading.at(tld_end) == '(')
    return;
  if (reading.at(tld_end) == '.' && reading.word_behind(tld_end + 1)) return;
  std::size_t start = tld_end;
  while (start > 0 && tld_end - start < kLongestDomain && is_domain(text[start - 1]) && !beyond_ascii(text[start - 1]))
    --start;
  while (start < tld_end && (text[start] == '.' || text[start] == '-')) ++start;
  if (start == tld_end || reading.word_before(start) || (reading.before(start) == '@' && start > 1)) return;
  const std::size_t end = reading.at(tld_end) == '/' ? url_end(text, tld_end) : tld_end;
  if (domain_end(text, start) < tld_end) return;
  reading.add(start, end, kDomainName, 0.6, "host name with a common ending", {}, true);
}

void recognise_ipv4(const Reading& reading, std::size_t at, std::size_t floor) {
  const std::string_view text = reading.text;
  const auto belongs = [](char c) { return is_digit(c) || c == '.'; };
  std::size_t start = at, end = at;
  while (start > floor && at - start < 16 && belongs(text[start - 1])) --start;
  while (end < text.size() && end - at < 16 && belongs(text[end])) ++end;
  if (end > start && text[end - 1] == '.') --end;
  if (end - start > 15 || reading.word_before(start) || reading.word_behind(end)) return;
  if (reading.before(start) == '-' || reading.at(end) == '-') return;
  const std::string address(text.substr(start, end - start));
  in_addr parsed{};
  if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) return;
  const Near other = reading.near(start, end, Topic::kOther);
  reading.add(start, end, kIpAddress, 0.9 - (other.nearness > 0.7 ? 0.5 : 0), "IPv4 of four octets");
}

std::size_t recognise_ipv6(const Reading& reading, std::size_t at, std::size_t floor) {
  const std::string_view text = reading.text;
  const auto belongs = [](char c) { return is_hex(c) || c == ':' || c == '.'; };
  std::size_t start = at, end = at;
  while (start > floor && at - start < 45 && belongs(text[start - 1])) --start;
  while (end < text.size() && end - start < 46 && belongs(text[end])) ++end;
  const std::size_t next = end;
  while (end > start && (text[end - 1] == '.' || (text[end - 1] == ':' && !(end > start + 1 && text[end - 2] == ':'))))
    --end;
  if (end - start > 45 || reading.word_before(start) || reading.word_behind(end)) return next;
  const std::string address(text.substr(start, end - start));
  const auto colons = std::ranges::count(address, ':');
  if (colons < 2 || (address.find("::") == std::string::npos && colons != 7 && address.find('.') == std::string::npos))
    return next;
  // "::1", "a::b" of programs
  if (std::ranges::count_if(address, is_hex) < 4 || std::ranges::none_of(address, is_digit)) return next;
  in6_addr parsed{};
  if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return next;
  reading.add(start, end, kIpAddress, 0.9, "IPv6 of RFC 4291");
  return next;
}

std::size_t recognise_mac(const Reading& reading, std::size_t at, std::size_t floor) {
  const std::string_view text = reading.text;
  const auto belongs = [](char c) { return is_hex(c) || c == ':' || c == '-' || c == '.'; };
  std::size_t start = at, end = at;
  while (start > floor && at - start < 18 && belongs(text[start - 1])) --start;
  while (end < text.size() && end - start < 18 && belongs(text[end])) ++end;
  while (end > start && !is_hex(text[end - 1])) --end;
  const std::string_view address = text.substr(start, end - start);
  if (reading.word_before(start) || reading.word_behind(end)) return end;
  const bool cisco = address.size() == 14 && address[4] == '.' && address[9] == '.';
  if (address.size() != 17 && !cisco) return end;
  const char divider = cisco ? '.' : address[2];
  if (divider != ':' && divider != '-' && divider != '.') return end;
  const std::size_t group = cisco ? 5 : 3;
  for (std::size_t i = 0; i < address.size(); ++i)
    if (i % group == group - 1 ? address[i] != divider : !is_hex(address[i])) return end;
  if (!cisco && divider == '.') return end;
  reading.add(start, end, kMacAddress, 0.9, "six octets of IEEE 802", {}, true);
  return end;
}

}  // namespace fairlead::pii
