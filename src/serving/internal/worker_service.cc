#include "serving/internal/worker_service.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>

#include "base/clock.h"
#include "base/id.h"
#include "platform/http/problem.h"
#include "serving/internal/answer_writer.h"
#include "serving/internal/embedding_request.h"
#include "serving/internal/model_sampler.h"

namespace fairlead::serving {
namespace {

constexpr std::string_view kJson = "application/json";

// Asks a generation to stop when it goes out of scope, or when the client goes away.
class Watch {
 public:
  Watch(async::Cancellation& cancellation, Generation& generation, PieceQueue& pieces)
      : generation_(generation), pieces_(pieces), registration_(cancellation, &Watch::on_cancel, this) {}
  ~Watch() { generation_.cancelled = true; }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  static void on_cancel(void* self) {
    auto* watch = static_cast<Watch*>(self);
    watch->generation_.cancelled = true;
    watch->pieces_.interrupt();
  }
  Generation& generation_;
  PieceQueue& pieces_;
  async::Cancellation::Registration registration_;
};

std::uint32_t seed_of(const llm::ChatParameters& parameters) {
  if (parameters.seed) {
    const auto seed = static_cast<std::uint64_t>(*parameters.seed);
    return static_cast<std::uint32_t>(seed ^ (seed >> 32));
  }
  const std::string bytes = random_bytes(sizeof(std::uint32_t));
  std::uint32_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

// On the embedding thread.
Result<std::string> embed(Serving& serving, const std::string& name, const EmbeddingRequest& request,
                          const std::atomic<bool>& cancelled) {
  if (!serving.embedder) {
    FAIRLEAD_TRY(serving.embedder, Embedder::create(*serving.model, serving.embedding));
  }
  if (const int made = serving.embedder->dimensions(); request.dimensions != 0 && request.dimensions != made) {
    return fail(ErrorKind::kInvalid, "unsupported_value",
                fmt::format("The model `{}` makes embeddings of {} dimensions, and no others.", name, made),
                "dimensions");
  }
  std::vector<std::vector<Token>> tokens = request.tokens;
  for (const std::string& text : request.texts) tokens.push_back(serving.model->tokenise(text, true, false));
  std::size_t count = 0;
  for (const auto& text : tokens) count += text.size();
  FAIRLEAD_TRY(const auto vectors, serving.embedder->embed(tokens, cancelled));
  return embeddings_answer(name, vectors, request.base64, count);
}

Error generation_failed(const Piece& piece) {
  return {ErrorKind::kInternal, "generation_failed", piece.error};
}

}  // namespace

http::Router WorkerService::router() {
  http::Router out;
  out.add(http::Method::kGet, "/health", [this](http::Exchange& exchange) { return health(exchange); });
  out.add(http::Method::kPost, "/v1/chat/completions", [this](http::Exchange& exchange) { return chat(exchange); });
  out.add(http::Method::kPost, "/v1/embeddings", [this](http::Exchange& exchange) { return embeddings(exchange); });
  for (const auto& [path, input] : {std::pair("/count/chat", &WorkerService::chat_input),
                                    std::pair("/count/embeddings", &WorkerService::embeddings_input)})
    out.add(http::Method::kPost, path, [this, input](http::Exchange& exchange) { return count(exchange, input); });
  return out;
}

async::Task<void> WorkerService::health(http::Exchange& exchange) {
  Serving* serving = serving_;
  std::string body;
  if (serving == nullptr) {
    body = fmt::format(R"({{"state":"loading","progress":{:.3f}}})", progress_.load());
  } else {
    const auto load = serving->scheduler ? serving->scheduler->load() : Scheduler::Load{};
    body =
        fmt::format(R"({{"state":"ready","context":{},"slots":{},"running":{},"waiting":{}}})",
                    serving->model->limits().context, serving->model->limits().sequences, load.running, load.waiting);
  }
  (void)co_await exchange.respond(serving == nullptr ? 503 : 200, kJson, body);
}

async::Task<void> WorkerService::refuse(http::Exchange& exchange, Error error) {
  if (error.kind == ErrorKind::kUnavailable) exchange.add_header("retry-after", "1");
  (void)co_await http::respond_error(exchange, std::move(error));
}

Error WorkerService::not_ready() const {
  return {ErrorKind::kUnavailable, "model_loading", "The model `" + name_ + "` is loading. Try again shortly."};
}

Error WorkerService::writes_nothing() const {
  return {ErrorKind::kInvalid, "unsupported_model",
          "The model `" + name_ + "` makes embeddings and writes no text. Call /v1/embeddings with it.", "model"};
}

async::Task<void> WorkerService::embeddings(http::Exchange& exchange) {
  auto body = co_await exchange.read_body();
  if (!body) {
    co_await refuse(exchange, std::move(body).error());
    co_return;
  }
  Serving* const serving = serving_;
  if (serving == nullptr) {
    Error loading = not_ready();
    co_await refuse(exchange, std::move(loading));
    co_return;
  }
  auto request = EmbeddingRequest::parse(*body, serving->model->vocabulary_size());
  if (!request) {
    co_await refuse(exchange, std::move(request).error());
    co_return;
  }
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  const async::Cancellation::Registration watch(
      exchange.cancellation(), [](void* flag) { *static_cast<std::atomic<bool>*>(flag) = true; }, cancelled.get());
  // Named, because GCC 12 destroys the captures of a temporary in an awaited call twice.
  auto work = [serving, name = name_, cancelled, request = *std::move(request)]() {
    return embed(*serving, name, request, *cancelled);
  };
  auto answer = co_await serving->embedding_thread.run(std::move(work));
  if (!answer) {
    co_await refuse(exchange, std::move(answer).error());
    co_return;
  }
  (void)co_await exchange.respond(200, kJson, *answer);
}

async::Task<void> WorkerService::chat(http::Exchange& exchange) {
  auto body = co_await exchange.read_body();
  if (!body) {
    co_await refuse(exchange, std::move(body).error());
    co_return;
  }
  if (serving_ == nullptr) {
    Error loading = not_ready();
    co_await refuse(exchange, std::move(loading));
    co_return;
  }
  if (!serving_.load()->format) {
    Error silent = writes_nothing();
    co_await refuse(exchange, std::move(silent));
    co_return;
  }
  auto request = llm::ChatRequest::parse(*body);
  if (!request) {
    co_await refuse(exchange, std::move(request).error());
    co_return;
  }
  co_await answer(exchange, *request);
}

Result<std::size_t> WorkerService::chat_input(std::span<char> body) const {
  const Serving* const serving = serving_;
  if (serving == nullptr) return fail(not_ready());
  if (!serving->format) return fail(writes_nothing());
  FAIRLEAD_TRY(const llm::ChatRequest request, llm::ChatRequest::parse(body));
  FAIRLEAD_TRY(const ChatPrompt prompt, serving->format->prepare(request));
  return prompt.tokens.size();
}

Result<std::size_t> WorkerService::embeddings_input(std::span<char> body) const {
  const Serving* const serving = serving_;
  if (serving == nullptr) return fail(not_ready());
  FAIRLEAD_TRY(const EmbeddingRequest request, EmbeddingRequest::parse(body, serving->model->vocabulary_size()));
  std::size_t out = 0;
  for (const auto& tokens : request.tokens) out += tokens.size();
  for (const std::string& text : request.texts) out += serving->model->tokenise(text, true, false).size();
  return out;
}

async::Task<void> WorkerService::count(http::Exchange& exchange, CountInput input) {
  auto body = co_await exchange.read_body();
  if (!body) {
    co_await refuse(exchange, std::move(body).error());
    co_return;
  }
  auto tokens = (this->*input)(*body);
  if (!tokens) {
    co_await refuse(exchange, std::move(tokens).error());
    co_return;
  }
  const std::string answer = fmt::format(R"({{"input_tokens":{}}})", *tokens);
  (void)co_await exchange.respond(200, kJson, answer);
}

Result<std::shared_ptr<Generation>> WorkerService::plan(const llm::ChatRequest& request, ChatPrompt prompt,
                                                        std::shared_ptr<PieceQueue> pieces) {
  Serving& serving = *serving_;
  const llm::ChatParameters parameters = llm::ChatParameters::of(request);
  const int context = serving.model->limits().context;
  if (prompt.tokens.size() >= static_cast<std::size_t>(context)) {
    return fail(
        ErrorKind::kInvalid, "context_length_exceeded",
        fmt::format("This model's maximum context length is {} tokens. However, your messages resulted in {} tokens. "
                    "Please reduce the length of the messages.",
                    context, prompt.tokens.size()),
        "messages");
  }
  if (prompt.tokens.empty())
    return fail(ErrorKind::kInvalid, "invalid_value", "The messages make an empty prompt.", "messages");
  auto out = std::make_shared<Generation>();
  out->prompt = std::move(prompt.tokens);
  out->choices = request.n;
  out->stops = parameters.stop;
  out->stops.insert(out->stops.end(), prompt.stops.begin(), prompt.stops.end());
  out->max_tokens = static_cast<int>(std::min<std::int64_t>(parameters.max_tokens.value_or(0), context));
  out->top_logprobs = parameters.logprobs ? parameters.top_logprobs : -1;
  out->reuse = !parameters.seed.has_value();
  out->listener = std::move(pieces);
  // The first sampler is made now, so that a grammar which cannot be used is refused.
  const std::uint32_t seed = seed_of(parameters);
  auto kept = std::make_shared<ChatPrompt>(std::move(prompt));
  LoadedModel& model = *serving.model;
  FAIRLEAD_TRY(auto first, make_sampler(model, *kept, parameters, seed));
  auto shared_first = std::make_shared<std::unique_ptr<Sampler>>(std::move(first));
  out->make_sampler = [&model, kept, parameters, seed, shared_first](int choice) -> std::unique_ptr<Sampler> {
    if (choice == 0 && *shared_first) return std::move(*shared_first);
    auto made = make_sampler(model, *kept, parameters, seed + static_cast<std::uint32_t>(choice));
    return made ? std::move(*made) : nullptr;
  };
  return out;
}

async::Task<void> WorkerService::answer(http::Exchange& exchange, const llm::ChatRequest& request) {
  auto prompt = serving_.load()->format->prepare(request);
  if (!prompt) {
    co_await refuse(exchange, std::move(prompt).error());
    co_return;
  }
  auto reader = prompt->reader;
  auto pieces = std::make_shared<PieceQueue>(loop_);
  auto planned = plan(request, std::move(*prompt), pieces);
  if (!planned) {
    co_await refuse(exchange, std::move(planned).error());
    co_return;
  }
  std::shared_ptr<Generation> generation = *std::move(planned);
  const std::int64_t now = SystemClock().unix_micros();
  AnswerWriter writer({"chatcmpl-" + new_id(now), now / 1'000'000, name_, request.n, request.stream,
                       request.include_usage, generation->top_logprobs >= 0, std::move(reader)});
  Watch watch(exchange.cancellation(), *generation, *pieces);
  if (auto submitted = serving_.load()->scheduler->submit(generation); !submitted) {
    co_await refuse(exchange, std::move(submitted).error());
    co_return;
  }
  if (request.stream) {
    co_await stream(exchange, writer, *generation, *pieces);
  } else {
    co_await collect(exchange, writer, *generation, *pieces);
  }
}

async::Task<void> WorkerService::stream(http::Exchange& exchange, AnswerWriter& writer, Generation& generation,
                                        PieceQueue& pieces) {
  while (!writer.done()) {
    std::vector<Piece> fresh = co_await pieces.wait();
    if (fresh.empty()) co_return;
    for (const Piece& piece : fresh) {
      if (piece.finish == Finish::kFailed) {
        if (!exchange.answered()) {
          Error error = generation_failed(piece);
          co_await refuse(exchange, std::move(error));
          co_return;
        }
        const std::string event = "data: " + http::error_body(generation_failed(piece)) + "\n\n";
        (void)co_await exchange.write(event);
        (void)co_await exchange.finish();
        co_return;
      }
      writer.take(piece);
    }
    std::string events = writer.take_events();
    if (writer.done())
      events += writer.end_events(static_cast<int>(generation.prompt.size()), generation.cached_tokens);
    if (events.empty()) continue;
    if (!exchange.answered()) {
      exchange.add_header("cache-control", "no-cache");
      exchange.begin_stream(200, "text/event-stream");
    }
    const Result<void> written = co_await exchange.write(events);
    if (!written) co_return;
  }
  (void)co_await exchange.finish();
}

async::Task<void> WorkerService::collect(http::Exchange& exchange, AnswerWriter& writer, Generation& generation,
                                         PieceQueue& pieces) {
  while (!writer.done()) {
    std::vector<Piece> fresh = co_await pieces.wait();
    if (fresh.empty()) co_return;
    for (const Piece& piece : fresh) {
      if (piece.finish == Finish::kFailed) {
        Error error = generation_failed(piece);
        co_await refuse(exchange, std::move(error));
        co_return;
      }
      writer.take(piece);
    }
  }
  const std::string body = writer.whole(static_cast<int>(generation.prompt.size()), generation.cached_tokens);
  (void)co_await exchange.respond(200, kJson, body);
}

}  // namespace fairlead::serving
