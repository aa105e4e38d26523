#include "providers/internal/answer_body.h"

#include <fmt/format.h>

namespace fairlead::providers::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kDrainLimit = 64 * 1024;
constexpr auto kPatience = 200ms;

}  // namespace

Error ended_early() {
  return Error{ErrorKind::kUpstream, "upstream_reset", "The upstream ended its answer early."};
}

std::unexpected<Error> invalid_answer(std::string_view what) {
  return fail(ErrorKind::kUpstream, "upstream_invalid", fmt::format("The upstream's answer makes no sense: {}.", what));
}

async::Task<void> drain(std::unique_ptr<http::ClientResponse> response, llm::UpstreamCancellation* cancellation) {
  if (cancellation != nullptr) cancellation->request_in(kPatience);
  std::size_t drained = 0;
  while (drained < kDrainLimit) {
    auto bytes = co_await response->read();
    if (!bytes || bytes->empty()) break;
    drained += bytes->size();
  }
}

}  // namespace fairlead::providers::internal
