#include "llm/tokens/internal/image_size.h"

#include <array>
#include <cstdint>
#include <string>

namespace fairlead::llm::internal {
namespace {

constexpr std::size_t kHead = 64 * 1024;

// The bytes up to the first character that is none of base64.
std::string decoded_head(std::string_view base64) {
  static constexpr std::array<std::int8_t, 256> kDigit = [] {
    std::array<std::int8_t, 256> out{};
    out.fill(-1);
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < kDigits.size(); ++i)
      out[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
    return out;
  }();
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : base64.substr(0, kHead / 3 * 4)) {
    const std::int8_t digit = kDigit[static_cast<unsigned char>(c)];
    if (digit < 0) break;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count);
  }
  return out;
}

class Bytes {
 public:
  explicit Bytes(std::string_view all) : all_(all) {}
  bool has(std::size_t at, std::string_view what) const {
    return all_.substr(at < all_.size() ? at : all_.size(), what.size()) == what;
  }
  int byte(std::size_t at) const { return at < all_.size() ? static_cast<unsigned char>(all_[at]) : 0; }
  int big(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }
  int little(std::size_t at) const { return byte(at + 1) << 8 | byte(at); }
  std::size_t size() const { return all_.size(); }

 private:
  std::string_view all_;
};

// ITU-T T.81: a start-of-frame segment has the lines and the samples per line.
ImageSize jpeg_size(const Bytes& bytes) {
  std::size_t at = 2;
  while (at + 9 < bytes.size() && bytes.byte(at) == 0xFF) {
    const int marker = bytes.byte(at + 1);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) return {bytes.big(at + 7), bytes.big(at + 5)};
    at += 2 + static_cast<std::size_t>(bytes.big(at + 2));
  }
  return {};
}

// RFC 9649.
ImageSize webp_size(const Bytes& bytes) {
  const auto three = [&](std::size_t at) { return bytes.byte(at + 2) << 16 | bytes.little(at); };
  if (bytes.has(12, "VP8X")) return {three(24) + 1, three(27) + 1};
  if (bytes.has(12, "VP8 ")) return {bytes.little(26) & 0x3FFF, bytes.little(28) & 0x3FFF};
  if (bytes.has(12, "VP8L")) {
    const int bits = bytes.little(21) | bytes.byte(23) << 16;
    const int high = bytes.byte(24);
    return {(bits & 0x3FFF) + 1, ((bits >> 14 | high << 10) & 0x3FFF) + 1};
  }
  return {};
}

}  // namespace

ImageSize image_size(std::string_view base64) {
  const std::string head = decoded_head(base64);
  const Bytes bytes(head);
  if (bytes.size() < 30) return {};
  if (bytes.has(0, "\x89PNG\r\n\x1a\n")) {
    if (bytes.big(16) != 0 || bytes.big(20) != 0) return {};  // more than 65,535: nobody takes it
    return {bytes.big(18), bytes.big(22)};
  }
  if (bytes.has(0, "GIF8")) return {bytes.little(6), bytes.little(8)};
  if (bytes.has(0, "\xFF\xD8")) return jpeg_size(bytes);
  if (bytes.has(0, "RIFF") && bytes.has(8, "WEBP")) return webp_size(bytes);
  return {};
}

}  // namespace fairlead::llm::internal
