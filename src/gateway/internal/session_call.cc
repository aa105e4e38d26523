#include "gateway/internal/session_call.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/internal/reading.h"
#include "llm/chat_answer.h"
#include "llm/fit_rule.h"
#include "llm/tokens/count.h"
#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

std::string_view role_of(Element message) {
  Object object;
  return message.get_object().get(object) ? std::string_view() : text_at(object, "role");
}

void append(std::string& list, std::string_view json) {
  if (!list.empty()) list += ',';
  list += json;
}

// So many messages of history stand at `at` now.
std::shared_ptr<const llm::FitRule> with_history(const llm::FitRule& rule, std::size_t at, std::size_t count) {
  llm::FitRule out = rule;
  if (at > out.parts.size()) return std::make_shared<const llm::FitRule>(std::move(out));
  out.parts.insert(out.parts.begin() + static_cast<std::ptrdiff_t>(at), count, std::string(llm::kHistoryPart));
  return std::make_shared<const llm::FitRule>(std::move(out));
}

}  // namespace

// The first choice of an answer, as a message.
class SessionCall::Reading final : public llm::ChatAnswerSink {
 public:
  explicit Reading(bool stream) : stream_(stream), reader_(*this) {}
  void take(std::string_view wire) { (void)(stream_ ? reader_.events(wire) : reader_.whole(wire)); }
  std::string message() const {
    if (text_.empty() && calls_.empty()) return {};
    std::string out = R"({"role":"assistant","content":)" + (text_.empty() ? "null" : json::quoted(text_));
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      const Called& call = calls_[i];
      out += i == 0 ? R"(,"tool_calls":[)" : ",";
      out += R"({"id":)" + json::quoted(call.id) + R"(,"type":"function","function":{"name":)" +
             json::quoted(call.name) + R"(,"arguments":)" + json::quoted(call.arguments) + "}}";
    }
    return out + (calls_.empty() ? "}" : "]}");
  }

 private:
  struct Called {
    std::string id, name, arguments;
  };
  void on_text(std::size_t choice, std::string_view text) override {
    if (choice == 0) text_ += text;
  }
  void on_tool_call(std::size_t choice, std::size_t /*call*/, std::string_view id, std::string_view name) override {
    if (choice == 0) calls_.push_back({std::string(id), std::string(name), {}});
  }
  void on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) override {
    if (choice == 0 && call < calls_.size()) calls_[call].arguments += text;
  }

  const bool stream_;
  llm::ChatAnswerReader reader_;
  std::string text_;
  std::vector<Called> calls_;
};

std::unique_ptr<SessionCall> SessionCall::create(sessions::Sessions& sessions, const Target& target, llm::Call& call) {
  if (!target.memory || call.options.session.empty()) return nullptr;
  sessions::Key key{call.project, target.name, call.options.session};
  return std::make_unique<SessionCall>(sessions, *target.memory, std::move(key), call);
}

SessionCall::SessionCall(sessions::Sessions& sessions, const llm::MemoryPolicy& policy, sessions::Key key,
                         llm::Call& call)
    : sessions_(sessions),
      policy_(policy),
      key_(std::move(key)),
      call_(call),
      reading_(std::make_unique<Reading>(call.request.stream)) {}

SessionCall::~SessionCall() {
  if (recalled_) sessions_.leave(*call_.loop, key_);
}

async::Task<Result<void>> SessionCall::recall() {
  own_count_ = call_.request.message_count;
  sessions::Key key = key_;
  auto messages = co_await sessions_.recall(*call_.loop, std::move(key));
  if (!messages) co_return fail(std::move(messages).error());
  recalled_ = true;
  recalled_messages_ = *std::move(messages);
  co_return Result<void>{};
}

void SessionCall::weave() {
  const auto document = Document::parse(call_.request.messages);
  Array array;
  if (!document || document->root().get_array().get(array)) return;
  const std::size_t count = call_.request.message_count;
  std::size_t place = count - std::min(own_count_, count);
  if (own_count_ == 0 && count > 0 && role_of(array.at(count - 1).value_unsafe()) == "user") place = count - 1;
  std::string all;
  std::size_t at = 0;
  for (const Element one : array) {
    if (at == place && !recalled_messages_.empty()) append(all, recalled_messages_);
    const std::string json = simdjson::minify(one);
    append(all, json);
    const std::string_view role = role_of(one);
    if (at >= place && role != "system" && role != "developer") {
      if (said_.empty()) goes_on_ = role == "tool";
      append(said_, json);
    }
    ++at;
  }
  if (place == count && !recalled_messages_.empty()) append(all, recalled_messages_);
  if (recalled_messages_.empty()) return;
  const auto woven = Document::parse("[" + recalled_messages_ + "]");
  const std::size_t recalled = woven ? woven->root().get_array().value_unsafe().size() : 0;
  call_.request.messages = call_.own("[" + all + "]");
  call_.request.message_count = count + recalled;
  call_.request.set("messages", call_.request.messages);
  if (call_.fit) call_.fit = with_history(*call_.fit, place, recalled);
}

void SessionCall::take(std::string_view wire) {
  reading_->take(wire);
}

void SessionCall::remember(std::string key_id, std::string key_name) {
  const std::string answer = reading_->message();
  if (!recalled_ || answer.empty() || said_.empty()) return;
  recalled_ = false;
  sessions::Turn turn{.messages = said_ + "," + answer, .goes_on = goes_on_};
  turn.tokens = llm::count_text(turn.messages, call_.model->routes.front());
  sessions_.remember(*call_.loop, key_, std::move(turn), policy_,
                     {std::move(key_id), std::move(key_name), call_.options.user});
}

}  // namespace fairlead::gateway::internal
