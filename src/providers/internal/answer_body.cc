#include "providers/internal/answer_body.h"

#include <fmt/format.h>

namespace fairlead::providers::internal {

Error ended_early() {
  return Error{ErrorKind::kUpstream, "upstream_reset", "The upstream ended its answer early."};
}

std::unexpected<Error> invalid_answer(std::string_view what) {
  return fail(ErrorKind::kUpstream, "upstream_invalid", fmt::format("The upstream's answer makes no sense: {}.", what));
}

}  // namespace fairlead::providers::internal
