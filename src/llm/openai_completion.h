// Answers of an upstream that speaks the OpenAI chat-completions format: read once, passed on almost as they came.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "llm/provider.h"
#include "platform/async/runtime.h"
#include "platform/http/client.h"

namespace fairlead::llm {

// Credentials that must not leave through a message. Immutable, shared by a provider and its answers; may be null.
using Secrets = std::shared_ptr<const std::vector<std::string>>;

// `text` without the secrets: whole, by their first characters, or as upstreams mask them ("sk-ab****yz").
std::string without_secrets(std::string text, const Secrets& secrets);

// What the reader of an answer must know of its request.
struct OpenAiAnswer {
  bool stream = false;
  bool include_usage = false;  // the client asked for the usage chunk; the upstream was asked for it in any case
  int n = 1;
  bool says_reasoning = false;  // the upstream's word for thinking is `reasoning`; the client reads `reasoning_content`
  std::size_t body_limit = 64 * 1024 * 1024;  // of an answer in one piece, and of one event
  Secrets secrets;
};

// Reads a 2xx answer. Streamed events go to Delta::wire as views of what was received wherever they need no change;
// what is legal as a server-sent event but not written as "data: …\n\n" is rewritten to that. Held to the contract:
// usage comes in one last chunk with no choices, and only if the client asked; an answer that stops before [DONE] is
// upstream_reset, unless every choice had its finish_reason; an error object among the events becomes the call's error;
// what is no JSON object is upstream_invalid. Errors of the transport pass as they are.
std::unique_ptr<Completion> read_openai_completion(std::unique_ptr<http::ClientResponse> response, OpenAiAnswer answer);

// The error for an upstream's answer with a status that is not 2xx, by Provider::chat's table: the upstream's own
// message (OpenAI's form, or what is near it), cut at 2 KiB, without secrets. For what may pass (408, 429, 5xx),
// `retry_after_ms` is what the headers say (retry-after, retry-after-ms, the vendors' resets of limits that are used
// up), or the body.
Error upstream_error(int status, std::string_view body, std::span<const http::Header> headers = {},
                     const Secrets& secrets = nullptr);

// The error for what comes in the middle of an answer whose status was 2xx: `error_json` is the error object, which
// says by its code or type what kind it is.
Error upstream_error_in_answer(std::string_view error_json, const Secrets& secrets = nullptr);

}  // namespace fairlead::llm
