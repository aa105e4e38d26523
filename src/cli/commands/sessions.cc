#include <fmt/format.h>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

std::string list_sessions_page(const boost::json::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const boost::json::value& one : reply.at("data").as_array())
    rows.push_back({text_of(one, "session"), text_of(one, "prompt"), text_of(one, "turns"),
                    local_time(text_of(one, "updated_at")), local_time(text_of(one, "expires_at"))});
  if (rows.empty()) return "  Nothing is remembered.\n";
  return table({"session", "prompt", "turns", "last", "until"}, rows, colours);
}

std::string session_page(const boost::json::value& reply) {
  std::string out;
  for (const boost::json::value& one : reply.at("data").as_array()) {
    out += fmt::format("  prompt {}, {} turns, until {}\n", text_of(one, "prompt"), text_of(one, "turns"),
                       local_time(text_of(one, "expires_at")));
    if (const std::string summary = text_of(one, "summary"); !summary.empty())
      out += fmt::format("  before, in short: {}\n", summary);
    for (const boost::json::value& turn : one.at("messages").as_array()) {
      for (const boost::json::value& message : turn.as_array())
        out += fmt::format("  {:<10} {}\n", text_of(message, "role"), text_of(message, "content"));
    }
  }
  return out;
}

}  // namespace

void add_sessions(CLI::App& app, Context& context) {
  CLI::App* const sessions = app.add_subcommand("sessions", "What prompts with `memory` remember of sessions");
  sessions->require_subcommand(1);

  struct SessionsWords {
    std::string session;
    int limit = 50;
  };
  const auto words = std::make_shared<SessionsWords>();
  CLI::App* const listing = command(
      *sessions, context, "list", "List the sessions that are remembered, the latest first", "fairlead sessions list");
  listing->add_option("--limit", words->limit, "At most so many");
  listing->callback([&context, words] {
    answer(context, http::Method::kGet, fmt::format("/api/v1/sessions?limit={}", words->limit), nullptr,
           [&context](const boost::json::value& reply) { return list_sessions_page(reply, context.colours()); });
  });

  CLI::App* const showing =
      command(*sessions, context, "show", "Show what is remembered of a session", "fairlead sessions show s-4");
  showing->add_option("session", words->session, "The session, as calls name it in `fairlead.session`")->required();
  showing->callback([&context, words] {
    answer(context, http::Method::kGet, "/api/v1/sessions/" + segment(words->session), nullptr, session_page);
  });

  CLI::App* const deleting = destroying_command(
      *sessions, context, "delete", "Forget a session, with all of its prompts", "fairlead sessions delete s-4");
  deleting->add_option("session", words->session, "The session, as calls name it in `fairlead.session`")->required();
  deleting->callback([&context, words] {
    if (!context.goes_on("Forget session `" + words->session + "`, with all that its prompts remember?")) return;
    answer(context, http::Method::kDelete, "/api/v1/sessions/" + segment(words->session), nullptr,
           [words](const boost::json::value&) { return fmt::format("  {} is forgotten\n", words->session); });
  });
}

}  // namespace fairlead::cli
