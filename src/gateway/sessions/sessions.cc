#include "gateway/sessions/sessions.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <list>
#include <map>
#include <utility>

#include "base/log.h"
#include "gateway/sessions/summary.h"
#include "platform/async/run_on.h"
#include "platform/async/task_group.h"

namespace fairlead::gateway::sessions {
namespace {

constexpr log::Logger kLog{"gateway"};
constexpr std::size_t kOverhead = 512;  // of a session, beside its texts
constexpr int kMostLookedAt = 16;       // of those that cannot go now

std::string prefix_of(const std::string& project, const std::string& session) {
  return project + '\0' + session + '\0';
}
std::string name_of(const Key& key) {
  return prefix_of(key.project, key.session) + key.prompt;
}

}  // namespace

struct Sessions::Live {
  Key key;
  Session session;
  int pins = 0, writes = 0;
  bool summing = false;
  bool unsaved = false;          // the store did not take it
  std::uint64_t generation = 0;  // of forgetting
  std::size_t counted = 0;       // bytes
  std::list<Live*>::iterator place;
  bool may_go() const { return pins == 0 && writes == 0 && !summing; }
};

// Of one loop, which alone touches it.
struct Sessions::Lane {
  explicit Lane(async::Loop& of) : loop(of), tasks(of.executor()) {}
  Live& get(const Key& key) {
    const auto [at, fresh] = live.try_emplace(name_of(key));
    if (fresh) {
      at->second.key = key;
      order.push_front(&at->second);
      at->second.place = order.begin();
    }
    return at->second;
  }
  Live* find(const Key& key) {
    const auto at = live.find(name_of(key));
    return at == live.end() ? nullptr : &at->second;
  }

  async::Loop& loop;
  async::TaskGroup tasks;
  std::map<std::string, Live> live;
  std::list<Live*> order;  // the latest first
  std::size_t bytes = 0;
  async::Cancellation ending;
  bool ended = false;
};

Sessions::Sessions(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, fairlead::store::Database& database,
                   const Clock& clock, std::size_t capacity_bytes)
    : snapshots_(snapshots),
      recorder_(recorder),
      clock_(clock),
      store_(database),
      is_shared_(database.is_shared()),
      capacity_of_lane_(capacity_bytes / static_cast<std::size_t>(snapshots.runtime().size())) {
  for (int i = 0; i < snapshots.runtime().size(); ++i)
    lanes_.push_back(std::make_unique<Lane>(snapshots.runtime().loop(i)));
}

Sessions::~Sessions() = default;

// All of a session's prompts are in one lane.
Sessions::Lane& Sessions::lane_of(const std::string& project, const std::string& session) const {
  return *lanes_[std::hash<std::string>{}(prefix_of(project, session)) % lanes_.size()];
}

template <class Work>
async::Task<std::invoke_result_t<Work&>> Sessions::on(Lane& lane, async::Loop& here, Work work) {
  if (&lane.loop == &here) co_return work();
  auto done = co_await async::run_on(lane.loop, std::move(work));
  co_return done;
}

// Whether another node may have gone on with it: nothing here is under way, so the store knows as much.
bool Sessions::is_stale(const Live& live) const {
  return is_shared_ && live.may_go() && !live.unsaved;
}

std::string Sessions::pin(Lane& lane, Live& live) const {
  ++live.pins;
  if (live.session.expired(clock_.unix_micros())) live.session.clear();
  touched(lane, live);
  return live.session.messages();
}

// Those go that have not been asked for longest and that the store has.
void Sessions::touched(Lane& lane, Live& live) const {
  const std::size_t bytes = live.session.bytes() + kOverhead;
  lane.bytes += bytes - std::exchange(live.counted, bytes);
  lane.order.splice(lane.order.begin(), lane.order, live.place);
  int looked_at = 0;
  for (auto at = lane.order.end(); lane.bytes > capacity_of_lane_ && at != lane.order.begin();) {
    Live& oldest = **--at;
    if (!oldest.may_go()) {
      if (++looked_at == kMostLookedAt) return;
      continue;
    }
    lane.bytes -= oldest.counted;
    at = lane.order.erase(at);
    lane.live.erase(name_of(oldest.key));
  }
}

async::Task<Result<std::string>> Sessions::recall(async::Loop& here, Key key) {
  Lane& lane = lane_of(key.project, key.session);
  auto look = [this, &lane, key]() -> std::optional<std::string> {
    Live* const live = lane.find(key);
    if (live == nullptr || is_stale(*live)) return std::nullopt;
    return pin(lane, *live);
  };
  std::optional<std::string> known = co_await on(lane, here, std::move(look));
  if (known) co_return std::move(*known);
  auto stored = co_await store_.find(key, clock_.unix_micros());
  auto put = [this, &lane, key, stored = std::move(stored)]() -> Result<std::string> {
    const Live* const there = lane.find(key);  // another call may have brought it
    if (!stored && there == nullptr) return fail(stored.error());
    const bool takes_over = stored && (there == nullptr || is_stale(*there));
    Live& live = lane.get(key);
    if (takes_over) live.session = *stored ? Session(**stored) : Session();
    return pin(lane, live);
  };
  auto messages = co_await on(lane, here, std::move(put));
  co_return messages;
}

void Sessions::remember(async::Loop& here, Key key, Turn turn, llm::MemoryPolicy policy, Caller by) {
  Lane& lane = lane_of(key.project, key.session);
  auto work = [this, &lane, key = std::move(key), turn = std::move(turn), policy = std::move(policy),
               by = std::move(by)]() mutable {
    Live& live = lane.get(key);
    --live.pins;
    live.session.add(std::move(turn), policy, clock_.unix_micros());
    write(lane, live);
    if (auto what = live.session.to_sum(policy); what && !live.summing && !lane.ended) {
      live.summing = true;
      lane.tasks.spawn(sum_up(lane, key, live.generation, *std::move(what), std::move(policy), std::move(by)));
    }
    touched(lane, live);
  };
  if (&lane.loop == &here)
    work();
  else
    lane.loop.post(std::move(work));
}

void Sessions::leave(async::Loop& here, Key key) {
  Lane& lane = lane_of(key.project, key.session);
  auto work = [this, &lane, key = std::move(key)] {
    Live& live = lane.get(key);
    --live.pins;
    touched(lane, live);
  };
  if (&lane.loop == &here)
    work();
  else
    lane.loop.post(std::move(work));
}

void Sessions::write(Lane& lane, Live& live) {
  if (lane.ended) return;
  ++live.writes;
  lane.tasks.spawn(keep(lane, live.key, live.generation));
}

async::Task<void> Sessions::keep(Lane& lane, Key key, std::uint64_t generation) {
  Live& live = *lane.find(key);  // stays while it is written
  if (live.generation == generation) {
    auto kept = co_await store_.keep(key, live.session.stored());
    live.unsaved = !kept;
    if (!kept) kLog.warning("a session could not be stored", {{"error", kept.error().message}});
  }
  --live.writes;
  touched(lane, live);
}

async::Task<void> Sessions::sum_up(Lane& lane, Key key, std::uint64_t generation, Session::ToSum what,
                                   llm::MemoryPolicy policy, Caller by) {
  Summary summary{.snapshot = snapshots_.current(lane.loop),
                  .recorder = recorder_,
                  .clock = clock_,
                  .loop = lane.loop,
                  .cancellation = lane.ending,
                  .project = key.project,
                  .session = key.session,
                  .prompt = policy.summary,
                  .key_id = by.key_id,
                  .key_name = by.key_name,
                  .user = by.user};
  std::optional<std::string> text = co_await ask(std::move(summary), std::move(what.conversation));
  Live& live = *lane.find(key);
  live.summing = false;
  if (text && live.generation == generation) {
    live.session.sum_up(*std::move(text), what.until);
    write(lane, live);
  }
  touched(lane, live);
}

async::Task<Result<std::int64_t>> Sessions::forget(std::string project, std::string session) {
  Lane& lane = lane_of(project, session);
  auto work = [&lane, prefix = prefix_of(project, session)] {
    std::int64_t count = 0;
    for (auto at = lane.live.lower_bound(prefix); at != lane.live.end() && at->first.starts_with(prefix); ++at) {
      if (at->second.session.turn_count() > 0) ++count;
      at->second.session.clear();
      ++at->second.generation;
    }
    return count;
  };
  const std::int64_t live = co_await async::run_on(lane.loop, std::move(work));
  auto removed = co_await store_.remove(std::move(project), std::move(session));
  if (removed) *removed = std::max(*removed, live);
  co_return removed;
}

async::Task<void> Sessions::end_lane(Lane& lane) {
  lane.ending.request();
  co_await lane.tasks.join();
  lane.ended = true;
}

void Sessions::end() {
  std::vector<std::future<void>> ended;
  for (const auto& lane : lanes_)
    ended.push_back(boost::asio::co_spawn(lane->loop.executor(), end_lane(*lane), boost::asio::use_future));
  for (auto& one : ended) one.get();
}

}  // namespace fairlead::gateway::sessions
