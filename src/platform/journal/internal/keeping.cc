// What a node does again and again: says that it lives, takes up what is due, watches the others.
#include <algorithm>

#include "base/id.h"
#include "platform/journal/internal/log.h"
#include "platform/journal/internal/node.h"
#include "platform/journal/internal/rows.h"

namespace fairlead::journal {

async::Task<void> Engine::Node::keep() {
  while (!stopping_) {
    const auto looked = co_await look();
    if (!looked) {
      if (told_ != looked.error().code)
        kLog.warning("the store does not answer", {{"message", looked.error().message}});
      told_ = looked.error().code;
    } else {
      told_.clear();
    }
    if (stopping_) break;
    co_await bell_.wait_until(std::chrono::steady_clock::now() + options_.poll);
  }
}

async::Task<Result<void>> Engine::Node::look() {
  if (clock_.steady() >= next_beat_) {
    auto alive = std::make_shared<bool>(false);
    store::Database::Work work = [alive, node = node()](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(*alive, beat(connection, node));
      return {};
    };
    FAIRLEAD_CO_CHECK(co_await database_.write(std::move(work)));
    if (!*alive) FAIRLEAD_CO_CHECK(co_await begin_again());
    next_beat_ = clock_.steady() + options_.beat;
    FAIRLEAD_CO_CHECK(co_await watch());
  }
  if (clock_.steady() >= next_sweep_) FAIRLEAD_CO_CHECK(co_await sweep());
  FAIRLEAD_CO_CHECK(co_await fetch_signals());
  FAIRLEAD_CO_CHECK(co_await take_up());
  co_return Result<void>();
}

// Another node has taken over: what is loaded here is not ours any more. Under a name of its own from now on: if it was
// a node of the same name (a data folder that was copied), the two would unseat each other for ever.
async::Task<Result<void>> Engine::Node::begin_again() {
  kLog.warning("was taken for dead by another node: its runs are gone, and it begins anew", {{"node", node()}});
  lose_all();
  const std::string name = new_id(clock_.unix_micros());
  const std::string fresh = name + "/" + new_id(clock_.unix_micros());
  store::Database::Work work = [name, fresh, now = clock_.unix_micros()](store::Connection& connection) {
    return register_node(connection, name, fresh, now);
  };
  FAIRLEAD_CO_CHECK(co_await database_.write(std::move(work)));
  const std::lock_guard lock(mutex_);
  node_ = fresh;
  co_return Result<void>();
}

void Engine::Node::lose_all() {
  for (auto& lane : lanes_) {
    lane->loop.post([&lane = *lane] {
      for (auto one = lane.executions.begin(); one != lane.executions.end();) (one++)->second->lose();
    });
  }
}

async::Task<Result<void>> Engine::Node::watch() {
  auto nodes = std::make_shared<std::vector<NodeBeat>>();
  store::Database::Work read = [nodes](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*nodes, read_nodes(connection));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await database_.read(std::move(read)));
  const std::string mine = node();
  const SteadyTime now = clock_.steady();
  std::map<std::string, Seen> seen;
  std::vector<NodeBeat> silent;
  for (const NodeBeat& other : *nodes) {
    if (other.node == mine) continue;
    const auto before = seen_.find(other.node);
    const bool spoke = before == seen_.end() || before->second.beat != other.beat;
    const SteadyTime since = spoke ? now : before->second.since;
    if (now - since >= options_.lease) silent.push_back(other);
    seen[other.node] = {other.beat, since};
  }
  seen_ = std::move(seen);
  for (const NodeBeat& other : silent) {
    auto runs = std::make_shared<std::int64_t>(0);
    store::Database::Work work = [runs, other,
                                  at = clock_.unix_micros()](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(*runs, take_over(connection, other, at));
      return {};
    };
    FAIRLEAD_CO_CHECK(co_await database_.write(std::move(work)));
    kLog.warning("took over what a silent node had", {{"node", other.node}, {"runs", *runs}});
  }
  co_return Result<void>();
}

// A few at a time, so that no write stands in the way of runs for long.
async::Task<Result<void>> Engine::Node::sweep() {
  constexpr std::int64_t kAtATime = 100;
  auto gone = std::make_shared<std::size_t>(0);
  const std::int64_t now = clock_.unix_micros();
  store::Database::Work work = [gone, now,
                                kept = options_.retention.count()](store::Connection& connection) -> Result<void> {
    if (kept > 0) {
      FAIRLEAD_TRY(*gone, purge(connection, now - kept, kAtATime));
    }
    return sweep_places(connection, now);
  };
  FAIRLEAD_CO_CHECK(co_await database_.write(std::move(work)));
  if (*gone < kAtATime) next_sweep_ = clock_.steady() + options_.sweep;
  co_return Result<void>();
}

async::Task<Result<void>> Engine::Node::fetch_signals() {
  auto signals = std::make_shared<std::vector<Signal>>();
  // It looks whenever a run ends: what changes seldom is read once a poll.
  const bool glances = clock_.steady() >= next_glance_;
  auto queues = std::make_shared<std::vector<Queue>>();
  auto held = std::make_shared<bool>(false);
  store::Database::Work work = [signals, queues, held, glances,
                                node = node()](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*signals, new_signals(connection, node));
    if (!glances) return {};
    FAIRLEAD_TRY(*queues, read_step_queues(connection));
    FAIRLEAD_TRY(*held, anything_held(connection));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await database_.read(std::move(work)));
  if (glances) {
    step_queues_.set(std::move(*queues));
    is_held_ = *held;
    next_glance_ = clock_.steady() + options_.poll;
  }
  for (Signal& signal : *signals) {
    const std::lock_guard lock(mutex_);
    const auto found = where_.find(signal.run);
    if (found == where_.end()) continue;
    Lane& lane = *found->second.lane;
    lane.loop.post([this, &lane, signal = std::move(signal)] {
      const auto run = lane.executions.find(signal.run);
      if (run != lane.executions.end()) return run->second->deliver(signal);
      const std::lock_guard here(mutex_);
      if (where_.contains(signal.run)) lane.missed.insert(signal.run);
    });
  }
  co_return Result<void>();
}

async::Task<Result<void>> Engine::Node::take_up() {
  const std::size_t loaded = loaded_;
  if (loaded >= options_.loaded) co_return Result<void>();
  ClaimRequest request;
  request.node = node();
  request.now = clock_.unix_micros();
  request.room = options_.loaded - loaded;
  for (const auto& [kind, definition] : definitions_) request.kinds.push_back(kind);
  {
    const std::lock_guard lock(mutex_);
    request.running = running_;
  }
  request.limits = [this](const Run& run) { return limits_of(run); };
  request.user = [this](const Run& run) { return user_of(run); };
  auto claimed = std::make_shared<Claimed>();
  auto due = std::make_shared<bool>(false);
  store::Database::Work look = [due, now = request.now](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*due, anything_due(connection, now));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await database_.read(std::move(look)));
  // It is asked whenever a run ends, and to look is a write: what may have made room is a place that was left here, or
  // what is not seen from here.
  request.lets_go = is_held_ && (freed_.exchange(false) || clock_.steady() >= next_let_go_);
  if (!*due && !request.lets_go) co_return Result<void>();
  if (request.lets_go) next_let_go_ = clock_.steady() + options_.poll;
  request.look_from = look_from_;
  store::Database::Work work = [claimed, request](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(*claimed, claim(connection, request));
    return {};
  };
  FAIRLEAD_CO_CHECK(co_await database_.write(std::move(work)));
  look_from_ = std::move(claimed->look_from);
  for (Run& run : claimed->runs) load(std::move(run));
  is_held_ |= claimed->held_back;
  if (claimed->held_back) bell_.ring();
  co_return Result<void>();
}

}  // namespace fairlead::journal
