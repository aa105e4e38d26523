// POST /v1/chat/completions (https://platform.openai.com/docs/api-reference/chat): Fairlead's own inside.
#pragma once
#include "gateway/surface.h"

namespace fairlead::gateway {

class ChatSurface final : public Surface {
 public:
  llm::Format format() const override { return llm::Format::kChat; }
  std::string_view operation() const override { return "chat"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
  Result<void> to_chat(SurfaceCall& /*call*/) const override { return {}; }
  std::string_view stream_end() const override { return "data: [DONE]\n\n"; }
};

}  // namespace fairlead::gateway
