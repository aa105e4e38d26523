#include "platform/store/internal/writer.h"

#include <algorithm>
#include <vector>

namespace fairlead::store {
namespace {

constexpr std::size_t kGroup = 256;  // bounds how long the first of a group waits

}  // namespace

Writer::Writer(std::unique_ptr<GroupCommit> engine) : engine_(std::move(engine)), thread_([this] { loop(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::submit(Database::Work work, Done done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back(WriteItem{std::move(work), {}}, std::move(done));
  }
  wake_.notify_one();
}

void Writer::loop() {
  std::vector<WriteItem> group;
  std::vector<Done> done;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      for (std::size_t left = std::min(queue_.size(), kGroup); left > 0; --left) {
        group.push_back(std::move(queue_.front().first));
        done.push_back(std::move(queue_.front().second));
        queue_.pop_front();
      }
    }
    engine_->commit_together(group);
    for (std::size_t i = 0; i < group.size(); ++i) {
      group[i].work = nullptr;  // what it owned is gone before the caller goes on
      done[i](std::move(group[i].result));
    }
    group.clear();
    done.clear();
  }
}

}  // namespace fairlead::store
