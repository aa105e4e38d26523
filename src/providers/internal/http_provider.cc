#include "providers/internal/http_provider.h"

#include <utility>

#include "providers/internal/exchange.h"

namespace fairlead::providers::internal {
namespace {

class WholeTranslator final : public Translator {
 public:
  explicit WholeTranslator(WholeAnswerReader reader) : reader_(std::move(reader)) {}
  Result<void> take(std::string_view, std::string&) override {
    return invalid_answer("it is streamed, which was not asked for");
  }
  Result<void> end(std::string&) override { return fail(ended_early()); }
  bool ended() const override { return false; }
  bool complete() const override { return false; }
  Result<std::string> whole(std::string_view body) override { return reader_(body, outcome_); }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  WholeAnswerReader reader_;
  llm::Outcome outcome_;
};

class AnswerAtHand final : public llm::Completion {
 public:
  AnswerAtHand(std::string wire, llm::Outcome outcome) : wire_(std::move(wire)), outcome_(std::move(outcome)) {}
  async::Task<Result<llm::Delta>> next() override {
    co_return llm::Delta{.wire = std::exchange(given_, true) ? std::string_view() : wire_, .end = true};
  }
  const llm::Outcome& outcome() const override { return outcome_; }

 private:
  std::string wire_;
  llm::Outcome outcome_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<llm::Completion> answer_at_hand(std::string wire, llm::Outcome outcome) {
  return std::make_unique<AnswerAtHand>(std::move(wire), std::move(outcome));
}

async::Task<HttpProvider::Response> HttpProvider::send(std::string target, SecretText header_lines, std::string body,
                                                       llm::CallContext context) {
  header_lines += parts_.endpoint.header_lines;
  Exchange exchange{.origin = origin_,
                    .target = target,
                    .header_lines = header_lines,
                    .body = body,
                    .timeout = parts_.endpoint.timeout,
                    .secrets = parts_.endpoint.secrets};
  auto response =
      co_await send_chat(parts_.client(context.loop), std::move(exchange), context.deadline, context.cancellation);
  co_return std::move(response);
}

TranslatorOptions HttpProvider::translator_options(llm::CallContext context, bool include_usage) const {
  return {.include_usage = include_usage,
          .created = parts_.clock->unix_micros() / 1'000'000,
          .call_id = std::string(context.call_id),
          .model = std::string(context.upstream_model),
          .secrets = parts_.endpoint.secrets};
}

std::string HttpProvider::in_path(std::string_view model) {
  return http::percent_encode(model);
}

std::unique_ptr<Translator> translate_whole(WholeAnswerReader reader) {
  return std::make_unique<WholeTranslator>(std::move(reader));
}

}  // namespace fairlead::providers::internal
