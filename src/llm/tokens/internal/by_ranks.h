// Counting a whole request by published ranks.
#pragma once
#include "llm/tokens/bpe.h"
#include "llm/tokens/count.h"

namespace fairlead::llm::internal {

TokenCount count_by_ranks(const CountedRequest& request, const Route& route, const Bpe& bpe);

}  // namespace fairlead::llm::internal
