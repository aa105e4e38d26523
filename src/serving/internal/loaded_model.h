// A GGUF model in memory, run by llama.cpp.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/internal/decoder.h"
#include "serving/internal/thread_tuner.h"

struct llama_model;
struct llama_context;
struct llama_vocab;

namespace fairlead::serving {

struct ModelSettings {
  std::string path;
  int threads = 0;  // 0: one a core
  int slots = 4;    // answers at the same time
  int context = 0;  // tokens a call may have, prompt and answer; 0: the model's own, at most 4096
};

// Loading finds the CPU code that suits this machine beside the program's libraries. Made by one thread; the vocabulary
// may be used by any, the rest by one at a time.
class LoadedModel final : public Decoder {
 public:
  // `on_progress` hears 0…1 while the weights are read; false from it ends the loading. Errors: model_invalid (not a
  // GGUF, or cut short, or of a kind that llama.cpp does not know), with its own words; model_memory (no room for the
  // cache).
  static Result<std::unique_ptr<LoadedModel>> load(const ModelSettings& settings,
                                                   std::function<bool(float)> on_progress);
  ~LoadedModel() override;

  const DecoderLimits& limits() const override { return limits_; }
  Result<void> decode(std::span<const Item> items) override;
  std::span<const float> logits(int item) override;
  bool keep(int sequence, int length) override;
  void share(int from, int to, int length) override;

  // False: the model has no memory of what went before, so that it makes embeddings alone. Then nothing of Decoder may
  // be called.
  bool writes() const { return context_ != nullptr; }
  const llama_model* model() const { return model_; }
  llama_context* context() { return context_; }
  const llama_vocab* vocab() const { return vocab_; }
  std::string description() const;  // "llama 135M Q4_1"
  int vocabulary_size() const;

  // With `special`, control tokens written out in the text become those tokens; without, they are plain text.
  // `beginning` adds what the model wants at the start of every text. Thread-safe.
  std::vector<Token> tokenise(std::string_view text, bool beginning, bool special) const;

 private:
  LoadedModel() = default;
  Result<void> make_context(const ModelSettings& settings);
  void attach_threads(int threads);
  void use_threads(int threads);

  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
  const llama_vocab* vocab_ = nullptr;
  struct Threads;
  std::unique_ptr<Threads> threads_;
  struct Batch;
  std::unique_ptr<Batch> batch_;
  std::optional<ThreadTuner> tuner_;
  int threads_in_use_ = 0;
  DecoderLimits limits_;
};

}  // namespace fairlead::serving
