// What the files of the commands share: CLI11 and small helpers. Included by command files only: CLI11 is heavy.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/internal/context.h"
#include "cli/internal/show.h"
#include "platform/json/text.h"

namespace fairlead::cli {

// A subcommand with the options that all have, and an example at the end of its help.
inline CLI::App* command(CLI::App& parent, Context& context, const std::string& name, const std::string& what,
                         const std::string& example) {
  CLI::App* const out = parent.add_subcommand(name, what);
  out->add_flag("--json", context.as_json, "Print JSON");
  out->add_option("--key-file", context.key_file, "File that holds the key; else FAIRLEAD_KEY is used")
      ->type_name("PATH");
  out->footer("Example:\n  " + example);
  return out;
}

// One that asks before it does what cannot be undone (Context::goes_on).
inline CLI::App* destroying_command(CLI::App& parent, Context& context, const std::string& name,
                                    const std::string& what, const std::string& example) {
  CLI::App* const out = command(parent, context, name, what, example);
  out->add_flag("--yes", context.yes, "Do not ask");
  return out;
}

// Runs the request; prints its answer as JSON if that was asked for, else what `show` makes of it.
template <class Show>
void answer(Context& context, http::Method method, const std::string& target, const boost::json::value* body,
            Show show) {
  auto reply = context.call(method, target, body);
  if (!reply) return context.fail_with(reply.error());
  const std::string text = context.as_json ? json::to_pretty_text(*reply) + "\n" : show(*reply);
  std::fputs(text.c_str(), stdout);
}

// A segment of a path.
inline std::string segment(const std::string& text) {
  return http::percent_encode(text);
}

}  // namespace fairlead::cli
