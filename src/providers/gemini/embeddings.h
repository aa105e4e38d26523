// Embeddings by batchEmbedContents (https://ai.google.dev/api/embeddings).
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"
#include "providers/internal/http_provider.h"

namespace fairlead::providers::gemini {

struct EmbeddingsCall {
  std::string body;
  internal::WholeAnswerReader reader;  // of its answer
};

// Errors: kInvalid and kUnsupported, `param` naming the field. Members that are not OpenAI's (`taskType`, `title`) go
// into each of the requests.
Result<EmbeddingsCall> embeddings_call(std::span<const llm::Member> members, std::string_view upstream_model);

}  // namespace fairlead::providers::gemini
