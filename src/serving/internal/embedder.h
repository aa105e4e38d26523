// Texts to vectors with a GGUF model, by llama.cpp.
#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "serving/internal/decoder.h"
#include "serving/internal/loaded_model.h"

struct llama_context;

namespace fairlead::serving {

// Has a context of its own beside the one that writes answers. The model outlives it. Used by one thread at a time.
class Embedder {
 public:
  struct Options {
    int threads = 1;
    int context = 2048;  // tokens that a text may have; at most what the model was trained for
  };
  // Pools as the model's file says, and by the mean of its tokens where that says nothing, as the files of models that
  // write text do. Errors: model_memory (no room for the context), unsupported_model (a reranker has no vectors).
  static Result<std::unique_ptr<Embedder>> create(const LoadedModel& model, Options options);
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  int context() const { return context_tokens_; }
  int dimensions() const { return dimensions_; }

  // One vector of dimensions() a text, of length 1 (L2). Texts that fit go through the model together. `cancelled` is
  // looked at before each such batch. Errors: context_length_exceeded with `param` input, decode_failed, cancelled.
  Result<std::vector<std::vector<float>>> embed(std::span<const std::vector<Token>> texts,
                                                const std::atomic<bool>& cancelled);

 private:
  Embedder() = default;
  Result<void> run(std::span<const std::vector<Token>> texts, std::vector<std::vector<float>>& out);

  llama_context* llama_ = nullptr;
  struct Batch;
  std::unique_ptr<Batch> batch_;
  int context_tokens_ = 0;
  int dimensions_ = 0;
};

}  // namespace fairlead::serving
