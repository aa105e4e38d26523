#include "serving/internal/embedder.h"

#include <fmt/format.h>
#include <llama.h>

#include <algorithm>
#include <cmath>

#include "serving/internal/logger.h"

namespace fairlead::serving {
namespace {

constexpr int kTextsAtOnce = 32;

std::vector<float> normalised(const float* values, int count) {
  std::vector<float> out(values, values + count);
  double sum = 0;
  for (const float value : out) sum += static_cast<double>(value) * value;
  const auto length = static_cast<float>(std::sqrt(sum));
  if (length > 0)
    for (float& value : out) value /= length;
  return out;
}

}  // namespace

struct Embedder::Batch {
  explicit Batch(int size) : value(llama_batch_init(size, 0, 1)) {}
  ~Batch() { llama_batch_free(value); }
  llama_batch value;
};

Result<std::unique_ptr<Embedder>> Embedder::create(const LoadedModel& model, Options options) {
  std::unique_ptr<Embedder> out(new Embedder());
  const int trained = llama_model_n_ctx_train(model.model());
  out->context_tokens_ = trained > 0 ? std::min(trained, options.context) : options.context;
  out->dimensions_ = llama_model_n_embd_out(model.model());

  // A text goes through in one piece: pooling, and attention that looks ahead, want all of it at once.
  llama_context_params parameters = llama_context_default_params();
  parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = static_cast<std::uint32_t>(out->context_tokens_);
  parameters.n_seq_max = kTextsAtOnce;
  parameters.n_threads = parameters.n_threads_batch = options.threads;
  parameters.kv_unified = true;
  parameters.no_perf = true;
  parameters.embeddings = true;
  // NOLINTNEXTLINE(bugprone-const-cast): llama.cpp reads the model and says so nowhere
  auto* const weights = const_cast<llama_model*>(model.model());
  out->llama_ = llama_init_from_model(weights, parameters);
  if (out->llama_ != nullptr && llama_pooling_type(out->llama_) == LLAMA_POOLING_TYPE_NONE) {
    llama_free(out->llama_);
    parameters.pooling_type = LLAMA_POOLING_TYPE_MEAN;
    out->llama_ = llama_init_from_model(weights, parameters);
  }
  if (out->llama_ == nullptr) {
    return fail(ErrorKind::kUnavailable, "model_memory",
                fmt::format("There is no room for the embeddings of {} tokens at once. Lower serving.context.",
                            out->context_tokens_));
  }
  if (llama_pooling_type(out->llama_) == LLAMA_POOLING_TYPE_RANK)
    return fail(ErrorKind::kUnsupported, "unsupported_model", "The model ranks texts; it makes no embeddings.",
                "model");
  out->batch_ = std::make_unique<Batch>(out->context_tokens_);
  return out;
}

Embedder::~Embedder() {
  batch_.reset();
  if (llama_ != nullptr) llama_free(llama_);
}

Result<std::vector<std::vector<float>>> Embedder::embed(std::span<const std::vector<Token>> texts,
                                                        const std::atomic<bool>& cancelled) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() <= static_cast<std::size_t>(context_tokens_)) continue;
    return fail(ErrorKind::kInvalid, "context_length_exceeded",
                fmt::format("This model's maximum context length is {} tokens, however input {} has {}. Please reduce "
                            "your input.",
                            context_tokens_, i, texts[i].size()),
                "input");
  }
  std::vector<std::vector<float>> out;
  out.reserve(texts.size());
  while (out.size() < texts.size()) {
    if (cancelled) return fail(ErrorKind::kCancelled, "cancelled", "The call was cancelled.");
    std::size_t count = 0, tokens = 0;
    const auto rest = texts.subspan(out.size());
    while (count < rest.size() && count < kTextsAtOnce &&
           tokens + rest[count].size() <= static_cast<std::size_t>(context_tokens_))
      tokens += rest[count++].size();
    FAIRLEAD_CHECK(run(rest.first(count), out));
  }
  return out;
}

// Puts the texts through the model as sequences 0, 1, … and appends their vectors.
Result<void> Embedder::run(std::span<const std::vector<Token>> texts, std::vector<std::vector<float>>& out) {
  llama_batch& batch = batch_->value;
  int at = 0;
  for (std::size_t sequence = 0; sequence < texts.size(); ++sequence) {
    int position = 0;
    for (const Token token : texts[sequence]) {
      batch.token[at] = token;
      batch.pos[at] = position++;
      batch.n_seq_id[at] = 1;
      batch.seq_id[at][0] = static_cast<std::int32_t>(sequence);
      batch.logits[at] = 1;  // every token takes part in the pooling
      ++at;
    }
  }
  batch.n_tokens = at;
  llama_memory_t memory = llama_get_memory(llama_);
  if (memory != nullptr) llama_memory_clear(memory, true);
  int code = -1;
  try {
    code = memory != nullptr ? llama_decode(llama_, batch) : llama_encode(llama_, batch);
    llama_synchronize(llama_);
  } catch (const std::exception& error) {
    kLog.error("embedding threw", {{"message", error.what()}});
  }
  for (std::size_t sequence = 0; code == 0 && sequence < texts.size(); ++sequence) {
    const float* const vector = llama_get_embeddings_seq(llama_, static_cast<std::int32_t>(sequence));
    if (vector == nullptr) {
      code = -2;
      break;
    }
    out.push_back(normalised(vector, dimensions_));
  }
  if (code == 0) return {};
  return fail(ErrorKind::kInternal, "decode_failed",
              "llama.cpp could not run the model (code " + std::to_string(code) + ").");
}

}  // namespace fairlead::serving
