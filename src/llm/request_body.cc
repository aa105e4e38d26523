#include "llm/request_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "llm/internal/chat_checks.h"
#include "llm/internal/json_text.h"

namespace fairlead::llm {
namespace {

std::int64_t characters_of(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

}  // namespace

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

Result<void> check_metadata(simdjson::dom::element value) {
  if (!value.is_object()) return internal::wrong_type("metadata", "an object", value);
  const simdjson::dom::object pairs = value.get_object().value_unsafe();
  if (pairs.size() > 16)
    return fail(ErrorKind::kInvalid, "object_above_max_properties",
                fmt::format("Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
                            "but got an object with {} properties instead.",
                            pairs.size()),
                "metadata");
  for (const auto& [key, member] : pairs) {
    if (!member.is_string()) return internal::wrong_type("metadata", "texts as its values", member);
    if (characters_of(key) > 64 || characters_of(member.get_string().value_unsafe()) > 512)
      return fail(ErrorKind::kInvalid, "string_above_max_length",
                  "Invalid 'metadata': string too long. Names have at most 64 characters, values at most 512.",
                  "metadata");
  }
  return {};
}

}  // namespace fairlead::llm
