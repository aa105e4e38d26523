// One request to an upstream, as every vendor's provider sends it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "llm/openai_completion.h"
#include "llm/provider.h"
#include "platform/http/client.h"

namespace fairlead::providers::internal {

struct Exchange {
  const http::Origin& origin;
  std::string_view target;
  std::string_view header_lines;
  std::string_view body;
  std::chrono::milliseconds timeout;
  llm::Secrets secrets;
};

// Sends and waits for a 2xx head. Errors as llm::Provider::chat; redirects are not followed, so that credentials stay
// with the origin that they were given for. `token` lives until the response is gone; the rest until this returns.
async::Task<Result<std::unique_ptr<http::ClientResponse>>> send_chat(http::Client& client, Exchange exchange,
                                                                     std::chrono::steady_clock::time_point deadline,
                                                                     async::Cancellation& token);

// "name: value\r\n" if the value can stand in a header; else nothing.
std::string header_line(std::string_view name, std::string_view value);

}  // namespace fairlead::providers::internal
