// Memory for the frames of coroutines, kept by the thread that used it last
// (docs/decisions/0038-frames-of-coroutines.md).
#pragma once
#include <array>
#include <cstddef>
#include <new>

namespace fairlead::async {

// Blocks of up to kLargest bytes, in steps of kStep, aligned as operator new does; of each size at most kMostKept are
// kept. A block may be given back by another thread than the one that took it. A thread frees its blocks when it ends.
// Under a sanitizer, which would not see the end of a frame, nothing is kept.
class FramePool {
 public:
  static constexpr std::size_t kStep = 64, kLargest = 4096, kMostKept = 256;

  static void* take(std::size_t size) {
    const std::size_t slot = (size - 1) / kStep;
    if (slot >= kSlots) return ::operator new(size);
    List& list = kept_.lists[slot];
    Block* const block = list.first;
    if (block == nullptr) return ::operator new((slot + 1) * kStep);
    list.first = block->next;
    --list.size;
    return block;
  }

  static void give(void* memory, std::size_t size) noexcept {
    const std::size_t slot = (size - 1) / kStep;
    if (!kKeeps || slot >= kSlots || kept_.ended) return ::operator delete(memory);
    List& list = kept_.lists[slot];
    if (list.size == kMostKept) return ::operator delete(memory);
    if (!kept_.will_end) end_with_thread();
    list.first = new (memory) Block{list.first};
    ++list.size;
  }

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool kKeeps = false;
#elif defined(__has_feature)  // how Clang says it
  static constexpr bool kKeeps = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
  static constexpr bool kKeeps = true;
#endif
  static constexpr std::size_t kSlots = kLargest / kStep;
  struct Block {
    Block* next;
  };
  struct List {
    Block* first;
    std::size_t size;
  };
  // Without constructor and destructor, so that reaching it costs nothing.
  struct Kept {
    std::array<List, kSlots> lists;
    bool will_end, ended;
  };
  struct End {
    ~End() {
      kept_.ended = true;  // what is given back after this is freed at once
      for (List& list : kept_.lists) {
        while (Block* const block = list.first) {
          list.first = block->next;
          ::operator delete(block);
        }
      }
    }
  };
  static void end_with_thread() {
    kept_.will_end = true;
    thread_local End end;
    static_cast<void>(end);
  }

  static inline thread_local constinit Kept kept_{};
};

}  // namespace fairlead::async
