// Memory that ends all at once.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace fairlead::expr::internal {

class Arena {
 public:
  // Null when more than `limit` would have been given since reset().
  void* allocate(std::size_t bytes);
  template <class T>
  T* array(std::size_t count) {
    static_assert(alignof(T) <= 8);
    return count > limit_ / sizeof(T) ? nullptr : static_cast<T*>(allocate(count * sizeof(T)));
  }
  // Everything that was given ends; the first block is kept.
  void reset(std::size_t limit);
  // What was given stays; so much more may come.
  void extend(std::size_t more) { limit_ = used_ + more; }

 private:
  static constexpr std::size_t kBlock = 4096;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = nullptr;
  std::size_t left_ = 0, used_ = 0, limit_ = 0;
};

}  // namespace fairlead::expr::internal
