#include "llm/request_body.h"

#include "llm/internal/json_text.h"

namespace fairlead::llm {

Result<RequestBody> RequestBody::parse(std::span<char> body) {
  RequestBody out;
  internal::ParsedText text;
  FAIRLEAD_CHECK(internal::read_members(
      text, body, out.members, [&out](const Member& member, simdjson::dom::element value) -> Result<void> {
        const bool shared = member.name == "model" || member.name == "stream" || member.name == "fairlead";
        if (shared) FAIRLEAD_CHECK(internal::check_member(member.name, value));
        if (member.name == "model") out.model = value.get_string().value_unsafe();
        if (member.name == "fairlead") out.fairlead = member.json;
        if (member.name == "stream") out.stream = value.is_bool() && value.get_bool().value_unsafe();
        return {};
      }));
  return out;
}

const Member* RequestBody::member(std::string_view name) const {
  for (const Member& one : members)
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace fairlead::llm
