#include "gateway/surfaces/chat.h"

namespace fairlead::gateway {

Result<void> ChatSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_TRY(call.call.request, llm::ChatRequest::parse(body));
  return {};
}

}  // namespace fairlead::gateway
