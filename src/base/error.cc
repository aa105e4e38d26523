#include "base/error.h"

#include "base/result.h"

namespace fairlead {

std::unexpected<Error> fail(ErrorKind kind, std::string_view code, std::string_view message, std::string_view param) {
  return std::unexpected(Error{kind, std::string(code), std::string(message), std::string(param), nullptr, 0});
}

std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

int http_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kUnauthenticated:
      return 401;
    case ErrorKind::kPermissionDenied:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kExhausted:
      return 429;
    case ErrorKind::kTimeout:
      return 504;
    case ErrorKind::kCancelled:
      return 499;
    case ErrorKind::kUnavailable:
      return 503;
    case ErrorKind::kUpstream:
      return 502;
    case ErrorKind::kUnsupported:
      return 400;
    case ErrorKind::kInternal:
      return 500;
  }
  return 500;
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return "invalid";
    case ErrorKind::kUnauthenticated:
      return "unauthenticated";
    case ErrorKind::kPermissionDenied:
      return "permission_denied";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kTooLarge:
      return "too_large";
    case ErrorKind::kExhausted:
      return "exhausted";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kUpstream:
      return "upstream";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

Error with_context(Error error, std::string_view doing) {
  error.message = std::string(doing) + ": " + error.message;
  return error;
}

}  // namespace fairlead
