// A request's body in any format, as members: what is passed on to a provider that speaks the format, and what the rest
// is read from.
#pragma once
#include <simdjson.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"

namespace fairlead::llm {

// One JSON object, checked as far as all formats agree. Views point into the body, which outlives this.
struct RequestBody {
  // `body` must be followed by 64 readable bytes (simdjson's padding). Errors: kInvalid as ChatRequest::parse for text
  // that is no JSON object, and for a `model`, `stream` or `fairlead` of another type.
  static Result<RequestBody> parse(std::span<char> body);

  std::vector<Member> members;  // in the order sent
  std::string model;            // empty: none was given
  std::string_view fairlead;    // raw JSON object, or empty
  bool stream = false;

  const Member* member(std::string_view name) const;
};

// OpenAI's bounds of `metadata`: at most 16 texts of at most 512 characters, named by at most 64.
Result<void> check_metadata(simdjson::dom::element value);

}  // namespace fairlead::llm
