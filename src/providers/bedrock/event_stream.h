// The framing application/vnd.amazon.eventstream
// (https://smithy.io/2.0/aws/amazon-eventstream.html).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::providers::bedrock {

// One message. Views into the reader, valid until its next call.
struct EventMessage {
  std::string_view message_type;  // "event", "exception" or "error"
  std::string_view type;          // of the event, or of the exception; the code of an error
  std::string_view error_message;
  std::string_view payload;
};

// Cuts a byte stream, split anywhere, into messages. Both checksums are checked. Not thread-safe.
class EventStreamReader {
 public:
  void add(std::string_view bytes);
  // The next whole message, or nothing yet. Error: upstream_invalid, after which the reader is of no use.
  Result<std::optional<EventMessage>> next();
  std::size_t held() const { return text_.size() - start_; }  // bytes of a message that has not ended

 private:
  std::string text_;
  std::size_t start_ = 0;
};

// CRC-32 of ISO 3309, as zlib has it.
std::uint32_t crc32(std::string_view bytes);

}  // namespace fairlead::providers::bedrock
