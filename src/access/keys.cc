#include "access/keys.h"

#include <cstring>

namespace fairlead::access {
namespace {

constexpr std::string_view kHowTo =
    " Send one in an Authorization header (Authorization: Bearer YOUR_KEY); `fairlead keys create` makes one.";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// What follows the scheme `Bearer` (RFC 9110: without case, then spaces), or nothing if the scheme is another.
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (lower(authorization[i]) != kScheme[i]) return {};
  }
  const auto begin = authorization.find_first_not_of(' ', kScheme.size());
  if (begin == std::string_view::npos) return {};
  return authorization.substr(begin, authorization.find_last_not_of(' ') - begin + 1);
}

std::string_view bytes(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::size_t KeyTable::Hash::operator()(const Sha256& digest) const {
  std::size_t first;
  std::memcpy(&first, digest.data(), sizeof(first));
  return first;
}

bool KeyTable::Equal::operator()(const Sha256& a, const Sha256& b) const {
  return equal_in_constant_time(bytes(a), bytes(b));
}

Sha256 KeyTable::digest_of(std::string_view pepper, std::string_view key) {
  return hmac_sha256(pepper, key);
}

KeyTable::KeyTable(std::string_view pepper, std::vector<Entry> entries) : digest_(pepper) {
  entries_.reserve(entries.size());
  for (Entry& entry : entries) entries_.emplace(entry.digest, std::move(entry.principal));
}

const Principal* KeyTable::find(std::string_view key, std::int64_t now_us) const {
  const auto found = entries_.find(digest_.of(key));
  if (found == entries_.end()) return nullptr;
  const Principal& principal = found->second;
  if (principal.expires_at_us != 0 && principal.expires_at_us <= now_us) return nullptr;
  return &principal;
}

const Principal* KeyTable::find_by_id(std::string_view key_id) const {
  for (const auto& [digest, principal] : entries_)
    if (principal.key_id == key_id) return &principal;
  return nullptr;
}

Result<const Principal*> KeyTable::authenticate(std::string_view authorization, std::string_view api_key,
                                                std::int64_t now_us) const {
  if (authorization.empty() && api_key.empty()) {
    return fail(ErrorKind::kUnauthenticated, "missing_api_key", "You didn't provide an API key." + std::string(kHowTo));
  }
  std::string_view key = api_key;
  if (!authorization.empty()) {
    key = bearer_token(authorization);
    if (key.empty()) {
      return fail(ErrorKind::kUnauthenticated, "invalid_api_key",
                  "The Authorization header holds no key of the form `Bearer YOUR_KEY`." + std::string(kHowTo));
    }
    if (!api_key.empty() && !equal_in_constant_time(key, api_key)) {
      return fail(ErrorKind::kUnauthenticated, "invalid_api_key",
                  "Two different API keys were sent, in Authorization and in x-api-key. Send one.");
    }
  }
  if (const Principal* principal = find(key, now_us)) return principal;
  return fail(ErrorKind::kUnauthenticated, "invalid_api_key",
              "Incorrect API key provided: it is not known, has expired or was revoked. `fairlead keys list` shows "
              "those in force.");
}

}  // namespace fairlead::access
