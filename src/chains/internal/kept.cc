#include "chains/internal/kept.h"

#include <utility>

#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;

std::string kept_input(bj::object input, const Account& account, bj::object fork) {
  bj::object out{{"input", std::move(input)}, {"key_id", account.key_id}, {"key_name", account.key_name}};
  if (!account.session.empty()) out.emplace("session", account.session);
  if (!account.user.empty()) out.emplace("user", account.user);
  if (!fork.empty()) out.emplace("fork", std::move(fork));
  return json::to_text(out);
}

Account account_of(const bj::object& kept) {
  return {json::text_member(kept, "key_id"), json::text_member(kept, "key_name"), json::text_member(kept, "session"),
          json::text_member(kept, "user")};
}

bj::object input_of(const bj::object& kept, const Plan& plan) {
  const bj::value* const given = kept.if_contains("input");
  bj::object input = given != nullptr && given->is_object() ? given->get_object() : bj::object();
  for (const Field& field : plan.input)
    if (field.fallback && !input.contains(field.name)) input.emplace(field.name, *field.fallback);
  return input;
}

}  // namespace fairlead::chains::internal
