// The conversation of a chat-completions request in the words of the Gemini API.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"
#include "providers/internal/ask.h"

namespace fairlead::providers::gemini {

struct Contents {
  std::string system;    // a Content object; empty: there is none
  std::string contents;  // JSON array
};

// `raw` is the JSON of the same messages. With `wants_signatures`, a call that came without its thought signature (of
// another model, or of a client that lost it) is sent with the word by which the API is told to do without.
// Errors: kUnsupported and kInvalid, `param` naming the message's part.
Result<Contents> translate_contents(std::span<const llm::Message> messages, std::string_view raw, bool wants_signatures,
                                    const internal::Language& language);

}  // namespace fairlead::providers::gemini
