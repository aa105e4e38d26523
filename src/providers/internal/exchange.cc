#include "providers/internal/exchange.h"

#include <algorithm>

#include "providers/internal/answer_body.h"

namespace fairlead::providers::internal {
namespace {

constexpr std::size_t kErrorBodyLimit = 64 * 1024;

}  // namespace

async::Task<Result<std::unique_ptr<http::ClientResponse>>> send_chat(http::Client& client, Exchange exchange,
                                                                     std::chrono::steady_clock::time_point deadline,
                                                                     async::Cancellation& token) {
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = exchange.target;
  request.header_lines = exchange.header_lines;
  request.body = exchange.body;
  request.content_type = "application/json";
  request.deadline = deadline;
  request.read_timeout = exchange.timeout;
  auto response = co_await client.send(exchange.origin, request, token);
  if (!response) co_return fail(std::move(response).error());
  const int status = (*response)->status();
  if (status >= 200 && status < 300) {
    const auto encoding = (*response)->header("content-encoding");
    if (!encoding || encoding->empty() || http::equal_ignoring_case(*encoding, "identity"))
      co_return std::move(response);
    co_return invalid_answer("it is in a content encoding, which was not asked for");
  }
  auto body = co_await (*response)->read_all(kErrorBodyLimit);
  const std::string_view text = body ? std::string_view(*body) : std::string_view();
  co_return fail(llm::upstream_error(status, text, (*response)->headers(), exchange.secrets));
}

std::string header_line(std::string_view name, std::string_view value) {
  if (value.empty() || value.size() > 512) return {};
  if (!std::ranges::all_of(value, [](unsigned char c) { return c > ' ' && c < 127; })) return {};
  std::string line(name);
  line += ": ";
  line += value;
  line += "\r\n";
  return line;
}

}  // namespace fairlead::providers::internal
