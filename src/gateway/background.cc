#include "gateway/background.h"

#include <simdjson.h>

#include <boost/json/object.hpp>
#include <utility>

#include "gateway/inner_client.h"
#include "gateway/internal/reading.h"
#include "gateway/internal/rebuilt.h"
#include "gateway/surfaces/responses_request.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

namespace bj = boost::json;
using journal::Effect;
using journal::EffectFailed;
using journal::Outcome;
using journal::StepResult;
using ResponseWhy = journal::StepError::Why;

constexpr const char* kAnswerStep = "answer";
constexpr std::chrono::milliseconds kStoreAway{1'000};

std::string as_json(const llm::Usage& usage) {
  return json::to_text(bj::array{usage.input, usage.cached_input, usage.cache_write, usage.cache_write_1h, usage.output,
                                 usage.reasoning});
}

llm::Usage usage_of(const bj::value* value) {
  llm::Usage usage{.reported = true};
  if (value == nullptr || !value->is_array() || value->get_array().size() != 6) return usage;
  std::int64_t* const places[] = {&usage.input,          &usage.cached_input, &usage.cache_write,
                                  &usage.cache_write_1h, &usage.output,       &usage.reasoning};
  for (std::size_t i = 0; i < 6; ++i)
    if (const bj::value& one = value->get_array()[i]; one.is_int64()) *places[i] = one.get_int64();
  return usage;
}

// The `fairlead` object that says the same.
bj::object shown_options(const llm::CallOptions& options) {
  static constexpr const char* kCacheModes[] = {"off", "on", "read", "write"};
  bj::object out;
  if (!options.variables.empty())
    if (auto variables = json::parse(options.variables)) out["variables"] = std::move(*variables);
  if (!options.session.empty()) out["session"] = options.session;
  if (!options.user.empty()) out["user"] = options.user;
  if (!options.tags.empty()) out["tags"] = bj::array(options.tags.begin(), options.tags.end());
  if (options.cache) out["cache"] = kCacheModes[static_cast<std::size_t>(*options.cache)];
  if (options.repair) out["repair"] = *options.repair;
  if (options.progress) out["progress"] = true;
  return out;
}

// What a chain gave, as a chat's answer.
std::string chat_answer(const std::string& output) {
  const auto value = json::parse(output);
  const std::string text = value && value->is_string() ? std::string(value->get_string()) : output;
  return R"({"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":)" +
         json::quoted(text) + R"(},"finish_reason":"stop"}]})";
}

// Members of a chat's body that a call from within takes apart from the rest.
Result<void> read_chat(std::string_view chat, llm::ClientCall& call) {
  FAIRLEAD_TRY(bj::value parsed, json::parse(chat));
  bj::object& body = parsed.as_object();
  call.messages = json::to_text(body.at("messages"));
  for (const char* const taken : {"messages", "model", "stream", "stream_options", "fairlead"}) body.erase(taken);
  call.parameters = json::to_text(body);
  return {};
}

}  // namespace

Background::Background(const SnapshotHolder& snapshots, telemetry::Recorder& recorder, cache::Cache& cache,
                       ResponseStore& store, const Clock& clock)
    : snapshots_(snapshots), recorder_(recorder), cache_(cache), store_(store), clock_(clock), surface_(store) {}

void Background::set_runs(journal::Engine& engine, ChainRun chain_run) {
  engine_ = &engine;
  chain_run_ = std::move(chain_run);
}

Background::Ended Background::end_of(const journal::Run& run) {
  Ended out{response_id(run.id), "completed"};
  if (run.state == journal::RunState::kFailed) out.status = "failed";
  if (run.state == journal::RunState::kCancelled) out.status = "cancelled";
  if (run.state != journal::RunState::kSucceeded) return out;
  const auto made = json::parse(run.output);
  boost::system::error_code none;
  const bj::value* const reason = made ? made->find_pointer("/wire/choices/0/finish_reason", none) : nullptr;
  if (reason != nullptr && reason->is_string() && !incomplete_reason(reason->get_string()).empty())
    out.status = "incomplete";
  return out;
}

std::unique_ptr<ResponsesAnswer> Background::Rebuilt::form(ResponseStore& store, bool stream) {
  call.request.stream = stream;
  return std::make_unique<ResponsesAnswer>(surface, store);
}

Result<void> Background::Rebuilt::take(const std::string& made, ResponsesAnswer& form, std::string& out) {
  FAIRLEAD_TRY(const bj::value parsed, json::parse(made));
  if (!parsed.is_object()) return fairlead::fail(ErrorKind::kInternal, "store_corrupt", "An answer cannot be read.");
  const bj::object& fields = parsed.get_object();
  llm::Outcome outcome;
  outcome.upstream_model = json::text_member(fields, "model");
  outcome.usage = usage_of(fields.if_contains("usage"));
  const bj::value* const wire = fields.if_contains("wire");
  if (wire == nullptr) return fairlead::fail(ErrorKind::kInternal, "store_corrupt", "An answer cannot be read.");
  return form.take(json::to_text(*wire), true, outcome, out);
}

Result<std::unique_ptr<Background::Rebuilt>> Background::rebuild(const journal::Run& run) const {
  FAIRLEAD_TRY(const bj::value kept, json::parse(run.asked.input));
  auto out = std::make_unique<Rebuilt>();
  if (!kept.is_object()) return fail(ErrorKind::kInternal, "store_corrupt", "A request cannot be read.");
  out->project = run.asked.project;
  out->body = json::text_member(kept.get_object(), "body");
  out->key_id = json::text_member(kept.get_object(), "key_id");
  out->key_name = json::text_member(kept.get_object(), "key_name");
  out->target = run.asked.digest;
  out->id = response_id(run.id);
  const std::size_t size = out->body.size();
  out->body.append(simdjson::SIMDJSON_PADDING, '\0');
  out->call.id = run.id;
  out->call.project = out->project;
  out->call.key_id = out->key_id;
  out->call.key_name = out->key_name;
  out->surface.started_at_s = run.created_at / 1'000'000;
  FAIRLEAD_CHECK(surface_.read({out->body.data(), size}, out->surface));
  FAIRLEAD_TRY(out->call.options, llm::CallOptions::parse(out->call.request.fairlead));
  return out;
}

async::Task<Result<void>> Background::begin(http::Exchange& exchange, const SurfaceCall& call, const Target& target) {
  const llm::Call& asked = call.call;
  if (engine_ == nullptr)
    co_return fail(ErrorKind::kUnavailable, "background_unavailable", "Nothing is made in the background here.");
  bj::object body;
  for (const llm::Member& member : call.body.members) {
    if (member.name == "fairlead") continue;  // as it was sent; the options are what may be kept of it
    FAIRLEAD_CO_TRY(bj::value value, json::parse(member.json));
    body.insert_or_assign(member.name, std::move(value));
  }
  body["fairlead"] = shown_options(asked.options);
  journal::RunRequest request;
  request.project = asked.project;
  request.kind = kKind;
  request.name = target.kind + ":" + target.name;
  request.digest = request.name + "@" + std::to_string(target.version);
  request.author = asked.key_name;
  request.input = json::to_text(bj::object{
      {"body", json::to_text(body)}, {"key_id", std::string(asked.key_id)}, {"key_name", std::string(asked.key_name)}});
  if (!asked.options.idempotency_key.empty()) request.key = "response:" + asked.options.idempotency_key;
  auto started = co_await engine_->start(std::move(request));
  if (!started) co_return fail(std::move(started).error());
  FAIRLEAD_CO_TRY(const auto rebuilt, rebuild(started->run));
  const auto form = rebuilt->form(store_, false);
  StoredResponse response{rebuilt->project,        rebuilt->id,   previous_response_of(rebuilt->surface.body),
                          started->run.created_at, form->items(), form->standing("queued")};
  StoredResponse kept = response;
  auto begun = co_await store_.begin(std::move(kept));
  if (!begun) co_return begun;
  if (started->existed) {
    std::string project = rebuilt->project, id = rebuilt->id;
    auto found = co_await store_.find(std::move(project), std::move(id));
    if (!found) co_return fail(std::move(found).error());
    response = std::move(*found);
  }
  if (call.body.stream) {
    auto streamed = co_await stream(exchange, std::move(response), -1);
    co_return streamed;
  }
  std::string now = response.response;
  if (started->existed) {
    auto standing_now = co_await standing(std::move(response));
    if (!standing_now) co_return fail(std::move(standing_now).error());
    now = std::move(*standing_now);
  }
  co_await exchange.respond(200, "application/json", now);
  co_return Result<void>();
}

async::Task<Result<void>> Background::make_chat(Rebuilt& call) const {
  if (surface_.wants_loading(call.surface)) {
    auto loaded = co_await surface_.load(call.surface);
    if (!loaded) co_return loaded;
  }
  co_return surface_.to_chat(call.surface);
}

async::Task<Outcome> Background::advance(journal::Execution& execution) {
  Outcome out;
  auto rebuilt = rebuild(execution.run());
  if (!rebuilt) {
    out.end = Outcome::End::kFailed;
    out.error = std::move(rebuilt).error();
    co_return out;
  }
  Rebuilt& call = **rebuilt;
  if (!execution.knows("begun")) {  // its request may have died before it was kept
    const auto form = call.form(store_, false);
    StoredResponse response{call.project,
                            call.id,
                            previous_response_of(call.surface.body),
                            execution.run().created_at,
                            form->items(),
                            form->standing("queued")};
    const auto begun = co_await store_.begin(std::move(response));
    if (!begun) {
      out.again = kStoreAway;
      co_return out;
    }
    (void)execution.note("begun", "null");
  }
  auto made = co_await make(execution, call);
  if (!made && made.error().why == ResponseWhy::kUnloaded) co_return out;
  auto ended = co_await end(call, std::move(made));
  if (ended) co_return std::move(*ended);
  out.again = kStoreAway;
  co_return out;
}

async::Task<StepResult> Background::make(journal::Execution& execution, Rebuilt& call) {
  const auto failed = [](Error error) {
    const journal::FailureClass failure = journal::class_of(error);
    return StepResult(std::unexpected(journal::StepError{ResponseWhy::kFailed, std::move(error), failure}));
  };
  const bool is_new = !execution.knows(kAnswerStep);
  if (call.is_of_chain()) {
    journal::RunRequest request;
    if (is_new) {
      auto chat = co_await make_chat(call);
      if (!chat) co_return failed(std::move(chat).error());
      auto asked = chain_run_(call.target, call.call);
      if (!asked) co_return failed(std::move(asked).error());
      request = std::move(*asked);
    }
    std::string name = kAnswerStep;
    auto output = co_await execution.child(std::move(name), std::move(request));
    if (!output) co_return output;
    const std::size_t colon = call.target.find(':') + 1;
    const std::string chain = call.target.substr(colon, call.target.rfind('@') - colon);
    co_return R"({"model":)" + json::quoted(chain) + R"(,"wire":)" + chat_answer(*output) + "}";
  }
  auto asked = std::make_shared<llm::ClientCall>();
  auto chat = co_await make_chat(call);
  Result<void> read = chat ? read_chat(call.call.request.to_json(), *asked) : std::move(chat);
  if (!read) {
    // It was right when it was asked for: what it goes on from has gone since then.
    co_return failed(std::move(read).error());
  }
  const llm::CallOptions& options = call.call.options;
  asked->project = call.project;
  asked->key_id = call.key_id;
  asked->key_name = call.key_name;
  asked->model = call.target;
  asked->variables = options.variables;
  asked->session = options.session;
  asked->user = options.user;
  asked->tags = options.tags;
  asked->tags.push_back("response:" + call.id);
  asked->cache = options.cache;
  asked->repair = options.repair;
  asked->whole = true;
  journal::Step step;
  step.name = kAnswerStep;
  step.work = [this, asked, &loop = execution.loop()](journal::Attempt attempt) {
    return ask(asked, std::move(attempt), loop);
  };
  auto output = co_await execution.step(std::move(step));
  co_return output;
}

async::Task<std::expected<Effect, EffectFailed>> Background::ask(std::shared_ptr<llm::ClientCall> call,
                                                                 journal::Attempt attempt, async::Loop& loop) {
  InnerWay way{snapshots_.current(loop), recorder_, &cache_, clock_};
  llm::ClientCall sent = *call;
  sent.idempotency_key = attempt.key;
  auto answer = co_await ask_within(std::move(way), std::move(sent), loop, attempt.cancellation);
  if (!answer) {
    llm::ClientError& told = answer.error();
    const journal::FailureClass failure = journal::class_of(told.error);
    co_return std::unexpected(EffectFailed{failure, std::move(told.error), told.cost});
  }
  std::string output = R"({"model":)" + json::quoted(answer->upstream_model) + R"(,"usage":)" + as_json(answer->usage) +
                       R"(,"wire":)" + answer->wire + "}";
  co_return Effect{std::move(output), answer->cost};
}

// The response as it has ended is kept before the run is over. Error: the store does not take it now.
async::Task<Result<Outcome>> Background::end(Rebuilt& call, StepResult made) {
  Outcome out;
  const auto form = call.form(store_, false);
  std::string response;
  if (made) {
    const auto taken = call.take(*made, *form, response);
    if (!taken) made = std::unexpected(journal::StepError{ResponseWhy::kFailed, taken.error()});
  }
  if (made) {
    out.end = Outcome::End::kSucceeded;
    out.output = std::move(*made);
  } else {
    const bool is_cancelled = made.error().why == ResponseWhy::kCancelled;
    out.end = is_cancelled ? Outcome::End::kCancelled : Outcome::End::kFailed;
    out.error = made.error().error;
    out.failure = made.error().failure;
    out.step = kAnswerStep;
    response = is_cancelled ? form->standing("cancelled") : form->standing("failed", &out.error);
  }
  std::string project = call.project, id = call.id;
  const auto kept = co_await store_.end(std::move(project), std::move(id), std::move(response));
  if (!kept) co_return fail(kept.error());
  co_return out;
}

}  // namespace fairlead::gateway
