#include "providers/internal/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "access/secrets.h"
#include "platform/http/message.h"

namespace fairlead::providers::internal {
namespace {

namespace bj = boost::json;

constexpr std::size_t kCredentialLimit = 64 * 1024;
constexpr std::string_view kSecret = "secret:";

std::string_view view(const bj::string& text) {
  return {text.data(), text.size()};
}

std::unexpected<Error> credentials(std::string message) {
  return fail(ErrorKind::kInvalid, "provider_credentials", std::move(message));
}

// What may stand in a header line as a value: visible ASCII, spaces within (RFC 9110 §5.5).
bool is_header_value(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](unsigned char c) { return c >= ' ' && c < 127; });
}

bool is_private(const std::string& path, const std::vector<std::string>& private_paths) {
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(path, error).string();
  return std::ranges::any_of(private_paths, [&](const std::string& one) {
    return real == one || (real.starts_with(one) && real[one.size()] == '/');
  });
}

Result<SecretText> read_file(std::string_view provider, const std::string& path,
                             const std::vector<std::string>& private_paths) {
  const auto refuse = [&](std::string_view why) {
    return credentials(fmt::format("Provider `{}` takes a credential from {}, which {}.", provider, path, why));
  };
  if (is_private(path, private_paths))
    return refuse("is Fairlead's own; put the credential elsewhere, or set it as a secret (secret:NAME)");
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse("cannot be read");
  SecretText value(kCredentialLimit + 1, '\0');
  file.read(value.data(), static_cast<std::streamsize>(value.size()));
  value.resize(static_cast<std::size_t>(file.gcount()));
  if (value.size() > kCredentialLimit) return refuse("is too large to be one");
  return value;
}

Result<SecretText> read_reference(std::string_view provider, std::string_view reference,
                                  const Dependencies& dependencies) {
  SecretText value;
  if (const std::string_view secret = secret_of(reference); !secret.empty()) {
    auto found = dependencies.secret(secret);
    // That the store is away says nothing of the credential.
    if (!found && found.error().code.starts_with("store_")) return fail(std::move(found).error());
    if (!found) return credentials(fmt::format("Provider `{}` has no credential. {}", provider, found.error().message));
    value = *std::move(found);
  } else if (reference.starts_with("env:")) {
    const std::string_view variable = reference.substr(4);
    auto found = dependencies.environment(variable);
    if (!found || found->empty()) {
      return credentials(
          fmt::format("Provider `{}` takes a credential from the environment variable {}, which is not set. "
                      "Set it where Fairlead is started.",
                      provider, variable));
    }
    value = *found;
    wipe(*found);
  } else {
    FAIRLEAD_TRY(value, read_file(provider, std::string(reference.substr(5)), dependencies.private_paths));
  }
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back())) != 0) value.pop_back();
  if (!is_header_value(value)) {
    return credentials(
        fmt::format("Provider `{}` takes a credential from {}, which holds nothing that can be sent in a header: "
                    "it must be one line of visible characters.",
                    provider, reference.substr(reference.find(':') + 1)));
  }
  return value;
}

// Wiped when the last answer that holds it goes.
llm::Secrets shared_secrets(std::vector<std::string> secrets) {
  return {new std::vector<std::string>(std::move(secrets)), [](std::vector<std::string>* all) {
            for (std::string& one : *all) wipe(one);
            delete all;
          }};
}

}  // namespace

bool is_reference(std::string_view value) {
  if (value.starts_with("env:")) {
    const std::string_view name = value.substr(4);
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  }
  if (value.starts_with(kSecret)) return access::is_secret_name(value.substr(kSecret.size()));
  return value.starts_with("file:/") && value.find('\0') == std::string_view::npos;
}

bool looks_like_reference(std::string_view value) {
  return value.starts_with("env:") || value.starts_with("file:") || value.starts_with(kSecret);
}

std::string_view secret_of(std::string_view reference) {
  return reference.starts_with(kSecret) && is_reference(reference) ? reference.substr(kSecret.size())
                                                                   : std::string_view();
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number > 0)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double factor = unit == "ms" ? 1 : unit == "s" ? 1'000 : unit == "m" ? 60'000 : unit == "h" ? 3'600'000 : 0;
  const double ms = number * factor;
  if (ms < 1 || ms > 86'400'000) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [&](unsigned char c) {
    return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_reserved_header(std::string_view name) {
  constexpr std::string_view kReserved[] = {
      "host",    "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te",
      "trailer", "upgrade",        "expect",       "accept-encoding"};
  return std::ranges::any_of(kReserved, [name](std::string_view one) { return http::equal_ignoring_case(one, name); });
}

bool is_credential_header(std::string_view name) {
  constexpr std::string_view kCredentials[] = {"authorization",  "proxy-authorization",  "x-api-key", "api-key",
                                               "x-goog-api-key", "x-amz-security-token", "cookie"};
  return std::ranges::any_of(kCredentials,
                             [name](std::string_view one) { return http::equal_ignoring_case(one, name); });
}

std::string_view text_or(const bj::object& spec, std::string_view member, std::string_view otherwise) {
  const bj::value* value = spec.if_contains({member.data(), member.size()});
  return value != nullptr && value->is_string() ? view(value->get_string()) : otherwise;
}

Result<Endpoint> resolve_endpoint(std::string_view name, const bj::object& spec, std::string_view base_url,
                                  std::span<const std::string_view> references, const Dependencies& dependencies) {
  Endpoint endpoint;
  endpoint.name = name;
  endpoint.base_url = text_or(spec, "base_url", base_url);
  if (const std::size_t open = endpoint.base_url.find('{'); open != std::string::npos && !spec.contains("base_url")) {
    const std::size_t close = endpoint.base_url.find('}', open);
    const std::string field = endpoint.base_url.substr(open + 1, close - open - 1);
    endpoint.base_url.replace(open, close - open + 1, text_or(spec, field, ""));
  }
  std::vector<std::string> secrets;
  for (const std::string_view field : references) {
    const std::string_view reference = text_or(spec, field, "");
    if (reference.empty()) continue;
    if (!is_reference(reference))
      return credentials(fmt::format("`{}` must be a reference: secret:NAME, env:NAME or file:/path.", field));
    FAIRLEAD_TRY(SecretText value, read_reference(name, reference, dependencies));
    secrets.emplace_back(value);
    if (field == "api_key") endpoint.api_key = value;
    endpoint.credentials.emplace(field, std::move(value));
  }
  if (const bj::value* headers = spec.if_contains("headers"); headers != nullptr && headers->is_object()) {
    for (const auto& [key, value] : headers->get_object()) {
      const std::string_view header(key.data(), key.size());
      SecretText text(value.is_string() ? view(value.get_string()) : std::string_view());
      if (is_reference(text)) {
        FAIRLEAD_TRY(text, read_reference(name, text, dependencies));
        secrets.emplace_back(text);
      }
      if (!is_header_name(header) || is_reserved_header(header) || !is_header_value(text))
        return fail(ErrorKind::kInvalid, "provider_invalid",
                    fmt::format("Header `{}` of provider `{}` cannot be sent.", header, name));
      endpoint.header_lines.append(header).append(": ").append(text).append("\r\n");
    }
  }
  if (const auto timeout = parse_duration(text_or(spec, "timeout", ""))) endpoint.timeout = *timeout;
  endpoint.secrets = shared_secrets(std::move(secrets));
  return endpoint;
}

}  // namespace fairlead::providers::internal
