#include "gateway/internal/body.h"

#include <simdjson.h>

#include "gateway/internal/reading.h"

namespace fairlead::gateway::internal {

Result<void> read_body(std::span<char> body, SurfaceCall& call) {
  FAIRLEAD_TRY(call.body, llm::RequestBody::parse(body));
  if (call.body.members.empty()) return missing("model");
  llm::ChatRequest& request = call.call.request;
  request.model = call.body.model;
  request.stream = call.body.stream;
  request.fairlead = call.body.fairlead;
  request.messages = "[]";
  return {};
}

Result<void> set_chat(SurfaceCall& call, std::string json) {
  const std::size_t size = json.size();
  json.append(simdjson::SIMDJSON_PADDING, '\0');
  call.call.owned.push_back(std::make_unique<std::string>(std::move(json)));
  FAIRLEAD_TRY(call.call.request, llm::ChatRequest::parse({call.call.owned.back()->data(), size}));
  return {};
}

}  // namespace fairlead::gateway::internal
