// Messages of application/vnd.amazon.eventstream, made for tests.
#pragma once
#include <string>
#include <string_view>

#include "providers/bedrock/event_stream.h"

namespace fairlead::providers {

inline std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

inline std::string frame_header(std::string_view name, std::string_view value) {
  std::string out(1, static_cast<char>(name.size()));
  out += name;
  out += '\x07';
  out += static_cast<char>(value.size() >> 8);
  out += static_cast<char>(value.size() & 0xFF);
  out += value;
  return out;
}

// `kind` is "event" or "exception".
inline std::string frame(std::string_view type, std::string_view payload, std::string_view kind = "event") {
  const std::string headers = frame_header(":" + std::string(kind) + "-type", type) +
                              frame_header(":content-type", "application/json") + frame_header(":message-type", kind);
  std::string out = big_endian(static_cast<std::uint32_t>(16 + headers.size() + payload.size())) +
                    big_endian(static_cast<std::uint32_t>(headers.size()));
  out += big_endian(bedrock::crc32(out));
  out += headers;
  out += payload;
  return out + big_endian(bedrock::crc32(out));
}

}  // namespace fairlead::providers
