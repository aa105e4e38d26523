#include "prompts/http/routes.h"

#include <simdjson.h>

#include "access/control_plane.h"
#include "base/iso_time.h"
#include "platform/json/text.h"

namespace fairlead::prompts {
namespace {

namespace bj = boost::json;

// The body of a call, and when it would be made.
struct Question {
  std::string body;
  llm::Call call;
  std::int64_t now_us = 0;
};

Result<void> read(bj::object body, const Clock& clock, Question& out) {
  FAIRLEAD_CHECK(access::only_members(body, {"model", "messages", "fairlead", "now"}));
  FAIRLEAD_TRY(const auto now, access::optional_string(body, "now"));
  const auto at = now ? parse_iso_time(*now) : clock.unix_micros();
  if (!at) return fail(ErrorKind::kInvalid, "invalid_value", "`now` is a time such as 2026-11-26T14:02:00Z.", "now");
  out.now_us = *at;
  body.erase("now");
  out.body = json::to_text(body);
  const std::size_t size = out.body.size();
  out.body.append(simdjson::SIMDJSON_PADDING, '\0');
  FAIRLEAD_TRY(out.call.request, llm::ChatRequest::parse({out.body.data(), size}));
  FAIRLEAD_TRY(out.call.options, llm::CallOptions::parse(out.call.request.fairlead));
  return {};
}

async::Task<void> explain(http::Exchange& exchange, std::string project, const FindPrompt& find, const Clock& clock) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  Question question;
  auto asked = read(*std::move(body), clock, question);
  if (!asked) co_return co_await access::refuse(exchange, std::move(asked).error());
  auto prompt = find(exchange, project, question.call.request.model);
  if (!prompt) co_return co_await access::refuse(exchange, std::move(prompt).error());
  auto explained = (*prompt)->explain(question.call, question.now_us);
  if (!explained) co_return co_await access::refuse(exchange, std::move(explained).error());
  co_await access::respond_json(exchange, 200, *std::move(explained));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, FindPrompt find, const Clock& clock) {
  router.add(http::Method::kPost, "/api/v1/explain",
             guard.protect(access::Scope::kRead, [find = std::move(find), &clock](http::Exchange& exchange,
                                                                                  const access::Principal& principal) {
               return explain(exchange, principal.project, find, clock);
             }));
}

}  // namespace fairlead::prompts
