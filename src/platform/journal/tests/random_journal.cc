// journal_random OPERATIONS SEED: random operations on runs and on nodes, and a small model of what a run may come to.
// What the nodes do at the same time is up to them: an operation's answer is compared with what the model allows, and
// each run's history, once it has ended, with the model's rules. Prints the seed; ends with 1 at the first difference.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "platform/journal/history.h"
#include "platform/journal/internal/rows.h"
#include "platform/journal/tests/engine_fixture.h"

namespace fairlead::journal {
namespace {

namespace bj = boost::json;

// A node's way to the store: up, standing still as a frozen process does, full, or gone for good.
class SwitchedStore final : public store::Database {
 public:
  enum class Mode { kUp, kFrozen, kFull, kGone };
  explicit SwitchedStore(store::Database& under) : under_(under) {}
  std::atomic<Mode> mode = Mode::kUp;

  Result<void> read_blocking(const Work& work) override {
    FAIRLEAD_CHECK(pass_blocking(false));
    return under_.read_blocking(work);
  }
  Result<void> write_blocking(const Work& work) override {
    FAIRLEAD_CHECK(pass_blocking(true));
    return under_.write_blocking(work);
  }
  async::Task<Result<void>> read(Work work) override {
    FAIRLEAD_CO_CHECK(co_await pass(false));
    auto done = co_await under_.read(std::move(work));
    co_return done;
  }
  async::Task<Result<void>> write(Work work) override {
    FAIRLEAD_CO_CHECK(co_await pass(true));
    auto done = co_await under_.write(std::move(work));
    co_return done;
  }

 private:
  std::optional<Result<void>> now(bool writes) const {
    if (mode == Mode::kFrozen) return std::nullopt;
    if (mode == Mode::kGone) return fail(ErrorKind::kUnavailable, "store_unavailable", "It is gone.");
    if (mode == Mode::kFull && writes) return fail(ErrorKind::kUnavailable, "store_full", "It is full.");
    return Result<void>();
  }
  Result<void> pass_blocking(bool writes) const {
    while (true) {
      if (auto passed = now(writes)) return *passed;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  async::Task<Result<void>> pass(bool writes) const {
    async::Bell bell(co_await boost::asio::this_coro::executor);
    while (true) {
      if (auto passed = now(writes)) co_return *passed;
      co_await bell.wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
    }
  }
  store::Database& under_;
};

// --- what a run does, by its seed

enum class Kind { kEffect, kSignal, kSleep, kChild, kNote };
struct PlannedStep {
  std::string name, gives;  // JSON
  Kind kind = Kind::kNote;
  int failures = 0, attempts = 1;
  Uncertain uncertain = Uncertain::kRetry;
};
struct Program {
  std::vector<PlannedStep> steps;
  bool beside = false;  // the first two beside each other
  bool undoes = false;
};

// Of some runs the inputs and outputs are large: the same of all, or of this run alone.
std::string padding(std::uint64_t seed) {
  constexpr std::size_t kSize = 20'000;
  return seed % 3 == 0 ? std::string(kSize, 'p') : seed % 10 == 1 ? std::to_string(seed) + std::string(kSize, 'o') : "";
}
std::string input_of(std::uint64_t seed) {
  const std::string pad = padding(seed);
  return R"({"seed":)" + std::to_string(seed) + (pad.empty() ? "}" : ",\"pad\":\"" + pad + "\"}");
}

Program program_of(std::uint64_t seed, bool is_child) {
  std::mt19937_64 random(seed);
  Program out;
  const std::size_t count = 1 + random() % 4;
  for (std::size_t i = 0; i < count; ++i) {
    PlannedStep step{.name = "s" + std::to_string(i), .gives = {}};
    step.gives = "\"" + step.name + padding(seed) + "\"";
    const auto kind = random() % 10;
    step.kind = kind < 5   ? Kind::kEffect
                : is_child ? Kind::kNote
                : kind < 7 ? Kind::kSignal
                : kind < 8 ? Kind::kSleep
                : kind < 9 ? Kind::kChild
                           : Kind::kNote;
    step.failures = random() % 3 == 0 ? static_cast<int>(random() % 4) : 0;
    step.attempts = 1 + static_cast<int>(random() % 3);
    step.uncertain = random() % 4 == 0 ? Uncertain::kFail : Uncertain::kRetry;
    out.steps.push_back(std::move(step));
  }
  out.beside = count > 1 && random() % 3 == 0;
  out.undoes = !is_child && random() % 4 == 0;
  return out;
}

// Effects, by key: how often each was asked for and took place.
struct Effects {
  struct Seen {
    int asked = 0, done = 0;
  };
  std::mutex mutex;
  std::map<std::string, Seen> by_key;
};

async::Task<std::expected<Effect, EffectFailed>> take_effect(Effects& effects, PlannedStep step, Attempt attempt) {
  const std::lock_guard lock(effects.mutex);
  Effects::Seen& seen = effects.by_key[attempt.key];
  if (attempt.cancellation.requested())
    co_return std::unexpected(EffectFailed{FailureClass::kPermanent, {ErrorKind::kCancelled, "cancelled", ""}, 0});
  if (++seen.asked <= step.failures)
    co_return std::unexpected(EffectFailed{FailureClass::kTransient, {ErrorKind::kUpstream, "down", "It is down."}, 1});
  ++seen.done;
  co_return Effect{step.gives, 2};
}

std::uint64_t seed_of(const Run& run) {
  return static_cast<std::uint64_t>(bj::parse(run.asked.input).at("seed").to_number<std::int64_t>());
}

std::uint64_t child_seed(std::uint64_t seed) {
  return (seed * 31 + 7) % 1'000'000'007;
}

async::Task<StepResult> do_planned(Effects& effects, Execution& execution, PlannedStep step) {
  if (step.kind == Kind::kSignal) {
    std::string name = step.name, signal = "go " + step.name, ask;
    auto result = co_await execution.receive(std::move(name), std::move(signal), Micros(0), std::move(ask));
    co_return result;
  }
  if (step.kind == Kind::kSleep) {
    std::string name = step.name;
    auto result = co_await execution.sleep(std::move(name), Millis(15));
    co_return result;
  }
  if (step.kind == Kind::kNote) co_return execution.note(step.name, step.gives);
  if (step.kind == Kind::kChild) {
    RunRequest asked = TestNode::request("child");
    asked.input = input_of(child_seed(seed_of(execution.run())));
    std::string name = step.name;
    auto result = co_await execution.child(std::move(name), std::move(asked));
    co_return result;
  }
  Step asked{.name = step.name,
             .work = [&effects, step](Attempt attempt) { return take_effect(effects, step, std::move(attempt)); }};
  asked.retry.attempts = step.attempts;
  asked.retry.first = Millis(1);
  asked.retry.most = Millis(5);
  asked.uncertain = step.uncertain;
  auto result = co_await execution.step(std::move(asked));
  co_return result;
}

async::Task<void> do_into(Effects& effects, Execution& execution, PlannedStep step, StepResult& into) {
  into = co_await do_planned(effects, execution, std::move(step));
  if (!into && into.error().why == StepError::Why::kFailed) execution.abandon();
}

async::Task<Outcome> undo_all(Effects& effects, Execution& execution) {
  const auto settled = bj::parse(execution.compensating());
  Outcome out;
  out.end = settled.at("cancelled").as_bool() ? Outcome::End::kCancelled : Outcome::End::kFailed;
  out.error = {ErrorKind::kInternal, "ended", "It ended badly."};
  out.compensated = true;
  const bj::array parts = settled.at("parts").as_array();
  for (const bj::value& part : parts) {
    PlannedStep undo{.name = "undo " + std::string(part.as_string()), .gives = "null", .kind = Kind::kEffect};
    auto end = co_await do_planned(effects, execution, std::move(undo));
    if (end) continue;
    if (end.error().why == StepError::Why::kUnloaded) co_return Outcome();
    out.compensated = false;
  }
  co_return out;
}

async::Task<Outcome> advance_random(Effects& effects, Execution& execution) {
  const Program program = program_of(seed_of(execution.run()), execution.run().asked.name == "child");
  std::string output = "[";
  std::optional<Outcome> bad;
  std::size_t next = 0;
  while (execution.compensating().empty() && !bad && next < program.steps.size()) {
    const std::size_t count = program.beside && next == 0 ? 2 : 1;
    std::vector<StepResult> results(count);
    async::TaskGroup tasks(execution.loop().executor());
    for (std::size_t i = 0; i < count; ++i)
      tasks.spawn(do_into(effects, execution, program.steps[next + i], results[i]));
    co_await tasks.join();
    for (const StepResult& result : results) {
      if (!result && result.error().why == StepError::Why::kUnloaded) co_return Outcome();
      if (!result && (!bad || result.error().why == StepError::Why::kFailed)) bad = outcome_of(result.error(), "s");
      if (result) output += (output.size() > 1 ? "," : "") + *result;
    }
    next += count;
  }
  if (execution.compensating().empty() && !bad) co_return succeeded(output + "]");
  if (execution.compensating().empty()) {
    if (!program.undoes) co_return *bad;
    bj::array parts;
    std::map<std::int64_t, std::string, std::greater<>> order;
    for (const auto& [step, told] : execution.story())
      if (told.end == Told::End::kDone) order[told.sequence] = step;
    for (const auto& [sequence, step] : order) parts.emplace_back(step);
    execution.compensate(
        bj::serialize(bj::object{{"cancelled", bad->end == Outcome::End::kCancelled}, {"parts", std::move(parts)}}));
  }
  Outcome out = co_await undo_all(effects, execution);
  co_return out;
}

// --- the model

struct Known {
  std::string id, key;
  bool is_child = false;
  std::uint64_t seed = 0;
  int cancels = 0, retries = 0;
  std::set<std::string> copied;
};

class Journal {
 public:
  explicit Journal(std::uint64_t seed) : random_(seed), seed_(seed) {
    database_ = std::move(store::open(folder_.file("fairlead.db"), readers_, migrations()).value());
    for (std::size_t i = 0; i < nodes_.size(); ++i) start_node(i);
  }

  bool run(std::size_t operations) {
    constexpr std::size_t kRound = 1'000;
    for (std::size_t done = 0; done < operations && ok_; ++done) {
      operate();
      if (done % kRound == kRound - 1 || done + 1 == operations) settle();
    }
    std::printf("%zu operations, seed %llu:", operations, static_cast<unsigned long long>(seed_));
    for (const auto& [what, times] : counted_) std::printf(" %s %zu,", what.c_str(), times);
    std::printf(" %s\n", ok_ ? "no difference" : "DIFFERENT");
    return ok_;
  }

 private:
  using Mode = SwitchedStore::Mode;
  struct Node {
    std::unique_ptr<SwitchedStore> store;
    std::unique_ptr<TestNode> node;
    SteadyTime until{};  // that it is not up
  };

  void start_node(std::size_t place) {
    Node& node = nodes_[place];
    node.store = std::make_unique<SwitchedStore>(*database_);
    auto options = TestNode::quick("node " + std::to_string(++names_));
    options.linger = Millis(20);
    options.lease = Millis(500);
    node.node = std::make_unique<TestNode>(*node.store, definition_, options);
    if (!node.node->engine().start_blocking()) std::abort();
  }
  void differ(const std::string& run, const std::string& what) {
    ok_ = false;
    std::printf("seed %llu, run %s: %s\n", static_cast<unsigned long long>(seed_), run.c_str(), what.c_str());
    const auto events = up().wait(up().engine().history("default", run, 0, 10'000));
    if (!events) return;
    for (const Event& event : *events)
      std::printf("  %3lld %-12s %-8s %lld %s\n", static_cast<long long>(event.sequence),
                  std::string(to_string(event.kind)).c_str(), event.step.c_str(), static_cast<long long>(event.attempt),
                  event.data.c_str());
  }
  TestNode& up() {
    while (true) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        Node& node = nodes_[(next_++) % nodes_.size()];
        if (node.store->mode == Mode::kUp) return *node.node;
      }
    }
  }
  Known* any() { return runs_.empty() ? nullptr : &runs_[random_() % runs_.size()]; }

  void operate() {
    mend();
    const auto what = random_() % 1'000;
    if (what < 300) return begin();
    if (what < 600) return signal();
    if (what < 680) return cancel();
    if (what < 850) return retry();
    if (what < 900) return fork();
    if (what < 960) return look();
    if (what < 990) return pass_time();
    trouble(what < 992 ? Mode::kGone : what < 996 ? Mode::kFrozen : Mode::kFull);
  }
  void mend() {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].store->mode != Mode::kUp && std::chrono::steady_clock::now() >= nodes_[i].until)
        nodes_[i].store->mode = Mode::kUp;
  }
  // Of one node at a time; the others take over.
  void trouble(Mode mode) {
    for (const Node& node : nodes_)
      if (node.store->mode != Mode::kUp) return;
    ++counted_[mode == Mode::kGone ? "died" : mode == Mode::kFrozen ? "froze" : "full"];
    const std::size_t place = random_() % nodes_.size();
    Node& node = nodes_[place];
    node.store->mode = mode;
    node.until = std::chrono::steady_clock::now() + Millis(random_() % 1'000);
    if (mode != Mode::kGone) return;
    node.node->engine().stop_blocking(Millis(0));
    node.node.reset();
    start_node(place);
  }
  void pass_time() {
    ++counted_["waited"];
    std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 10));
  }

  void begin() {
    ++counted_["started"];
    RunRequest request = TestNode::request();
    Known known;
    const Known* const same = random_() % 5 == 0 ? any() : nullptr;
    if (same != nullptr && same->key.empty()) return;
    known.seed = same != nullptr ? same->seed : random_() % 1'000'000'007;
    known.key = same != nullptr ? same->key : random_() % 2 == 0 ? "key " + std::to_string(random_()) : "";
    request.input = input_of(known.seed);
    request.key = known.key;
    TestNode& node = up();
    const auto started = node.wait(node.engine().start(request));
    if (!started) return differ("", "was not started: " + started.error().message);
    if (same != nullptr && (!started->existed || started->run.id != same->id)) return differ(same->id, "another run");
    if (same != nullptr) return;
    if (started->existed) return differ(started->run.id, "was there already");
    known.id = started->run.id;
    runs_.push_back(std::move(known));
  }
  void send_signals(const Known& known) {
    TestNode& node = up();
    for (const PlannedStep& step : program_of(known.seed, false).steps) {
      if (step.kind != Kind::kSignal) continue;
      const Signal go{.run = known.id, .id = step.name, .name = "go " + step.name, .data = step.gives};
      const auto sent = node.wait(node.engine().signal("default", go));
      if (!sent && sent.error().code != "run_finished") differ(known.id, "signal: " + sent.error().message);
    }
  }
  void signal() {
    ++counted_["signalled"];
    if (const Known* const known = any()) send_signals(*known);
  }
  void cancel() {
    Known* const known = any();
    if (known == nullptr) return;
    ++counted_["cancelled"];
    ++known->cancels;
    TestNode& node = up();
    const auto sent = node.wait(node.engine().cancel("default", known->id, "model"));
    if (!sent) differ(known->id, "cancel: " + sent.error().message);
  }
  void retry() {
    Known* const known = any();
    if (known == nullptr) return;
    TestNode& node = up();
    const auto before = node.wait(node.engine().find("default", known->id));
    RetryRequest request{.project = "default", .run = known->id, .by = "model"};
    const auto done = node.wait(node.engine().retry(request));
    ++counted_[done ? "retried" : done.error().code];
    if (done) {
      ++known->retries;
      return;
    }
    const std::string& code = done.error().code;
    const auto after = node.wait(node.engine().find("default", known->id));
    const bool right = code == "run_not_ended"     ? known->retries == 0 && !finished(before->state)
                       : code == "run_succeeded"   ? after->state == RunState::kSucceeded
                       : code == "run_compensated" ? after->error.find("\"compensated\":true") != std::string::npos
                                                   : code == "run_busy";
    if (!right) differ(known->id, "retry: " + code + ": " + done.error().message);
    if (before->state == RunState::kFailed && code == "run_not_ended") differ(known->id, "had ended");
  }
  // Takes over what some of the first steps gave.
  void fork() {
    const Known* const from = any();
    if (from == nullptr) return;
    TestNode& node = up();
    const auto events = node.wait(node.engine().history("default", from->id, 0, 10'000));
    if (!events) return differ(from->id, "fork: " + events.error().message);
    Known known;
    known.seed = from->seed;
    std::vector<Event> copies;
    const Story story = story_of(*events);
    for (const PlannedStep& step : program_of(from->seed, false).steps) {
      const auto told = story.find(step.name);
      if (told == story.end() || told->second.end != Told::End::kDone || random_() % 3 == 0) break;
      known.copied.insert(step.name);
      copies.push_back({.run = {},
                        .kind = EventKind::kCopied,
                        .step = step.name,
                        .data = R"({"from":")" + from->id + R"(","output":)" + told->second.output + "}"});
    }
    RunRequest request = TestNode::request();
    request.input = input_of(known.seed);
    const auto started = node.wait(node.engine().start_with(request, copies));
    if (!started) return differ(from->id, "fork: " + started.error().message);
    ++counted_["forked"];
    known.id = started->run.id;
    runs_.push_back(std::move(known));
  }
  void look() {
    const Known* const known = any();
    if (known == nullptr) return;
    ++counted_["looked"];
    TestNode& node = up();
    const auto run = node.wait(node.engine().find("default", known->id));
    if (!run) return differ(known->id, "find: " + run.error().message);
    if (run->state == RunState::kCancelled && known->cancels == 0) differ(known->id, "nobody cancelled it");
  }

  // All is well again, and every run ends; then what it came to is looked at.
  void settle() {
    for (Node& node : nodes_) node.store->mode = Mode::kUp;
    for (const Known& known : runs_) send_signals(known);
    for (const Known& known : runs_) {
      if (!ok_) return;
      const Run run = up().wait_finished(known.id);
      if (!finished(run.state)) return differ(known.id, "does not end");
      check(known, run);
    }
    counted_["runs checked"] += runs_.size();
    runs_.clear();
    forget_all();
    const std::lock_guard lock(effects_.mutex);
    effects_.by_key.clear();
  }

  // With the runs goes all that is large of them.
  void forget_all() {
    std::int64_t left = 0;
    const auto purged = database_->write_blocking([&](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const std::size_t runs, purge(connection, INT64_MAX, INT32_MAX));
      counted_["forgotten"] += runs;
      return connection.query(
          "select (select count(*) from journal_blobs) + (select count(*) from journal_blob_uses) + (select count(*)"
          " from journal_runs)",
          {}, [&](const store::Row& row) -> Result<void> {
            left = row.integer(0);
            return {};
          });
    });
    if (!purged || left > 0) differ("", "left of runs that are forgotten: " + std::to_string(left));
  }

  void check(const Known& known, const Run& run) {
    const auto events = up().wait(up().engine().history("default", run.id, 0, 100'000));
    if (!events) return differ(run.id, events.error().message);
    if (const auto wrong = first_wrong(known, run, *events); !wrong.empty()) return differ(run.id, wrong);
    if (!known.is_child) check_children(known, run, *events);
  }

  // What it started has ended too, by the same rules, and is counted once.
  void check_children(const Known& known, const Run& parent, std::span<const Event> events) {
    const Story story = story_of(events);
    RunFilter filter;
    filter.project = "default";
    filter.parent = parent.id;
    const auto children = up().wait(up().engine().list(filter));
    if (!children) return differ(parent.id, children.error().message);
    constexpr int kAny = 1'000'000;
    for (const Run& one : *children) {
      const Run child = up().wait_finished(one.id);
      if (!finished(child.state)) return differ(child.id, "does not end, though its parent has");
      ++counted_["children"];
      check({.id = child.id,
             .key = {},
             .is_child = true,
             .seed = child_seed(known.seed),
             .cancels = kAny,
             .retries = kAny,
             .copied = {}},
            child);
      const auto step = story.find(child.asked.parent_step);
      if (step == story.end() || step->second.child != child.id || step->second.end != Told::End::kDone) continue;
      if (child.state != RunState::kSucceeded) return differ(child.id, "did not give its parent's result");
      std::int64_t counted = 0;  // since it was started, over all retries
      for (const Event& event : events) {
        if (event.step != child.asked.parent_step) continue;
        counted = event.kind == EventKind::kIntent ? 0 : counted + event.cost;
      }
      if (counted != child.cost) return differ(parent.id, "does not count what its child cost");
    }
  }

  // The rules of a history; what is wrong with it.
  std::string first_wrong(const Known& known, const Run& run, const std::vector<Event>& events) {
    enum class At { kNone, kOpen, kDone, kFailed };
    std::map<std::string, At> steps;
    std::map<std::string, std::string> keys;
    std::map<std::string, int> cut_off, intents;
    std::int64_t sequence = 0, cost = 0;
    bool ended = false, undoing = false, may_fail = false;
    int retried = 0, cancelled = 0;
    std::string end;
    std::set<std::string> copied;
    for (const Event& event : events) {
      if (event.sequence != ++sequence) return "a gap before " + std::to_string(event.sequence);
      cost += event.cost;
      const bj::value data = bj::parse(event.data.empty() ? "null" : event.data);
      const std::string at = " at " + std::to_string(event.sequence);
      if (ended && event.kind != EventKind::kRetried) return "goes on after its end" + at;
      At& step = steps[event.step];
      switch (event.kind) {
        case EventKind::kIntent:
          if (step == At::kDone || step == At::kFailed) return "begins anew what is over" + at;
          step = At::kOpen;
          if (const auto* key = data.as_object().if_contains("key")) {
            const std::string text(key->as_string());
            if (!keys.emplace(event.step, text).second && keys[event.step] != text) return "another key" + at;
            ++intents[event.step];
          }
          break;
        case EventKind::kResult:
          if (step == At::kDone || step == At::kFailed) return "ends twice" + at;
          step = At::kDone;
          break;
        case EventKind::kFailure:
          if (step == At::kDone || step == At::kFailed) return "fails after its end" + at;
          step = data.as_object().contains("retry_at") ? At::kOpen : At::kFailed;
          may_fail = true;
          break;
        case EventKind::kUncertain:
          if (step != At::kOpen) return "is uncertain of nothing" + at;
          ++cut_off[event.step];
          break;
        case EventKind::kCopied:
          step = At::kDone;
          copied.insert(event.step);
          break;
        case EventKind::kCompensating:
          if (undoing) return "begins twice to undo" + at;
          undoing = true;
          break;
        case EventKind::kCancel:
          ++cancelled;
          break;
        case EventKind::kRetried:
          if (!ended) return "is retried before its end" + at;
          if (end == "succeeded") return "is retried after a good end" + at;
          ++retried;
          ended = false;
          for (const bj::value& one : data.at("steps").as_array()) {
            At& anew = steps[std::string(one.as_string())];
            if (anew == At::kDone) return "retries what is done" + at;
            anew = At::kNone;
          }
          break;
        case EventKind::kFinished:
          ended = true;
          end = data.at("state").as_string();
          if (end == "cancelled" && cancelled == 0) return "nobody cancelled it" + at;
          if (end == "failed" && !may_fail) return "fails, though no step has" + at;
          break;
        default:
          break;
      }
    }
    if (run.asked.input != input_of(known.seed)) return "has another input";
    for (const PlannedStep& step : program_of(known.seed, known.is_child).steps)
      for (const Event& event : events)
        if (event.kind == EventKind::kResult && event.step == step.name && step.kind == Kind::kEffect &&
            event.data != step.gives)
          return "`" + step.name + "` has given something else";
    if (!ended || end != to_string(run.state)) return "is " + std::string(to_string(run.state)) + ", not " + end;
    if (cost != run.cost) return "has cost " + std::to_string(cost) + ", not " + std::to_string(run.cost);
    if (retried > known.retries) return "was retried more often than it was asked for";
    if (cancelled > known.cancels) return "was cancelled more often than it was asked for";
    if (copied != known.copied) return "took over something else";
    for (const std::string& step : copied)
      if (intents[step] > 0) return "did `" + step + "` anew";
    if (run.state == RunState::kSucceeded) {
      for (const PlannedStep& step : program_of(known.seed, known.is_child).steps)
        if (steps[step.name] != At::kDone) return "`" + step.name + "` was left out";
      if (undoing) return "undid what went well";
    }
    if (undoing && run.error.find("\"compensated\":true") == std::string::npos) return "was not undone";
    const std::lock_guard lock(effects_.mutex);
    for (const auto& [step, key] : keys) {
      const auto& seen = effects_.by_key[key];
      if (seen.asked > intents[step]) return "`" + step + "` took effect without an intent";
      if (seen.done > 1 + cut_off[step]) return "`" + step + "` was paid twice";
      if (steps[step] == At::kDone && seen.done == 0) return "`" + step + "` has a result of nothing";
    }
    return "";
  }

  std::mt19937_64 random_;
  const std::uint64_t seed_;
  Effects effects_;
  Written definition_{[this](Execution& execution) { return advance_random(effects_, execution); }};
  TestFolder folder_;
  async::BlockingPool readers_{4};
  std::unique_ptr<store::Database> database_;
  std::array<Node, 3> nodes_;
  std::vector<Known> runs_;
  std::map<std::string, std::size_t> counted_;
  std::size_t next_ = 0, names_ = 0;
  bool ok_ = true;
};

}  // namespace
}  // namespace fairlead::journal

int main(int argc, char** argv) {
  const std::size_t operations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return fairlead::journal::Journal(seed).run(operations) ? 0 : 1;
}
