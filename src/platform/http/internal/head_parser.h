// The head of an HTTP/1.1 message: its first line and its header lines, up to the empty line (RFC 9112, strict).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "platform/http/message.h"

namespace fairlead::http {

struct HeadLimits {
  std::size_t head_bytes = 64 * 1024;
  std::size_t header_lines = 100;
  std::size_t target_bytes = 8 * 1024;
};

// What is wrong with a head, as the status that refuses it. `message` is static text and never quotes what was sent.
struct HeadFault {
  int status = 400;
  std::string_view code = "invalid_request";
  std::string_view message;
};

struct ResponseHead {
  int status = 0;
  std::span<const Header> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};

// Reads one head from a contiguous buffer that grows between calls. Finds each line once: a head that arrives byte by
// byte costs no more than one that arrives whole. Allocates nothing once warm. What it hands out are views into the
// buffer.
class HeadParser {
 public:
  enum class Status : std::uint8_t { kNeedMore, kDone, kFault };

  explicit HeadParser(HeadLimits limits) : limits_(limits) {}

  // For the next head, or because the bytes have moved.
  void reset();
  // `text` begins where it began at the last call since reset(), and is at least as long.
  Status parse_request(std::string_view text);
  Status parse_response(std::string_view text);

  // After kDone.
  std::size_t head_size() const { return next_; }  // bytes of the head, empty line included
  const RequestHead& request() const { return request_; }
  const ResponseHead& response() const { return response_; }
  int minor_version() const { return minor_version_; }
  // After kFault.
  const HeadFault& fault() const { return fault_; }

 private:
  struct Framing;
  using FirstLine = bool (HeadParser::*)(std::string_view);

  Status parse(std::string_view text, FirstLine first_line, bool request);
  bool refuse(int status, std::string_view code, std::string_view message);
  bool request_line(std::string_view line);
  bool status_line(std::string_view line);
  bool version(std::string_view text);
  bool target(std::string_view text);
  bool absolute_target(std::string_view text);
  bool field_line(std::string_view line);
  bool finish_request();
  bool finish_response();
  bool read_framing(Framing& framing);

  HeadLimits limits_;
  std::size_t next_ = 0;     // where the line being looked for begins
  std::size_t scanned_ = 0;  // up to where no line end has been found
  std::size_t lines_ = 0;    // finished lines, leading empty ones not counted
  int minor_version_ = 1;
  std::string_view absolute_host_;
  std::vector<Header> headers_;
  RequestHead request_;
  ResponseHead response_;
  HeadFault fault_;
};

// One field line without its CRLF ("name: value"): false if it is not one. Also judges trailers.
bool parse_field_line(std::string_view line, Header& out);

}  // namespace fairlead::http
