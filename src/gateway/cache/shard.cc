#include "gateway/cache/shard.h"

#include <algorithm>

namespace fairlead::gateway::cache {
namespace {

constexpr int kMostUses = 3;
// Nodes of the list and of the map, and what the allocator adds.
constexpr std::size_t kOverhead = 192;
// Of a remembered key.
constexpr std::size_t kRememberedBytes = 80;

}  // namespace

std::shared_ptr<const KeptAnswer> Shard::find(const Sha256& key, std::int64_t now_us) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  Entry& entry = *found->second;
  if (entry.expires_at_us <= now_us) {
    remove(found->second);
    return nullptr;
  }
  entry.uses = std::min(entry.uses + 1, kMostUses);
  return entry.answer;
}

void Shard::put(const Sha256& key, std::shared_ptr<const KeptAnswer> answer, std::int64_t expires_at_us, Owner owner) {
  if (const auto there = entries_.find(key); there != entries_.end()) remove(there->second);
  const std::size_t bytes = answer->bytes() + sizeof(Entry) + kOverhead + owner.project.capacity() +
                            owner.prompt.capacity() + owner.model.capacity();
  if (bytes > capacity_ / 8) return;
  const bool returns = has_left_.contains(DigestHash()(key));
  Queue& queue = returns ? main_ : small_;
  queue.push_back({key, std::move(answer), expires_at_us, std::move(owner), bytes, 0, returns});
  entries_[key] = std::prev(queue.end());
  bytes_ += bytes;
  if (!returns) small_bytes_ += bytes;
  evict();
}

void Shard::remove(Queue::iterator entry) {
  bytes_ -= entry->bytes;
  if (!entry->in_main) small_bytes_ -= entry->bytes;
  entries_.erase(entry->key);
  (entry->in_main ? main_ : small_).erase(entry);
}

void Shard::evict() {
  while (bytes_ > capacity_) {
    if (small_.empty() && main_.empty()) {  // nothing but what is remembered
      bytes_ -= left_.size() * kRememberedBytes;
      left_.clear();
      has_left_.clear();
      return;
    }
    const bool from_small = !small_.empty() && (small_bytes_ > capacity_ / 10 || main_.empty());
    Queue& queue = from_small ? small_ : main_;
    Entry& oldest = queue.front();
    if (oldest.uses == 0) {
      ++evictions_;
      const Sha256 key = oldest.key;
      remove(queue.begin());
      if (from_small) remember(key);
    } else if (from_small) {
      small_bytes_ -= oldest.bytes;
      oldest.uses = 0;
      oldest.in_main = true;
      main_.splice(main_.end(), small_, small_.begin());
    } else {
      --oldest.uses;
      main_.splice(main_.end(), main_, main_.begin());
    }
  }
}

// As many as there are answers in the main queue.
void Shard::remember(const Sha256& key) {
  const std::uint64_t hash = DigestHash()(key);
  if (has_left_.insert(hash).second) {
    left_.push_back(hash);
    bytes_ += kRememberedBytes;
  }
  while (left_.size() > std::max<std::size_t>(main_.size(), 16)) {
    has_left_.erase(left_.front());
    left_.pop_front();
    bytes_ -= kRememberedBytes;
  }
}

std::size_t Shard::clear(const Selection& selection) {
  std::size_t count = 0;
  for (Queue* const queue : {&small_, &main_}) {
    for (auto entry = queue->begin(); entry != queue->end();) {
      const auto next = std::next(entry);
      if (selection.has(entry->owner)) {
        remove(entry);
        ++count;
      }
      entry = next;
    }
  }
  return count;
}

}  // namespace fairlead::gateway::cache
