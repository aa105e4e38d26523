#include <algorithm>
#include <charconv>
#include <optional>

#include "platform/shared/redis.h"

namespace fairlead::shared {
namespace {

std::unexpected<Error> wrong_in(std::string_view setting, std::string_view why) {
  const bool of_cache = setting.starts_with("cache.");
  return fail(ErrorKind::kInvalid, "invalid_setting",
              "Setting `" + std::string(setting) + "` " + std::string(why) +
                  " Write `redis://HOST:PORT/DATABASE` or `redis+unix:///PATH`; the password goes into "
                  "FAIRLEAD_REDIS_PASSWORD or the file that `" +
                  (of_cache ? "cache.redis_password_file" : "redis.password_file") + "` names.");
}

std::optional<int> number(std::string_view text, int most) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 0 || out > most) return std::nullopt;
  return out;
}

}  // namespace

Result<RedisOptions> parse_redis_url(std::string_view url, std::string_view setting) {
  const auto wrong = [setting](std::string_view why) { return wrong_in(setting, why); };
  constexpr std::string_view kTcp = "redis://", kUnix = "redis+unix://";
  RedisOptions out;
  if (url.starts_with(kUnix)) {
    url.remove_prefix(kUnix.size());
    const std::size_t query = url.find('?');
    out.unix_path = url.substr(0, query);
    if (!out.unix_path.starts_with('/') || out.unix_path.size() > 100)
      return wrong("must name a socket's whole path, of 100 bytes at most.");
    if (query == std::string_view::npos) return out;
    url.remove_prefix(query + 1);
    const auto database = url.starts_with("db=") ? number(url.substr(3), 1'000'000) : std::nullopt;
    if (!database) return wrong("has something else than `db=NUMBER` after `?`.");
    out.database = *database;
    return out;
  }
  if (url.starts_with("rediss://"))
    return wrong("asks for TLS, which is not spoken with Redis: put a tunnel before it.");
  if (!url.starts_with(kTcp)) return wrong("does not begin with `redis://`.");
  url.remove_prefix(kTcp.size());
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    out.user = url.substr(0, at);
    if (out.user.find(':') != std::string::npos) return wrong("has a password in it, which others may see.");
    url.remove_prefix(at + 1);
  }
  if (const std::size_t slash = url.find('/'); slash != std::string_view::npos) {
    if (const std::string_view text = url.substr(slash + 1); !text.empty()) {
      const auto database = number(text, 1'000'000);
      if (!database) return wrong("has something else than a database's number after `/`.");
      out.database = *database;
    }
    url = url.substr(0, slash);
  }
  const std::size_t bracket = url.starts_with('[') ? url.find(']') : 0;
  if (bracket == std::string_view::npos) return wrong("lacks a `]`.");
  if (const std::size_t colon = url.find(':', bracket); colon != std::string_view::npos) {
    out.port = url.substr(colon + 1);
    const auto port = number(out.port, 65'535);
    if (!port || *port == 0) return wrong("has no port from 1 to 65535 after `:`.");
    url = url.substr(0, colon);
  }
  out.host = bracket > 0 ? url.substr(1, bracket - 1) : url;
  if (out.host.empty() || std::ranges::any_of(out.host, [](char c) { return static_cast<unsigned char>(c) <= ' '; }))
    return wrong("names no host.");
  return out;
}

}  // namespace fairlead::shared
