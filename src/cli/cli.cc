#include "cli/cli.h"

#include <algorithm>
#include <csignal>
#include <span>
#include <vector>

#include "base/suggest.h"
#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

void add_own_commands(CLI::App& app, const Hooks& hooks) {
  CLI::App* const serve = app.add_subcommand("serve", "Run the server");
  serve->add_option("--data", "Folder for everything that is kept")->type_name("DIR");
  serve->add_option("--listen", "Address to listen on")->type_name("HOST:PORT");
  serve->add_option("--project", "Folder whose resources are applied at start")->type_name("DIR");
  serve->footer(
      "Every setting is an option too: --http.body_bytes=20MiB; `fairlead config reference` lists them.\nExample:\n"
      "  fairlead serve --data /var/lib/fairlead --listen 0.0.0.0:8484");
  CLI::App* const version = app.add_subcommand("version", "Print the version");
  version->callback([&hooks] { std::printf("fairlead %s\n", hooks.version.c_str()); });
}

bool asks_for_help(const std::vector<std::string>& arguments) {
  for (const std::string& one : arguments)
    if (one == "--help" || one == "-h") return true;
  return false;
}

// What is wrong with the words that stand for a command, or "": CLI11 says only that a subcommand is required.
std::string wrong_command(const CLI::App& app, std::span<char* const> words) {
  const CLI::App* at = &app;
  std::string path = "fairlead";
  for (const std::string word : words) {
    const std::vector<const CLI::App*> commands = at->get_subcommands(
        [](const CLI::App* one) { return !one->get_name().empty(); });  // groups of options have none
    if (commands.empty() || word.starts_with('-')) return {};
    std::vector<std::string> names;
    for (const CLI::App* one : commands) names.push_back(one->get_name());
    const auto found = std::ranges::find(names, word);
    if (found == names.end())
      return "There is no command `" + path + " " + word + "`." + did_you_mean(word, names) + " `" + path +
             " --help` lists those that there are.\n";
    at = commands[static_cast<std::size_t>(found - names.begin())];
    path += " " + word;
  }
  return {};
}

}  // namespace

int run(int argc, char** argv, const Hooks& hooks) {
  const std::vector<std::string> rest(argv + std::min(argc, 2), argv + argc);
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "worker") return hooks.worker(rest);
  if (first == "serve" && !asks_for_help(rest)) return hooks.serve(rest);

  std::signal(SIGPIPE, SIG_IGN);
  Context context;
  CLI::App app("Fairlead: LLMOps in one program.", "fairlead");
  app.require_subcommand(1);
  app.set_version_flag("--version", "fairlead " + hooks.version, "Print the version and exit");
  app.footer(
      "The commands but `serve`, `expr`, `cron`, `privacy scan`, `config`, `completion` and `version`\n"
      "talk to the server at FAIRLEAD_URL (http://127.0.0.1:8484) with the key in FAIRLEAD_KEY.\n"
      "Exit status: 0 done, 1 failed, 2 wrong words or input, 3 a gate is not met.");
  add_own_commands(app, hooks);
  add_plan_and_apply(app, context);
  add_get(app, context);
  add_list(app, context);
  add_diff(app, context);
  add_promote_and_rollback(app, context);
  add_versions(app, context);
  add_label_commands(app, context);
  add_pull(app, context);
  add_prompts(app, context);
  add_models(app, context);
  add_budgets(app, context);
  add_keys(app, context);
  add_secrets(app, context);
  add_cache(app, context);
  add_calls(app, context);
  add_plan_capacity(app, context);
  add_feedback(app, context);
  add_sessions(app, context);
  add_chains(app, context);
  add_runs(app, context);
  add_schedules(app, context);
  add_webhooks(app, context);
  add_stats(app, context);
  add_sql(app, context);
  add_status(app, context);
  add_expr(app, context);
  add_cron(app, context);
  add_privacy(app, context, hooks);
  add_config(app, context);
  add_completion(app, context);
  if (const std::string wrong = wrong_command(app, {argv + std::min(argc, 1), argv + argc}); !wrong.empty()) {
    std::fputs(wrong.c_str(), stderr);
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? kDone : kUsage;
  } catch (const std::exception& error) {  // a member that the answer lacks
    std::fprintf(stderr,
                 "The server did not answer as Fairlead does (%s). Is FAIRLEAD_URL right, and of the same version?\n",
                 error.what());
    return kFailed;
  }
  return context.exit_status;
}

}  // namespace fairlead::cli
