#include "access/references.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "access/secrets.h"
#include "platform/http/message.h"

namespace fairlead::access {
namespace {

constexpr std::size_t kCredentialLimit = 64 * 1024;
constexpr std::string_view kSecret = "secret:";

std::unexpected<Error> missing(std::string message) {
  return fail(ErrorKind::kInvalid, "credentials_missing", std::move(message));
}

// What may stand in a header line as a value: visible ASCII, spaces within (RFC 9110 §5.5).
bool is_header_value(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](unsigned char c) { return c >= ' ' && c < 127; });
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [&](unsigned char c) {
    return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// Headers that are the client's own or carry the body's framing.
bool is_reserved_header(std::string_view name) {
  constexpr std::string_view kReserved[] = {
      "host",    "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te",
      "trailer", "upgrade",        "expect",       "accept-encoding"};
  return std::ranges::any_of(kReserved, [name](std::string_view one) { return http::equal_ignoring_case(one, name); });
}

// Headers that carry credentials: their values must be references.
bool is_credential_header(std::string_view name) {
  constexpr std::string_view kCredentials[] = {"authorization",  "proxy-authorization",  "x-api-key", "api-key",
                                               "x-goog-api-key", "x-amz-security-token", "cookie"};
  return std::ranges::any_of(kCredentials,
                             [name](std::string_view one) { return http::equal_ignoring_case(one, name); });
}

std::string_view text_of(const boost::json::value& value) {
  return value.is_string() ? std::string_view(value.get_string()) : std::string_view();
}

bool is_private(const std::string& path, const std::vector<std::string>& private_paths) {
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(path, error).string();
  return std::ranges::any_of(private_paths, [&](const std::string& one) {
    return real == one || (real.starts_with(one) && real[one.size()] == '/');
  });
}

Result<SecretText> read_file(std::string_view whose, const std::string& path,
                             const std::vector<std::string>& private_paths) {
  const auto refuse = [&](std::string_view why) {
    return missing(std::string(whose) + " takes a credential from " + path + ", which " + std::string(why) + ".");
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

}  // namespace

bool is_reference(std::string_view value) {
  if (value.starts_with("env:")) {
    const std::string_view name = value.substr(4);
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  }
  if (value.starts_with(kSecret)) return is_secret_name(value.substr(kSecret.size()));
  return value.starts_with("file:/") && value.find('\0') == std::string_view::npos;
}

bool looks_like_reference(std::string_view value) {
  return value.starts_with("env:") || value.starts_with("file:") || value.starts_with(kSecret);
}

std::string_view secret_of(std::string_view reference) {
  return reference.starts_with(kSecret) && is_reference(reference) ? reference.substr(kSecret.size())
                                                                   : std::string_view();
}

std::vector<std::pair<std::string, std::string>> header_faults(const boost::json::object& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : headers) {
    const std::string name(key);
    const std::string_view text = text_of(value);
    if (!is_header_name(name)) {
      out.emplace_back(name, "is not a header's name: letters, digits and hyphens make one");
    } else if (is_reserved_header(name)) {
      out.emplace_back(name, "is a header that Fairlead sets itself; leave it out");
    } else if (is_credential_header(name) && !is_reference(text)) {
      out.emplace_back(name,
                       "must not hold the credential itself, because every version is kept; write where it is found: "
                       "secret:NAME for a secret of the project, env:NAME for an environment variable, or file:/path "
                       "for a file");
    } else if (!is_header_value(text)) {
      out.emplace_back(name, "holds characters that a header cannot carry");
    } else if (looks_like_reference(text) && !is_reference(text)) {
      out.emplace_back(name, "is not a reference that can be followed; write secret:NAME, env:NAME or file:/path");
    }
  }
  return out;
}

Result<SecretText> read_reference(std::string_view whose, std::string_view reference,
                                  const CredentialSources& sources) {
  SecretText value;
  if (const std::string_view secret = secret_of(reference); !secret.empty()) {
    auto found = sources.secret(secret);
    // That the store is away says nothing of the credential.
    if (!found && found.error().code.starts_with("store_")) return fail(std::move(found).error());
    if (!found) return missing(std::string(whose) + " has no credential. " + found.error().message);
    value = *std::move(found);
  } else if (reference.starts_with("env:")) {
    const std::string_view variable = reference.substr(4);
    auto found = sources.environment(variable);
    if (!found || found->empty())
      return missing(std::string(whose) + " takes a credential from the environment variable " + std::string(variable) +
                     ", which is not set. Set it where Fairlead is started.");
    value = *found;
    wipe(*found);
  } else {
    FAIRLEAD_TRY(value, read_file(whose, std::string(reference.substr(5)), sources.private_paths));
  }
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back())) != 0) value.pop_back();
  if (!is_header_value(value))
    return missing(std::string(whose) + " takes a credential from " +
                   std::string(reference.substr(reference.find(':') + 1)) +
                   ", which holds nothing that can be sent in a header: it must be one line of visible characters.");
  return value;
}

Result<HeaderLines> read_headers(std::string_view whose, const boost::json::object& headers,
                                 const CredentialSources& sources) {
  HeaderLines out;
  for (const auto& [key, value] : headers) {
    const std::string_view name(key);
    SecretText text(text_of(value));
    if (is_reference(text)) {
      FAIRLEAD_TRY(text, read_reference(whose, text, sources));
      out.secrets.push_back(text);
    }
    if (!is_header_name(name) || is_reserved_header(name) || !is_header_value(text))
      return missing("Header `" + std::string(name) + "` of " + std::string(whose) + " cannot be sent.");
    out.text.append(name).append(": ").append(text).append("\r\n");
  }
  return out;
}

}  // namespace fairlead::access
