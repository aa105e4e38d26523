// How this room's routes are added: with the scope that each takes, for handlers that are given the service.
#pragma once
#include <string_view>

#include "access/guard.h"
#include "platform/http/server.h"
#include "resources/service.h"

namespace fairlead::resources {

// `add(method, path, scope, handler)`, the handler being called with the exchange, the principal and the service. What
// it is made of outlives the routes.
inline auto route_adder(http::Router& router, const access::Guard& guard, ResourceService& service) {
  return [&](http::Method method, std::string_view path, access::Scope scope, auto handler) {
    router.add(method, path,
               guard.protect(scope, [&service, handler](http::Exchange& exchange, const access::Principal& principal) {
                 return handler(exchange, principal, service);
               }));
  };
}

}  // namespace fairlead::resources
