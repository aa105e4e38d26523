// The form of OpenSSL that is used here is deprecated because it knows no providers; it is the one whose state can be
// kept and gone on from without an allocation.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/keyed_digest.h"

#include <openssl/sha.h>

#include <algorithm>

namespace fairlead {
namespace {

constexpr std::size_t kBlock = SHA256_CBLOCK;

std::array<std::uint32_t, 8> state_after(const std::array<unsigned char, kBlock>& block) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  std::array<std::uint32_t, 8> state;
  std::copy(std::begin(context.h), std::end(context.h), state.begin());
  return state;
}

Sha256 finish(const std::array<std::uint32_t, 8>& state, const void* bytes, std::size_t size) {
  SHA256_CTX context{};
  std::copy(state.begin(), state.end(), context.h);
  context.Nl = kBlock * 8;  // bits so far
  context.md_len = SHA256_DIGEST_LENGTH;
  SHA256_Update(&context, bytes, size);
  Sha256 out;
  SHA256_Final(out.data(), &context);
  return out;
}

}  // namespace

KeyedDigest::KeyedDigest(std::string_view key) {
  std::array<unsigned char, kBlock> block{};
  if (key.size() > kBlock) {
    std::ranges::copy(sha256(key), block.begin());
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (unsigned char& byte : block) byte ^= 0x36;
  inner_ = state_after(block);
  for (unsigned char& byte : block) byte ^= 0x36 ^ 0x5c;
  outer_ = state_after(block);
}

Sha256 KeyedDigest::of(std::string_view bytes) const {
  const Sha256 first = finish(inner_, bytes.data(), bytes.size());
  return finish(outer_, first.data(), first.size());
}

}  // namespace fairlead
