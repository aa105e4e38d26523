#include "safety/policy/keys.h"

#include <algorithm>

#include "base/digest.h"

namespace fairlead::policy {
namespace {

constexpr std::size_t kNonceBytes = 12;

std::string value_place(std::string_view project, std::string_view entity) {
  std::string out = "fairlead privacy value";
  for (const std::string_view part : {project, entity}) {
    out += '\0';
    out += part;
  }
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '-'             ? 62
                      : c == '_'             ? 63
                                             : -1;
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<unsigned>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(have)) & 0xFFU);
  }
  return out;
}

}  // namespace

Keys::Keys(access::KeyRing ring) : ring_(std::move(ring)) {
  const SecretText hex = ring_.front().hex();
  const Sha256 key = hmac_sha256(hex, "fairlead privacy digests");
  digest_ =
      std::make_shared<const KeyedDigest>(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()));
}

std::string Keys::encrypt(std::string_view project, std::string_view entity, std::string_view value) const {
  const access::Sealed sealed = ring_.front().seal(value, value_place(project, entity));
  return to_base64url(sealed.nonce + sealed.box);
}

std::optional<std::string> Keys::decrypt(std::string_view project, std::string_view entity,
                                         std::string_view text) const {
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() <= kNonceBytes) return std::nullopt;
  const access::Sealed sealed{bytes->substr(0, kNonceBytes), bytes->substr(kNonceBytes)};
  for (const access::MasterKey& key : ring_)
    if (const auto value = key.open(sealed, value_place(project, entity)))
      return std::string(value->data(), value->size());
  return std::nullopt;
}

std::string Keys::decrypt_all(std::string_view project, std::string_view text) const {
  std::string out;
  std::size_t at = 0;
  for (std::size_t mark = text.find(kEncryptedMark); mark != std::string_view::npos;
       mark = text.find(kEncryptedMark, mark + 1)) {
    const std::size_t open = text.rfind('<', mark), close = text.find('>', mark);
    if (open == std::string_view::npos || open < at || close == std::string_view::npos) continue;
    const std::string_view entity = text.substr(open + 1, mark - open - 1);
    const auto value =
        decrypt(project, entity, text.substr(mark + kEncryptedMark.size(), close - mark - kEncryptedMark.size()));
    if (!value) continue;
    out += text.substr(at, open - at);
    out += *value;
    at = close + 1;
  }
  return out + std::string(text.substr(at));
}

}  // namespace fairlead::policy
