#include "prompts/internal/last_user.h"

#include <algorithm>

namespace fairlead::prompts::internal {

std::string last_user_text(const llm::ChatRequest& request) {
  if (request.message_count == 0) return {};
  const auto messages = request.parse_messages();
  if (!messages) return {};
  const auto last = std::find_if(messages->rbegin(), messages->rend(),
                                 [](const llm::Message& one) { return one.role == llm::Role::kUser; });
  return last == messages->rend() ? std::string() : last->text();
}

}  // namespace fairlead::prompts::internal
