#include "providers/bedrock/event_stream.h"

#include <array>

#include "providers/internal/answer_body.h"

namespace fairlead::providers::bedrock {
namespace {

using internal::invalid_answer;

constexpr std::size_t kPreludeSize = 12;  // total length, length of the headers, checksum of the two
constexpr std::size_t kLeast = kPreludeSize + 4;
constexpr std::size_t kMost = 24 * 1024 * 1024;  // of the specification: 16 MiB of payload and 128 KiB of headers

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}();

std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(at, size)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Bytes of a header's value by its type; -1: a length of two bytes goes before it; -2: no such type.
int value_size(unsigned char type) {
  constexpr int kSizes[] = {0, 0, 1, 2, 4, 8, -1, -1, 8, 16};
  return type < std::size(kSizes) ? kSizes[type] : -2;
}

Result<void> read_headers(std::string_view headers, EventMessage& message) {
  const auto torn = [] { return invalid_answer("a message of its stream has torn headers"); };
  while (!headers.empty()) {
    const std::size_t name_size = static_cast<unsigned char>(headers[0]);
    if (headers.size() < name_size + 2) return torn();
    const std::string_view name = headers.substr(1, name_size);
    const auto type = static_cast<unsigned char>(headers[name_size + 1]);
    headers.remove_prefix(name_size + 2);
    int size = value_size(type);
    if (size == -2) return torn();
    if (size == -1) {
      if (headers.size() < 2) return torn();
      size = static_cast<int>(number(headers, 0, 2));
      headers.remove_prefix(2);
    }
    const auto length = static_cast<std::size_t>(size);
    if (headers.size() < length) return torn();
    const std::string_view value = headers.substr(0, length);
    headers.remove_prefix(length);
    if (name == ":message-type") message.message_type = value;
    if (name == ":event-type" || name == ":exception-type" || name == ":error-code") message.type = value;
    if (name == ":error-message") message.error_message = value;
  }
  return {};
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t value = 0xFFFFFFFFU;
  for (const char c : bytes) value = value >> 8 ^ kCrcTable[(value ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~value;
}

void EventStreamReader::add(std::string_view bytes) {
  text_.erase(0, start_);
  start_ = 0;
  text_ += bytes;
}

Result<std::optional<EventMessage>> EventStreamReader::next() {
  const std::string_view rest = std::string_view(text_).substr(start_);
  if (rest.size() < kPreludeSize) return std::nullopt;
  const std::size_t total = number(rest, 0, 4), headers = number(rest, 4, 4);
  if (crc32(rest.substr(0, 8)) != number(rest, 8, 4))
    return invalid_answer("the checksum of a message's beginning does not fit");
  if (total < kLeast || total > kMost || headers > total - kLeast)
    return invalid_answer("the length of a message is out of range");
  if (rest.size() < total) return std::nullopt;
  if (crc32(rest.substr(0, total - 4)) != number(rest, total - 4, 4))
    return invalid_answer("the checksum of a message does not fit");
  EventMessage message;
  FAIRLEAD_CHECK(read_headers(rest.substr(kPreludeSize, headers), message));
  message.payload = rest.substr(kPreludeSize + headers, total - kLeast - headers);
  start_ += total;
  return message;
}

}  // namespace fairlead::providers::bedrock
