// Follows answers in OpenAI's formats other than chats.
#pragma once
#include <memory>

#include "llm/openai_completion.h"
#include "providers/internal/native.h"

namespace fairlead::providers::openai {

// For kCompletions, kResponses, kEmbeddings and kModerations. `with_usage`: the client asked for the usage chunk of a
// stream of completions; else it is dropped.
std::unique_ptr<internal::NativeReader> native_reader(llm::Format format, bool with_usage, llm::Secrets secrets);

}  // namespace fairlead::providers::openai
