// Text that is overwritten before its memory goes back: credentials, keys, and what holds them.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

namespace fairlead {

// Overwrites the bytes, in a way that no compiler leaves out.
void wipe(void* bytes, std::size_t size);
// Everything that the string's buffer holds or held; leaves it empty.
void wipe(std::string& text);

template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    wipe(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  bool operator==(const WipingAllocator&) const { return true; }
};

// A string whose buffers are overwritten when it grows, is assigned or goes. What has fewer than 16 characters is kept
// in the object itself, and is not.
using SecretText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

}  // namespace fairlead
