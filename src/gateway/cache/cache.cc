#include "gateway/cache/cache.h"

#include <algorithm>
#include <utility>

#include "platform/async/run_on.h"

namespace fairlead::gateway::cache {

// Touched by its loop alone but for the atomics.
struct Cache::Part {
  struct Flying {
    std::shared_ptr<Flight> flight;
    Owner owner;
  };
  Part(async::Loop& of, std::size_t capacity) : loop(of), shard(capacity) {}
  void count() {
    bytes.store(shard.bytes(), std::memory_order_relaxed);
    answers.store(shard.size(), std::memory_order_relaxed);
    evictions.store(shard.evictions(), std::memory_order_relaxed);
  }

  async::Loop& loop;
  Shard shard;
  std::unordered_map<Sha256, Flying, DigestHash> flying;
  std::uint64_t clears = 0;
  std::atomic<std::size_t> bytes{0}, answers{0};
  std::atomic<std::uint64_t> evictions{0}, joined{0};
};

Cache::Cache(async::Runtime& runtime, std::size_t capacity_bytes, const Clock& clock)
    : runtime_(runtime), clock_(clock), enabled_(capacity_bytes > 0), capacity_(capacity_bytes) {
  const auto loops = static_cast<std::size_t>(runtime.size());
  for (int i = 0; i < runtime.size(); ++i)
    parts_.push_back(std::make_unique<Part>(runtime.loop(i), capacity_bytes / loops));
}

Cache::~Cache() = default;

// By other bits than the maps' hash. A group is in one part.
Cache::Part& Cache::part_of(const Asked& asked) const {
  const Sha256& key = asked.meaning ? asked.meaning->group : asked.key;
  return *parts_[(static_cast<std::size_t>(key[30]) << 8 | key[31]) % parts_.size()];
}

async::Task<Found> Cache::look_up(async::Loop& here, Asked asked) {
  Part& part = part_of(asked);
  Looked looked;
  if (&part.loop == &here) {
    looked = look_up_in(part, here, asked);
  } else {
    auto work = [this, &part, &here, asked = shared_ == nullptr ? std::move(asked) : asked] {
      return look_up_in(part, here, asked);
    };
    looked = co_await async::run_on(part.loop, std::move(work));
  }
  const Found& found = looked.found;
  const bool is_waited_for = found.flight && !found.leads;
  if (shared_ == nullptr || found.answer || is_waited_for || !asked.stamp.empty()) co_return std::move(looked.found);
  auto got = co_await shared_->get(here, asked.key, asked.owner, llm::reads(asked.mode));
  if (!got.answer) {
    looked.found.stamp = std::move(got.stamp);
    co_return std::move(looked.found);
  }
  Found out{.answer = got.answer};
  take_over(here, part, asked, looked, std::move(got));
  co_return out;
}

// What other nodes share is kept here too, and given to those who wait for this call.
void Cache::take_over(async::Loop& here, Part& part, const Asked& asked, const Looked& looked, SharedAnswers::Got got) {
  if (const auto& flight = looked.found.flight) {
    KeptAnswer from = *got.answer;
    from.wire.clear();
    from.outcome.usage = {};
    flight->begin(std::move(from));
    flight->end(got.answer);
    flight->leave();
  }
  auto work = [this, &part, key = asked.key, owner = asked.owner, meaning = asked.meaning, flight = looked.found.flight,
               clears = looked.clears, got = std::move(got)]() mutable {
    const auto flying = part.flying.find(key);
    if (flying != part.flying.end() && flying->second.flight == flight) part.flying.erase(flying);
    if (part.clears != clears) return;
    const std::int64_t expires_at_us = clock_.unix_micros() + std::chrono::duration_cast<Micros>(got.left).count();
    part.shard.put(key, std::move(got.answer), expires_at_us, std::move(owner), std::move(meaning));
    part.count();
  };
  if (&part.loop == &here)
    work();
  else
    part.loop.post(std::move(work));
}

Cache::Looked Cache::look_up_in(Part& part, async::Loop& caller, const Asked& asked) const {
  Looked looked{.found = {}, .clears = part.clears};
  Found& out = looked.found;
  if (llm::reads(asked.mode)) {
    out.answer = part.shard.find(asked.key, clock_.unix_micros());
    if (out.answer) return looked;
    const auto flying = part.flying.find(asked.key);
    if (flying != part.flying.end() && flying->second.flight->join()) {
      part.joined.fetch_add(1, std::memory_order_relaxed);
      out.flight = flying->second.flight;
      return looked;
    }
    if (asked.meaning) {
      Shard::Near near = part.shard.find_near(*asked.meaning, asked.threshold, clock_.unix_micros());
      out.answer = std::move(near.answer);
      out.similarity = near.similarity;
      if (out.answer) return looked;
    }
  }
  if (!llm::writes(asked.mode)) return looked;
  out.flight = std::make_shared<Flight>(runtime_, caller, asked.streamed);
  out.leads = true;
  part.flying[asked.key] = {out.flight, asked.owner};
  return looked;
}

void Cache::settle(async::Loop& here, const Asked& asked, std::shared_ptr<Flight> flight,
                   std::shared_ptr<const KeptAnswer> answer) {
  Part& part = part_of(asked);
  auto work = [this, &part, asked = asked, flight = std::move(flight), answer = std::move(answer)]() mutable {
    const auto flying = part.flying.find(asked.key);
    // Else it was cleared, or a later one has begun.
    if (flying == part.flying.end() || flying->second.flight != flight) return;
    part.flying.erase(flying);
    if (!answer) return;
    if (shared_ != nullptr) shared_->put(part.loop, asked.key, asked.owner, asked.stamp, *answer, asked.ttl);
    const std::int64_t expires_at_us = clock_.unix_micros() + std::chrono::duration_cast<Micros>(asked.ttl).count();
    part.shard.put(asked.key, std::move(answer), expires_at_us, std::move(asked.owner), std::move(asked.meaning));
    part.count();
  };
  if (&part.loop == &here)
    work();
  else
    part.loop.post(std::move(work));
}

async::Task<std::vector<Cache::Held>> Cache::held(std::string project) {
  std::vector<Held> out;
  for (const auto& part : parts_) {
    auto work = [part = part.get(), project] {
      std::vector<Held> list;
      part->shard.each([&](const Owner& owner, std::size_t bytes) {
        if (owner.project != project) return;
        auto found = std::ranges::find(list, owner, &Held::owner);
        if (found == list.end()) found = list.insert(list.end(), {owner, 0, 0});
        ++found->answers;
        found->bytes += bytes;
      });
      return list;
    };
    const std::vector<Held> list = co_await async::run_on(part->loop, std::move(work));
    for (const Held& one : list) {
      auto found = std::ranges::find(out, one.owner, &Held::owner);
      if (found == out.end()) found = out.insert(out.end(), {one.owner, 0, 0});
      found->answers += one.answers;
      found->bytes += one.bytes;
    }
  }
  co_return out;
}

// There first: what is asked for between the two is not fetched back.
async::Task<Result<Cache::Cleared>> Cache::clear(async::Loop& here, Selection selection) {
  Cleared out;
  std::optional<Error> unavailable;
  if (shared_ != nullptr) {
    auto shared = co_await shared_->clear(here, selection);
    if (shared)
      out.shared = *shared;
    else
      unavailable = std::move(shared).error();
  }
  out.here = co_await clear_here(std::move(selection));
  if (unavailable)
    co_return fail(ErrorKind::kUnavailable, "cache_unavailable",
                   "This node's answers are cleared, those that nodes share are not: " + unavailable->message +
                       " Clear again when it is back.");
  co_return out;
}

async::Task<std::size_t> Cache::clear_here(Selection selection) {
  std::size_t count = 0;
  for (const auto& part : parts_) {
    auto work = [part = part.get(), selection] {
      std::erase_if(part->flying, [&selection](const auto& one) { return selection.has(one.second.owner); });
      ++part->clears;
      const std::size_t cleared = part->shard.clear(selection);
      part->count();
      return cleared;
    };
    const std::size_t cleared = co_await async::run_on(part->loop, std::move(work));
    count += cleared;
  }
  co_return count;
}

Cache::Totals Cache::totals() const {
  Totals out{.capacity = capacity_};
  for (const auto& part : parts_) {
    out.bytes += part->bytes.load(std::memory_order_relaxed);
    out.answers += part->answers.load(std::memory_order_relaxed);
    out.evictions += part->evictions.load(std::memory_order_relaxed);
    out.joined += part->joined.load(std::memory_order_relaxed);
  }
  return out;
}

}  // namespace fairlead::gateway::cache
