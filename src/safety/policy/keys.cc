#include "safety/policy/keys.h"

#include <algorithm>

#include "base/digest.h"

namespace fairlead::policy {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kLongestEntity = 64;

std::string value_place(std::string_view project, std::string_view entity) {
  std::string out = "fairlead privacy value";
  for (const std::string_view part : {project, entity}) {
    out += '\0';
    out += part;
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
  std::string bytes;
  if (!from_base64(text, bytes) || bytes.size() <= kNonceBytes) return std::nullopt;
  const access::Sealed sealed{bytes.substr(0, kNonceBytes), bytes.substr(kNonceBytes)};
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
    std::size_t open = mark;
    while (open > at && mark - open < kLongestEntity && text[open] != '<') --open;
    const std::size_t begin = mark + kEncryptedMark.size(), close = text.find_first_of("<>:", begin);
    if (text[open] != '<' || close == std::string_view::npos || text[close] != '>') continue;
    const std::string_view entity = text.substr(open + 1, mark - open - 1);
    const auto value = decrypt(project, entity, text.substr(begin, close - begin));
    if (!value) continue;
    out += text.substr(at, open - at);
    out += *value;
    at = close + 1;
  }
  return out + std::string(text.substr(at));
}

}  // namespace fairlead::policy
