// Follows answers of the Messages API that are passed on as they are.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "llm/openai_completion.h"
#include "providers/internal/native.h"

namespace fairlead::providers::anthropic {

// For kMessages and kCountTokens. What is counted is no usage: counting costs nothing.
std::unique_ptr<internal::NativeReader> native_reader(llm::Format format, llm::Secrets secrets);

// The client's members but for `model`, which becomes the upstream's, and `fairlead`, which is left out.
std::string native_body(std::span<const llm::Member> members, std::string_view upstream_model);

}  // namespace fairlead::providers::anthropic
