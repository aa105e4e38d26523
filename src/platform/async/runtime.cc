#include "platform/async/runtime.h"

#include <algorithm>

namespace fairlead::async {

void Loop::end_batch() {
  asked_ = 0;
  BatchEnds ends;
  ends.swap(ends_);
  while (!ends.empty()) {
    BatchEnd& one = ends.front();
    ends.pop_front();
    one.run_(one.self_);
  }
}

Runtime::Runtime(int count) {
  for (int i = 0; i < std::max(count, 1); ++i) {
    loops_.push_back(std::make_unique<Loop>(i));
    guards_.push_back(boost::asio::make_work_guard(loops_.back()->context()));
  }
}

Runtime::~Runtime() {
  stop();
}

void Runtime::start() {
  for (auto& loop : loops_) threads_.emplace_back([context = &loop->context()] { context->run(); });
}

void Runtime::stop() {
  guards_.clear();
  for (auto& loop : loops_) loop->context().stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

BlockingPool::BlockingPool(int threads) : pool_(static_cast<std::size_t>(std::max(threads, 1))) {}
BlockingPool::~BlockingPool() {
  pool_.join();
}
void BlockingPool::post(std::function<void()> work) {
  boost::asio::post(pool_, std::move(work));
}

}  // namespace fairlead::async
