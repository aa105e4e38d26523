// Embeddings for the vendors that say them in other words.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"
#include "llm/provider.h"
#include "providers/internal/ask.h"

namespace fairlead::providers::internal {

// A request to POST /v1/embeddings.
struct EmbeddingsAsk {
  std::vector<std::string> input;
  std::optional<std::int64_t> dimensions;
  bool base64 = false;              // vectors as the bytes of their floats
  std::vector<llm::Member> others;  // members that are not OpenAI's
};

// Errors: kInvalid and kUnsupported, `param` naming the field; token numbers are a tokenizer's own, so they are
// refused.
Result<EmbeddingsAsk> read_embeddings_ask(std::span<const llm::Member> members, const Language& language);

// {"object": "list", "data": […], "model": …, "usage": …}
std::string embeddings_json(std::span<const std::vector<float>> vectors, bool base64, std::string_view model,
                            const llm::Usage& usage);

}  // namespace fairlead::providers::internal
