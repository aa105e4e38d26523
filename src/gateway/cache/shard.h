// The answers of one loop's part of the keys, within a bound of bytes.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/digest.h"
#include "gateway/cache/kept_answer.h"
#include "gateway/cache/key.h"
#include "gateway/cache/neighbours.h"

namespace fairlead::gateway::cache {

// Whose an answer is: what it is counted and cleared by.
struct Owner {
  std::string project, prompt, model;  // `prompt` is empty where a model was called
  bool operator==(const Owner&) const = default;
};

// Which answers; an empty name stands for all.
struct Selection {
  std::string project, prompt, model;
  bool has(const Owner& owner) const {
    return (project.empty() || owner.project == project) && (prompt.empty() || owner.prompt == prompt) &&
           (model.empty() || owner.model == model);
  }
};

// Where among others an answer is found by other words.
struct Meaning {
  Sha256 group{};  // of calls that differ in their question alone
  llm::Embedding embedding;
};

// S3-FIFO (Yang et al., FIFO queues are all you need for cache eviction, SOSP 2023): new answers wait in a small queue,
// a tenth of the bytes; those that are asked for while they do go on to the main queue, the others leave and are
// remembered for a while by their keys alone, so that one who comes back goes to the main queue at once. In the main
// queue an answer that has been asked for since its last turn, at most three times, gets another turn for each.
// Belongs to one thread.
class Shard {
 public:
  explicit Shard(std::size_t capacity_bytes) : capacity_(capacity_bytes) {}

  // The answer if there is one that has not expired; that counts as a use.
  std::shared_ptr<const KeptAnswer> find(const Sha256& key, std::int64_t now_us);
  struct Near {
    std::shared_ptr<const KeptAnswer> answer;
    float similarity = 0;
  };
  // The answer of the group whose question is the nearest, if it is as near as `threshold`; that counts as a use.
  Near find_near(const Meaning& meaning, float threshold, std::int64_t now_us);
  // In the place of what was there. What takes over an eighth of the capacity is not kept. With a meaning, it is found
  // by that too, as long as its group is not larger than can be scanned.
  void put(const Sha256& key, std::shared_ptr<const KeptAnswer> answer, std::int64_t expires_at_us, Owner owner,
           std::optional<Meaning> meaning = {});
  std::size_t clear(const Selection& selection);  // how many

  std::size_t bytes() const { return bytes_; }  // never over the capacity
  std::size_t size() const { return entries_.size(); }
  std::uint64_t evictions() const { return evictions_; }  // for want of room

  template <class Take>
  void each(Take take) const {
    for (const auto* const queue : {&small_, &main_})
      for (const Entry& entry : *queue) take(entry.owner, entry.bytes);
  }

 private:
  struct Group;
  struct Entry {
    Sha256 key;
    std::shared_ptr<const KeptAnswer> answer;
    std::int64_t expires_at_us;
    Owner owner;
    std::size_t bytes;
    int uses = 0;
    bool in_main = false;
    Meaning meaning{};
    Group* group = nullptr;  // that it is in, and where
    std::size_t place = 0;
  };
  struct Group {
    Neighbours neighbours;
    std::vector<Entry*> entries;
  };
  using Queue = std::list<Entry>;  // oldest first
  void remove(Queue::iterator entry);
  void join(Entry& entry);
  void leave(Entry& entry);
  void evict();
  void remember(const Sha256& key);

  const std::size_t capacity_;
  std::size_t bytes_ = 0, small_bytes_ = 0;
  std::uint64_t evictions_ = 0;
  Queue small_, main_;
  std::unordered_map<Sha256, Queue::iterator, DigestHash> entries_;
  std::unordered_map<Sha256, Group, DigestHash> groups_;
  std::list<std::uint64_t> left_;  // hashes of keys whose answers left the small queue, oldest first
  std::unordered_set<std::uint64_t> has_left_;
};

}  // namespace fairlead::gateway::cache
