// What makes two calls equal: docs/reference/cache.md, "What is equal".
#pragma once
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "llm/provider.h"

namespace fairlead::gateway::cache {

// What a key is made of. `model` is there for the conditions of its routes; what it is says `answers_as`.
struct KeyParts {
  std::string_view project;
  std::string_view user;    // with `per: user` alone
  std::string_view prompt;  // "NAME@VERSION/VARIANT", or empty
  std::string_view answers_as;
  const llm::Model& model;
  std::span<const std::string> tags;
  bool stream;
  llm::Format format;                    // of the surface
  std::span<const llm::Member> members;  // of the request as it goes out: valid JSON
};

struct Key {
  Sha256 exact{};  // of all of it
  // Of all but the words of the last message and of their marks (marks_of), if that is a user's and the request has no
  // tools; else `question` is empty. Filled in only if it is asked for.
  Sha256 group{};
  std::string question;
};

// Thread-safe. Takes about as long as SHA-256 of the request.
Key key_of(const KeyParts& parts, bool with_group);

struct DigestHash {
  std::size_t operator()(const Sha256& digest) const {
    std::size_t out = 0;
    std::memcpy(&out, digest.data(), sizeof out);
    return out;
  }
};

}  // namespace fairlead::gateway::cache
