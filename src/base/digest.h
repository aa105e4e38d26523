// SHA-256, HMAC-SHA-256, text forms of bytes, and comparison that tells nothing by its time.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

using Sha256 = std::array<std::uint8_t, 32>;

// Thread-safe, all of them.
Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);  // RFC 2104
std::string sha256_hex(std::string_view bytes);

// SHA-256 of what comes in parts.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void update(std::string_view bytes);
  Sha256 finish();  // once

 private:
  void* context_;
};

std::string to_hex(std::string_view bytes);
inline std::string to_hex(const Sha256& digest) {
  return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
std::optional<std::string> from_hex(std::string_view text);  // of either case; nothing if it is not hex
std::string to_base64url(std::string_view bytes);            // RFC 4648 §5, without padding
// RFC 4648, of either alphabet, padded or not; bits that are left over are not looked at. False: it is none.
bool from_base64(std::string_view text, std::string& out);

// True if equal; takes a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace fairlead
