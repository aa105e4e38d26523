#include <fmt/format.h>

#include "cli/internal/command.h"

namespace fairlead::cli {

void add_diff(CLI::App& app, Context& context) {
  struct Words {
    std::string kind, name, from, to;
  };
  const auto words = std::make_shared<Words>();
  CLI::App* const diff = command(app, context, "diff", "Show what changed between two versions",
                                 "fairlead diff prompt support-reply --from production --to staging");
  diff->add_option("kind", words->kind, "prompt, model, provider")->required();
  diff->add_option("name", words->name, "The resource's name")->required();
  diff->add_option("--from", words->from, "A version or label; else the one before --to");
  diff->add_option("--to", words->to, "A version or label; else latest");
  diff->callback([&context, words] {
    const std::string target = "/api/v1/resources/" + segment(words->kind) + "/" + segment(words->name) + "/diff" +
                               query_string({{"from", words->from}, {"to", words->to}});
    answer(context, http::Method::kGet, target, nullptr, [&](const boost::json::value& reply) {
      const std::string heading = fmt::format("  {}/{}   v{} → v{}\n", words->kind, words->name,
                                              integer_of(reply, "from"), integer_of(reply, "to"));
      return heading + changes(reply.at("changes"), context.colours());
    });
  });
}

}  // namespace fairlead::cli
