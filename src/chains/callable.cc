#include "chains/callable.h"

#include <utility>

#include "llm/chat.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;

constexpr const char* kProvider = "chain";
constexpr const char* kMessages = "messages";  // the input that gets a conversation, where a chain has one

// The answer in the chat form: whole, or as a stream of one piece.
class RunAnswer final : public llm::Completion {
 public:
  RunAnswer(journal::Run run, std::string text, bool stream, bool include_usage) {
    outcome_.upstream_model = run.asked.name;
    outcome_.upstream_id = run.id;
    outcome_.finish_reason = "stop";
    outcome_.content_started = true;
    outcome_.usage.reported = true;  // the calls of its steps are accounted where they are made
    const std::string head = R"({"id":"chatcmpl-)" + run.id + R"(","object":"chat.completion)" +
                             (stream ? ".chunk" : "") + R"(","created":)" + std::to_string(run.created_at / 1'000'000) +
                             R"(,"model":)" + json::quoted(run.asked.name);
    const std::string usage = R"("usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})";
    const std::string content = R"({"role":"assistant","content":)" + json::quoted(text);
    if (!stream) {
      wire_ = head + R"(,"choices":[{"index":0,"message":)" + content +
              R"(,"refusal":null},"logprobs":null,"finish_reason":"stop"}],)" + usage + "}";
      return;
    }
    const auto event = [&](const std::string& rest) { wire_ += "data: " + head + "," + rest + "}\n\n"; };
    event(R"("choices":[{"index":0,"delta":)" + content + R"(},"logprobs":null,"finish_reason":null}])");
    event(R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}])");
    if (include_usage) event(R"("choices":[],)" + usage);
  }
  async::Task<Result<llm::Delta>> next() override { co_return llm::Delta{wire_, true}; }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  std::string wire_;
  llm::Outcome outcome_;
};

// Of one call, whose input it has.
class RunProvider final : public llm::Provider {
 public:
  RunProvider(journal::Engine& engine, journal::RunRequest request) : engine_(engine), request_(std::move(request)) {}
  std::string_view name() const override { return kProvider; }
  std::string_view type() const override { return kProvider; }

  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override {
    auto started = co_await engine_.start(request_);
    if (!started) co_return fail(std::move(started).error());
    const std::string id = started->run.id;
    auto run = co_await engine_.wait_for_end(request_.project, id, call.context.loop, call.context.deadline,
                                             call.context.cancellation);
    if (!run) {
      // A run that has no key was this call's alone: nobody else can ask for it.
      if (request_.key.empty() && run.error().kind != ErrorKind::kTimeout)
        (void)co_await engine_.cancel(request_.project, id, "the caller, who left");
      co_return fail(std::move(run).error());
    }
    if (run->state != journal::RunState::kSucceeded) co_return fail(error_of(*run));
    std::unique_ptr<llm::Completion> answer =
        std::make_unique<RunAnswer>(*run, text_of(run->output), call.request.stream, call.request.include_usage);
    co_return answer;
  }

 private:
  static std::string text_of(const std::string& output) {
    const auto value = json::parse(output);
    return value && value->is_string() ? std::string(value->get_string()) : output;
  }
  static Error error_of(const journal::Run& run) {
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

  journal::Engine& engine_;
  const journal::RunRequest request_;
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
    llm::Route route{.provider = std::make_shared<RunProvider>(*engine_, std::move(request)), .upstream_model = name_};
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
