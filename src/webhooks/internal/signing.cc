#include "webhooks/internal/signing.h"

#include <algorithm>
#include <cctype>

#include "access/secrets.h"
#include "base/digest.h"

namespace fairlead::webhooks::internal {
namespace {

constexpr std::string_view kSecretWord = "secret:", kEnvironmentWord = "env:", kStandardWord = "whsec_";
constexpr std::size_t kLeastKey = 24;

}  // namespace

bool is_secret_reference(std::string_view text) {
  if (text.starts_with(kSecretWord)) return access::is_secret_name(text.substr(kSecretWord.size()));
  if (!text.starts_with(kEnvironmentWord)) return false;
  const std::string_view name = text.substr(kEnvironmentWord.size());
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string_view secret_name(std::string_view reference) {
  return reference.starts_with(kSecretWord) && is_secret_reference(reference) ? reference.substr(kSecretWord.size())
                                                                              : std::string_view();
}

Result<SecretText> signing_key(std::string_view secret) {
  while (!secret.empty() && std::isspace(static_cast<unsigned char>(secret.back())) != 0) secret.remove_suffix(1);
  SecretText key(secret.data(), secret.size());
  if (secret.starts_with(kStandardWord)) {
    std::string bytes;
    const bool is_base64 = from_base64(secret.substr(kStandardWord.size()), bytes);
    key.assign(bytes.data(), bytes.size());
    wipe(bytes);
    if (!is_base64)
      return fail(ErrorKind::kInvalid, "webhook_secret", "What stands behind `whsec_` in the secret is no base64.");
  }
  if (key.size() < kLeastKey)
    return fail(ErrorKind::kInvalid, "webhook_secret",
                "The signing secret is too short: it wants 24 bytes or more, such as `whsec_` and what `openssl rand "
                "-base64 32` prints.");
  return key;
}

std::string signature_of(std::string_view key, std::string_view id, std::int64_t timestamp_s, std::string_view body) {
  std::string text(id);
  text += '.';
  text += std::to_string(timestamp_s);
  text += '.';
  text += body;
  const Sha256 digest = hmac_sha256(key, text);
  std::string base64 = to_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
  std::ranges::replace(base64, '-', '+');
  std::ranges::replace(base64, '_', '/');
  return "v1," + base64 + "=";  // 32 bytes: one `=`
}

}  // namespace fairlead::webhooks::internal
