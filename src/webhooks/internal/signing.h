// Signatures of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks), symmetric, version 1.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace fairlead::webhooks::internal {

// "secret:NAME" or "env:NAME".
bool is_secret_reference(std::string_view text);
// The secret of the project that a reference names; empty: it names none.
std::string_view secret_name(std::string_view reference);

// The key that a secret stands for: the bytes behind "whsec_", in base64, or those of the text. Error: kInvalid
// webhook_secret, of one that is too short or malformed.
Result<SecretText> signing_key(std::string_view secret);
// "v1," and the signature in base64.
std::string signature_of(std::string_view key, std::string_view id, std::int64_t timestamp_s, std::string_view body);

}  // namespace fairlead::webhooks::internal
