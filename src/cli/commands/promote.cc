#include <fmt/format.h>

#include "cli/internal/command.h"
#include "cli/internal/named.h"

namespace fairlead::cli {
namespace {

std::string waits(const boost::json::value& reply) {
  const std::int64_t from = integer_of(reply, "from");
  return fmt::format("  {}: {} → v{} waits for approval   (fairlead approve {})\n", text_of(reply, "label"),
                     from ? "v" + std::to_string(from) : std::string("none"), integer_of(reply, "to"),
                     text_of(reply, "id"));
}

}  // namespace

void add_promote_and_rollback(CLI::App& app, Context& context) {
  struct PromoteWords {
    std::string what, to, message, label = "production";
  };
  const auto words = std::make_shared<PromoteWords>();
  CLI::App* const promote =
      command(app, context, "promote", "Move a label to a version", "fairlead promote support-reply@4 --to production");
  promote->add_option("what", words->what, "NAME@VERSION or NAME@LABEL, with KIND/ in front if the name is not unique")
      ->required();
  promote->add_option("--to", words->to, "The label that moves")->required();
  promote->add_option("-m,--message", words->message, "Why; kept in the audit log");
  promote->callback([&context, words] {
    const Named named = Named::of(words->what);
    if (named.ref.empty())
      return context.fail_with(
          Error{ErrorKind::kInvalid, "no_version", "Which version? Write NAME@VERSION, as in " + words->what + "@4."});
    boost::json::object body{{"name", named.name}, {"ref", named.ref}, {"to", words->to}};
    if (!named.kind.empty()) body["kind"] = named.kind;
    if (!words->message.empty()) body["message"] = words->message;
    const boost::json::value value = std::move(body);
    answer(context, http::Method::kPost, "/api/v1/promote", &value, [&](const boost::json::value& reply) {
      if (text_of(reply, "state") == "waiting") {
        context.exit_status = kGateNotMet;
        return waits(reply);
      }
      const std::string other = words->to == "production" ? "" : " --label " + words->to;
      return moved_label(reply, "fairlead rollback " + named.name + other);
    });
  });

  CLI::App* const rollback =
      command(app, context, "rollback", "Put a label back to where it stood before its last move",
              "fairlead rollback support-reply");
  rollback->add_option("what", words->what, "NAME, with KIND/ in front if the name is not unique")->required();
  rollback->add_option("--label", words->label, "The label")->capture_default_str();
  rollback->callback([&context, words] {
    const Named named = Named::of(words->what);
    boost::json::object body{{"name", named.name}, {"label", words->label}};
    if (!named.kind.empty()) body["kind"] = named.kind;
    const boost::json::value value = std::move(body);
    answer(context, http::Method::kPost, "/api/v1/rollback", &value, [&](const boost::json::value& reply) {
      return moved_label(
          reply, fmt::format("fairlead promote {}@{} --to {}", named.name, integer_of(reply, "from"), words->label));
    });
  });
}

}  // namespace fairlead::cli
