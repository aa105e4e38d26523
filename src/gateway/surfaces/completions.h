// POST /v1/completions (https://platform.openai.com/docs/api-reference/completions), of the time before chats
// (docs/reference/completions.md).
#pragma once
#include "gateway/surface.h"

namespace fairlead::gateway {

class CompletionsSurface final : public Surface {
 public:
  llm::Format format() const override { return llm::Format::kCompletions; }
  std::string_view operation() const override { return "text_completion"; }
  std::string_view messages_field() const override { return "prompt"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
  Result<void> to_chat(SurfaceCall& call) const override;
  std::unique_ptr<AnswerForm> answer_form(const SurfaceCall& call) const override;
  std::string_view stream_end() const override { return "data: [DONE]\n\n"; }
};

// The chat that a completion comes to, JSON text. Errors: kInvalid and kUnsupported, naming the field.
Result<std::string> chat_of_completion(const llm::RequestBody& body);

}  // namespace fairlead::gateway
