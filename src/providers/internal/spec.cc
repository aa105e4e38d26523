#include "providers/internal/spec.h"

#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <charconv>

#include "access/references.h"

namespace fairlead::providers::internal {
namespace {

namespace bj = boost::json;

std::string_view view(const bj::string& text) {
  return {text.data(), text.size()};
}

// Wiped when the last answer that holds it goes.
llm::Secrets shared_secrets(std::vector<std::string> secrets) {
  return {new std::vector<std::string>(std::move(secrets)), [](std::vector<std::string>* all) {
            for (std::string& one : *all) wipe(one);
            delete all;
          }};
}

}  // namespace

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
  const std::string whose = fmt::format("Provider `{}`", name);
  std::vector<std::string> secrets;
  for (const std::string_view field : references) {
    const std::string_view reference = text_or(spec, field, "");
    if (reference.empty()) continue;
    if (!access::is_reference(reference))
      return fail(ErrorKind::kInvalid, "credentials_missing",
                  fmt::format("`{}` must be a reference: secret:NAME, env:NAME or file:/path.", field));
    FAIRLEAD_TRY(SecretText value, access::read_reference(whose, reference, dependencies));
    secrets.emplace_back(value);
    if (field == "api_key") endpoint.api_key = value;
    endpoint.credentials.emplace(field, std::move(value));
  }
  if (const bj::value* headers = spec.if_contains("headers"); headers != nullptr && headers->is_object()) {
    FAIRLEAD_TRY(access::HeaderLines lines, access::read_headers(whose, headers->get_object(), dependencies));
    endpoint.header_lines = std::move(lines.text);
    for (const SecretText& one : lines.secrets) secrets.emplace_back(one);
  }
  if (const auto timeout = parse_duration(text_or(spec, "timeout", ""))) endpoint.timeout = *timeout;
  endpoint.secrets = shared_secrets(std::move(secrets));
  return endpoint;
}

}  // namespace fairlead::providers::internal
