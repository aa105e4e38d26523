#include "serving/provider.h"

#include <simdjson.h>

#include "llm/openai_completion.h"
#include "platform/json/text.h"

namespace fairlead::serving {
namespace {

constexpr std::size_t kErrorLimit = 64 * 1024;
constexpr std::size_t kEmbeddingsLimit = 512 * 1024 * 1024;

bool is_transport_fault(const Error& error) {
  return error.code == "upstream_reset" || error.code == "upstream_unreachable" || error.code == "upstream_invalid";
}

Error worker_died(bool content_started) {
  if (content_started) {
    return {ErrorKind::kUpstream, "worker_died",
            "The local model's worker ended in the middle of the answer. It is being restarted."};
  }
  return {ErrorKind::kUnavailable, "worker_died",
          "The local model's worker ended before it answered. It is being restarted; try again in a few seconds."};
}

// An answer whose worker may die.
class LocalCompletion final : public llm::Completion {
 public:
  explicit LocalCompletion(std::unique_ptr<llm::Completion> completion) : completion_(std::move(completion)) {}

  async::Task<Result<llm::Delta>> next() override {
    auto delta = co_await completion_->next();
    if (!delta && is_transport_fault(delta.error()))
      co_return fail(worker_died(completion_->outcome().content_started));
    co_return delta;
  }
  const llm::Outcome& outcome() const override { return completion_->outcome(); }

 private:
  std::unique_ptr<llm::Completion> completion_;
};

// The worker's answer to a request for embeddings, which is there as a whole.
class Embeddings final : public llm::Completion {
 public:
  Embeddings(std::string body, const std::string& file) : body_(std::move(body)) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::int64_t tokens = 0;
    if (!parser.parse(body_).get(root) && !root["usage"]["prompt_tokens"].get(tokens)) outcome_.usage.input = tokens;
    outcome_.usage.reported = true;
    outcome_.upstream_model = file;
    outcome_.content_started = true;
  }
  async::Task<Result<llm::Delta>> next() override { co_return llm::Delta{.wire = body_, .end = true}; }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  std::string body_;
  llm::Outcome outcome_;
};

// The body as it was sent, without what is Fairlead's. The worker has one model and looks at no name.
std::string body_of(std::span<const llm::Member> members) {
  std::string out;
  for (const llm::Member& member : members) {
    if (member.name == "fairlead") continue;
    out += out.empty() ? '{' : ',';
    json::append_string(out, member.name);
    out += ':';
    out += member.json;
  }
  return out.empty() ? "{}" : out + '}';
}

Error not_ready(const std::string& file, const ModelStatus* status) {
  if (status == nullptr) {
    return {ErrorKind::kUnavailable, "model_failed", "The model file `" + file + "` is not served here."};
  }
  switch (status->state) {
    case ModelState::kFailed:
      return {ErrorKind::kUnavailable, "model_failed", status->message};
    case ModelState::kRestarting:
      return {ErrorKind::kUnavailable, "worker_died", status->message};
    default:
      break;
  }
  return {ErrorKind::kUnavailable, "model_loading",
          "The model `" + file + "` is loading (" + std::to_string(static_cast<int>(status->progress * 100)) +
              " %). Try again in a few seconds."};
}

class LocalProvider final : public llm::Provider {
 public:
  LocalProvider(std::string name, const LocalModels& models, std::function<http::Client&(async::Loop&)> client)
      : name_(std::move(name)), models_(models), client_(std::move(client)) {}

  std::string_view name() const override { return name_; }
  std::string_view type() const override { return "llama.cpp"; }
  bool speaks(llm::Format format) const override { return format == llm::Format::kEmbeddings; }
  llm::Prefill continues(std::string_view /*upstream_model*/) const override {
    return llm::Prefill::kContinueFinalMessage;
  }
  std::int64_t window(std::string_view upstream_model) const override {
    const std::shared_ptr<const ModelStatus> status = models_.find(std::string(upstream_model));
    return status != nullptr ? status->context : 0;
  }
  async::Task<Result<std::unique_ptr<llm::Completion>>> chat(llm::ChatCall call) override;
  async::Task<Result<std::unique_ptr<llm::Completion>>> call(llm::NativeCall call) override;
  async::Task<Result<std::int64_t>> count(llm::Format format, std::span<const llm::Member> members,
                                          llm::CallContext context) override;

 private:
  // What the worker of the file answers, with status 200.
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(std::string file, std::string_view target,
                                                                  std::string_view body, llm::CallContext context);

  std::string name_;
  const LocalModels& models_;
  std::function<http::Client&(async::Loop&)> client_;
};

async::Task<Result<std::unique_ptr<http::ClientResponse>>> LocalProvider::send(std::string file,
                                                                               std::string_view target,
                                                                               std::string_view body,
                                                                               llm::CallContext context) {
  const std::shared_ptr<const ModelStatus> status = models_.find(file);
  if (status == nullptr || !status->origin) co_return fail(not_ready(file, status.get()));
  http::ClientRequest message;
  message.method = http::Method::kPost;
  message.target = target;
  message.body = body;
  message.content_type = "application/json";
  message.deadline = context.deadline;
  http::Client& client = client_(context.loop);
  auto response = co_await client.send(*status->origin, message, context.cancellation);
  if (!response) {
    if (is_transport_fault(response.error())) co_return fail(worker_died(false));
    co_return fail(std::move(response).error());
  }
  if ((*response)->status() != 200) {
    auto text = co_await (*response)->read_all(kErrorLimit);
    if (!text) co_return fail(worker_died(false));
    co_return fail(llm::upstream_error((*response)->status(), *text, (*response)->headers()));
  }
  co_return std::move(response);
}

async::Task<Result<std::unique_ptr<llm::Completion>>> LocalProvider::chat(llm::ChatCall call) {
  const std::string file(call.context.upstream_model);
  llm::ChatRequest request = call.request;  // its views, not what they view
  const std::string model = json::quoted(file);
  request.set("model", model);
  request.remove("fairlead");
  const std::string body = request.to_json();
  auto response = co_await send(file, "/v1/chat/completions", body, call.context);
  if (!response) co_return fail(std::move(response).error());
  llm::OpenAiAnswer answer;
  answer.stream = request.stream;
  answer.include_usage = request.include_usage;
  answer.n = request.n;
  std::unique_ptr<llm::Completion> completion = llm::read_openai_completion(*std::move(response), std::move(answer));
  co_return std::make_unique<LocalCompletion>(std::move(completion));
}

async::Task<Result<std::unique_ptr<llm::Completion>>> LocalProvider::call(llm::NativeCall call) {
  if (!speaks(call.format)) {
    auto refused = co_await llm::Provider::call(call);
    co_return refused;
  }
  const std::string file(call.context.upstream_model);
  const std::string body = body_of(call.members);
  auto response = co_await send(file, "/v1/embeddings", body, call.context);
  if (!response) co_return fail(std::move(response).error());
  auto text = co_await (*response)->read_all(kEmbeddingsLimit);
  if (!text) co_return fail(is_transport_fault(text.error()) ? worker_died(false) : std::move(text).error());
  co_return std::make_unique<Embeddings>(*std::move(text), file);
}

async::Task<Result<std::int64_t>> LocalProvider::count(llm::Format format, std::span<const llm::Member> members,
                                                       llm::CallContext context) {
  if (format != llm::Format::kChat && !speaks(format)) {
    auto refused = co_await llm::Provider::count(format, members, context);
    co_return refused;
  }
  const std::string file(context.upstream_model);
  const std::string body = body_of(members);
  const std::string_view target = format == llm::Format::kChat ? "/count/chat" : "/count/embeddings";
  auto response = co_await send(file, target, body, context);
  if (!response) co_return fail(std::move(response).error());
  auto text = co_await (*response)->read_all(kErrorLimit);
  if (!text) co_return fail(is_transport_fault(text.error()) ? worker_died(false) : std::move(text).error());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::int64_t tokens = 0;
  if (parser.parse(*text).get(root) || root["input_tokens"].get(tokens))
    co_return fail(ErrorKind::kUpstream, "upstream_invalid", "The local model's worker counted nothing.");
  co_return tokens;
}

}  // namespace

std::shared_ptr<llm::Provider> make_provider(std::string name, const LocalModels& models,
                                             std::function<http::Client&(async::Loop&)> client) {
  return std::make_shared<LocalProvider>(std::move(name), models, std::move(client));
}

}  // namespace fairlead::serving
