#include "access/guard.h"

#include <utility>

#include "platform/http/problem.h"

namespace fairlead::access {
namespace {

std::string_view name_of(Scope scope) {
  switch (scope) {
    case Scope::kCall:
      return "call";
    case Scope::kRead:
      return "read";
    case Scope::kWrite:
      return "write";
    case Scope::kAdmin:
      return "admin";
    case Scope::kApprove:
      return "approve";
    case Scope::kWork:
      return "work";
  }
  return "";
}

struct Credentials {
  std::string_view authorization, api_key;
  bool repeated = false;
};

// Two of one header are not two chances: what another program in front took for the key must be what is taken here.
Credentials credentials_of(const http::RequestHead& head) {
  Credentials found;
  bool has_authorization = false, has_api_key = false;
  for (const http::Header& header : head.headers) {
    if (http::equal_ignoring_case(header.name, "authorization")) {
      found.repeated |= std::exchange(has_authorization, true);
      found.authorization = header.value;
    } else if (http::equal_ignoring_case(header.name, "x-api-key")) {
      found.repeated |= std::exchange(has_api_key, true);
      found.api_key = header.value;
    }
  }
  return found;
}

async::Task<void> turn_away(http::Exchange& exchange, Error error) {
  auto answered = co_await http::respond_error(exchange, std::move(error));
  (void)answered;  // a client that has gone wants no answer
}

// Keeps the table, and so the principal, until the handler has ended.
async::Task<void> serve(std::shared_ptr<const KeyTable> /*table*/, const Principal* principal,
                        const PrincipalHandler* handler, http::Exchange& exchange) {
  co_await (*handler)(exchange, *principal);
}

}  // namespace

struct Guard::State {
  CurrentKeys current;
  const Clock* clock;
};

Guard::Guard(CurrentKeys current, const Clock& clock)
    : state_(std::make_shared<const State>(State{std::move(current), &clock})) {}

http::Handler Guard::protect(Scope scope, PrincipalHandler handler) const {
  auto shared = std::make_shared<const PrincipalHandler>(std::move(handler));
  return [state = state_, scope, shared](http::Exchange& exchange) -> async::Task<void> {
    const Credentials credentials = credentials_of(exchange.head());
    if (credentials.repeated) {
      return turn_away(exchange, Error{ErrorKind::kInvalid, "duplicate_header",
                                       "Authorization or x-api-key was sent twice. Send one."});
    }
    std::shared_ptr<const KeyTable> table = state->current();
    auto principal = table->authenticate(credentials.authorization, credentials.api_key, state->clock->unix_micros());
    if (!principal) return turn_away(exchange, std::move(principal).error());
    if (!(*principal)->may(scope)) {
      return turn_away(exchange, Error{ErrorKind::kPermissionDenied, "insufficient_scope",
                                       "This key may not do that: it lacks the scope `" + std::string(name_of(scope)) +
                                           "`. An admin can make one that has it."});
    }
    return serve(std::move(table), *principal, shared.get(), exchange);
  };
}

}  // namespace fairlead::access
