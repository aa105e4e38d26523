// A chat's answer as OpenAI's Responses API writes it (docs/reference/responses.md).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "gateway/response_store.h"
#include "gateway/surface.h"
#include "llm/chat_answer.h"

namespace fairlead::gateway {

// Why a response that ended like this is incomplete, in OpenAI's words; empty: it is not.
std::string_view incomplete_reason(std::string_view finish_reason);

class ResponsesAnswer final : public AnswerForm, private llm::ChatAnswerSink {
 public:
  // `store` outlives it; `now_us` is unix time.
  ResponsesAnswer(const SurfaceCall& call, ResponseStore& store);
  // Of one that is made in the background: the response as long as it has not ended well.
  std::string standing(std::string_view status, const Error* error = nullptr) const {
    return response_json(status, nullptr, error);
  }
  // Of such a one that is streamed, before its whole answer is taken: the events that tell of it, up to that it is
  // being made if it is; and how many other events come before those of its output.
  void begin(bool in_progress, std::string& out);
  void leave_room(std::int64_t events) { sequence_ += events; }
  // The items of its request, as they are kept.
  const std::string& items() const { return items_; }
  Result<void> take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) override;
  void fail(const Error& error, std::string& out) override;
  bool wants_keeping() const override { return kept_ && !whole_.empty(); }
  async::Task<Result<void>> keep() override;

 private:
  enum class Kind : std::uint8_t { kMessage, kReasoning, kCall };
  // A part of a message: text, or a refusal.
  struct Part {
    bool refusal = false;
    std::string text, logprobs;  // the latter the elements of an array
  };
  struct Item {
    Kind kind;
    std::string id;
    std::vector<Part> parts;               // of a message; one of a reasoning item
    std::string call_id, name, arguments;  // of a call
    std::size_t call = 0;                  // which of the chat's
  };

  void on_text(std::size_t choice, std::string_view text) override;
  void on_reasoning(std::size_t choice, std::string_view text) override;
  void on_refusal(std::size_t choice, std::string_view text) override;
  void on_tool_call(std::size_t choice, std::size_t call, std::string_view id, std::string_view name) override;
  void on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) override;
  void on_logprobs(std::size_t choice, std::string_view json) override;
  void on_finish(std::size_t choice, std::string_view reason) override;

  void add(Kind kind, bool refusal, std::string_view text);
  void send_text();
  void begin_item(Item item);
  void end_item();
  void begin_part(bool refusal);
  void end_part();
  std::string& begin_event(std::string_view type);
  void add_place(bool in_part);  // item_id, output_index and, in a part, content_index
  void end_event() { *out_ += "}\n\n"; }
  std::string part_json(const Part& part, Kind kind) const;
  std::string item_json(const Item& item, std::string_view status) const;
  std::string response_json(std::string_view status, const llm::Usage* usage, const Error* error) const;

  const std::string call_id_, project_, previous_, repeated_, items_;
  const std::int64_t created_;
  const bool stream_, kept_, background_;
  ResponseStore& store_;
  std::string model_;
  llm::ChatAnswerReader reader_;
  std::string* out_ = nullptr;  // of the take() in progress
  std::string unsent_;          // text that has come, whose log probabilities may follow
  std::vector<Item> output_;
  bool begun_ = false, open_ = false, part_open_ = false, disordered_ = false;
  std::string_view incomplete_;  // why the answer is
  std::int64_t sequence_ = 0;
  std::string whole_;  // the response, once it has ended
};

}  // namespace fairlead::gateway
