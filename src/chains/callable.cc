#include "chains/callable.h"

#include <algorithm>
#include <utility>

#include "llm/chat.h"
#include "platform/async/bell.h"
#include "platform/journal/listeners.h"
#include "platform/journal/news.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;

constexpr const char* kProvider = "chain";
constexpr const char* kMessages = "messages";  // the input that gets a conversation, where a chain has one

// How callers wrote their request.
struct Form {
  bool stream = false, include_usage = false;
};

// What every answer of a run, or piece of one, begins with.
std::string head_of(const journal::Run& run, const Form& form) {
  return R"({"id":"chatcmpl-)" + run.id + R"(","object":"chat.completion)" + (form.stream ? ".chunk" : "") +
         R"(","created":)" + std::to_string(run.created_at / 1'000'000) + R"(,"model":)" + json::quoted(run.asked.name);
}

std::string text_of(const std::string& output) {
  const auto value = json::parse(output);
  return value && value->is_string() ? std::string(value->get_string()) : output;
}

// The answer in the chat form: whole, or the last pieces of a stream.
std::string answer_of(const journal::Run& run, const Form& form) {
  const std::string head = head_of(run, form);
  const std::string usage = R"("usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})";
  const std::string content = R"({"role":"assistant","content":)" + json::quoted(text_of(run.output));
  if (!form.stream)
    return head + R"(,"choices":[{"index":0,"message":)" + content +
           R"(,"refusal":null},"logprobs":null,"finish_reason":"stop"}],)" + usage + "}";
  std::string wire;
  const auto event = [&](const std::string& rest) { wire += "data: " + head + "," + rest + "}\n\n"; };
  event(R"("choices":[{"index":0,"delta":)" + content + R"(},"logprobs":null,"finish_reason":null}])");
  event(R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}])");
  if (form.include_usage) event(R"("choices":[],)" + usage);
  return wire;
}

Error error_of(const journal::Run& run) {
  Error error{ErrorKind::kUpstream, "run_failed",
              "The run `" + run.id + "` has " + std::string(journal::to_string(run.state)) + "."};
  const auto told = json::parse(run.error);
  if (!told || !told->is_object()) return error;
  const bj::object& fields = told->get_object();
  const std::string step = json::text_member(fields, "step");
  error.message = "The run `" + run.id + "` has " + std::string(journal::to_string(run.state)) +
                  (step.empty() ? "" : " at step `" + step + "`") + ": " + json::text_member(fields, "message");
  return error;
}

// The answer of a run that goes on: what its steps do, where that is wanted, and at its end the answer.
class RunAnswer final : public llm::Completion {
 public:
  RunAnswer(journal::Engine& engine, journal::Run run, Form form, bool tells, const llm::CallContext& context)
      : engine_(engine),
        run_(std::move(run)),
        form_(form),
        tells_(tells),
        context_(context),
        listening_(engine.listeners(), run_.id, context.loop),
        gone_(
            context.cancellation, [](void* bell) { static_cast<async::Bell*>(bell)->ring(); }, &listening_.bell()) {
    outcome_.upstream_model = run_.asked.name;
    outcome_.upstream_id = run_.id;
  }

  // A run that has no key was this call's alone: nobody else can ask for it.
  ~RunAnswer() override {
    if (!ended_ && run_.asked.key.empty())
      engine_.cancel_soon(context_.loop, run_.asked.project, run_.id, "the caller, who left");
  }

  async::Task<Result<llm::Delta>> next() override {
    if (ended_) co_return llm::Delta{.wire = {}, .end = true};
    wire_.clear();
    for (;;) {
      auto seen = co_await look();
      if (!seen) co_return fail(std::move(seen).error());
      if (seen->has_ended) {  // unless somebody has retried it
        auto run = co_await engine_.find(run_.asked.project, run_.id);
        if (!run) co_return fail(std::move(run).error());
        if (finished(run->state)) co_return end(*run);
      }
      if (!wire_.empty()) co_return llm::Delta{.wire = wire_, .end = false};
      if (seen->has_more) continue;
      if (context_.cancellation.requested())
        co_return fail(context_.cancellation.reason(), "cancelled", "Nobody waits for the run any more.");
      const SteadyTime now = std::chrono::steady_clock::now();
      if (now >= context_.deadline) {
        ended_ = true;  // the run goes on
        co_return fail(ErrorKind::kTimeout, "run_timeout", "The run `" + run_.id + "` has not ended yet.");
      }
      co_await listening_.bell().wait_until(std::min(context_.deadline, now + kLookAgain));
    }
  }

  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  static constexpr std::chrono::milliseconds kLookAgain{500};  // another node may do it, whose bell is not heard

  Result<llm::Delta> end(const journal::Run& run) {
    ended_ = true;
    if (run.state != journal::RunState::kSucceeded) return fail(error_of(run));
    outcome_.finish_reason = "stop";
    outcome_.content_started = true;
    outcome_.usage.reported = true;  // the calls of its steps are accounted where they are made
    wire_ += answer_of(run, form_);
    return llm::Delta{.wire = wire_, .end = true};
  }

  struct Seen {
    bool has_ended = false, has_more = false;
  };
  // What has been written of the run since the last look, and what is told of it: pieces without a choice, which
  // clients of this form know from the one that carries the usage.
  async::Task<Result<Seen>> look() {
    auto events = co_await engine_.history(run_.asked.project, run_.id, seen_, kEventsAtOnce);
    if (!events) co_return fail(std::move(events).error());
    Seen seen;
    seen.has_more = std::ssize(*events) == kEventsAtOnce;
    for (const journal::Event& event : *events) {
      seen_ = event.sequence;
      seen.has_ended = event.kind == journal::EventKind::kFinished;
      const std::string news = tells_ ? journal::news_of(event) : std::string();
      if (!news.empty())
        wire_ += "data: " + head_of(run_, form_) + R"(,"choices":[],"fairlead":{"progress":)" + news + "}}\n\n";
    }
    co_return seen;
  }

  static constexpr std::int64_t kEventsAtOnce = 100;

  journal::Engine& engine_;
  const journal::Run run_;
  const Form form_;
  const bool tells_;
  const llm::CallContext context_;
  journal::Listeners::Listening listening_;
  const async::Cancellation::Registration gone_;
  std::int64_t seen_ = 0;  // up to this event
  std::string wire_;
  llm::Outcome outcome_;
  bool ended_ = false;
};

// Of one call, whose input it has.
class RunProvider final : public llm::Provider {
 public:
  RunProvider(journal::Engine& engine, journal::RunRequest request, bool tells)
      : engine_(engine), request_(std::move(request)), tells_(tells) {}
  std::string_view name() const override { return kProvider; }
  std::string_view type() const override { return kProvider; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto started = co_await engine_.start(request_);
    if (!started) co_return fail(std::move(started).error());
    const Form form{call.request.stream, call.request.include_usage};
    std::unique_ptr<llm::Completion> answer =
        std::make_unique<RunAnswer>(engine_, std::move(started->run), form, tells_ && form.stream, call.context);
    co_return answer;
  }

 private:
  journal::Engine& engine_;
  const journal::RunRequest request_;
  const bool tells_;
};

// `fairlead.variables` is the input. A conversation goes to the input `messages`, where the chain has it; else the
// text of its last message to the one input that is needed and not given.
Result<void> read_input(const Chains& chains, const std::string& reference, const llm::Call& call, bj::object& input) {
  if (!call.options.variables.empty()) {
    FAIRLEAD_TRY(bj::value given, json::parse(call.options.variables));
    if (given.is_object()) input = std::move(given.as_object());
  }
  FAIRLEAD_TRY(const bj::value messages, json::parse(call.request.messages));
  if (!messages.is_array() || messages.get_array().empty()) return {};
  const auto needed = chains.missing_inputs(call.project, reference, input);
  if (needed.takes_messages && !input.contains(kMessages)) {
    input[kMessages] = messages;
    return {};
  }
  const bj::value& last = messages.get_array().back();
  const bj::value* const content = last.is_object() ? last.get_object().if_contains("content") : nullptr;
  if (needed.names.size() == 1 && content != nullptr && content->is_string()) {
    input[needed.names[0]] = *content;
    return {};
  }
  return fail(ErrorKind::kInvalid, "invalid_value",
              "The chain `" + reference.substr(0, reference.rfind('@')) +
                  "` takes no messages: give its input in `fairlead.variables`, or declare an input "
                  "`messages`.",
              "messages");
}

class CallableChain final : public llm::Stage {
 public:
  CallableChain(Chains& chains, const std::unique_ptr<journal::Engine>& engine, std::string name, int version)
      : chains_(chains), engine_(engine), reference_(name + "@" + std::to_string(version)), name_(std::move(name)) {}
  std::string_view name() const override { return "chain"; }

  async::Task<Result<void>> run(llm::Call& call) override {
    FAIRLEAD_CO_TRY(auto request, run_of_call(chains_, reference_, call));
    auto model = std::make_shared<llm::Model>();
    model->name = name_;
    model->timeout = kLongest;
    llm::Route route{.provider = std::make_shared<RunProvider>(*engine_, std::move(request), call.options.progress),
                     .upstream_model = name_};
    route.prices.emplace();  // the calls of its steps are what is billed
    route.prices_from = llm::PricesFrom::kLocal;
    model->routes.push_back(std::move(route));
    call.model = std::move(model);
    co_return Result<void>();
  }

 private:
  static constexpr std::chrono::milliseconds kLongest = std::chrono::hours(1);

  Chains& chains_;
  const std::unique_ptr<journal::Engine>& engine_;
  const std::string reference_, name_;
};

}  // namespace

Result<journal::RunRequest> run_of_call(const Chains& chains, const std::string& reference, const llm::Call& call) {
  StartRequest start;
  start.project = call.project;
  start.chain = reference;
  start.key_id = call.key_id;
  start.key_name = call.key_name;
  start.session = call.options.session;
  start.user = call.options.user;
  if (!call.options.idempotency_key.empty()) start.key = "call:" + call.options.idempotency_key;
  FAIRLEAD_CHECK(read_input(chains, reference, call, start.input));
  return chains.request(std::move(start));
}

std::shared_ptr<llm::Stage> make_callable(Chains& chains, const std::unique_ptr<journal::Engine>& engine,
                                          std::string name, int version) {
  return std::make_shared<CallableChain>(chains, engine, std::move(name), version);
}

}  // namespace fairlead::chains
