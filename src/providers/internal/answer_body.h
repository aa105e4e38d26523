// What reading an upstream's answer has in common, whatever the vendor.
#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"
#include "llm/openai_completion.h"
#include "platform/http/client.h"

namespace fairlead::providers::internal {

inline constexpr std::size_t kAnswerLimit = 64 * 1024 * 1024;  // of an answer in one piece, and of one event

// upstream_reset, and upstream_invalid ("The upstream's answer makes no sense: it has no content.").
Error ended_early();
std::unexpected<Error> invalid_answer(std::string_view what);

}  // namespace fairlead::providers::internal
