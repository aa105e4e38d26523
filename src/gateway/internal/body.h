// What the surfaces that are not the chat share: reading a body, and putting a chat in its place.
#pragma once
#include <span>
#include <string>

#include "gateway/surface.h"

namespace fairlead::gateway::internal {

// Fills call.body, and of call.call.request what a call needs before it is a chat. A body without members is refused:
// to the pipeline it would mean a chat.
Result<void> read_body(std::span<char> body, SurfaceCall& call);

// Makes `json` the chat of the call, which keeps it. Error: kInvalid where the chat's contract refuses it.
Result<void> set_chat(SurfaceCall& call, std::string json);

}  // namespace fairlead::gateway::internal
