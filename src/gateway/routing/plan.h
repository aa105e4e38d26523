// Which routes a call may take, in which order.
#pragma once
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "base/clock.h"
#include "gateway/routing/state.h"
#include "llm/provider.h"

namespace fairlead::gateway::routing {

// What conditions and prices ask of a request.
struct RequestFacts {
  bool stream = false, tools = false, images = false, json_schema = false;
  // Estimated: a token for each four bytes of messages and tools, data: URLs apart. What is true is at most four times
  // that (no tokenizer makes more than a token of a byte); English has about 0.9 to 1.1 times it.
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;  // the request's bound, else 500
};
RequestFacts facts_of(const llm::ChatRequest& chat);

// Whether a request fits a route's conditions.
bool fits(const llm::RouteConditions& when, const RequestFacts& facts, std::span<const std::string> tags);

struct Candidate {
  const llm::Model* model = nullptr;
  const llm::Route* route = nullptr;
  RouteState* state = nullptr;  // null: nothing is remembered
};
using Plan = boost::container::small_vector<Candidate, 4>;

// The routes of `model` that the request fits, as its strategy orders them, then those of its fallback models in the
// same way. Routes whose breaker is open come last: better one of them than none. Empty: no route takes the request.
// Allocates for more than four routes alone.
Plan plan_routes(const llm::Model& model, const llm::ChatRequest& chat, std::span<const std::string> tags,
                 SteadyTime now);

}  // namespace fairlead::gateway::routing
