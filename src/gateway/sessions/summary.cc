#include "gateway/sessions/summary.h"

#include <utility>

#include "gateway/inner_client.h"
#include "llm/memory.h"
#include "platform/json/text.h"

namespace fairlead::gateway::sessions {

async::Task<std::optional<std::string>> ask(Summary summary, std::string conversation) {
  llm::ClientCall call;
  call.project = summary.project;
  call.key_id = summary.key_id;
  call.key_name = summary.key_name;
  call.model = "prompt:" + summary.prompt;
  call.variables = "{" + json::quoted(llm::kSummaryVariable) + ":" + json::quoted(conversation) + "}";
  call.session = summary.session;
  call.user = summary.user;
  call.tags = {"session-summary"};
  InnerWay way{summary.snapshot, summary.recorder, nullptr, summary.clock};
  auto answer = co_await ask_within(std::move(way), std::move(call), summary.loop, summary.cancellation);
  if (!answer || answer->text.empty()) co_return std::nullopt;
  co_return std::move(answer->text);
}

}  // namespace fairlead::gateway::sessions
