// The endpoints that are no chat in any words: POST /v1/embeddings and POST /v1/moderations. They are passed on to
// providers that speak them (docs/reference/embeddings.md).
#pragma once
#include "gateway/surface.h"

namespace fairlead::gateway {

class EmbeddingsSurface final : public Surface {
 public:
  llm::Format format() const override { return llm::Format::kEmbeddings; }
  std::string_view operation() const override { return "embeddings"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
  Result<void> to_chat(SurfaceCall& call) const override;
};

class ModerationsSurface final : public Surface {
 public:
  llm::Format format() const override { return llm::Format::kModerations; }
  std::string_view operation() const override { return "moderation"; }
  Result<void> read(std::span<char> body, SurfaceCall& call) const override;
  Result<void> to_chat(SurfaceCall& call) const override;
};

}  // namespace fairlead::gateway
