// A chat for a model that cannot be held to a JSON Schema: what the schema says stands in its instructions.
#pragma once
#include <memory>
#include <string>

#include "llm/chat.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// Views `messages`, so it stays where it is.
struct InstructedChat {
  std::string messages;
  llm::ChatRequest chat;
};

// Null: the route gets the chat as it is. The chat outlives it.
std::unique_ptr<const InstructedChat> instructed(const llm::ChatRequest& chat, const llm::Route& route);

}  // namespace fairlead::gateway::routing
