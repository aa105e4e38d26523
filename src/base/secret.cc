#include "base/secret.h"

#include <openssl/crypto.h>

namespace fairlead {

void wipe(void* bytes, std::size_t size) {
  OPENSSL_cleanse(bytes, size);
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // within the buffer, so nothing moves
  wipe(text.data(), text.size());
  text.clear();
}

}  // namespace fairlead
