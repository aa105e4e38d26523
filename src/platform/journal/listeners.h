// Who wants to know that something of a run has been written.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "platform/async/bell.h"
#include "platform/async/runtime.h"

namespace fairlead::journal {

// Thread-safe.
class Listeners {
 public:
  // While it lives the bell is rung, on its loop, each time that this node has written something of the run. What other
  // nodes write it does not hear. The listeners outlive it.
  class Listening {
   public:
    Listening(Listeners& listeners, std::string run, async::Loop& loop);
    ~Listening();
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    async::Bell& bell() { return *bell_; }

   private:
    friend class Listeners;
    Listeners& listeners_;
    const std::string run_;
    async::Loop& loop_;
    std::shared_ptr<async::Bell> bell_;  // shared with rings that are on their way
  };

  void tell(const std::string& run);
  void tell_all();  // whatever they listen to

 private:
  std::atomic<std::size_t> count_{0};  // nearly always none: then nothing is looked up
  std::mutex mutex_;
  std::unordered_multimap<std::string, Listening*> by_run_;
};

}  // namespace fairlead::journal
