// Embeddings by InvokeModel, in the words of Titan's and Cohere's models
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html, …-embed.html).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "providers/internal/embeddings.h"

namespace fairlead::providers::bedrock {

// One body for each request that the model's way needs: Titan takes one text, Cohere up to 96.
Result<std::vector<std::string>> embeddings_bodies(const internal::EmbeddingsAsk& ask, std::string_view model,
                                                   const internal::Language& language);

// Adds the vectors of one answer, and its tokens where it says them.
Result<void> read_embeddings(std::string_view body, std::vector<std::vector<float>>& vectors, llm::Usage& usage);

}  // namespace fairlead::providers::bedrock
