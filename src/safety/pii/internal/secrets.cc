#include "safety/pii/internal/secrets.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/digest.h"
#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"
#include "safety/pii/internal/encoded.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kLongestToken = 1'000, kLongestKey = 16'000, kLongestPassword = 128, kLongestHeader = 64;

// As the makers document them.
constexpr TokenKind kTokens[] = {
    {"(?:AKIA|ASIA)[A-Z2-7]{16}", 20, "AWS access key id"},
    {"gh[pousr]_[A-Za-z0-9]{36}", 40, "GitHub token"},
    {"github_pat_[A-Za-z0-9]{22}_", 34, "GitHub token"},
    {"glpat-[A-Za-z0-9_-]{20}", 26, "GitLab token"},
    {"xox[abposr]-[A-Za-z0-9-]{10}", 15, "Slack token"},
    {"[rs]k_(?:live|test)_[A-Za-z0-9]{16}", 24, "Stripe key"},
    {"AIza[A-Za-z0-9_-]{35}", 39, "Google API key"},
    {"ya29\\.[A-Za-z0-9_-]{20}", 25, "Google OAuth token"},
    {"GOCSPX-[A-Za-z0-9_-]{28}", 35, "Google client secret"},
    {"sk-[A-Za-z0-9_-]{20}", 23, "model provider's key"},
    {"hf_[A-Za-z0-9]{34}", 37, "Hugging Face token"},
    {"npm_[A-Za-z0-9]{36}", 40, "npm token"},
    {"pypi-AgE[A-Za-z0-9_-]{50}", 58, "PyPI token"},
    {"SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}", 69, "SendGrid key"},
    {"dop_v1_[0-9a-f]{64}", 71, "DigitalOcean token"},
    {"AQVN[A-Za-z0-9_-]{35}", 39, "Yandex Cloud key"},
    {"t1\\.[A-Z0-9a-z_-]{40}", 43, "Yandex Cloud token"},
    {"y0_[A-Za-z0-9_-]{40}", 43, "Yandex OAuth token"},
    {"[0-9]{9}:AA[A-Za-z0-9_-]{33}", 45, "Telegram bot token"},
    {"shpat_[0-9a-fA-F]{32}", 38, "Shopify token"},
    {"glsa_[A-Za-z0-9]{32}_", 38, "Grafana token"},
    {"AccountKey=[A-Za-z0-9+/]{86}==", 99, "Azure storage key"},
};

bool is_token(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '=' || c == '/' || c == '+';
}

double entropy(std::string_view text) {  // bits a byte
  std::array<unsigned, 256> counts{};
  for (const char c : text) ++counts[static_cast<unsigned char>(c)];
  double out = 0;
  for (const unsigned count : counts)
    if (count != 0) out -= count * std::log2(static_cast<double>(count) / static_cast<double>(text.size()));
  return out / static_cast<double>(text.size());
}

bool is_placeholder(std::string_view text) {
  return text.front() == '<' || text.front() == '$' || text.front() == '{' || text.front() == '[' ||
         text.find("***") != std::string_view::npos || text.find("xxx") != std::string_view::npos ||
         text.find("...") != std::string_view::npos;
}

bool mixed(std::string_view text) {
  bool digits = false, letters = false;
  for (const char c : text) digits |= is_digit(c), letters |= is_letter(c);
  return digits && letters;
}

}  // namespace

std::span<const TokenKind> token_kinds() {
  return kTokens;
}

void recognise_token(const Reading& reading, const TokenKind& kind, std::size_t end) {
  const std::size_t start = end - kind.length;
  if (reading.word_before(start)) return;
  while (end < reading.text.size() && end - start < kLongestToken && is_token(reading.text[end])) ++end;
  while (end > start + kind.length &&
         (reading.text[end - 1] == '.' || reading.text[end - 1] == '/' || reading.text[end - 1] == '-'))
    --end;
  const std::string_view secret = reading.text.substr(start, end - start);
  if (entropy(secret) < 2.5) return;  // "sk-aaaa…"
  reading.add(start, end, kSecret, 0.97, kind.what, {}, true);
}

std::size_t recognise_private_key(const Reading& reading, std::size_t header_end) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  const std::size_t from = header_end > kLongestHeader ? header_end - kLongestHeader : 0;
  const std::size_t found = reading.text.substr(from, header_end - from).rfind(kBegin);
  if (found == std::string_view::npos) return header_end;
  const std::size_t start = from + found;
  const std::string_view rest = reading.text.substr(header_end, kLongestKey);
  const std::size_t footer = rest.find("-----END ");
  std::size_t end = header_end + rest.size();  // no end: all of it that there is
  if (footer != std::string_view::npos) {
    const std::size_t dashes = rest.find("-----", footer + 9);
    end = header_end + (dashes == std::string_view::npos ? rest.size() : dashes + 5);
  }
  reading.add(start, end, kSecret, 1, "private key of RFC 7468", {}, true);
  return end;
}

std::size_t recognise_jwt(const Reading& reading, std::size_t end) {
  const std::size_t start = end - 3;
  if (reading.word_before(start)) return end;
  const auto belongs = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  while (end < reading.text.size() && end - start < kLongestToken * 8 && belongs(reading.text[end])) ++end;
  const std::size_t next = end;
  while (end > start && reading.text[end - 1] == '.') --end;
  const std::string_view token = reading.text.substr(start, end - start);
  if (std::ranges::count(token, '.') != 2) return next;
  std::string header;
  if (!from_base64(token.substr(0, token.find('.')), header) || header.find("\"alg\"") == std::string::npos)
    return next;
  if (!json::parse(header)) return next;
  reading.add(start, end, kSecret, 1, "JSON web token of RFC 7519", {}, true);
  return next;
}

void recognise_password(const Reading& reading, std::size_t end) {
  const std::string_view text = reading.text;
  bool assigned = false;
  std::size_t start = end;
  while (start < text.size() && (is_letter(text[start]) || text[start] == '_') && start - end < 12)
    ++start;  // "password_hash"
  const auto skip_signs = [&] {
    while (start < text.size() && start - end < 24 &&
           std::string_view(" \t\"':=>-").find(text[start]) != std::string_view::npos) {
      assigned |= text[start] == ':' || text[start] == '=';
      ++start;
    }
  };
  skip_signs();
  for (const std::string_view word : {"is ", "are ", "это ", "bearer ", "Bearer ", "на "})
    if (text.substr(start).starts_with(word)) start += word.size();
  skip_signs();
  std::size_t stop = start;
  while (stop < text.size() && stop - start<kLongestPassword&& static_cast<unsigned char>(text[stop])> ' ' &&
         std::string_view("\"'`<>,;").find(text[stop]) == std::string_view::npos)
    ++stop;
  while (stop > start && std::string_view(".!?):").find(text[stop - 1]) != std::string_view::npos) --stop;
  const std::string_view value = text.substr(start, stop - start);
  if (value.size() < 6 || is_placeholder(value) || value.find("://") != std::string_view::npos) return;
  const bool odd = mixed(value) || std::ranges::any_of(value, [](char c) {
                     return std::string_view("!@#$%^&*+~|").find(c) != std::string_view::npos;
                   });
  const double score = assigned && odd                                          ? 0.8
                       : odd                                                    ? 0.6
                       : assigned && value.size() >= 16 && entropy(value) > 3.3 ? 0.6
                                                                                : 0;
  if (score > 0)
    reading.add(start, stop, kSecret, score,
                assigned ? "assigned to the name of a secret" : "follows the name of a secret");
}

void recognise_entropy(const Reading& reading, std::size_t start, std::size_t end) {
  const std::string_view text = reading.text;
  const auto belongs = [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
  };
  while (end < text.size() && end - start < kLongestToken && belongs(text[end])) ++end;
  while (start > 0 && end - start < kLongestToken && belongs(text[start - 1])) --start;
  const std::string_view word = text.substr(start, end - start);
  if (!mixed(word) || entropy(word) < 3.2) return;
  const Near near = reading.near(start, end, Topic::kSecret);
  if (near.word.empty()) return;
  reading.add(start, end, kSecret, score_of({0.1, 0.8}, near), "high entropy", near);
}

}  // namespace fairlead::pii
