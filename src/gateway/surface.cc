#include "gateway/surface.h"

#include "platform/http/problem.h"

namespace fairlead::gateway {

int Surface::error_status(const Error& error) const {
  return http::error_status(error);
}

std::string Surface::error_body(const Error& error, std::string_view /*call_id*/) const {
  return http::error_body(error);
}

std::string Surface::error_event(const Error& error, std::string_view /*call_id*/, std::int64_t /*events*/) const {
  return "data: " + http::error_body(error) + "\n\n";
}

}  // namespace fairlead::gateway
