#include "llm/internal/json_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "llm/internal/kept_parser.h"

namespace fairlead::llm::internal {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxDepth = 256;

// The parser of this thread: its buffers are the cost of a parse. What it returns lives until the next parse.
dom::parser& thread_parser() {
  thread_local dom::parser parser;
  return parser;
}

}  // namespace

ParsedText::~ParsedText() {
  if (thread_parser().capacity() > kKeptCapacity) thread_parser() = dom::parser();
}

Result<void> parse_padded(ParsedText& out, const char* text, std::size_t size) {
  dom::parser& parser = thread_parser();
  if (size > parser.capacity() || parser.max_depth() != kMaxDepth) {
    if (parser.allocate(std::max<std::size_t>(size, 16 * 1024), kMaxDepth))
      return fail(ErrorKind::kUnavailable, "out_of_memory", "There is no memory for a request of this size now.");
  }
  const auto error = parser.parse(text, size, /*realloc_if_needed=*/false).get(out.root);
  if (!error) return {};
  std::string_view what = "it is not valid JSON";
  if (error == simdjson::DEPTH_ERROR) what = "it is nested more than 256 levels deep";
  if (error == simdjson::UTF8_ERROR) what = "it is not valid UTF-8";
  if (error == simdjson::NUMBER_ERROR) what = "it holds a number that is malformed or too large";
  if (error == simdjson::EMPTY) what = "it is empty";
  return fail(ErrorKind::kInvalid, "invalid_json",
              fmt::format("We could not parse the JSON body of your request: {}.", what));
}

}  // namespace fairlead::llm::internal
