// JSON text to a document, with this thread's parser.
#pragma once
#include <simdjson.h>

#include <span>

#include "base/result.h"
#include "llm/chat.h"
#include "llm/internal/chat_checks.h"
#include "llm/internal/json_scan.h"

namespace fairlead::llm::internal {

// A document in the parser of this thread: one at a time, and not beyond the next.
struct ParsedText {
  simdjson::dom::element root;
  ParsedText() = default;
  ParsedText(const ParsedText&) = delete;
  ParsedText& operator=(const ParsedText&) = delete;
  ~ParsedText();
};

// `text` is followed by simdjson's padding. Errors: kInvalid, code invalid_json.
Result<void> parse_padded(ParsedText& out, const char* text, std::size_t size);

// Parses a body that must be an object, and gives `take` each member: its name and value, and it as views into the
// body. Errors: invalid_json, invalid_type, and what `take` returns.
template <class Take>
Result<void> read_members(ParsedText& text, std::span<char> body, std::vector<Member>& members, Take take) {
  FAIRLEAD_CHECK(parse_padded(text, body.data(), body.size()));
  if (!text.root.is_object()) {
    return fail(ErrorKind::kInvalid, "invalid_type",
                "The body of the request must be a JSON object, but is " + std::string(type_name(text.root)) + ".");
  }
  const simdjson::dom::object object = object_of(text.root);
  members.reserve(object.size());
  MemberScanner scanner({body.data(), body.size()});
  for (const simdjson::dom::key_value_pair entry : object) {
    scanner.next();
    // A name that a parser had to decode is kept as the decoder wrote it; it must outlive the parser, so it is found
    // among the known names or refused: no honest client escapes the letters of a member's name.
    if (scanner.raw_name() != entry.key)
      return fail(ErrorKind::kInvalid, "invalid_json",
                  "The names of the request's members must be written without escapes.");
    for (const Member& earlier : members) {
      if (earlier.name == entry.key)
        return fail(ErrorKind::kInvalid, "invalid_json", "A member of the request is given twice.",
                    std::string(entry.key.substr(0, 64)));
    }
    members.push_back({scanner.raw_name(), scanner.json()});
    FAIRLEAD_CHECK(take(members.back(), entry.value));
  }
  return {};
}

}  // namespace fairlead::llm::internal
