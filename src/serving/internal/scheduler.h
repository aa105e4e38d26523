// Many answers at once from one model: continuous batching over the sequences of its cache.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/internal/decoder.h"
#include "serving/internal/text_gate.h"

namespace fairlead::serving {

struct TokenLogprob {
  std::string bytes;
  float logprob = 0;
  std::vector<std::pair<std::string, float>> top;
};

enum class Finish : std::uint8_t { kNone, kStop, kLength, kFailed };

// A step of one choice.
struct Piece {
  int choice = 0;
  std::string text;  // whole characters; may be empty
  std::vector<TokenLogprob> logprobs;
  int tokens = 0;  // generated so far
  Finish finish = Finish::kNone;
  std::string error;  // with kFailed
};

// Hears of a request's progress on the scheduler's thread; must not block, and may outlive the one who waits.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_piece(Piece piece) = 0;
};

// One request: a prompt and `choices` answers to it. Not changed after submit(), but for the atomics.
struct Generation {
  std::vector<Token> prompt;  // not empty, shorter than the context
  int choices = 1;
  std::function<std::unique_ptr<Sampler>(int choice)> make_sampler;  // called on the scheduler's thread
  std::vector<std::string> stops;
  int max_tokens = 0;     // 0: to the end of the context
  int top_logprobs = -1;  // -1: no log probabilities
  // Whether keys and values of earlier requests may be used. They were computed in batches of another shape, so the
  // last bits of the scores may differ: a request with a seed does without.
  bool reuse = true;
  std::shared_ptr<Listener> listener;

  std::atomic<bool> cancelled{false};    // set by anyone: its sequences are dropped before the next step
  std::atomic<int> cached_tokens{0};     // of the prompt, found in the cache by the first choice
  std::atomic<bool> prompt_done{false};  // the first choice's prompt is in the cache
};

// The last tokens' keys and values stay in a sequence when its answer ends, so that a later prompt with the same
// beginning starts behind it. A prompt is run in pieces, so small that answers in progress keep their pace.
class Scheduler {
 public:
  struct Options {
    std::size_t queue = 64;                          // requests that may wait
    std::chrono::microseconds step_budget{120'000};  // for prompts, while answers are in progress
  };
  Scheduler(Decoder& decoder, Options options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Thread-safe. Error: kUnavailable, model_overloaded (the queue is full) or model_stopping.
  Result<void> submit(std::shared_ptr<Generation> generation);

  // One step, on the decode thread. False: there was nothing to do.
  bool step();
  // Steps until stop(); waits while there is nothing to do.
  void run();
  void stop();  // thread-safe

  struct Load {
    int running = 0;  // choices being answered
    int waiting = 0;  // choices in the queue
  };
  Load load() const;  // thread-safe

 private:
  struct Running;
  struct Slot;
  struct Waiting {
    std::shared_ptr<Generation> generation;
    int next_choice = 0;
  };

  void admit();
  bool place(const std::shared_ptr<Generation>& generation, int choice);
  int take_slot(const Generation& generation, int choice, int& reused);
  void drop_cancelled();
  int prompt_budget(int answering) const;
  void build_batch();
  void take_outputs();
  void advance(Slot& slot, int item);
  void note_logprobs(Running& running, int item, Token token, std::string_view bytes);
  void deliver(Running& running, std::string text, Finish finish);
  void fail(Slot& slot, const std::string& message);
  void release(Slot& slot);

  Decoder& decoder_;
  Options options_;
  std::vector<Slot> slots_;
  std::vector<Decoder::Item> batch_;
  std::vector<std::pair<int, int>> outputs_;  // slot, item
  std::uint64_t steps_ = 0;
  double prompt_token_us_ = 0;  // a moving average; 0: not known yet

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::atomic<int> running_count_{0};
};

}  // namespace fairlead::serving
