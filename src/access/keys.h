// Who may call: keys and what each may do.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_digest.h"
#include "base/result.h"

namespace fairlead::access {

// What a key may do; a set of bits.
enum class Scope : std::uint8_t {
  kCall = 1,      // the data plane: /v1/*
  kRead = 2,      // read the control plane: resources, calls, SQL over records
  kWrite = 4,     // apply, promote, roll back
  kAdmin = 8,     // keys, secrets, which labels are protected
  kApprove = 16,  // approve or reject what another asked for
  kWork = 32,     // do the tasks of chains
};

struct Principal {
  std::string key_id;  // "key_01J…": public
  std::string name;
  std::string project;
  std::uint8_t scopes = 0;
  std::int64_t expires_at_us = 0;  // 0: never
  bool may(Scope scope) const { return (scopes & static_cast<std::uint8_t>(scope)) != 0; }
};

// All keys that are in force: immutable, part of the configuration snapshot. Holds keyed digests, never keys.
class KeyTable {
 public:
  // The keyed digest under which a key is known.
  static Sha256 digest_of(std::string_view pepper, std::string_view key);

  struct Entry {
    Sha256 digest;
    Principal principal;
  };
  KeyTable(std::string_view pepper, std::vector<Entry> entries);

  // The principal of the key, compared in constant time; null if it is not known or has expired. Lives as long as this.
  const Principal* find(std::string_view key, std::int64_t now_us) const;

  // The principal of the key with that public id, or null; looks at all of them. Lives as long as this.
  const Principal* find_by_id(std::string_view key_id) const;

  // The same as find() for the values of `Authorization: Bearer …` and `x-api-key`, empty if they were not sent. Errors
  // are kUnauthenticated, never hold what was sent, and read as the OpenAI API's: missing_api_key, invalid_api_key; two
  // credentials that differ are refused.
  Result<const Principal*> authenticate(std::string_view authorization, std::string_view api_key,
                                        std::int64_t now_us) const;

 private:
  // The digest is keyed, so nobody can choose one to learn from the time that a look-up takes; it is compared in
  // constant time all the same.
  struct Hash {
    std::size_t operator()(const Sha256& digest) const;
  };
  struct Equal {
    bool operator()(const Sha256& a, const Sha256& b) const;
  };
  KeyedDigest digest_;
  std::unordered_map<Sha256, Principal, Hash, Equal> entries_;
};

}  // namespace fairlead::access
