// Every command: adds itself below `app` and fills `context.exit_status` when it runs. One file each.
#pragma once

namespace CLI {
class App;
}

namespace fairlead::cli {

class Context;
struct Hooks;

void add_plan_and_apply(CLI::App& app, Context& context);
void add_plan_capacity(CLI::App& app, Context& context);
void add_get(CLI::App& app, Context& context);
void add_list(CLI::App& app, Context& context);
void add_diff(CLI::App& app, Context& context);
void add_promote_and_rollback(CLI::App& app, Context& context);
void add_versions(CLI::App& app, Context& context);
void add_label_commands(CLI::App& app, Context& context);
void add_pull(CLI::App& app, Context& context);
void add_keys(CLI::App& app, Context& context);
void add_secrets(CLI::App& app, Context& context);
void add_cache(CLI::App& app, Context& context);
void add_calls(CLI::App& app, Context& context);
void add_feedback(CLI::App& app, Context& context);
void add_sql(CLI::App& app, Context& context);
void add_models(CLI::App& app, Context& context);
void add_budgets(CLI::App& app, Context& context);
void add_prompts(CLI::App& app, Context& context);
void add_try(CLI::App& prompts, Context& context);
void add_sessions(CLI::App& app, Context& context);
void add_chains(CLI::App& app, Context& context);
void add_runs(CLI::App& app, Context& context);
void add_run_control(CLI::App& runs, Context& context);
void add_schedules(CLI::App& app, Context& context);
void add_webhooks(CLI::App& app, Context& context);
void add_stats(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_cron(CLI::App& app, Context& context);
void add_expr(CLI::App& app, Context& context);
void add_privacy(CLI::App& app, Context& context, const Hooks& hooks);
void add_config(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

}  // namespace fairlead::cli
