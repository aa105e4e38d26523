#include "gateway/surfaces/responses.h"

#include "gateway/internal/body.h"
#include "gateway/internal/reading.h"
#include "gateway/surfaces/responses_answer.h"
#include "gateway/surfaces/responses_request.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Document;

Result<void> check_flag(const llm::RequestBody& body, std::string_view name) {
  const llm::Member* const member = body.member(name);
  if (!member || member->json == "null") return {};
  FAIRLEAD_TRY(const Document document, Document::parse(member->json));
  FAIRLEAD_CHECK(internal::flag_of(name, document.root()));
  return {};
}

}  // namespace

Result<void> ResponsesSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_CHECK(internal::read_body(body, call));
  if (call.body.model.empty()) return internal::missing("model");
  FAIRLEAD_CHECK(check_flag(call.body, "store"));
  FAIRLEAD_CHECK(check_flag(call.body, "background"));
  if (is_in_background(call.body) && !is_kept(call.body))
    return fail(ErrorKind::kInvalid, "invalid_value",
                "A response that is made in the background has to be kept: leave out `store: false`.", "store");
  if (const llm::Member* const metadata = call.body.member("metadata"); metadata && metadata->json != "null") {
    FAIRLEAD_TRY(const Document document, Document::parse(metadata->json));
    FAIRLEAD_CHECK(llm::check_metadata(document.root()));
  }
  const llm::Member* const previous = call.body.member("previous_response_id");
  if (previous && previous->json != "null") {
    FAIRLEAD_TRY(const Document document, Document::parse(previous->json));
    FAIRLEAD_TRY(const std::string_view id, internal::text_of("previous_response_id", document.root()));
    if (id.empty()) return internal::invalid_value("previous_response_id", "it must not be empty");
  }
  return {};
}

bool ResponsesSurface::native(const SurfaceCall& call) const {
  const llm::Member* const conversation = call.body.member("conversation");
  return !is_kept(call.body) && !wants_loading(call) && (!conversation || conversation->json == "null");
}

bool ResponsesSurface::wants_loading(const SurfaceCall& call) const {
  const llm::Member* const previous = call.body.member("previous_response_id");
  return previous && previous->json != "null";
}

async::Task<Result<void>> ResponsesSurface::load(SurfaceCall& call) const {
  std::string project = call.call.project, previous = previous_response_of(call.body);
  auto earlier = co_await store_.conversation(std::move(project), std::move(previous));
  if (!earlier) co_return fail(std::move(earlier).error());
  call.earlier = call.call.own(*std::move(earlier));
  co_return Result<void>{};
}

Result<void> ResponsesSurface::to_chat(SurfaceCall& call) const {
  FAIRLEAD_TRY(std::string chat, chat_of_response(call.body, call.earlier));
  return internal::set_chat(call, std::move(chat));
}

bool ResponsesSurface::in_background(const SurfaceCall& call) const {
  return is_in_background(call.body);
}

std::unique_ptr<AnswerForm> ResponsesSurface::answer_form(const SurfaceCall& call) const {
  return std::make_unique<ResponsesAnswer>(call, store_);
}

std::string ResponsesSurface::error_event(const Error& error, std::string_view /*call_id*/, std::int64_t events) const {
  std::string out = R"(event: error
data: {"type":"error","code":)";
  json::append_string(out, error.code);
  out += R"(,"message":)";
  json::append_string(out, error.message);
  out += R"(,"param":)";
  out += error.param.empty() ? "null" : json::quoted(error.param);
  out += R"(,"sequence_number":)" + std::to_string(events) + "}\n\n";
  return out;
}

}  // namespace fairlead::gateway
