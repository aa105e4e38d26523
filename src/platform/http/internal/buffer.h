// The bytes of one direction of a connection.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace fairlead::http {

inline constexpr std::size_t kOneSend = 16 * 1024;     // up to here copying is cheaper than gathering
inline constexpr std::size_t kRoomForBody = 4 * 1024;  // with less behind a head, a buffer is made anew for its body
inline constexpr std::size_t kKeptOfOut = 4 * 1024;    // of memory, by a connection that has nothing to send

// A contiguous buffer: bytes arrive behind, leave in front. 64 bytes past its capacity may be read, as simdjson does.
class Buffer {
 public:
  static constexpr std::size_t kFirst = 4 * 1024;  // enough for most: many connections wait, each with its buffer
  static constexpr std::size_t kUsual = 16 * 1024;
  static constexpr std::size_t kSlack = 64;

  char* data() { return bytes_.get() + begin_; }
  const char* data() const { return bytes_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::string_view text() const { return {data(), size()}; }
  char* free_space() { return bytes_.get() + end_; }
  std::size_t room() const { return capacity_ - end_; }
  std::size_t capacity() const { return capacity_; }

  void commit(std::size_t bytes) { end_ += bytes; }
  void take_back(std::size_t bytes) { end_ -= bytes; }
  void consume(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

  // Makes room for `wanted` bytes in all from data() on. Moves what is here: views into it end.
  void reserve(std::size_t wanted) {
    if (capacity_ - begin_ >= wanted) return;
    if (wanted <= capacity_) {
      std::memmove(bytes_.get(), data(), size());
    } else {
      auto larger = std::make_unique_for_overwrite<char[]>(wanted + kSlack);
      if (!empty()) std::memcpy(larger.get(), data(), size());
      std::memset(larger.get() + wanted, 0, kSlack);
      bytes_ = std::move(larger);
      capacity_ = wanted;
    }
    end_ = size();
    begin_ = 0;
  }
  // For more than has room, of a length that is not known.
  void grow() { reserve(capacity_ == 0 ? kFirst : std::max(kUsual, 2 * size())); }
  // For a body behind what is here, of which `rest` bytes have not come; all of it or a good part. Whether it has
  // moved.
  bool make_room(std::uint64_t rest) {
    if (room() >= std::min<std::uint64_t>(rest, kRoomForBody)) return false;
    reserve(std::max(kUsual, size() + kRoomForBody));
    return true;
  }
  // Back to the usual size after an unusual message; only while empty.
  void release() {
    if (capacity_ <= kUsual) return;
    bytes_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace fairlead::http
