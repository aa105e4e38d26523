#include "telemetry/internal/feedback.h"

#include <algorithm>

#include "access/control_plane.h"
#include "base/id.h"
#include "platform/json/text.h"

namespace fairlead::telemetry {
namespace {

constexpr std::int64_t kClockSkewMillis = 60'000;

std::unexpected<Error> invalid(std::string_view name, std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(name) + "` " + std::move(message),
              std::string(name));
}

// Nothing if it is absent or null.
Result<std::string> text_member(const boost::json::object& body, std::string_view name, std::size_t most) {
  FAIRLEAD_TRY(auto text, access::optional_string(body, name));
  if (!text) return std::string();
  if (text->empty()) return invalid(name, "is empty; leave it out instead.");
  if (json::count_characters(*text) > most)
    return invalid(name, "may have " + std::to_string(most) + " characters at most.");
  return *std::move(text);
}

Result<void> take_subject(Feedback& out, const boost::json::object& body, std::int64_t now_us) {
  FAIRLEAD_TRY(out.call, text_member(body, "call", 26));
  FAIRLEAD_TRY(out.session, text_member(body, "session", 256));
  FAIRLEAD_TRY(out.user, text_member(body, "user", 256));
  const int given = !out.call.empty() + !out.session.empty() + !out.user.empty();
  if (given != 1) {
    return fail(ErrorKind::kInvalid, given == 0 ? "missing_required_parameter" : "invalid_value",
                "Exactly one of `call`, `session` and `user` says what the feedback is about.", "call");
  }
  if (!out.call.empty() && (!is_id(out.call) || id_millis(out.call) > now_us / 1000 + kClockSkewMillis))
    return invalid("call", "is not the id of a call: those stand in the `x-fairlead-call-id` header of an answer.");
  return {};
}

bool is_name(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace

Result<Feedback> Feedback::parse(const boost::json::object& body, std::int64_t now_us) {
  FAIRLEAD_CHECK(access::only_members(body, {"call", "session", "user", "name", "vote", "score", "category", "comment",
                                             "correction", "author", "withdraw"}));
  Feedback out;
  FAIRLEAD_CHECK(take_subject(out, body, now_us));
  FAIRLEAD_TRY(auto name, text_member(body, "name", 64));
  if (!name.empty()) out.name = std::move(name);
  if (!is_name(out.name)) return invalid("name", "may have letters, digits, `.`, `_` and `-` only.");
  FAIRLEAD_TRY(out.author, text_member(body, "author", 256));
  FAIRLEAD_TRY(out.category, text_member(body, "category", 100));
  FAIRLEAD_TRY(out.comment, text_member(body, "comment", 4'000));
  FAIRLEAD_TRY(out.correction, text_member(body, "correction", 100'000));
  const auto given = [&](std::string_view member) -> const boost::json::value* {
    const boost::json::value* value = body.if_contains(member);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  if (const auto* vote = given("vote")) {
    if (!vote->is_bool()) return fail(ErrorKind::kInvalid, "invalid_type", "`vote` must be true or false.", "vote");
    out.vote = static_cast<int>(vote->get_bool() ? Vote::kYes : Vote::kNo);
  }
  if (const auto* score = given("score")) {
    if (!score->is_number()) return fail(ErrorKind::kInvalid, "invalid_type", "`score` must be a number.", "score");
    out.score = score->to_number<double>();
  }
  if (const auto* withdraw = given("withdraw")) {
    if (!withdraw->is_bool())
      return fail(ErrorKind::kInvalid, "invalid_type", "`withdraw` must be true or false.", "withdraw");
    out.withdrawn = withdraw->get_bool();
  }
  const bool says_something = out.vote != 0 || !std::isnan(out.score) || !out.category.empty() ||
                              !out.comment.empty() || !out.correction.empty();
  if (out.withdrawn && says_something)
    return invalid("withdraw", "goes without `vote`, `score`, `category`, `comment` and `correction`.");
  if (!out.withdrawn && !says_something) {
    return fail(ErrorKind::kInvalid, "missing_required_parameter",
                "Nothing is said: give `vote`, `score`, `category`, `comment` or `correction`, or `withdraw`.", "vote");
  }
  return out;
}

}  // namespace fairlead::telemetry
