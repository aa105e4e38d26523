// Errors as the OpenAI API shows them: {"error": {"message", "type", "code", "param"}}.
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "platform/async/task.h"

namespace fairlead::http {

class Exchange;
struct RequestHead;

// The status that answers it: http_status() of its kind, but 408 for a body that did not come and 415 for one of the
// wrong type.
int error_status(const Error& error);
// "invalid_request_error", "permission_error", "rate_limit_error", "insufficient_quota", "upstream_error" or
// "server_error".
std::string_view error_type(const Error& error);
std::string error_body(const Error& error);
// The same shape for an answer of which only the status is known.
std::string error_body(int status, std::string_view code, std::string_view message);

// kInvalid, code invalid_content_type, if Content-Type names what is not JSON. Nothing passes, and so does
// application/x-www-form-urlencoded, which `curl -d` says of whatever it sends.
Result<void> expect_json(const RequestHead& head);

// WWW-Authenticate with a 401; Retry-After and retry-after-ms, where the error says when another try may help. Before
// the exchange is answered.
void add_error_headers(Exchange& exchange, const Error& error);

// Answers with the error and its headers, unless the exchange has been answered already.
async::Task<Result<void>> respond_error(Exchange& exchange, Error error);

}  // namespace fairlead::http
