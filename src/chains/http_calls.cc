#include "chains/http_calls.h"

#include <algorithm>
#include <charconv>

namespace fairlead::chains {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<AllowedHosts> AllowedHosts::parse(std::string_view list) {
  AllowedHosts out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = trimmed(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (one.empty()) continue;
    const std::string shown(one);
    Host host;
    host.below = one.starts_with("*.");
    if (host.below) one.remove_prefix(2);
    const std::size_t bracket = one.find(']');  // of an IPv6 address
    const std::size_t colon = one.find(':', bracket == one.npos ? 0 : bracket);
    if (colon != one.npos) {
      const std::string_view port = one.substr(colon + 1);
      const auto parsed = std::from_chars(port.data(), port.data() + port.size(), host.port);
      if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || host.port == 0)
        return fail(ErrorKind::kInvalid, "invalid_setting", "`" + shown + "` has no port behind its colon.");
      one = one.substr(0, colon);
    }
    if (one.size() > 1 && one.front() == '[' && one.back() == ']') one = one.substr(1, one.size() - 2);
    if (one.empty() || one.find_first_of("/*@ ") != one.npos)
      return fail(ErrorKind::kInvalid, "invalid_setting",
                  "`" + shown + "` is no host: write example.com, *.example.com or example.com:8443.");
    host.name = lower(one);
    out.hosts_.push_back(std::move(host));
  }
  return out;
}

bool AllowedHosts::allows(const http::Origin& origin) const {
  if (!origin.unix_path.empty()) return false;
  const std::string name = lower(origin.host);
  const std::uint16_t own = origin.tls ? 443 : 80;
  return std::ranges::any_of(hosts_, [&](const Host& host) {
    if (origin.port != (host.port == 0 ? own : host.port)) return false;
    return host.below ? name.size() > host.name.size() + 1 && name.ends_with("." + host.name) : name == host.name;
  });
}

}  // namespace fairlead::chains
