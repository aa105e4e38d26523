// The keys of this installation for personal data: what digests and encrypted values are made under.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/master_key.h"
#include "base/keyed_digest.h"

namespace fairlead::policy {

// Immutable, thread-safe.
class Keys {
 public:
  // The first of the ring, which is not empty, is used; what was encrypted under the others can be opened.
  explicit Keys(access::KeyRing ring);

  // Hashes, and which pseudonym comes first.
  const std::shared_ptr<const KeyedDigest>& digest() const { return digest_; }
  const access::KeyRing& ring() const { return ring_; }

  // A value as text that stands for it: AES-256-GCM, base64url. Bound to the project and the class.
  std::string encrypt(std::string_view project, std::string_view entity, std::string_view value) const;
  // Nothing if it is none of this project's and class's, or of another key's.
  std::optional<std::string> decrypt(std::string_view project, std::string_view entity, std::string_view text) const;
  // A text with all `<CLASS:enc:…>` in it opened that can be.
  std::string decrypt_all(std::string_view project, std::string_view text) const;

 private:
  const access::KeyRing ring_;
  std::shared_ptr<const KeyedDigest> digest_;
};

// `<EMAIL_ADDRESS:enc:…>`
inline constexpr std::string_view kEncryptedMark = ":enc:";

}  // namespace fairlead::policy
