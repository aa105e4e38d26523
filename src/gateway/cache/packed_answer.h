// An answer as bytes, for a store that others may write to.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "gateway/cache/kept_answer.h"

namespace fairlead::gateway::cache {

// Its format's version, its members and an HMAC-SHA-256 of both and of `key`, which says where it is put.
std::string pack(const KeptAnswer& answer, const Sha256& key, std::string_view secret);
// Null where it is not what pack() made for this key with this secret.
std::shared_ptr<const KeptAnswer> unpack(std::string_view packed, const Sha256& key, std::string_view secret);

}  // namespace fairlead::gateway::cache
