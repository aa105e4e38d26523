// POST /v1/messages and POST /v1/messages/count_tokens (https://docs.anthropic.com/en/api/messages).
#pragma once
#include "gateway/surface.h"

namespace fairlead::gateway {

class MessagesSurface : public Surface {
 public:
  llm::Format format() const override { return llm::Format::kMessages; }
  std::string_view operation() const override { return "chat"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
  Result<void> to_chat(SurfaceCall& call) const override;
  std::unique_ptr<AnswerForm> answer_form(const SurfaceCall& call) const override;
  std::string_view id_header() const override { return "request-id"; }
  int error_status(const Error& error) const override;
  std::string error_body(const Error& error, std::string_view call_id) const override;
  std::string error_event(const Error& error, std::string_view call_id, std::int64_t events) const override;
};

class CountTokensSurface final : public MessagesSurface {
 public:
  llm::Format format() const override { return llm::Format::kCountTokens; }
  std::string_view operation() const override { return "count_tokens"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
};

}  // namespace fairlead::gateway
