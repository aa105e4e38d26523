// POST /v1/responses (https://platform.openai.com/docs/api-reference/responses).
#pragma once
#include "gateway/response_store.h"
#include "gateway/surface.h"

namespace fairlead::gateway {

class ResponsesSurface final : public Surface {
 public:
  // `store` outlives it.
  explicit ResponsesSurface(ResponseStore& store) : store_(store) {}
  llm::Format format() const override { return llm::Format::kResponses; }
  std::string_view operation() const override { return "chat"; }
  std::string_view messages_field() const override { return "input"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
  bool native(const SurfaceCall& call) const override;
  bool wants_loading(const SurfaceCall& call) const override;
  async::Task<Result<void>> load(SurfaceCall& call) const override;
  Result<void> to_chat(SurfaceCall& call) const override;
  bool in_background(const SurfaceCall& call) const override;
  std::unique_ptr<AnswerForm> answer_form(const SurfaceCall& call) const override;
  std::string error_event(const Error& error, std::string_view call_id, std::int64_t events) const override;

 private:
  ResponseStore& store_;
};

}  // namespace fairlead::gateway
