#include "gateway/routing/tests/scripted.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "gateway/routing/pause.h"
#include "platform/json/text.h"

namespace fairlead::gateway::routing {
namespace {

async::Task<Error> hang(async::Loop& loop, async::Cancellation& cancellation, int& cancelled) {
  const bool waited = co_await pause(loop, std::chrono::minutes(1), cancellation);
  if (waited) co_return Error{ErrorKind::kInternal, "hung_for_ever", "nobody cancelled"};
  ++cancelled;
  co_return Error{ErrorKind::kCancelled, "cancelled", "The request was cancelled."};
}

class ScriptedCompletion final : public llm::Completion {
 public:
  ScriptedCompletion(Script script, llm::CallContext context, int& cancelled)
      : script_(std::move(script)), context_(context), cancelled_(cancelled) {}
  async::Task<Result<llm::Delta>> next() override {
    if (script_.hang_after >= 0 && next_ == static_cast<std::size_t>(script_.hang_after)) {
      Error error = co_await hang(context_.loop, context_.cancellation, cancelled_);
      co_return fail(std::move(error));
    }
    if (next_ == script_.deltas.size()) co_return fail(*script_.break_after);
    llm::Delta delta;
    delta.wire = script_.deltas[next_++];
    delta.end = next_ == script_.deltas.size() && !script_.break_after && script_.hang_after < 0;
    if (delta.wire.find("\"content\":\"\"") == std::string_view::npos) outcome_.content_started = true;
    if (delta.end) {
      outcome_.usage = script_.usage;
      outcome_.finish_reason = "stop";
    }
    co_return delta;
  }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  Script script_;
  llm::CallContext context_;
  int& cancelled_;
  std::size_t next_ = 0;
  llm::Outcome outcome_;
};

async::Task<void> run(Bench& bench, async::Loop& loop, const llm::ChatRequest& chat,
                      const std::vector<std::string>& tags, Answered& out) {
  async::Cancellation cancellation;
  bench.cancellation = &cancellation;
  async::TimerWheel::Timer cancel(
      loop.wheel(), [](void* self) { static_cast<async::Cancellation*>(self)->request(); }, &cancellation);
  if (bench.cancel_after.count() > 0) cancel.arm_in(bench.cancel_after);
  internal::RoutedCompletion routed({chat,
                                     *bench.model,
                                     "call",
                                     bench.idempotency_key,
                                     loop,
                                     cancellation,
                                     bench.clock.steady() + bench.model->timeout,
                                     bench.format,
                                     bench.native,
                                     tags,
                                     {},
                                     {},
                                     bench.no_chat ? &*bench.no_chat : nullptr,
                                     false,
                                     bench.admission},
                                    bench.clock);
  for (;;) {
    bench.before_next();
    auto delta = co_await routed.next();
    if (!delta) {
      out.error = delta.error();
      break;
    }
    out.wire += delta->wire;
    if (delta->end) break;
  }
  routed.stop();
  out.attempts = routed.attempts();
  routed.describe(out.record);
}

}  // namespace

async::Task<Result<std::unique_ptr<llm::Completion>>> ScriptedProvider::chat(llm::ChatCall call) {
  calls.push_back(
      {std::string(call.request.messages), std::string(call.context.idempotency_key), call.request.to_json()});
  return answer(call.context);
}

async::Task<Result<std::unique_ptr<llm::Completion>>> ScriptedProvider::call(llm::NativeCall call) {
  if (call.format != spoken) return Provider::call(call);
  calls.push_back({"", std::string(call.context.idempotency_key), "", call.format});
  return answer(call.context);
}

async::Task<Result<std::unique_ptr<llm::Completion>>> ScriptedProvider::answer(llm::CallContext context) {
  Script script = scripts_.front();
  if (scripts_.size() > 1) scripts_.pop_front();
  const bool waited = co_await pause(context.loop, script.wait_before, context.cancellation);
  if (!waited) {
    ++cancelled;
    co_return fail(ErrorKind::kCancelled, "cancelled", "The request was cancelled.");
  }
  if (script.hang_before) {
    Error error = co_await hang(context.loop, context.cancellation, cancelled);
    co_return fail(std::move(error));
  }
  if (script.refuse) co_return fail(*script.refuse);
  co_return std::make_unique<ScriptedCompletion>(std::move(script), context, cancelled);
}

Error unreachable() {
  return {ErrorKind::kUnavailable, "upstream_unreachable", "nobody there"};
}

Error rate_limited(std::int64_t retry_after_ms) {
  Error out{ErrorKind::kExhausted, "rate_limit_exceeded", "slow down"};
  out.retry_after_ms = retry_after_ms;
  return out;
}

std::string chunk(std::string_view content) {
  return R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"up","choices":[{"index":0,)"
         R"("delta":{"content":)" +
         json::quoted(content) + R"(},"finish_reason":null}]})" + "\n\n";
}

Script streams(std::vector<std::string> pieces) {
  Script out;
  for (const std::string& piece : pieces) out.deltas.push_back(chunk(piece));
  out.deltas.push_back(
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"up","choices":[{"index":0,)"
      R"("delta":{},"finish_reason":"stop"}]})"
      "\n\n");
  return out;
}

llm::Prices flat(double input_usd, double output_usd) {
  const llm::PicoUsd input = llm::per_million(input_usd), output = llm::per_million(output_usd);
  return {.rates = {input, input, input, output, output}};
}

Bench::Bench(std::vector<std::shared_ptr<ScriptedProvider>> providers) {
  model->name = "m";
  for (const auto& provider : providers)
    model->routes.push_back({.provider = provider, .upstream_model = "up", .prices = flat(1'000'000, 1'000'000)});
  attach();
}

Answered Bench::ask(std::string body, std::vector<std::string> tags) {
  std::vector<char> padded(body.begin(), body.end());
  padded.resize(body.size() + 64);
  const llm::ChatRequest chat = llm::ChatRequest::parse(std::span(padded.data(), body.size())).value();
  Answered out;
  async::Runtime runtime(1);
  runtime.start();
  boost::asio::co_spawn(runtime.loop(0).context(), run(*this, runtime.loop(0), chat, tags, out),
                        boost::asio::use_future)
      .get();
  runtime.stop();
  return out;
}

}  // namespace fairlead::gateway::routing
