#include "gateway/internal/shadows.h"

#include <simdjson.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "base/id.h"
#include "gateway/internal/admission.h"
#include "gateway/internal/answer_text.h"
#include "gateway/internal/fitting.h"
#include "gateway/internal/output_check.h"
#include "gateway/internal/routed_completion.h"
#include "gateway/routing/plan.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kMostShadowBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostText = 4 * 1024 * 1024;  // of an answer, for its record

std::span<char> padded(std::string& json) {
  const std::size_t size = json.size();
  json.append(simdjson::SIMDJSON_PADDING, '\0');
  return {json.data(), size};
}

// What the dearest of the routes would ask.
double expected_cost(const llm::Model& model, const llm::ChatRequest& chat, std::size_t native_bytes) {
  const routing::RequestFacts facts = routing::facts_of(chat);
  const auto input = std::max(facts.input_tokens, static_cast<std::int64_t>(native_bytes / 4));
  const llm::Usage usage{.input = input, .output = facts.output_tokens};
  llm::NanoUsd most = 0;
  for (const llm::Route& route : model.routes) most = std::max(most, llm::cost_of(usage, route.prices));
  return llm::usd(most);
}

// An upstream that keeps answers keeps the champion's alone.
void keep_nothing(llm::ChatRequest& chat) {
  const llm::Member* const store = chat.member("store");
  if (store == nullptr || store->json != "true") return;
  chat.remove("store");
  chat.remove("metadata");  // which OpenAI takes beside `store` only
}

}  // namespace

// One shadow from its copy of the request to its record. On the frame of its task.
class Shadows::Run {
 public:
  Run(Lane& lane, ShadowCall& shadow, telemetry::Recorder& recorder, const Clock& clock)
      : lane_(lane), shadow_(shadow), recorder_(recorder), clock_(clock), started_(clock.steady()), admission_(clock) {
    record_ = std::move(shadow.like);
    record_.shadow_of = std::move(record_.id);
    record_.started_at_us = clock.unix_micros();
    record_.requested_model = shadow.shadow->policy.to;
    record_.label = std::move(shadow.label);
    const Target& target = *shadow.challenger;
    record_.target_kind = call_.target_kind = target.kind;
    record_.target_name = call_.target_name = target.name;
    record_.target_version = call_.target_version = target.version;
    record_.id = call_.id = new_id(record_.started_at_us);
    call_.project = record_.project;
    call_.model = target.model;
    call_.loop = &lane.loop;
    call_.cancellation = &cancellation_;
    call_.options.variables = std::move(shadow.variables);
    call_.options.session = record_.session;
    call_.options.user = record_.user;
    call_.options.tags = record_.tags;
    if (shadow.has_idempotency_key) call_.options.idempotency_key = call_.id;
    surface_call_.started_at_s = record_.started_at_us / 1'000'000;
    lane_.running.push_back(&cancellation_);
  }
  ~Run() { std::erase(lane_.running, &cancellation_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  async::Task<void> go() {
    auto ready = co_await prepare();
    if (!ready) {
      note(std::move(ready).error());
      record();
      co_return;
    }
    routing::ShadowState& state = *shadow_.shadow->state;
    const budgets::Book* const book = shadow_.snapshot->project(call_.project)->budgets();
    auto entered = admission_.enter(book, call_, shadow_.key_name, budgets::Hold::Part::kAmounts);
    if (entered && admission_.asks()) entered = co_await admission_.ask();
    if (!entered) {
      state.count(routing::ShadowDrop::kBudget);
      co_return;
    }
    const double expected = expected_cost(*call_.model, call_.request, shadow_.native.size());
    const auto day = state.budget.reserve(expected, shadow_.shadow->policy.budget_usd, record_.started_at_us);
    if (!day) {
      state.count(routing::ShadowDrop::kBudget);
      co_return;
    }
    const bool was_sent = co_await answer();
    // What was cut short costs something that nobody has said.
    state.budget.settle(*day, expected, cut_short_ ? std::max(expected, record_.cost_usd) : record_.cost_usd);
    admission_.settle(record_);
    if (!was_sent)
      state.count(admission_.refused() ? routing::ShadowDrop::kBudget : routing::ShadowDrop::kBusy);
    else
      record();
  }

 private:
  async::Task<Result<void>> prepare() {
    const Surface& surface = *shadow_.surface;
    if (!shadow_.native.empty()) {
      FAIRLEAD_CO_CHECK(surface.read(padded(shadow_.native), surface_call_));
    }
    if (!shadow_.chat.empty()) {
      auto chat = llm::ChatRequest::parse(padded(shadow_.chat));
      if (!chat) co_return fail(std::move(chat).error());
      call_.request = *std::move(chat);
    } else if (auto made = surface.to_chat(surface_call_); !made) {
      no_chat_ = std::move(made).error();  // only who takes it as it is can be asked
    }
    for (const std::shared_ptr<llm::Stage>& stage : shadow_.challenger->stages) {
      auto run = co_await stage->run(call_);
      if (!run) co_return fail(std::move(run).error());
    }
    if (shadow_.challenger->stages.empty()) call_.output = std::move(shadow_.output);
    auto fitted = co_await fit(call_, record_, started_ + call_.model->timeout);
    if (!fitted) co_return fail(std::move(fitted).error());
    keep_nothing(call_.request);
    record_.stream = call_.request.stream;
    record_.model = call_.model->name;
    record_.model_version = call_.model->version;
    record_.gateway_us = micros_since(started_);
    co_return Result<void>{};
  }

  // False: a budget or the upstream had nothing to spare, and nothing was sent.
  async::Task<bool> answer() {
    RoutedRequest request{call_.request,
                          *call_.model,
                          call_.id,
                          call_.options.idempotency_key,
                          lane_.loop,
                          cancellation_,
                          started_ + call_.model->timeout};
    if (!shadow_.native.empty()) {
      request.format = shadow_.surface->format();
      request.native = surface_call_.body.members;
    }
    request.tags = call_.options.tags;
    request.project = call_.project;
    request.key = shadow_.key_name;
    if (no_chat_) request.no_chat = &*no_chat_;
    request.is_shadow = true;
    request.not_to = shadow_.not_to;
    request.admission = &admission_;
    RoutedCompletion routed(request, clock_);
    for (;;) {
      auto delta = co_await routed.next();
      if (!delta) {
        if (delta.error().code == "upstream_busy" || admission_.refused()) co_return false;
        const ErrorKind kind = delta.error().kind;
        cut_short_ = kind == ErrorKind::kCancelled || kind == ErrorKind::kTimeout || routed.outcome().content_started;
        note(explained(std::move(delta).error()));
        break;
      }
      keep_text(*delta, routed);
      if (record_.first_token_us < 0 && routed.outcome().content_started)
        record_.first_token_us = micros_since(started_);
      if (!delta->end) continue;
      record_.status = 200;
      break;
    }
    routed.stop();
    routed.describe(record_);
    if (record_.status == 200 && checks(routed)) {
      const auto unfit = find_unfit(*call_.output, answer_, call_.request.stream);
      record_.schema_failures = unfit && *unfit ? 1 : 0;
    }
    co_return true;
  }

  // As the champion's would be; one that is longer than is kept of it is not.
  bool checks(const RoutedCompletion& routed) const {
    return call_.output && routed.format() == llm::Format::kChat && answer_.size() <= kMostText;
  }

  void keep_text(const llm::Delta& delta, const RoutedCompletion& routed) {
    if (checks(routed)) answer_ += delta.wire;
    if (!recorder_.content_enabled() || text_bytes_ > kMostText) return;
    if (!text_) text_ = AnswerText::create(routed.format(), call_.request.stream);
    text_bytes_ += delta.wire.size();
    text_->take(delta.wire);
  }

  Error explained(Error error) const {
    if (!cancellation_.requested()) return error;
    if (cancellation_.reason() == routing::Limiter::kDisplaced)
      return {ErrorKind::kCancelled, "shadow_displaced", "A caller needed its place at the upstream."};
    return {ErrorKind::kCancelled, "shadow_ended", "The server is being stopped."};
  }

  void note(Error error) {
    record_.status = shadow_.surface->error_status(error);
    record_.error_code = std::move(error.code);
    record_.error_message = std::move(error.message);
  }

  void record() {
    record_.duration_us = micros_since(started_);
    record_.variant = std::move(call_.variant);
    record_.includes = std::move(call_.includes);
    record_.variant_error = std::move(call_.variant_error);
    record_.budgets = admission_.names();
    if (recorder_.content_enabled()) {
      record_.input_json = shadow_.surface->input(surface_call_);
      if (text_) record_.output_text = text_->text();
    }
    recorder_.record(lane_.loop.index(), record_);
  }

  std::int64_t micros_since(SteadyTime time) const {
    return std::chrono::duration_cast<Micros>(clock_.steady() - time).count();
  }

  Lane& lane_;
  ShadowCall& shadow_;
  telemetry::Recorder& recorder_;
  const Clock& clock_;
  const SteadyTime started_;
  Admission admission_;
  async::Cancellation cancellation_;
  llm::Call call_;
  SurfaceCall surface_call_{call_, {}, {}, 0};
  std::optional<Error> no_chat_;
  std::unique_ptr<AnswerText> text_;
  std::size_t text_bytes_ = 0;
  std::string answer_;  // in wire form, where it is checked
  bool cut_short_ = false;
  telemetry::CallRecord record_;
};

Shadows::Shadows(async::Runtime& runtime, telemetry::Recorder& recorder, const Clock& clock)
    : recorder_(recorder), clock_(clock) {
  for (int i = 0; i < runtime.size(); ++i) lanes_.push_back(std::make_unique<Lane>(runtime.loop(i)));
}

Shadows::~Shadows() = default;

bool Shadows::admit(async::Loop& loop, const routing::Shadow& shadow, std::size_t bytes) {
  if (lane_of(loop).ended) return false;
  routing::ShadowState& state = *shadow.state;
  if (!state.enter(shadow.policy.at_once)) {
    state.count(routing::ShadowDrop::kAtOnce);
    return false;
  }
  if (bytes_.fetch_add(bytes) + bytes <= kMostShadowBytes) return true;
  bytes_.fetch_sub(bytes);
  state.leave();
  state.count(routing::ShadowDrop::kMemory);
  return false;
}

void Shadows::start(async::Loop& loop, std::unique_ptr<ShadowCall> call) {
  Lane& lane = lane_of(loop);
  lane.tasks.spawn(run(lane, std::move(call)));
}

async::Task<void> Shadows::run(Lane& lane, std::unique_ptr<ShadowCall> call) {
  const std::size_t bytes = call->admitted_bytes;
  const std::shared_ptr<routing::ShadowState> state = call->shadow->state;
  co_await boost::asio::post(lane.loop.executor(), async::use_task);  // behind what waits already
  if (!lane.ended) {
    Run one(lane, *call, recorder_, clock_);
    co_await one.go();
  }
  call.reset();
  bytes_.fetch_sub(bytes);
  state->leave();
}

async::Task<void> Shadows::end_lane(Lane& lane) {
  lane.ended = true;
  const std::vector<async::Cancellation*> running = lane.running;
  for (async::Cancellation* const one : running) one->request();
  co_await lane.tasks.join();
}

void Shadows::end() {
  std::vector<std::future<void>> ended;
  for (const auto& lane : lanes_)
    ended.push_back(boost::asio::co_spawn(lane->loop.executor(), end_lane(*lane), boost::asio::use_future));
  for (auto& one : ended) one.get();
}

}  // namespace fairlead::gateway::internal
