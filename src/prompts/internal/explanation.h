// What became of a prompt's conditions, in JSON (docs/reference/api.md, `POST /api/v1/explain`).
#pragma once
#include <boost/json/array.hpp>
#include <span>

#include "prompts/internal/conditions.h"

namespace fairlead::prompts::internal {

boost::json::array to_json(std::span<const Answer> answers);

}  // namespace fairlead::prompts::internal
