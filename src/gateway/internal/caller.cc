#include "gateway/internal/caller.h"

#include <charconv>

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
