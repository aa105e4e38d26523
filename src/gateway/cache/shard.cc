#include "gateway/cache/shard.h"

#include <algorithm>

namespace fairlead::gateway::cache {
namespace {

constexpr int kMostUses = 3;
// Nodes of the list and of the map, and what the allocator adds.
constexpr std::size_t kOverhead = 192;
// Of a remembered key.
constexpr std::size_t kRememberedBytes = 80;
// Of a group: to scan more would take a loop over a quarter of a millisecond.
constexpr std::size_t kMostNeighbours = 65'536;
constexpr std::size_t kNeighbourBytes = sizeof(Sketch) + 2 * sizeof(void*);

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

Shard::Near Shard::find_near(const Meaning& meaning, float threshold, std::int64_t now_us) {
  for (;;) {
    const auto group = groups_.find(meaning.group);
    if (group == groups_.end()) return {};
    const auto near = group->second.neighbours.nearest(meaning.embedding, threshold);
    if (!near) return {};
    const Entry& entry = *group->second.entries[near->place];
    if (auto answer = find(Sha256(entry.key), now_us)) return {std::move(answer), near->similarity};
  }
}

void Shard::put(const Sha256& key, std::shared_ptr<const KeptAnswer> answer, std::int64_t expires_at_us, Owner owner,
                std::optional<Meaning> meaning) {
  if (const auto there = entries_.find(key); there != entries_.end()) remove(there->second);
  const std::size_t bytes = answer->bytes() + sizeof(Entry) + kOverhead + owner.project.capacity() +
                            owner.prompt.capacity() + owner.model.capacity() +
                            (meaning ? kNeighbourBytes + meaning->embedding.capacity() * sizeof(float) : 0);
  if (bytes > capacity_ / 8) return;
  const bool returns = has_left_.contains(DigestHash()(key));
  Queue& queue = returns ? main_ : small_;
  queue.push_back({key, std::move(answer), expires_at_us, std::move(owner), bytes, 0, returns});
  entries_[key] = std::prev(queue.end());
  if (meaning) {
    queue.back().meaning = *std::move(meaning);
    join(queue.back());
  }
  bytes_ += bytes;
  if (!returns) small_bytes_ += bytes;
  evict();
}

void Shard::join(Entry& entry) {
  Group& group = groups_[entry.meaning.group];
  if (group.entries.size() == kMostNeighbours) return;
  group.neighbours.add(entry.meaning.embedding);
  entry.group = &group;
  entry.place = group.entries.size();
  group.entries.push_back(&entry);
}

void Shard::leave(Entry& entry) {
  Group& group = *entry.group;
  group.neighbours.remove(entry.place);
  group.entries[entry.place] = group.entries.back();
  group.entries[entry.place]->place = entry.place;
  group.entries.pop_back();
  if (group.entries.empty()) groups_.erase(entry.meaning.group);
}

void Shard::remove(Queue::iterator entry) {
  if (entry->group != nullptr) leave(*entry);
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
