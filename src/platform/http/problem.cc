#include "platform/http/problem.h"

#include <algorithm>

#include "platform/http/server.h"
#include "platform/json/text.h"

namespace fairlead::http {
namespace {

std::string body_of(std::string_view message, std::string_view type, std::string_view code, std::string_view param) {
  std::string out;
  out.reserve(96 + message.size() + param.size());
  out += R"({"error":{"message":)";
  json::append_string(out, message);
  out += R"(,"type":)";
  json::append_string(out, type);
  out += R"(,"param":)";
  if (param.empty())
    out += "null";
  else
    json::append_string(out, param);
  out += R"(,"code":)";
  if (code.empty())
    out += "null";
  else
    json::append_string(out, code);
  out += "}}";
  return out;
}

}  // namespace

int error_status(const Error& error) {
  if (error.code == "body_timeout") return 408;
  return error.code == "invalid_content_type" ? 415 : http_status(error.kind);
}

std::string_view error_type(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalid:
    case ErrorKind::kUnauthenticated:
    case ErrorKind::kNotFound:
    case ErrorKind::kConflict:
    case ErrorKind::kTooLarge:
    case ErrorKind::kUnsupported:
      return "invalid_request_error";
    case ErrorKind::kPermissionDenied:
      return "permission_error";
    case ErrorKind::kExhausted:
      return error.code == "insufficient_quota" || error.code == "budget_exceeded" ? "insufficient_quota"
                                                                                   : "rate_limit_error";
    case ErrorKind::kUpstream:
      return "upstream_error";
    case ErrorKind::kTimeout:
      return error.code == "body_timeout" ? "invalid_request_error" : "server_error";
    case ErrorKind::kCancelled:
    case ErrorKind::kUnavailable:
    case ErrorKind::kInternal:
      return "server_error";
  }
  return "server_error";
}

std::string error_body(const Error& error) {
  return body_of(error.message, error_type(error), error.code, error.param);
}

std::string error_body(int status, std::string_view code, std::string_view message) {
  return body_of(message, status < 500 ? "invalid_request_error" : "server_error", code, {});
}

Result<void> expect_json(const RequestHead& head) {
  std::string_view type = head.header("content-type").value_or("");
  type = type.substr(0, type.find_first_of("; \t"));
  const bool suffixed = type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json");
  if (type.empty() || suffixed || equal_ignoring_case(type, "application/json") ||
      equal_ignoring_case(type, "application/x-www-form-urlencoded"))
    return {};
  return fail(ErrorKind::kInvalid, "invalid_content_type",
              "This route takes JSON: send Content-Type: application/json.");
}

void add_error_headers(Exchange& exchange, const Error& error) {
  if (error.kind == ErrorKind::kUnauthenticated) exchange.add_header("www-authenticate", "Bearer");
  if (error.retry_after_ms <= 0) return;
  // Whole seconds are all that the standard has; the clients of OpenAI read the milliseconds too.
  exchange.add_header("retry-after", std::to_string(std::max<std::int64_t>(1, (error.retry_after_ms + 999) / 1000)));
  exchange.add_header("retry-after-ms", std::to_string(error.retry_after_ms));
}

async::Task<Result<void>> respond_error(Exchange& exchange, Error error) {
  if (exchange.answered()) co_return Result<void>{};
  const std::string body = error_body(error);
  add_error_headers(exchange, error);
  co_return co_await exchange.respond(error_status(error), "application/json", body);
}

}  // namespace fairlead::http
