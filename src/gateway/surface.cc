#include "gateway/surface.h"

#include "platform/http/problem.h"

namespace fairlead::gateway {

std::string Surface::input(const SurfaceCall& call) const {
  if (call.call.request.message_count > 0) return std::string(call.call.request.messages);
  for (const std::string_view name : {"messages", "input", "prompt"})
    if (const llm::Member* const member = call.body.member(name)) return std::string(member->json);
  return std::string(call.call.request.messages);
}

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
