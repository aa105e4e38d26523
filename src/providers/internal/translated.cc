#include "providers/internal/translated.h"

#include <optional>
#include <utility>

namespace fairlead::providers::internal {
namespace {

using llm::Delta;

class WholeAnswer final : public llm::Completion {
 public:
  WholeAnswer(std::unique_ptr<http::ClientResponse> response, Translation translation)
      : translation_(std::move(translation)), response_(std::move(response)) {}

  async::Task<Result<Delta>> next() override {
    if (ended_) co_return Delta{.wire = {}, .end = true};
    auto body = co_await response_->read_all(kAnswerLimit);
    if (!body) co_return fail(std::move(body).error());
    ended_ = true;
    auto object = translation_.translator->whole(*body);
    if (!object) co_return fail(std::move(object).error());
    object_ = *std::move(object);
    co_return Delta{.wire = object_, .end = true};
  }

  const llm::Outcome& outcome() const override { return translation_.translator->outcome(); }

 private:
  Translation translation_;
  std::unique_ptr<http::ClientResponse> response_;
  std::string object_;
  bool ended_ = false;
};

class StreamedAnswer final : public llm::Completion {
 public:
  StreamedAnswer(std::unique_ptr<http::ClientResponse> response, Translation translation)
      : translation_(std::move(translation)), response_(std::move(response)) {}

  async::Task<Result<Delta>> next() override {
    Translator& translator = *translation_.translator;
    if (failure_) co_return fail(*std::exchange(failure_, std::nullopt));
    while (!translator.ended() && !ended_) {
      out_.clear();
      auto bytes = co_await response_->read();
      Result<void> taken;
      if (!bytes) {
        if (bytes.error().code != "upstream_reset" || !translator.complete()) co_return fail(std::move(bytes).error());
        ended_ = true;
        taken = translator.end(out_);
      } else if (bytes->empty()) {
        ended_ = true;
        taken = translator.end(out_);
      } else {
        taken = translator.take(*bytes, out_);
      }
      if (!taken) {
        if (out_.empty() || !translator.outcome().content_started) co_return fail(std::move(taken).error());
        failure_ = std::move(taken).error();  // what came before it goes out first
        ended_ = true;
        co_return Delta{.wire = out_, .end = false};
      }
      if (translator.ended()) response_->dismiss();
      if (!out_.empty()) co_return Delta{.wire = out_, .end = ended_ || translator.ended()};
    }
    co_return Delta{.wire = {}, .end = true};
  }

  const llm::Outcome& outcome() const override { return translation_.translator->outcome(); }

 private:
  Translation translation_;
  std::unique_ptr<http::ClientResponse> response_;
  std::string out_;
  std::optional<Error> failure_;  // of the next call
  bool ended_ = false;
};

}  // namespace

Result<void> EventTranslator::take(std::string_view bytes, std::string& out) {
  Result<void> result;
  FAIRLEAD_CHECK(parser_.feed(bytes, [&](const http::ServerSentEvent& one) {
    if (result && !one.data.empty() && !ended()) result = event(one.data, out);
  }));
  return result;
}

Result<void> EventTranslator::end(std::string& out) {
  if (parser_.unfinished()) {
    // The last event may lack its empty line. Half an event is no JSON; it came from an answer that broke off.
    auto last = take("\n\n", out);
    if (!last && !complete()) return fail(last.error().code == "upstream_invalid" ? ended_early() : last.error());
  }
  if (!complete()) return fail(ended_early());
  if (!ended()) close(out);
  return {};
}

std::unique_ptr<llm::Completion> translate(std::unique_ptr<http::ClientResponse> response, Translation translation) {
  if (translation.stream) return std::make_unique<StreamedAnswer>(std::move(response), std::move(translation));
  return std::make_unique<WholeAnswer>(std::move(response), std::move(translation));
}

}  // namespace fairlead::providers::internal
