#include "cli/internal/command.h"
#include "platform/config/settings.h"

namespace fairlead::cli {

void add_config(CLI::App& app, Context& context) {
  CLI::App* const config = app.add_subcommand("config", "Settings");
  config->require_subcommand(1);
  CLI::App* const reference = config->add_subcommand("reference", "Print every setting, what it means and its default");
  reference->footer("Example:\n  fairlead config reference");
  reference->callback([&context] {
    std::fputs(config::reference().c_str(), stdout);
    context.exit_status = kDone;
  });
}

}  // namespace fairlead::cli
