#include "providers/kind.h"

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "platform/http/client.h"
#include "providers/internal/spec.h"

namespace fairlead::providers {
namespace {

namespace json = boost::json;
using resources::SpecError;

constexpr std::string_view kSchema = R"({
  "type": "object",
  "required": ["type"],
  "additionalProperties": false,
  "properties": {
    "type": {"enum": ["openai", "anthropic", "llama.cpp"]},
    "description": {"type": "string", "maxLength": 2000},
    "base_url": {"type": "string", "minLength": 1, "maxLength": 2048},
    "api_key": {"type": "string", "minLength": 1, "maxLength": 4096},
    "headers": {"type": "object", "maxProperties": 50, "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 4096}},
    "organization": {"type": "string", "minLength": 1, "maxLength": 256},
    "project": {"type": "string", "minLength": 1, "maxLength": 256},
    "timeout": {"type": "string", "minLength": 1, "maxLength": 16}
  }
})";

constexpr std::string_view kWriteReference =
    "write where it is found: env:NAME for an environment variable, or file:/path for a file";

bool is_visible(std::string_view text) {
  for (const unsigned char c : text)
    if (c < ' ' || c > 126) return false;
  return true;
}

std::string pointer_to(std::string_view header) {
  std::string out = "/headers/";
  for (const char c : header) out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return out;
}

void check_headers(const json::object& headers, std::vector<SpecError>& errors) {
  for (const auto& [key, value] : headers) {
    const std::string_view name(key.data(), key.size());
    const std::string_view text =
        value.is_string() ? std::string_view(value.get_string().data(), value.get_string().size()) : "";
    if (!internal::is_header_name(name)) {
      errors.push_back({pointer_to(name), "is not a header's name: letters, digits and hyphens make one"});
    } else if (internal::is_reserved_header(name)) {
      errors.push_back({pointer_to(name), "is a header that Fairlead sets itself; leave it out"});
    } else if (internal::is_credential_header(name) && !internal::is_reference(text)) {
      errors.push_back(
          {pointer_to(name),
           fmt::format("must not hold the credential itself, because every version is kept; {}", kWriteReference)});
    } else if (!is_visible(text)) {
      errors.push_back({pointer_to(name), "holds characters that a header cannot carry"});
    } else if ((text.starts_with("env:") || text.starts_with("file:")) && !internal::is_reference(text)) {
      errors.push_back({pointer_to(name), "is not a reference that can be followed; write env:NAME or file:/path"});
    }
  }
}

std::vector<SpecError> check_llama(const json::object& spec) {
  std::vector<SpecError> errors;
  for (const auto& [key, value] : spec) {
    if (key == "type" || key == "description") continue;
    errors.push_back({"/" + std::string(key),
                      "has no meaning for type `llama.cpp`, which runs models in this process's own workers"});
  }
  return errors;
}

std::vector<SpecError> check(std::string_view, const json::object& spec, const resources::Catalogue&) {
  const std::string_view type = internal::text_or(spec, "type", "");
  if (type == "llama.cpp") return check_llama(spec);
  std::vector<SpecError> errors;
  if (const std::string_view url = internal::text_or(spec, "base_url", ""); !url.empty()) {
    if (!url.starts_with("https://") && !url.starts_with("http://")) {
      errors.push_back({"/base_url", "must begin with https:// or http://"});
    } else if (const auto origin = http::Origin::parse(url); !origin) {
      errors.push_back({"/base_url", origin.error().message});
    }
  }
  if (const std::string_view key = internal::text_or(spec, "api_key", ""); !key.empty() && !internal::is_reference(key))
    errors.push_back(
        {"/api_key", fmt::format("must not hold the key itself, because every version is kept; {}", kWriteReference)});
  if (const json::value* headers = spec.if_contains("headers"); headers != nullptr && headers->is_object())
    check_headers(headers->get_object(), errors);
  if (const std::string_view timeout = internal::text_or(spec, "timeout", "");
      !timeout.empty() && !internal::parse_duration(timeout)) {
    errors.push_back({"/timeout", "must be a number with a unit, at most a day: 500ms, 30s, 10m or 1h"});
  }
  for (const std::string_view member : {"organization", "project"}) {
    const std::string_view value = internal::text_or(spec, member, "");
    if (value.empty()) continue;
    if (type != "openai") {
      errors.push_back({fmt::format("/{}", member), "has a meaning for type `openai` only"});
    } else if (!is_visible(value)) {
      errors.push_back({fmt::format("/{}", member), "holds characters that a header cannot carry"});
    }
  }
  return errors;
}

}  // namespace

resources::Kind provider_kind() {
  return {.name = "provider", .schema = std::string(kSchema), .normalise = {}, .check = check};
}

}  // namespace fairlead::providers
