#include "serving/internal/scheduler.h"

#include <algorithm>
#include <cmath>

namespace fairlead::serving {

// An answer that has a sequence.
struct Scheduler::Running {
  std::shared_ptr<Generation> generation;
  int choice = 0;
  std::unique_ptr<Sampler> sampler;
  TextGate gate;
  std::size_t prompt_at = 0;  // tokens of the prompt that are in the cache or in this batch
  int tokens = 0;
  std::string piece;
  // Log probabilities of tokens whose text has not gone out yet, with where that text starts and ends.
  struct Pending {
    std::size_t from, to;
    TokenLogprob logprob;
  };
  std::deque<Pending> pending;
  std::size_t generated_bytes = 0;
};

struct Scheduler::Slot {
  std::vector<Token> cached;  // what the sequence holds, this batch included
  std::unique_ptr<Running> running;
  std::uint64_t used_at = 0;
  Token next = 0;  // the token to run in the next batch, once the prompt is done
};

namespace {

int common_length(std::span<const Token> a, std::span<const Token> b) {
  const auto [end, _] = std::ranges::mismatch(a, b);
  return static_cast<int>(end - a.begin());
}

}  // namespace

Scheduler::Scheduler(Decoder& decoder, Options options) : decoder_(decoder), options_(options) {
  slots_.resize(static_cast<std::size_t>(decoder.limits().sequences));
}

Scheduler::~Scheduler() = default;

Result<void> Scheduler::submit(std::shared_ptr<Generation> generation) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fairlead::fail(ErrorKind::kUnavailable, "model_stopping", "The model is being stopped.");
    if (queue_.size() >= options_.queue) {
      return fairlead::fail(
          ErrorKind::kUnavailable, "model_overloaded",
          "The model is busy and " + std::to_string(queue_.size()) + " requests wait already. Try again shortly.");
    }
    queue_.push_back({std::move(generation), 0});
  }
  wake_.notify_one();
  return {};
}

Scheduler::Load Scheduler::load() const {
  const std::lock_guard lock(mutex_);
  int waiting = 0;
  for (const Waiting& entry : queue_) waiting += entry.generation->choices - entry.next_choice;
  return {running_count_.load(std::memory_order_relaxed), waiting};
}

void Scheduler::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || running_count_ > 0; });
      if (stopping_) return;
    }
    step();
  }
}

void Scheduler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool Scheduler::step() {
  ++steps_;
  drop_cancelled();
  admit();
  build_batch();
  if (batch_.empty()) return false;
  const auto before = std::chrono::steady_clock::now();
  if (auto decoded = decoder_.decode(batch_); !decoded) {
    for (Slot& slot : slots_) {
      const auto index = static_cast<int>(&slot - slots_.data());
      if (std::ranges::none_of(batch_, [&](const Decoder::Item& item) { return item.sequence == index; })) continue;
      slot.cached.clear();
      if (slot.running) fail(slot, decoded.error().message);
    }
    return true;
  }
  if (batch_.size() >= 32) {
    const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before).count() /
                      static_cast<double>(batch_.size());
    prompt_token_us_ = prompt_token_us_ == 0 ? us : prompt_token_us_ * 0.7 + us * 0.3;
  }
  take_outputs();
  return true;
}

// A cancelled answer's keys and values are good for the next prompt with the same beginning; only the answer goes.
void Scheduler::drop_cancelled() {
  for (Slot& slot : slots_) {
    if (slot.running && slot.running->generation->cancelled) release(slot);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(queue_, [](const Waiting& entry) { return entry.generation->cancelled.load(); });
}

// Gives free sequences to waiting choices, in the order of their requests. The second and later choices of a request
// wait until the first one's prompt is in the cache, and share it.
void Scheduler::admit() {
  for (std::size_t at = 0;;) {
    std::shared_ptr<Generation> generation;
    int choice = 0;
    {
      const std::lock_guard lock(mutex_);
      if (at >= queue_.size()) return;
      Waiting& entry = queue_[at];
      if (entry.next_choice > 0 && decoder_.limits().partial && !entry.generation->prompt_done) {
        ++at;
        continue;
      }
      generation = entry.generation;
      choice = entry.next_choice;
    }
    if (!place(generation, choice)) return;
    const std::lock_guard lock(mutex_);
    // Only this thread takes from the queue, and submit() adds at its end: the entry is where it was.
    if (++queue_[at].next_choice == generation->choices) queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

bool Scheduler::place(const std::shared_ptr<Generation>& generation, int choice) {
  int reused = 0;
  const int index = take_slot(*generation, choice, reused);
  if (index < 0) return false;
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  slot.running = std::make_unique<Running>(
      Running{generation, choice, generation->make_sampler(choice), TextGate(generation->stops)});
  slot.running->prompt_at = static_cast<std::size_t>(reused);
  slot.cached.assign(generation->prompt.begin(), generation->prompt.begin() + reused);
  slot.used_at = steps_;
  if (choice == 0) generation->cached_tokens = reused;
  ++running_count_;
  if (!slot.running->sampler) fail(slot, "There is no memory for another answer now.");
  return true;
}

// Finds a free sequence and makes it begin with as much of the prompt as any sequence holds; -1: none is free. At least
// the last token of a prompt is always run, for its scores.
int Scheduler::take_slot(const Generation& generation, int choice, int& reused) {
  int oldest = -1, source = -1, best = 0;
  const int limit = static_cast<int>(generation.prompt.size()) - 1;
  for (int index = 0; index < static_cast<int>(slots_.size()); ++index) {
    const Slot& slot = slots_[static_cast<std::size_t>(index)];
    if (!slot.running && (oldest < 0 || slot.used_at < slots_[static_cast<std::size_t>(oldest)].used_at))
      oldest = index;
    const bool sibling = choice > 0 && slot.running && slot.running->generation.get() == &generation;
    if (!generation.reuse && !sibling) continue;
    const int shared = std::min(common_length(slot.cached, generation.prompt), limit);
    if (shared > best) {
      best = shared;
      source = index;
    }
  }
  if (oldest < 0) return -1;
  if (!decoder_.limits().partial) source = -1;
  int target = oldest;
  // A free sequence that goes on from what it holds is used as it is; one that would lose much keeps it for its own
  // return.
  if (source >= 0) {
    const Slot& slot = slots_[static_cast<std::size_t>(source)];
    if (!slot.running && static_cast<std::size_t>(best) * 2 >= slot.cached.size()) target = source;
  }
  Slot& slot = slots_[static_cast<std::size_t>(target)];
  reused = source >= 0 ? best : 0;
  if (source == target) {
    if (!decoder_.keep(target, reused)) reused = 0;
  } else {
    if (!slot.cached.empty()) decoder_.keep(target, 0);
    if (source >= 0) decoder_.share(source, target, reused);
  }
  return target;
}

// How many tokens of prompts may go into the next batch.
int Scheduler::prompt_budget(int answering) const {
  const int room = decoder_.limits().batch - answering;
  if (answering == 0) return room;
  if (prompt_token_us_ == 0) return std::min(room, 32);
  const auto affordable = static_cast<double>(options_.step_budget.count()) / prompt_token_us_;
  return std::min(room, std::max(16, static_cast<int>(affordable)));
}

void Scheduler::build_batch() {
  batch_.clear();
  outputs_.clear();
  const auto add = [this](int index, Token token, bool wants_logits) {
    Slot& slot = slots_[static_cast<std::size_t>(index)];
    if (wants_logits) outputs_.emplace_back(index, static_cast<int>(batch_.size()));
    batch_.push_back({token, static_cast<std::int32_t>(slot.cached.size()), index, wants_logits});
    slot.cached.push_back(token);
  };
  std::vector<int> reading;
  for (int index = 0; index < static_cast<int>(slots_.size()); ++index) {
    Slot& slot = slots_[static_cast<std::size_t>(index)];
    if (!slot.running) continue;
    if (slot.running->prompt_at < slot.running->generation->prompt.size()) {
      reading.push_back(index);
    } else {
      add(index, slot.next, true);
    }
  }
  std::ranges::sort(reading, {}, [this](int index) { return slots_[static_cast<std::size_t>(index)].used_at; });
  int budget = prompt_budget(static_cast<int>(batch_.size()));
  for (const int index : reading) {
    Running& running = *slots_[static_cast<std::size_t>(index)].running;
    const auto& prompt = running.generation->prompt;
    for (; budget > 0 && running.prompt_at < prompt.size(); --budget) {
      const bool last = running.prompt_at + 1 == prompt.size();
      add(index, prompt[running.prompt_at++], last);
    }
  }
}

void Scheduler::take_outputs() {
  for (const auto& [index, item] : outputs_) {
    Slot& slot = slots_[static_cast<std::size_t>(index)];
    if (slot.running->choice == 0) slot.running->generation->prompt_done = true;
    if (!slot.running->generation->cancelled) advance(slot, item);
  }
}

// Chooses the next token of an answer and lets out what text of it may go.
void Scheduler::advance(Slot& slot, int item) {
  Running& running = *slot.running;
  const Generation& generation = *running.generation;
  const Token token = running.sampler->sample(item);
  ++running.tokens;
  std::string text;
  if (running.sampler->ends_answer(token)) {
    running.gate.flush(text);
    deliver(running, std::move(text), Finish::kStop);
    return release(slot);
  }
  running.piece.clear();
  running.sampler->append_text(token, running.piece);
  if (generation.top_logprobs >= 0) note_logprobs(running, item, token, running.piece);
  running.generated_bytes += running.piece.size();
  if (running.gate.push(running.piece, text)) {
    deliver(running, std::move(text), Finish::kStop);
    return release(slot);
  }
  const bool full = slot.cached.size() + 1 >= static_cast<std::size_t>(decoder_.limits().context);
  if (full || (generation.max_tokens > 0 && running.tokens >= generation.max_tokens)) {
    running.gate.flush(text);
    deliver(running, std::move(text), Finish::kLength);
    return release(slot);
  }
  slot.next = token;
  deliver(running, std::move(text), Finish::kNone);
}

// Log probabilities are those of the model itself, before temperature, penalties and biases.
void Scheduler::note_logprobs(Running& running, int item, Token token, std::string_view bytes) {
  const std::span<const float> logits = decoder_.logits(item);
  const float highest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - highest));
  const auto log_sum = static_cast<float>(std::log(sum)) + highest;
  TokenLogprob entry{std::string(bytes), logits[static_cast<std::size_t>(token)] - log_sum, {}};
  const auto wanted = std::min(static_cast<std::size_t>(running.generation->top_logprobs), logits.size());
  if (wanted > 0) {
    std::vector<Token> order(logits.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(wanted), std::ranges::greater{},
                              [&](Token id) { return logits[static_cast<std::size_t>(id)]; });
    for (std::size_t i = 0; i < wanted; ++i) {
      std::string text;
      running.sampler->append_text(order[i], text);
      entry.top.emplace_back(std::move(text), logits[static_cast<std::size_t>(order[i])] - log_sum);
    }
  }
  running.pending.push_back({running.generated_bytes, running.generated_bytes + bytes.size(), std::move(entry)});
}

void Scheduler::deliver(Running& running, std::string text, Finish finish) {
  Piece piece;
  piece.choice = running.choice;
  piece.text = std::move(text);
  piece.tokens = running.tokens;
  piece.finish = finish;
  // A token goes with the text that ends it; at a stop, with the text that it began.
  while (!running.pending.empty()) {
    const Running::Pending& front = running.pending.front();
    const std::size_t mark = finish == Finish::kNone ? front.to : front.from + 1;
    if (mark > running.gate.released()) break;
    piece.logprobs.push_back(std::move(running.pending.front().logprob));
    running.pending.pop_front();
  }
  if (piece.text.empty() && finish == Finish::kNone && piece.logprobs.empty()) return;
  running.generation->listener->on_piece(std::move(piece));
}

void Scheduler::fail(Slot& slot, const std::string& message) {
  Piece piece;
  piece.choice = slot.running->choice;
  piece.tokens = slot.running->tokens;
  piece.finish = Finish::kFailed;
  piece.error = message;
  slot.running->generation->prompt_done = true;  // the other choices must not wait for it
  slot.running->generation->listener->on_piece(std::move(piece));
  release(slot);
}

void Scheduler::release(Slot& slot) {
  slot.running.reset();
  slot.used_at = steps_;
  --running_count_;
}

}  // namespace fairlead::serving
