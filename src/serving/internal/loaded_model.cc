#include "serving/internal/loaded_model.h"

#include <dlfcn.h>
#include <llama.h>
#include <log.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "serving/internal/logger.h"

namespace fairlead::serving {
namespace {

// The last complaint of llama.cpp, which says why a file cannot be loaded in its log alone. Nothing else of that log is
// kept: once a model is loaded, it may quote a request.
struct LastComplaint {
  std::mutex mutex;
  std::string text;
};

void hear(ggml_log_level level, const char* text, void* self) {
  if (level != GGML_LOG_LEVEL_ERROR) return;
  std::string line(text);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  if (line.empty()) return;
  auto& complaint = *static_cast<LastComplaint*>(self);
  const std::lock_guard lock(complaint.mutex);
  // "failed to load model" follows the reason and says less.
  if (complaint.text.empty() || line.find("failed to load model") == std::string::npos) complaint.text = line;
}

// llama.cpp's log is one for the process and is never unset, so what hears it stays too.
LastComplaint& complaint() {
  static LastComplaint instance;
  return instance;
}

// The processor-specific code is loaded from where the libraries are.
void load_backends() {
  Dl_info info{};
  std::string folder = ".";
  if (dladdr(reinterpret_cast<const void*>(&llama_version), &info) != 0 && info.dli_fname != nullptr) {
    std::error_code error;
    const auto path = std::filesystem::canonical(info.dli_fname, error);
    if (!error) folder = path.parent_path().string();
  }
  ggml_backend_load_all_from_path(folder.c_str());
}

bool progress(float value, void* self) {
  return (*static_cast<std::function<bool(float)>*>(self))(value);
}

}  // namespace

struct LoadedModel::Threads {
  ggml_threadpool_t pool = nullptr;
  decltype(&ggml_threadpool_free) free = nullptr;
  ~Threads() {
    if (pool != nullptr) free(pool);
  }
};

struct LoadedModel::Batch {
  explicit Batch(int size) : value(llama_batch_init(size, 0, 1)) {}
  ~Batch() { llama_batch_free(value); }
  llama_batch value;
};

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const ModelSettings& settings,
                                                       std::function<bool(float)> on_progress) {
  llama_log_set(&hear, &complaint());
  common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT);
  load_backends();
  if (ggml_backend_dev_count() == 0) {
    return fail(ErrorKind::kInternal, "model_backend", "No llama.cpp backend was found beside its libraries.");
  }
  llama_backend_init();
  llama_model_params parameters = llama_model_default_params();
  parameters.progress_callback = &progress;
  parameters.progress_callback_user_data = &on_progress;
  std::unique_ptr<LoadedModel> loaded(new LoadedModel());
  loaded->model_ = llama_model_load_from_file(settings.path.c_str(), parameters);
  if (loaded->model_ == nullptr) {
    const std::lock_guard lock(complaint().mutex);
    return fail(
        ErrorKind::kInvalid, "model_invalid",
        "llama.cpp cannot load the file: " + (complaint().text.empty() ? "it gave no reason" : complaint().text) + ".");
  }
  loaded->vocab_ = llama_model_get_vocab(loaded->model_);
  if (!llama_model_has_decoder(loaded->model_) || llama_model_has_encoder(loaded->model_)) {
    return fail(ErrorKind::kInvalid, "model_invalid", "The file holds an encoder, not a model that writes text.");
  }
  FAIRLEAD_CHECK(loaded->make_context(settings));
  return loaded;
}

Result<void> LoadedModel::make_context(const ModelSettings& settings) {
  const int threads =
      settings.threads > 0 ? settings.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int trained = llama_model_n_ctx_train(model_);
  int per_call = settings.context > 0 ? settings.context : 4096;
  if (trained > 0) per_call = std::min(per_call, trained);
  limits_.sequences = std::clamp(settings.slots, 1, static_cast<int>(llama_max_parallel_sequences()));
  limits_.context = per_call;
  limits_.partial = !llama_model_is_recurrent(model_) && !llama_model_is_hybrid(model_);

  llama_context_params parameters = llama_context_default_params();
  parameters.n_ctx = static_cast<std::uint32_t>(per_call) * static_cast<std::uint32_t>(limits_.sequences);
  parameters.n_batch = static_cast<std::uint32_t>(limits_.batch);
  parameters.n_ubatch = static_cast<std::uint32_t>(limits_.batch);
  parameters.n_seq_max = static_cast<std::uint32_t>(limits_.sequences);
  parameters.n_threads = threads;
  parameters.n_threads_batch = threads;
  parameters.kv_unified = true;
  parameters.no_perf = true;
  context_ = llama_init_from_model(model_, parameters);
  if (context_ == nullptr) {
    return fail(ErrorKind::kUnavailable, "model_memory",
                "There is no room for " + std::to_string(parameters.n_ctx) +
                    " tokens of context. Lower serving.context or serving.slots.");
  }
  if (llama_get_memory(context_) == nullptr) {
    llama_free(context_);
    context_ = nullptr;
    return {};
  }
  attach_threads(threads);
  tuner_.emplace(threads);
  threads_in_use_ = threads;
  batch_ = std::make_unique<Batch>(limits_.batch);
  return {};
}

// Threads that live as long as the model; without them each step starts its own.
void LoadedModel::attach_threads(int threads) {
  ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (cpu == nullptr) return;
  ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(cpu);
  auto* make = reinterpret_cast<decltype(&ggml_threadpool_new)>(
      ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_new"));
  auto* free = reinterpret_cast<decltype(&ggml_threadpool_free)>(
      ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_free"));
  if (make == nullptr || free == nullptr) return;
  ggml_threadpool_params parameters = ggml_threadpool_params_default(threads);
  threads_ = std::make_unique<Threads>();
  threads_->free = free;
  threads_->pool = make(&parameters);
  if (threads_->pool != nullptr) llama_attach_threadpool(context_, threads_->pool, nullptr);
}

void LoadedModel::use_threads(int threads) {
  if (threads == threads_in_use_) return;
  threads_in_use_ = threads;
  llama_set_n_threads(context_, threads, threads);
}

LoadedModel::~LoadedModel() {
  batch_.reset();
  if (context_ != nullptr) {
    llama_detach_threadpool(context_);
    llama_free(context_);
  }
  threads_.reset();
  if (model_ != nullptr) llama_model_free(model_);
}

Result<void> LoadedModel::decode(std::span<const Item> items) {
  llama_batch& batch = batch_->value;
  batch.n_tokens = static_cast<std::int32_t>(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    batch.token[i] = items[i].token;
    batch.pos[i] = items[i].position;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = items[i].sequence;
    batch.logits[i] = items[i].wants_logits ? 1 : 0;
  }
  int code = -1;
  // Steps of answers alone can be compared with each other; what a batch with a prompt takes depends on the prompt.
  const bool answers_only = items.size() <= static_cast<std::size_t>(limits_.sequences);
  const auto before = std::chrono::steady_clock::now();
  use_threads(tuner_->threads());
  try {
    code = llama_decode(context_, batch);
    llama_synchronize(context_);
  } catch (const std::exception& error) {
    kLog.error("decoding threw", {{"message", error.what()}});
  }
  if (code == 0) {
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - before;
    if (answers_only) tuner_->took(static_cast<int>(items.size()), took.count());
    return {};
  }
  std::set<std::int32_t> sequences;
  for (const Item& item : items) sequences.insert(item.sequence);
  for (const std::int32_t sequence : sequences) llama_memory_seq_rm(llama_get_memory(context_), sequence, -1, -1);
  return fail(ErrorKind::kInternal, "decode_failed",
              "llama.cpp could not run the model (code " + std::to_string(code) + ").");
}

std::span<const float> LoadedModel::logits(int item) {
  return {llama_get_logits_ith(context_, item), static_cast<std::size_t>(llama_vocab_n_tokens(vocab_))};
}

bool LoadedModel::keep(int sequence, int length) {
  llama_memory_t memory = llama_get_memory(context_);
  if (length > 0 && limits_.partial && llama_memory_seq_rm(memory, sequence, length, -1)) return true;
  llama_memory_seq_rm(memory, sequence, -1, -1);
  return length == 0;
}

void LoadedModel::share(int from, int to, int length) {
  llama_memory_seq_cp(llama_get_memory(context_), from, to, 0, length);
}

std::string LoadedModel::description() const {
  char text[256];
  const int length = llama_model_desc(model_, text, sizeof text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(std::min<int>(length, sizeof text - 1)))
                    : std::string();
}

int LoadedModel::vocabulary_size() const {
  return llama_vocab_n_tokens(vocab_);
}

std::vector<Token> LoadedModel::tokenise(std::string_view text, bool beginning, bool special) const {
  std::vector<Token> tokens(text.size() + 8);
  const auto length = static_cast<std::int32_t>(text.size());
  int count = llama_tokenize(vocab_, text.data(), length, tokens.data(), static_cast<std::int32_t>(tokens.size()),
                             beginning, special);
  if (count < 0) {
    tokens.resize(static_cast<std::size_t>(-static_cast<std::int64_t>(count)));
    count = llama_tokenize(vocab_, text.data(), length, tokens.data(), static_cast<std::int32_t>(tokens.size()),
                           beginning, special);
  }
  tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
  return tokens;
}

}  // namespace fairlead::serving
