// The routes of a worker.
#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "llm/chat.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"
#include "serving/internal/chat_format.h"
#include "serving/internal/embedder.h"
#include "serving/internal/loaded_model.h"
#include "serving/internal/piece_queue.h"
#include "serving/internal/scheduler.h"
#include "serving/worker.h"

namespace fairlead::serving {

// What a loaded model needs to answer. A model that makes embeddings alone has neither format nor scheduler.
struct Serving {
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<ChatFormat> format;
  std::unique_ptr<Scheduler> scheduler;
  Embedder::Options embedding;
  std::unique_ptr<Embedder> embedder;       // made when it is first asked for, by the thread below, which alone uses it
  async::BlockingPool embedding_thread{1};  // last, so that it ends first
};

// Handlers run on the loop; set_progress() and set_serving() may be called by another thread. Outlives the server.
class WorkerService {
 public:
  WorkerService(std::string name, async::Loop& loop) : name_(std::move(name)), loop_(loop) {}

  http::Router router();
  void set_progress(float progress) { progress_ = progress; }
  void set_serving(Serving* serving) { serving_ = serving; }  // which must outlive the server

 private:
  async::Task<void> health(http::Exchange& exchange);
  async::Task<void> chat(http::Exchange& exchange);
  async::Task<void> embeddings(http::Exchange& exchange);
  // How many tokens the same request to chat() or embeddings() would put in.
  using CountInput = Result<std::size_t> (WorkerService::*)(std::span<char> body) const;
  async::Task<void> count(http::Exchange& exchange, CountInput input);
  Result<std::size_t> chat_input(std::span<char> body) const;
  Result<std::size_t> embeddings_input(std::span<char> body) const;
  Error not_ready() const;
  Error writes_nothing() const;
  async::Task<void> answer(http::Exchange& exchange, const llm::ChatRequest& request);
  async::Task<void> refuse(http::Exchange& exchange, Error error);
  Result<std::shared_ptr<Generation>> plan(const llm::ChatRequest& request, ChatPrompt prompt,
                                           std::shared_ptr<PieceQueue> pieces);
  async::Task<void> stream(http::Exchange& exchange, class AnswerWriter& writer, Generation& generation,
                           PieceQueue& pieces);
  async::Task<void> collect(http::Exchange& exchange, class AnswerWriter& writer, Generation& generation,
                            PieceQueue& pieces);

  std::string name_;
  async::Loop& loop_;
  std::atomic<float> progress_{0};
  std::atomic<Serving*> serving_{nullptr};
};

}  // namespace fairlead::serving
