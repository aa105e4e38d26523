// Messages between a process and its child over a socket.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::telemetry {

// A list of byte strings: what is asked and its arguments, or an answer.
using Message = std::vector<std::string>;

// Blocking. Errors: channel_closed (the other end is gone), channel_timeout.
Result<void> send_message(int socket, const Message& message);
Result<Message> receive_message(int socket, std::chrono::milliseconds timeout);

// An answer that is a value or an error.
Message answer_of(const Result<std::string>& result);
Result<std::string> result_of(const Message& answer);

}  // namespace fairlead::telemetry
