#include "platform/expr/internal/arena.h"

#include <algorithm>

namespace fairlead::expr::internal {

void* Arena::allocate(std::size_t bytes) {
  if (bytes > limit_ - used_) return nullptr;
  const std::size_t rounded = std::max<std::size_t>((bytes + 7) & ~std::size_t{7}, 8);
  if (rounded > left_) {
    // The first block is of the size that reset() counts on.
    const std::size_t size = std::max(kBlock, rounded);
    if (blocks_.empty() && size > kBlock) blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlock));
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    free_ = blocks_.back().get();
    left_ = size;
  }
  std::byte* const out = free_;
  free_ += rounded;
  left_ -= rounded;
  used_ += std::min(rounded, limit_ - used_);
  return out;
}

void Arena::reset(std::size_t limit) {
  used_ = 0;
  limit_ = limit;
  if (blocks_.empty()) return;
  blocks_.resize(1);
  free_ = blocks_[0].get();
  left_ = kBlock;
}

}  // namespace fairlead::expr::internal
