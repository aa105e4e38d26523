// The `tests` of a prompt's spec (docs/reference/prompts.md, "Tests").
#pragma once
#include <boost/json/array.hpp>
#include <string_view>
#include <vector>

#include "prompts/internal/renderer.h"

namespace fairlead::prompts::internal {

// JSON Schema of the member `tests`.
extern const std::string_view kTestsSchema;

// Runs them; each that fails adds a fault where its expectation stands. `tests` must fit the schema.
void run_tests(const Renderer& prompt, const boost::json::array& tests, std::vector<resources::SpecError>& faults);

}  // namespace fairlead::prompts::internal
