// What went wrong, for a program and for a person.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead {

// The class of an error: decides the HTTP status, the exit code and whether another try may help.
enum class ErrorKind : std::uint8_t {
  kInvalid,           // the caller sent something wrong; the same request will fail again
  kUnauthenticated,   // no key, or one that is not known
  kPermissionDenied,  // a known key that may not do this
  kNotFound,
  kConflict,     // the state is not what the caller thought (a name that is taken, a version that moved)
  kTooLarge,     // a body, a head or an answer over its limit
  kExhausted,    // a rate, a quota, a budget, a queue
  kTimeout,      // a deadline passed
  kCancelled,    // the caller went away or asked to stop
  kUnavailable,  // something this depends on cannot be reached or is starting; another try may help
  kUpstream,     // something this depends on answered nonsense or failed
  kUnsupported,  // understood, and not offered
  kInternal,     // a fault of Fairlead's own
};

// A value; copied and moved freely. `code` is stable and made for programs (`model_not_found`); `message` is one or two
// sentences that say what, where and what to do, without a secret or a person's data; `param` names the field of the
// request at fault, if one is.
struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code = "internal_error";
  std::string message;
  std::string param{};
  std::shared_ptr<const Error> cause{};
  std::int64_t retry_after_ms = 0;  // when another try may help, as far as is known; 0: not known
};

// The HTTP status that answers an error of this kind.
int http_status(ErrorKind kind);

// The kind's name in words that a log or a record can carry: "invalid", "not_found", …
std::string_view to_string(ErrorKind kind);

// The same error with what was being done put before its message: "reading x.yaml: no such file".
Error with_context(Error error, std::string_view doing);

}  // namespace fairlead
