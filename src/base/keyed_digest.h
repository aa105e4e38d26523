// HMAC-SHA-256 (RFC 2104) under one key, for where it is asked for often: what depends on the key alone is done once.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/digest.h"

namespace fairlead {

// Immutable, thread-safe. Holds the key in a form from which digests can be made.
class KeyedDigest {
 public:
  explicit KeyedDigest(std::string_view key);
  Sha256 of(std::string_view bytes) const;  // as hmac_sha256(key, bytes)

 private:
  using State = std::array<std::uint32_t, 8>;  // of SHA-256, after one block
  State inner_, outer_;
};

}  // namespace fairlead
