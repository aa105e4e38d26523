#include "gateway/internal/call_pipeline.h"

#include <algorithm>
#include <utility>

#include "base/id.h"
#include "gateway/internal/fitting.h"
#include "gateway/internal/output_check.h"
#include "platform/http/problem.h"

namespace fairlead::gateway::internal {
namespace {

// Those of its fallback models too; kinds of resources see to it that these end.
bool every_route_speaks(const llm::Model& model, llm::Format format) {
  const auto speaks = [format](const llm::Route& one) { return one.provider->speaks(format); };
  const auto all_speak = [format](const auto& fallback) { return every_route_speaks(*fallback, format); };
  return std::ranges::all_of(model.routes, speaks) && std::ranges::all_of(model.fallbacks, all_speak);
}

}  // namespace

CallPipeline::CallPipeline(http::Exchange& exchange, const Surface& surface, std::shared_ptr<const Snapshot> snapshot,
                           telemetry::Recorder& recorder, Shadows& shadows, cache::Cache& cache,
                           sessions::Sessions& sessions, Background& background, const Clock& clock)
    : exchange_(exchange),
      surface_(surface),
      snapshot_(std::move(snapshot)),
      recorder_(recorder),
      shadows_(shadows),
      cache_(cache),
      sessions_(sessions),
      background_(background),
      clock_(clock),
      started_(clock.steady()),
      admission_(clock),
      surface_call_{call_, {}, {}, 0} {
  record_.started_at_us = clock.unix_micros();
  record_.operation = surface.operation();
  surface_call_.started_at_s = record_.started_at_us / 1'000'000;
  call_.id = new_id(record_.started_at_us);
  call_.loop = &exchange.loop();
  call_.cancellation = &exchange.cancellation();
  exchange_.add_header("x-request-id", call_.id);
  exchange_.add_header("x-fairlead-call-id", call_.id);
  if (!surface.id_header().empty()) exchange_.add_header(surface.id_header(), call_.id);
}

std::int64_t CallPipeline::so_far_us() const {
  return std::chrono::duration_cast<Micros>(clock_.steady() - started_).count();
}

// Answers in the other formats are vectors and numbers.
bool CallPipeline::speaks_of_text() const {
  const llm::Format format = surface_.format();
  return format == llm::Format::kChat || format == llm::Format::kCompletions || format == llm::Format::kMessages ||
         format == llm::Format::kResponses;
}

async::Task<void> CallPipeline::run() {
  auto known = authenticate();
  if (!known) {
    recorded_ = true;  // nobody's call
    co_await refuse(std::move(known).error());
    co_return;
  }
  auto done = co_await prepare();
  if (done && surface_.in_background(surface_call_)) {
    if (privacy_ && privacy_->wants_keeping()) done = co_await privacy_->keep();
    if (done) done = co_await background_.begin(exchange_, surface_call_, *target_);
    if (done && privacy_) co_await privacy_->end();
    if (done) co_return;  // the call that its run makes is recorded
  } else if (done) {
    done = co_await answer();
  }
  if (!done) co_await refuse(std::move(done).error());
  if (privacy_) co_await privacy_->end();
  if (!recorded_) {
    complete_record();
    recorder_.record(call_.loop->index(), record_);
  }
  if (shadow_call_ && routed_) leave_shadow();
}

Result<void> CallPipeline::authenticate() {
  const http::RequestHead& head = exchange_.head();
  FAIRLEAD_TRY(principal_, snapshot_->keys->authenticate(head.header("authorization").value_or(""),
                                                         head.header("x-api-key").value_or(""), record_.started_at_us));
  if (!principal_->may(access::Scope::kCall))
    return fail(ErrorKind::kPermissionDenied, "missing_scope",
                "This key may not make calls: it lacks the scope `call`.");
  call_.project = principal_->project;
  call_.key_id = principal_->key_id;
  call_.key_name = principal_->name;
  return {};
}

async::Task<Result<void>> CallPipeline::prepare() {
  auto json = http::expect_json(exchange_.head());
  if (!json) co_return json;
  auto body = co_await exchange_.read_body();
  if (!body) co_return fail(std::move(body).error());
  auto read = surface_.read(*body, surface_call_);
  record_.stream = call_.request.stream;
  record_.requested_model = shown_reference(call_.request.model);
  if (!read) co_return fail(std::move(read).error());
  auto options = llm::CallOptions::parse(call_.request.fairlead);
  if (!options) co_return fail(std::move(options).error());
  call_.options = std::move(*options);
  auto target = resolve();
  if (!target) co_return fail(std::move(target).error());

  const llm::Format format = surface_.format();
  if (privacy_) {
    auto hidden = co_await hide();
    if (!hidden) co_return fail(std::move(hidden).error());
  }
  native_ = (*target)->stages.empty() && !call_.options.repair && surface_.native(surface_call_);
  if (privacy_ && speaks_of_text() && policy_->rewrites_answers()) native_ = false;
  const bool chat_needed = !native_ || !every_route_speaks(*(*target)->model, format);
  auto made = co_await make_chat(chat_needed);
  if (!made) co_return fail(std::move(made).error());
  if (!surface_.in_background(surface_call_)) draw_shadow((*target)->shadow);
  if (shadow_ != nullptr) unrendered_ = call_.request;
  if (surface_.format() != llm::Format::kCountTokens) session_ = SessionCall::create(sessions_, **target, call_);
  if (surface_.in_background(surface_call_)) {
    auto possible = check_background();
    if (!possible) co_return possible;
  }
  if (session_) {
    auto recalled = co_await session_->recall();
    if (!recalled) co_return fail(std::move(recalled).error());
  }
  for (const std::shared_ptr<llm::Stage>& stage : (*target)->stages) {
    auto run = co_await stage->run(call_);
    if (!run) co_return fail(std::move(run).error());
  }
  if (chat_needed && !no_chat_ && call_.request.message_count == 0 && (*target)->kind != "chain") {
    const std::string field(surface_.messages_field());
    const std::vector<llm::Member>& members = surface_call_.body.members;
    const bool sent =
        (members.empty() ? call_.request.member("messages") : surface_call_.body.member(field)) != nullptr;
    co_return fail(ErrorKind::kInvalid, sent ? "empty_array" : "missing_required_parameter",
                   sent ? "Invalid '" + field + "': empty array. Expected an array with minimum length 1."
                        : "Missing required parameter: '" + field + "'.",
                   field);
  }
  if (session_) session_->weave();
  if (call_.fit && surface_.format() != llm::Format::kCountTokens) {
    if (call_.output || call_.options.repair) unfitted_ = call_.request;
    auto fitted = co_await fit(call_, record_, started_ + call_.model->timeout);
    if (!fitted) co_return fail(std::move(fitted).error());
  }
  if (surface_.format() != llm::Format::kCountTokens) {
    auto settled = settle_output(call_);
    if (!settled) co_return fail(std::move(settled).error());
  }
  if (surface_.in_background(surface_call_)) co_return Result<void>();
  if (const routing::ModelState* const state = routing::state_of(*call_.model); state && !target_->shadow)
    draw_shadow(state->shadow);
  auto entered = admission_.enter(snapshot_->project(call_.project)->budgets(), call_, principal_->name);
  if (!entered || !admission_.asks()) co_return entered;
  co_return co_await admission_.ask();
}

// What a call needs that its run could not give it.
Result<void> CallPipeline::check_background() const {
  if (session_)
    return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                "A prompt that remembers a session is not called in the background: leave out `fairlead.session`, or "
                "`background`.",
                "background");
  if (!call_.options.prompt.empty())
    return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                "A call whose messages were rendered elsewhere is not made in the background.", "fairlead.prompt");
  return {};
}

async::Task<Result<void>> CallPipeline::hide() {
  const bool is_chat = surface_call_.body.members.empty();
  std::vector<llm::Member>& members = is_chat ? call_.request.members : surface_call_.body.members;
  auto hidden = co_await privacy_->hide(call_, members);
  if (!hidden) co_return hidden;
  if (is_chat)
    if (const llm::Member* const messages = call_.request.member("messages")) call_.request.messages = messages->json;
  hidden_ = true;
  co_return Result<void>{};
}

void CallPipeline::draw_shadow(const std::optional<routing::Shadow>& shadow) {
  if (!shadow || surface_.format() == llm::Format::kCountTokens) return;
  if (policy_ != nullptr && policy_->watches_answers()) return;  // nobody would watch the challenger's
  if (shadow->state->draw(shadow->policy.share)) shadow_ = &*shadow;
}

Result<const Target*> CallPipeline::resolve() {
  const Project* const project = snapshot_->project(call_.project);
  if (!project)
    return fail(ErrorKind::kNotFound, "model_not_found",
                "Project `" + call_.project + "` has no models yet: apply some with `fairlead apply`.", "model");
  FAIRLEAD_TRY(Resolved resolved, project->resolve(call_.request.model));
  const Target& target = *resolved.target;
  target_ = &target;
  call_.target_kind = target.kind;
  call_.target_name = target.name;
  call_.target_version = target.version;
  call_.label = std::move(resolved.label);
  call_.model = target.model;
  if (target.kind == "model" && !call_.options.variables.empty())
    return fail(ErrorKind::kInvalid, "invalid_value", "A model takes no variables; they are for prompts.",
                "fairlead.variables");
  policy_ = target.privacy.get();
  if (!call_.options.prompt.empty()) FAIRLEAD_CHECK(attribute(*project));
  if (policy_ != nullptr) privacy_ = policy_->begin();
  is_free_ = policy_ == nullptr;
  return &target;
}

// The messages were rendered elsewhere, by a version that the caller names: the call counts for that one.
Result<void> CallPipeline::attribute(const Project& project) {
  if (target_->kind != "model")
    return fail(ErrorKind::kInvalid, "invalid_value",
                "`fairlead.prompt` is for calls of a model with messages rendered elsewhere; this call names a prompt.",
                "fairlead.prompt");
  const std::string_view given = call_.options.prompt;
  const bool says_kind = given.starts_with("prompt:");
  auto found = project.find(says_kind ? std::string(given) : "prompt:" + std::string(given));
  if (!found)
    return fail(ErrorKind::kInvalid, "prompt_not_found",
                "`fairlead.prompt` names no version of a prompt: " + found.error().message, "fairlead.prompt");
  call_.target_kind = found->target->kind;
  call_.target_name = found->target->name;
  call_.target_version = found->target->version;
  call_.label = std::move(found->label);
  if (policy_ == nullptr) policy_ = found->target->privacy.get();
  return {};
}

// A request that cannot be a chat is no fault as long as a route takes it as it is.
async::Task<Result<void>> CallPipeline::make_chat(bool needed) {
  if (!needed) {
    no_chat_ = Error{ErrorKind::kUnsupported, "unsupported_by_model", "No route takes this request.", "model"};
    co_return Result<void>{};
  }
  if (surface_.wants_loading(surface_call_)) {
    auto loaded = co_await surface_.load(surface_call_);
    if (!loaded) co_return fail(std::move(loaded).error());
  }
  auto made = surface_.to_chat(surface_call_);
  if (made) co_return Result<void>{};
  if (!native_) co_return fail(std::move(made).error());
  no_chat_ = std::move(made).error();
  co_return Result<void>{};
}

void CallPipeline::complete_record() {
  if (shadow_ != nullptr) {
    shadow_call_ = std::make_unique<ShadowCall>();
    telemetry::CallRecord& like = shadow_call_->like;
    like.id = call_.id;
    like.project = call_.project;
    like.key_id = principal_->key_id;
    like.operation = record_.operation;
    like.session = call_.options.session;
    like.user = call_.options.user;
    like.tags = call_.options.tags;
    if (privacy_) shadow_call_->not_to.assign(privacy_->not_to().begin(), privacy_->not_to().end());
  }
  record_.id = call_.id;
  record_.project = std::move(call_.project);
  record_.key_id = principal_->key_id;
  record_.duration_us = so_far_us();
  record_.target_kind = std::move(call_.target_kind);
  record_.target_name = std::move(call_.target_name);
  record_.target_version = call_.target_version;
  record_.label = std::move(call_.label);
  record_.variant = std::move(call_.variant);
  record_.includes = std::move(call_.includes);
  record_.variant_error = std::move(call_.variant_error);
  if (call_.model && record_.model.empty()) {  // never routed
    record_.model = call_.model->name;
    record_.model_version = call_.model->version;
  }
  if (privacy_) record_.privacy_json = privacy_->record();
  const Project* const project = snapshot_->project(record_.project);
  // What ended before a policy had its say, or was refused by it, is not kept.
  const bool unseen = project != nullptr && project->has_privacy() && !hidden_ && !is_free_;
  if (unseen && !privacy_) call_.options = {};
  record_.session = std::move(call_.options.session);
  record_.user = std::move(call_.options.user);
  record_.tags = std::move(call_.options.tags);
  record_.budgets = admission_.names();
  if (recorder_.content_enabled() && !unseen) {
    record_.input_json = surface_.input(surface_call_);
    if (text_) record_.output_text = text_->text();
  }
}

void CallPipeline::leave_shadow() {
  ShadowCall& call = *shadow_call_;
  auto found = snapshot_->project(call.like.project)->resolve(shadow_->policy.to);
  const bool anew = found && found->target->kind == "prompt";
  if (!found || (anew && !unrendered_)) {
    shadow_->state->count(routing::ShadowDrop::kUnavailable);
    return;
  }
  const Target& challenger = *found->target;
  // What has been hidden is what the champion's policies hide.
  if (challenger.privacy && challenger.privacy.get() != policy_) {
    shadow_->state->count(routing::ShadowDrop::kUnavailable);
    return;
  }
  if (anew ? &challenger == target_
           : challenger.name == call_.model->name && challenger.version == call_.model->version)
    return;  // the champion itself
  const llm::ChatRequest* const chat = anew ? &*unrendered_ : no_chat_ ? nullptr : &call_.request;
  llm::ChatRequest native;
  if (native_) native.members = surface_call_.body.members;
  std::size_t bytes = 0;
  for (const llm::ChatRequest* const one : {chat, static_cast<const llm::ChatRequest*>(&native)})
    for (const llm::Member& member : one != nullptr ? std::span(one->members) : std::span<const llm::Member>())
      bytes += member.name.size() + member.json.size() + 4;
  if (!shadows_.admit(*call_.loop, *shadow_, bytes)) return;
  call.snapshot = snapshot_;
  call.shadow = shadow_;
  call.challenger = &challenger;
  call.label = std::move(found->label);
  call.surface = &surface_;
  call.key_name = principal_->name;
  call.variables = std::move(call_.options.variables);
  call.has_idempotency_key = !call_.options.idempotency_key.empty();
  if (chat != nullptr) call.chat = chat->to_json();
  if (native_) call.native = native.to_json();
  if (!anew) call.output = call_.output;
  call.admitted_bytes = bytes;
  shadows_.start(*call_.loop, std::move(shadow_call_));
}

}  // namespace fairlead::gateway::internal
