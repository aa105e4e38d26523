#include "access/master_key.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "base/digest.h"
#include "base/id.h"

namespace fairlead::access {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::string_view kSpace = " \t\r\n";

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes its key schedule
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

template <class Text>
unsigned char* writable(Text& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// With nothing wrong in what is passed, OpenSSL fails for want of memory alone.
void must(int result) {
  if (result != 1) std::abort();
}

}  // namespace

MasterKey MasterKey::random() {
  std::string bytes = random_bytes(kKeyBytes);
  MasterKey key{SecretText(bytes)};
  wipe(bytes);
  return key;
}

Result<MasterKey> MasterKey::parse(std::string_view text) {
  auto bytes = from_hex(trimmed(text));
  if (!bytes || bytes->size() != kKeyBytes)
    return fail(ErrorKind::kInvalid, "secrets_key_malformed",
                "A master key is 64 hexadecimal digits, as `openssl rand -hex 32` prints.");
  MasterKey key{SecretText(*bytes)};
  wipe(*bytes);
  return key;
}

SecretText MasterKey::hex() const {
  std::string text = to_hex(bytes_);
  SecretText out(text);
  wipe(text);
  return out;
}

std::string MasterKey::check() const {
  return to_hex(hmac_sha256(bytes_, "fairlead: the master key of secrets"));
}

Sealed MasterKey::seal(std::string_view plain, std::string_view bound) const {
  Sealed out{random_bytes(kNonceBytes), std::string(plain.size() + kTagBytes, '\0')};
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  must(context != nullptr);
  must(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(bytes_), bytes_of(out.nonce)));
  must(EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(bound), static_cast<int>(bound.size())));
  must(EVP_EncryptUpdate(context.get(), writable(out.box), &size, bytes_of(plain), static_cast<int>(plain.size())));
  must(EVP_EncryptFinal_ex(context.get(), writable(out.box) + size, &size));
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, writable(out.box) + plain.size()));
  return out;
}

Result<SecretText> MasterKey::open(const Sealed& sealed, std::string_view bound) const {
  const auto damaged = [] {
    return fail(ErrorKind::kInternal, "secret_damaged",
                "It was changed outside of Fairlead, or is not the one that belongs there.");
  };
  if (sealed.nonce.size() != kNonceBytes || sealed.box.size() < kTagBytes) return damaged();
  const std::size_t length = sealed.box.size() - kTagBytes;
  SecretText plain(length, '\0');
  std::string tag = sealed.box.substr(length);
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  must(context != nullptr);
  must(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(bytes_), bytes_of(sealed.nonce)));
  must(EVP_DecryptUpdate(context.get(), nullptr, &size, bytes_of(bound), static_cast<int>(bound.size())));
  must(EVP_DecryptUpdate(context.get(), writable(plain), &size, bytes_of(sealed.box), static_cast<int>(length)));
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()));
  if (EVP_DecryptFinal_ex(context.get(), writable(plain) + size, &size) != 1) return damaged();
  return plain;
}

Result<KeyRing> parse_key_ring(std::string_view text) {
  KeyRing ring;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\n,");
    const std::string_view one = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (one.empty()) continue;
    FAIRLEAD_TRY(MasterKey key, MasterKey::parse(one));
    ring.push_back(std::move(key));
  }
  return ring;
}

}  // namespace fairlead::access
