#include "providers/bedrock/signature.h"

#include <fmt/format.h>

#include <chrono>

#include "base/digest.h"
#include "platform/http/message.h"

namespace fairlead::providers::bedrock {
namespace {

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// "20150830T123600Z"
std::string time_text(std::int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds at{seconds(unix_seconds)};
  const year_month_day date(floor<days>(at));
  const hh_mm_ss clock(at - floor<days>(at));
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

// Each segment encoded once more than it is sent, as every service but S3 wants it.
std::string canonical_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    out += http::percent_encode(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    out += '/';
    path.remove_prefix(slash + 1);
  }
  return out.empty() ? "/" : out;
}

}  // namespace

SecretText signed_headers(const Signing& signing, const Credentials& credentials) {
  const std::string time = time_text(signing.unix_seconds);
  const std::string_view date = std::string_view(time).substr(0, 8);
  // In alphabetical order.
  std::string headers, names;
  const auto add = [&](std::string_view name, std::string_view value) {
    headers += fmt::format("{}:{}\n", name, value);
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  };
  if (!signing.content_type.empty()) add("content-type", signing.content_type);
  add("host", signing.host);
  add("x-amz-date", time);
  if (!credentials.session_token.empty()) add("x-amz-security-token", credentials.session_token);

  const std::string request = fmt::format("{}\n{}\n\n{}\n{}\n{}", signing.method, canonical_path(signing.path), headers,
                                          names, sha256_hex(signing.body));
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", date, signing.region, signing.service);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, sha256_hex(request));
  Sha256 key = hmac_sha256("AWS4" + credentials.secret_access_key, date);
  key = hmac_sha256(bytes_of(key), signing.region);
  key = hmac_sha256(bytes_of(key), signing.service);
  key = hmac_sha256(bytes_of(key), "aws4_request");
  const Sha256 signature = hmac_sha256(bytes_of(key), to_sign);

  SecretText out;
  out.append("x-amz-date: ").append(time).append("\r\n");
  if (!credentials.session_token.empty())
    out.append("x-amz-security-token: ").append(credentials.session_token).append("\r\n");
  out.append("authorization: AWS4-HMAC-SHA256 Credential=").append(credentials.access_key_id);
  out.append(fmt::format("/{}, SignedHeaders={}, Signature={}\r\n", scope, names, to_hex(signature)));
  return out;
}

}  // namespace fairlead::providers::bedrock
