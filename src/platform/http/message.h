// What a request and an answer are made of.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view to_string(Method method);

struct Header {
  std::string_view name;   // as sent; compare without case
  std::string_view value;  // without leading and trailing white space
};

bool equal_ignoring_case(std::string_view a, std::string_view b);

// The value of the first header of that name, compared without case.
std::optional<std::string_view> find_header(std::span<const Header> headers, std::string_view name);

// A request's head, as views into the connection's buffer.
struct RequestHead {
  Method method = Method::kOther;
  std::string_view method_text;
  std::string_view target;  // as sent, origin form: "/v1/models?limit=2"
  std::string_view path;    // before '?', still percent-encoded
  std::string_view query;   // after '?', or empty
  std::span<const Header> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expect_continue = false;

  std::optional<std::string_view> header(std::string_view name) const { return find_header(headers, name); }
};

// Percent-decoded; malformed escapes stay as they are.
std::string percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);  // all but RFC 3986 unreserved characters
// The decoded value of one parameter of a query string, if it is there.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// "Not Found"
std::string_view reason_phrase(int status);

}  // namespace fairlead::http
