#include <charconv>

#include "platform/http/client.h"

namespace fairlead::http {
namespace {

std::unexpected<Error> invalid(std::string_view url, std::string_view why) {
  return fail(ErrorKind::kInvalid, "invalid_url",
              "`" + std::string(url) + "` is not a URL to send requests to: " + std::string(why) + ".");
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
  return true;
}

bool is_host(std::string_view text) {
  for (const char c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '.' || c == '_' || c == ':';
    if (!good) return false;
  }
  return !text.empty();
}

}  // namespace

Result<Origin> Origin::parse(std::string_view url) {
  Origin origin;
  std::string_view rest = url;
  if (rest.starts_with("unix:")) {
    rest.remove_prefix(5);
    if (!rest.starts_with('/') || !is_plain(rest)) return invalid(url, "`unix:` is followed by an absolute path");
    origin.unix_path = rest;
    origin.host = origin.host_header = "localhost";
    return origin;
  }
  const std::size_t scheme_end = rest.find("://");
  const std::string_view scheme = rest.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos ||
      !(equal_ignoring_case(scheme, "http") || equal_ignoring_case(scheme, "https")))
    return invalid(url, "it begins with neither `https://`, `http://` nor `unix:`");
  origin.tls = scheme.size() == 5;
  rest.remove_prefix(scheme_end + 3);
  if (!is_plain(rest)) return invalid(url, "it holds a space or a character that is not ASCII");
  if (rest.find_first_of("?#") != std::string_view::npos)
    return invalid(url, "a query or a fragment has no place in it");
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  // The message must not repeat what may be a password.
  if (authority.find('@') != std::string_view::npos)
    return invalid(std::string(scheme) + "://…", "user and password have no place in it");
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  origin.prefix = prefix;

  const bool bracketed = authority.starts_with('[');
  const std::size_t close = bracketed ? authority.find(']') : 0;
  if (close == std::string_view::npos) return invalid(url, "a bracket is missing");
  const std::size_t colon = authority.find(':', close);
  const std::string_view host = authority.substr(0, colon);
  origin.host = bracketed ? host.substr(1, close - 1) : host;
  if (!is_host(origin.host) || (bracketed && host.size() != close + 1))
    return invalid(url, "its host is missing or not valid");
  const std::uint16_t usual = origin.tls ? 443 : 80;
  origin.port = usual;
  if (colon != std::string_view::npos) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), origin.port);
    if (error != std::errc() || end != port.data() + port.size() || origin.port == 0)
      return invalid(url, "its port is not valid");
  }
  origin.host_header = host;
  if (origin.port != usual) origin.host_header += ":" + std::to_string(origin.port);
  return origin;
}

}  // namespace fairlead::http
