#include "gateway/surfaces/messages.h"

#include "gateway/internal/body.h"
#include "gateway/internal/reading.h"
#include "gateway/surfaces/messages_answer.h"
#include "gateway/surfaces/messages_request.h"

namespace fairlead::gateway {
namespace {

using internal::missing;

Result<void> read_common(std::span<char> body, SurfaceCall& call) {
  FAIRLEAD_CHECK(internal::read_body(body, call));
  if (call.body.model.empty()) return missing("model");
  const llm::Member* const messages = call.body.member("messages");
  if (!messages) return missing("messages");
  FAIRLEAD_TRY(const internal::Document document, internal::Document::parse(messages->json));
  FAIRLEAD_TRY(const internal::Array list, internal::array_of("messages", document.root()));
  // Only a prompt, which has its own, can do with none; and a prompt needs a chat, which is checked in its turn.
  std::size_t i = 0;
  for (const internal::Element one : list)
    FAIRLEAD_CHECK(internal::object_of("messages[" + std::to_string(i++) + "]", one));
  return {};
}

}  // namespace

Result<void> MessagesSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_CHECK(read_common(body, call));
  const llm::Member* const max_tokens = call.body.member("max_tokens");
  if (!max_tokens) return missing("max_tokens");
  FAIRLEAD_TRY(const internal::Document document, internal::Document::parse(max_tokens->json));
  FAIRLEAD_CHECK(internal::integer_of("max_tokens", document.root(), 1, INT32_MAX));
  return {};
}

Result<void> MessagesSurface::to_chat(SurfaceCall& call) const {
  FAIRLEAD_TRY(std::string chat, chat_of_messages(call.body));
  return internal::set_chat(call, std::move(chat));
}

std::unique_ptr<AnswerForm> MessagesSurface::answer_form(const SurfaceCall& call) const {
  return std::make_unique<MessagesAnswer>(call);
}

int MessagesSurface::error_status(const Error& error) const {
  return messages_error_status(error);
}

std::string MessagesSurface::error_body(const Error& error, std::string_view call_id) const {
  return messages_error(error, call_id);
}

std::string MessagesSurface::error_event(const Error& error, std::string_view call_id, std::int64_t /*events*/) const {
  return "event: error\ndata: " + messages_error(error, call_id) + "\n\n";
}

Result<void> CountTokensSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_CHECK(read_common(body, call));
  call.call.request.stream = false;  // a count is no stream
  return {};
}

}  // namespace fairlead::gateway
