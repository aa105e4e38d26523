#include "providers/kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "access/references.h"
#include "platform/http/client.h"
#include "platform/json/member.h"
#include "providers/internal/spec.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers {
namespace {

namespace bj = boost::json;
using resources::SpecError;

// Of all types; the vendors' own fields are added to it.
constexpr std::string_view kSchema = R"({
  "type": "object",
  "required": ["type"],
  "additionalProperties": false,
  "properties": {
    "type": {"enum": ["llama.cpp"]},
    "description": {"type": "string", "maxLength": 2000},
    "base_url": {"type": "string", "minLength": 1, "maxLength": 2048},
    "headers": {"type": "object", "maxProperties": 50, "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 4096}},
    "timeout": {"type": "string", "minLength": 1, "maxLength": 16}
  }
})";
constexpr std::string_view kFieldSchema = R"({"type": "string", "minLength": 1, "maxLength": 4096})";

constexpr std::string_view kWriteReference =
    "write where it is found: secret:NAME for a secret of the project, env:NAME for an environment variable, or "
    "file:/path for a file";

bool is_visible(std::string_view text) {
  for (const unsigned char c : text)
    if (c < ' ' || c > 126) return false;
  return true;
}

std::string pointer_to(std::string_view header) {
  return "/headers/" + json::pointer_token(header);
}

void check_headers(const bj::object& headers, std::vector<SpecError>& errors) {
  for (auto& [name, fault] : access::header_faults(headers)) errors.push_back({pointer_to(name), std::move(fault)});
}

std::vector<SpecError> check_llama(const bj::object& spec) {
  std::vector<SpecError> errors;
  for (const auto& [key, value] : spec) {
    if (key == "type" || key == "description") continue;
    errors.push_back({"/" + std::string(key),
                      "has no meaning for type `llama.cpp`, which runs models in this process's own workers"});
  }
  return errors;
}

bool has_field(const internal::Vendor& vendor, std::string_view field) {
  return std::ranges::find(vendor.fields, field, &internal::Field::name) != vendor.fields.end();
}

// "openai, azure": the types that have the field.
std::string types_with(std::string_view field) {
  std::string out;
  for (const internal::Vendor& vendor : internal::vendors()) {
    if (!has_field(vendor, field)) continue;
    if (!out.empty()) out += ", ";
    out += vendor.type;
  }
  return out;
}

void check_fields(const internal::Vendor& vendor, const bj::object& spec, std::vector<SpecError>& errors) {
  for (const internal::Field& field : vendor.fields) {
    const std::string_view value = internal::text_or(spec, field.name, "");
    const std::string pointer = fmt::format("/{}", field.name);
    if (value.empty()) {
      if (field.required)
        errors.push_back({"", fmt::format("must have `{}`, which type `{}` needs", field.name, vendor.type)});
    } else if (field.is_reference && !access::is_reference(value)) {
      errors.push_back({pointer, fmt::format("must not hold the {} itself, because every version is kept; {}",
                                             field.name == "api_key" ? "key" : "credential", kWriteReference)});
    } else if (!is_visible(value)) {
      errors.push_back({pointer, "holds characters that a header cannot carry"});
    }
  }
  constexpr std::string_view kOfAll[] = {"type", "description", "base_url", "headers", "timeout"};
  for (const auto& [key, value] : spec) {
    const std::string_view name(key.data(), key.size());
    if (std::ranges::find(kOfAll, name) != std::end(kOfAll) || has_field(vendor, name)) continue;
    errors.push_back({fmt::format("/{}", name),
                      fmt::format("has no meaning for type `{}`; it belongs to {}", vendor.type, types_with(name))});
  }
}

void check_base_url(const internal::Vendor& vendor, const bj::object& spec, std::vector<SpecError>& errors) {
  const std::string_view url = internal::text_or(spec, "base_url", "");
  if (url.empty()) {
    if (vendor.base_url.empty())
      errors.push_back({"", fmt::format("must have `base_url`: type `{}` has no address of its own", vendor.type)});
  } else if (!url.starts_with("https://") && !url.starts_with("http://")) {
    errors.push_back({"/base_url", "must begin with https:// or http://"});
  } else if (const auto origin = http::Origin::parse(url); !origin) {
    errors.push_back({"/base_url", origin.error().message});
  }
}

std::vector<SpecError> check(std::string_view, const bj::object& spec, const resources::Catalogue&) {
  const std::string_view type = internal::text_or(spec, "type", "");
  const internal::Vendor* const vendor = internal::find_vendor(type);
  if (vendor == nullptr) return check_llama(spec);
  std::vector<SpecError> errors;
  check_base_url(*vendor, spec, errors);
  check_fields(*vendor, spec, errors);
  if (const bj::value* headers = spec.if_contains("headers"); headers != nullptr && headers->is_object())
    check_headers(headers->get_object(), errors);
  if (const std::string_view timeout = internal::text_or(spec, "timeout", "");
      !timeout.empty() && !internal::parse_duration(timeout)) {
    errors.push_back({"/timeout", "must be a number with a unit, at most a day: 500ms, 30s, 10m or 1h"});
  }
  if (vendor->check != nullptr) vendor->check(spec, errors);
  return errors;
}

std::string schema() {
  bj::value schema = bj::parse(kSchema);
  bj::object& properties = schema.as_object()["properties"].as_object();
  bj::array& types = properties["type"].as_object()["enum"].as_array();
  for (const internal::Vendor& vendor : internal::vendors()) {
    types.emplace_back(vendor.type);
    for (const internal::Field& field : vendor.fields) properties.emplace(field.name, bj::parse(kFieldSchema));
  }
  return bj::serialize(schema);
}

}  // namespace

std::vector<resources::SecretReference> secret_references(const bj::object& spec) {
  std::vector<resources::SecretReference> out;
  const auto add = [&out](std::string pointer, std::string_view value) {
    if (const std::string_view name = access::secret_of(value); !name.empty())
      out.push_back({std::move(pointer), std::string(name)});
  };
  const internal::Vendor* const vendor = internal::find_vendor(internal::text_or(spec, "type", ""));
  if (vendor == nullptr) return out;
  for (const internal::Field& field : vendor->fields)
    if (field.is_reference) add(fmt::format("/{}", field.name), internal::text_or(spec, field.name, ""));
  if (const bj::value* headers = spec.if_contains("headers"); headers != nullptr && headers->is_object()) {
    for (const auto& [name, value] : headers->get_object())
      if (value.is_string()) add(pointer_to(name), value.get_string());
  }
  return out;
}

resources::Kind provider_kind() {
  return {.name = "provider", .schema = schema(), .normalise = {}, .check = check, .secrets = secret_references};
}

}  // namespace fairlead::providers
