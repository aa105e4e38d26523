// Bytes from one thread to another without a lock.
#pragma once
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fairlead::telemetry {

// A queue of whole pieces, one producer thread and one consumer thread, both wait-free. Holds at most `limit` bytes;
// takes no memory until the first piece comes.
class ByteQueue {
 public:
  explicit ByteQueue(std::size_t limit) : limit_(limit) {}
  ~ByteQueue();
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  // Producer: false, and nothing is taken, if there is no room.
  bool push(std::string_view piece);
  // Producer: how many bytes have been taken since the beginning: the position just behind the last piece.
  std::uint64_t pushed() const { return pushed_.load(std::memory_order_relaxed); }

  // Consumer: appends what can be read to `out`, whole pieces, and returns how many bytes that is. Valid until popped.
  std::size_t peek(std::vector<iovec>& out);
  // Consumer: the first `bytes` of what was peeked are done with. Returns the position behind them.
  std::uint64_t pop(std::size_t bytes);

  // Any thread: bytes in the queue, as of some moment just past.
  std::size_t size() const;

 private:
  struct Chunk;
  const std::size_t limit_;
  Chunk* tail_ = nullptr;                           // producer's
  std::atomic<std::uint64_t> pushed_{0};            // written by the producer
  alignas(64) std::atomic<Chunk*> first_{nullptr};  // set once by the producer, for the consumer to begin
  Chunk* head_ = nullptr;                           // consumer's
  std::size_t read_ = 0;                            // of head_, what has been popped
  std::atomic<std::uint64_t> popped_{0};            // written by the consumer
};

}  // namespace fairlead::telemetry
