// A request for embeddings in OpenAI's form, and its answer.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/internal/decoder.h"

namespace fairlead::serving {

struct EmbeddingRequest {
  // Of these one has elements: what is to be embedded, as text or as the model's own tokens. At most 2,048.
  std::vector<std::string> texts;
  std::vector<std::vector<Token>> tokens;
  bool base64 = false;  // encoding_format: little-endian floats instead of a list of numbers
  int dimensions = 0;   // as asked for; 0: not said

  // `body` is followed by 64 readable bytes. `vocabulary`: tokens are less than that. Errors: kInvalid with `param`.
  static Result<EmbeddingRequest> parse(std::span<char> body, int vocabulary);
};

// The list object of POST /v1/embeddings.
std::string embeddings_answer(std::string_view model, std::span<const std::vector<float>> vectors, bool base64,
                              std::size_t tokens);

}  // namespace fairlead::serving
