// The key that secrets are encrypted under, and the encryption.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace fairlead::access {

// What a secret's value becomes: AES-256-GCM (NIST SP 800-38D).
struct Sealed {
  std::string nonce;  // 12 random bytes
  std::string box;    // ciphertext, then 16 bytes of tag
};

// 32 bytes, wiped when it goes. Immutable, thread-safe.
class MasterKey {
 public:
  static MasterKey random();
  // 64 hexadecimal digits, with white space around them. Error: secrets_key_malformed, which does not repeat them.
  static Result<MasterKey> parse(std::string_view text);
  SecretText hex() const;
  // A keyed digest of a fixed text, hex: tells whether a key is the one that something was encrypted under, and no
  // more.
  std::string check() const;

  // `bound` is not encrypted, but must be the same again to open.
  Sealed seal(std::string_view plain, std::string_view bound) const;
  // Error: secret_damaged, if it was sealed under another key or bound to something else, or was changed.
  Result<SecretText> open(const Sealed& sealed, std::string_view bound) const;

 private:
  explicit MasterKey(SecretText bytes) : bytes_(std::move(bytes)) {}
  SecretText bytes_;
};

// The first is the one to use; the others are older ones that may still be needed. May be empty.
using KeyRing = std::vector<MasterKey>;

// Keys divided by newlines or commas. Error: secrets_key_malformed.
Result<KeyRing> parse_key_ring(std::string_view text);

}  // namespace fairlead::access
