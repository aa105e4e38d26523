// AWS Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace fairlead::providers::bedrock {

struct Credentials {
  SecretText access_key_id, secret_access_key;
  SecretText session_token;  // of temporary credentials; may be empty
};

struct Signing {
  std::string_view method;        // "POST"
  std::string_view host;          // as in the Host header
  std::string_view path;          // as sent, percent-encoded, without a query
  std::string_view content_type;  // signed if not empty
  std::string_view body;
  std::string_view region, service;
  std::int64_t unix_seconds = 0;
};

// The headers that make the request a signed one, each ended by CRLF: x-amz-date, x-amz-security-token if there is a
// session, authorization.
SecretText signed_headers(const Signing& signing, const Credentials& credentials);

}  // namespace fairlead::providers::bedrock
