// The event loops of the process, one a core, and the threads beside them that may block.
#pragma once
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "platform/async/batch_end.h"
#include "platform/async/resumption.h"
#include "platform/async/task.h"
#include "platform/async/timer_wheel.h"

namespace fairlead::async {

// One event loop, driven by one thread. What belongs to a loop is touched from that thread only.
class Loop {
 public:
  explicit Loop(int index) : index_(index), context_(1), wheel_(context_) {}
  int index() const { return index_; }
  IoContext& context() { return context_; }
  Executor executor() { return context_.get_executor(); }
  TimerWheel& wheel() { return wheel_; }
  // Runs `work` on the loop's thread, later. Thread-safe.
  void post(std::function<void()> work) { boost::asio::post(context_, std::move(work)); }

 private:
  friend class BatchEnd;
  using BatchEnds = boost::intrusive::list<BatchEnd, boost::intrusive::constant_time_size<false>>;
  static constexpr int kMostEnds = 16;
  void at_batch_end(BatchEnd& one) {
    // What is posted now runs behind what is ready now.
    if (ends_.empty()) boost::asio::post(context_, [this] { end_batch(); });
    ends_.push_back(one);
    if (++asked_ >= kMostEnds) end_batch();
  }
  void end_batch();

  int index_;
  BatchEnds ends_;
  int asked_ = 0;  // since the last end
  IoContext context_;
  TimerWheel wheel_;
};

inline void BatchEnd::ask() {
  if (!is_linked()) loop_.at_batch_end(*this);
}

// Owns the loops and runs them on `count` threads. Made, started, stopped and destroyed by one thread.
class Runtime {
 public:
  explicit Runtime(int count);  // at least 1
  ~Runtime();                   // stops and joins
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  int size() const { return static_cast<int>(loops_.size()); }
  Loop& loop(int index) { return *loops_[static_cast<std::size_t>(index)]; }
  void start();  // a thread a loop
  void stop();   // ends the loops after what runs now, and joins; again does nothing

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<boost::asio::executor_work_guard<Executor>> guards_;
  std::vector<std::thread> threads_;
};

// Threads for calls that block: databases, files, name look-ups. Thread-safe. Destroying it waits for what was given to
// it. A loop that its work goes back to must live until the work is back: so destroy it before the loops.
class BlockingPool {
 public:
  explicit BlockingPool(int threads);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `work()` on one of the threads and resumes the caller on its own loop with what it returned. `work` must not
  // throw. It runs to its end even if the awaiting task is destroyed; so it must own what it uses.
  template <class Work, class T = std::invoke_result_t<Work&>>
  Task<T> run(Work work) {
    return run_on_pool<Work, T>(*this, std::move(work));
  }

  void post(std::function<void()> work);

 private:
  template <class Work, class T>
  static Task<T> run_on_pool(BlockingPool& pool, Work work) {
    if constexpr (std::is_void_v<T>) {
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&, void()>(
          Initiate<Work>{&pool}, use_task, std::move(work));
    } else {
      std::optional<T> result =
          co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&, void(std::optional<T>)>(
              Initiate<Work>{&pool}, use_task, std::move(work));
      co_return std::move(*result);
    }
  }

  template <class Work>
  struct Initiate {
    BlockingPool* pool;
    template <class Handler>
    void operator()(Handler handler, Work work) const {
      // std::function wants a copyable target. What the work owned is gone before the caller goes on.
      pool->post([resume = Resumption(std::move(handler)), owned = std::make_shared<Work>(std::move(work))]() mutable {
        if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
          (*owned)();
          owned.reset();
          resume();
        } else {
          std::optional<std::invoke_result_t<Work&>> result((*owned)());
          owned.reset();
          resume(std::move(result));
        }
      });
    }
  };

  boost::asio::thread_pool pool_;
};

}  // namespace fairlead::async
