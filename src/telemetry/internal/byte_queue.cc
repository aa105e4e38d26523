#include "telemetry/internal/byte_queue.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace fairlead::telemetry {
namespace {
constexpr std::size_t kChunk = 64 * 1024;
}

// The producer fills a chunk up, then links the next and never looks back; the consumer frees a chunk that it has read
// to its end once it has a next one.
struct ByteQueue::Chunk {
  explicit Chunk(std::size_t size) : capacity(size), data(std::make_unique_for_overwrite<char[]>(size)) {}
  const std::size_t capacity;
  const std::unique_ptr<char[]> data;
  std::atomic<std::size_t> written{0};
  std::atomic<Chunk*> next{nullptr};
};

ByteQueue::~ByteQueue() {
  Chunk* chunk = head_ != nullptr ? head_ : first_.load();
  while (chunk != nullptr) {
    Chunk* next = chunk->next.load();
    delete chunk;
    chunk = next;
  }
}

bool ByteQueue::push(std::string_view piece) {
  const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  if (pushed - popped_.load(std::memory_order_acquire) + piece.size() > limit_) return false;
  std::size_t written = tail_ == nullptr ? 0 : tail_->written.load(std::memory_order_relaxed);
  if (tail_ == nullptr || tail_->capacity - written < piece.size()) {
    auto* chunk = new Chunk(std::max(kChunk, piece.size()));
    (tail_ == nullptr ? first_ : tail_->next).store(chunk, std::memory_order_release);
    tail_ = chunk;
    written = 0;
  }
  std::memcpy(tail_->data.get() + written, piece.data(), piece.size());
  tail_->written.store(written + piece.size(), std::memory_order_release);
  pushed_.store(pushed + piece.size(), std::memory_order_relaxed);
  return true;
}

std::size_t ByteQueue::peek(std::vector<iovec>& out) {
  if (head_ == nullptr) head_ = first_.load(std::memory_order_acquire);
  std::size_t total = 0;
  std::size_t from = read_;
  for (Chunk* chunk = head_; chunk != nullptr; from = 0) {
    // `next` is read before `written`: a chunk that has a next one is written no more.
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    const std::size_t written = chunk->written.load(std::memory_order_acquire);
    if (written > from) out.push_back({chunk->data.get() + from, written - from});
    total += written - from;
    chunk = next;
  }
  return total;
}

std::uint64_t ByteQueue::pop(std::size_t bytes) {
  std::size_t left = bytes;
  while (head_ != nullptr) {
    Chunk* next = head_->next.load(std::memory_order_acquire);
    const std::size_t take = std::min(left, head_->written.load(std::memory_order_acquire) - read_);
    read_ += take;
    left -= take;
    if (next == nullptr || read_ < head_->written.load(std::memory_order_relaxed)) break;
    delete head_;
    head_ = next;
    read_ = 0;
  }
  const std::uint64_t popped = popped_.load(std::memory_order_relaxed) + bytes;
  popped_.store(popped, std::memory_order_release);
  return popped;
}

std::size_t ByteQueue::size() const {
  const std::uint64_t popped = popped_.load(std::memory_order_acquire);
  const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  return pushed > popped ? static_cast<std::size_t>(pushed - popped) : 0;
}

}  // namespace fairlead::telemetry
