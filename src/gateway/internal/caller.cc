#include "gateway/internal/caller.h"

#include <charconv>

#include "base/id.h"
#include "gateway/surfaces/messages_answer.h"
#include "platform/http/problem.h"

namespace fairlead::gateway::internal {

Result<const access::Principal*> caller_of(const http::Exchange& exchange, const Snapshot& snapshot,
                                           std::int64_t now_us) {
  const http::RequestHead& head = exchange.head();
  FAIRLEAD_TRY(const access::Principal* principal,
               snapshot.keys->authenticate(head.header("authorization").value_or(""),
                                           head.header("x-api-key").value_or(""), now_us));
  if (!principal->may(access::Scope::kCall))
    return fail(ErrorKind::kPermissionDenied, "missing_scope",
                "This key may not make calls: it lacks the scope `call`.");
  return principal;
}

bool is_anthropic(const http::RequestHead& head) {
  return head.path.starts_with("/v1/messages") || head.header("anthropic-version").has_value();
}

std::string name_answer(http::Exchange& exchange, const Clock& clock) {
  std::string id = new_id(clock.unix_micros());
  exchange.add_header("x-request-id", id);
  if (is_anthropic(exchange.head())) exchange.add_header("request-id", id);
  return id;
}

async::Task<void> refuse(http::Exchange& exchange, std::string id, Error error, int status) {
  http::add_error_headers(exchange, error);
  const bool anthropic = is_anthropic(exchange.head());
  const std::string body = anthropic ? messages_error(error, id) : http::error_body(error);
  if (status == 0) status = anthropic ? messages_error_status(error) : http::error_status(error);
  co_await exchange.respond(status, "application/json", body);
}

Result<std::int64_t> number_parameter(const http::Exchange& exchange, std::string_view name, std::int64_t fallback,
                                      std::int64_t low, std::int64_t high) {
  const auto given = http::query_parameter(exchange.head().query, name);
  if (!given) return fallback;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (error != std::errc() || end != given->data() + given->size() || number < low || number > high)
    return fail(ErrorKind::kInvalid, "invalid_value",
                "Invalid '" + std::string(name) + "': expected a number from " + std::to_string(low) + " to " +
                    std::to_string(high) + ".",
                std::string(name));
  return number;
}

Result<bool> oldest_first(const http::Exchange& exchange) {
  const auto order = http::query_parameter(exchange.head().query, "order");
  if (!order || *order == "desc") return false;
  if (*order == "asc") return true;
  return fail(ErrorKind::kInvalid, "invalid_value", "Invalid 'order': expected asc or desc.", "order");
}

}  // namespace fairlead::gateway::internal
