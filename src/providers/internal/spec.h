// A provider's spec, typed, and what becomes of its references.
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "llm/openai_completion.h"
#include "providers/factory.h"

namespace fairlead::providers::internal {

// "30s", "500ms", "1.5m", "1h", from 1 ms to a day; empty if it is none of these.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// What a provider of any vendor is made of.
struct Endpoint {
  std::string name;
  std::string base_url;
  SecretText api_key;                                          // of `credentials`; empty: none is needed
  std::map<std::string, SecretText, std::less<>> credentials;  // the values of the fields that are references, by field
  SecretText header_lines;                                     // of the spec's `headers`, each ended by CRLF
  llm::Secrets secrets;                        // the credentials and every header value that was a reference
  std::chrono::milliseconds timeout{600'000};  // the longest silence of the upstream
};

// Resolves the references: the values of the fields `references`, as far as they are there, and of headers. `base_url`
// is where the type is found if the spec does not say. Errors: credentials_missing.
Result<Endpoint> resolve_endpoint(std::string_view name, const boost::json::object& spec, std::string_view base_url,
                                  std::span<const std::string_view> references, const Dependencies& dependencies);

std::string_view text_or(const boost::json::object& spec, std::string_view member, std::string_view otherwise);

}  // namespace fairlead::providers::internal
